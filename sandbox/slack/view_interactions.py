"""People's actions in a modal or Home tab: https://docs.slack.dev/surfaces/modals ."""

from dataclasses import replace

from sandbox.slack import entries
from sandbox.slack.delivery import Ack, Kind
from sandbox.slack.interactions import Choice, action_of, find_element, interaction, state_after
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import JsonObject, Refused, SlackError


async def click_in_view(workspace: WorkspaceState, user: str, choice: Choice) -> Ack:
    """A person uses an element of the open modal, or else of the Home tab."""
    view = workspace.views.top(user) or workspace.views.home(user)
    if view is None:
        raise Refused(f"{user} has no view open.")
    block, element = find_element(view["blocks"], choice)
    view["state"] = {"values": state_after(view["state"]["values"], block, element, choice)}
    payload = {
        **interaction(workspace, user, "block_actions"),
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action_of(workspace, block, element, choice)],
    }
    return await workspace.delivery.send(Kind.INTERACTIVE, payload)


async def submit_view(workspace: WorkspaceState, user: str, values: JsonObject) -> Ack:
    """Slack's client refuses to submit while a required input is empty."""
    view = _open_view(workspace, user)
    view["state"] = {"values": _filled_in(view, values)}
    view.pop("errors", None)
    payload = {**interaction(workspace, user, "view_submission"), "view": view, "response_urls": []}
    ack = await workspace.delivery.send(Kind.INTERACTIVE, payload)
    if ack.ok:
        try:
            _after_submission(workspace, user, view, ack.payload or {})
        except SlackError as error:
            ack = replace(ack, error=error.error)
    workspace.changes.notify()
    return ack


async def close_view(workspace: WorkspaceState, user: str) -> None:
    view = _open_view(workspace, user)
    workspace.views.close(user)
    if view["clear_on_close"]:
        workspace.views.clear(user)
    workspace.changes.notify()
    if view["notify_on_close"]:
        payload = {**interaction(workspace, user, "view_closed"), "view": view, "is_cleared": view["clear_on_close"]}
        await workspace.delivery.send(Kind.INTERACTIVE, payload)


def _open_view(workspace: WorkspaceState, user: str) -> JsonObject:
    view = workspace.views.top(user)
    if view is None:
        raise Refused(f"{user} has no modal open.")
    return view


def _filled_in(view: JsonObject, values: JsonObject) -> JsonObject:
    state: JsonObject = {block_id: dict(of_block) for block_id, of_block in view["state"]["values"].items()}
    for block, element in entries.elements(view["blocks"]):
        given = values.get(block["block_id"], {})
        if element["action_id"] in given:
            entry = entries.entered(element, given[element["action_id"]])
            state.setdefault(block["block_id"], {})[element["action_id"]] = entry
        required = block["type"] == "input" and not block.get("optional", False)
        if required and entries.is_empty(state[block["block_id"]][element["action_id"]]):
            raise Refused(f"Please fill in “{block['label']['text']}”.")
    return state


def _after_submission(workspace: WorkspaceState, user: str, view: JsonObject, answer: JsonObject) -> None:
    """An empty ack closes the view. A `response_action` can keep it: https://docs.slack.dev/surfaces/modals"""
    match answer.get("response_action"):
        case "errors":
            view["errors"] = _known_blocks(view, answer.get("errors"))
        case "update":
            new = workspace.views.checked_modal(answer.get("view"))
            workspace.views.update(new, view_id=view["id"], external_id=None, known=None)
        case "push":
            workspace.views.push_for(user, workspace.views.checked_modal(answer.get("view")))
        case "clear":
            workspace.views.clear(user)
        case _:
            workspace.views.close(user)


def _known_blocks(view: JsonObject, errors: object) -> JsonObject:
    """Slack shows an error only at an input block of the view, and reports any other to the person as a failure."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not inputs >= errors.keys():
        raise SlackError("invalid_arguments")
    return errors
