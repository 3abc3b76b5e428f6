"""People's input in the elements of messages and views, and the state that Slack reports.

https://docs.slack.dev/reference/interaction-payloads
"""

from collections.abc import Iterator
from typing import Any

from sandbox.slack.wire import JsonObject, Refused

_ONE_OPTION = frozenset({"static_select", "external_select", "radio_buttons", "overflow"})
_MANY_OPTIONS = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})
_PLAIN = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}
_INITIAL = {"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options"}


def elements(blocks: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    """Each block and element that a person can use."""
    for block in blocks:
        found = [*(block.get("elements") or ()), block.get("accessory"), block.get("element")]
        for element in found:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def state_field(element: JsonObject) -> str | None:
    """The field of `state.values` for this element. Buttons have none."""
    kind = element["type"]
    if kind in _ONE_OPTION:
        return None if kind == "overflow" else "selected_option"
    if kind in _MANY_OPTIONS:
        return "selected_options"
    return _PLAIN.get(kind)


def initial_values(blocks: list[JsonObject]) -> JsonObject:
    """`state.values` before any input."""
    values: JsonObject = {}
    for block, element in elements(blocks):
        name = state_field(element)
        if name is not None:
            initial = element.get(_INITIAL.get(name, name.replace("selected_", "initial_")))
            entry = {"type": element["type"], name: [] if initial is None and name.endswith("s") else initial}
            values.setdefault(block.get("block_id", ""), {})[element["action_id"]] = entry
    return values


def entered(element: JsonObject, value: Any) -> JsonObject:
    """The state of an element after a person entered or chose this."""
    kind, name = element["type"], state_field(element)
    if name is None:
        raise Refused(f"A {kind} holds no value.")
    _refuse_wrong_kind(value, several=name.endswith("s"))
    if kind in _ONE_OPTION:
        value = None if value is None else option_of(element, value)
    elif kind in _MANY_OPTIONS:
        value = [option_of(element, one) for one in value or []]
    elif kind == "datetimepicker":
        value = _moment(value)
    return {"type": kind, name: value}


def _moment(value: str | None) -> int | None:
    """Slack sends whole seconds since 1970."""
    if value is None or value.isdecimal():
        return None if value is None else int(value)
    raise Refused("This element takes a time, in seconds since 1970.")


def _refuse_wrong_kind(value: Any, *, several: bool) -> None:
    parts = value or [] if several else [value]
    if not isinstance(parts, list) or not all(isinstance(part, str) or part is None for part in parts):
        raise Refused("This element takes text, or a list of texts.")


def option_of(element: JsonObject, value: str) -> JsonObject:
    """The element's option with this value. An external select accepts any value."""
    if "external" in element["type"]:
        return {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}
    groups = element.get("option_groups") or [element]
    for group in groups:
        for option in group.get("options", ()):
            if option["value"] == value:
                return dict(option)
    raise Refused(f"There is no option {value!r}.")


def is_empty(state: JsonObject) -> bool:
    return all(value in (None, "", []) for name, value in state.items() if name != "type")
