"""Modals and Home tabs: https://docs.slack.dev/surfaces/modals ."""

import itertools
import json
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.slack.blocks import check_view
from sandbox.slack.directory import APP_ID, BOT_ID, TEAM_ID
from sandbox.slack.drafts import details
from sandbox.slack.entries import initial_values
from sandbox.slack.naming import Namer
from sandbox.slack.wire import JsonObject, SlackError

MOST_IN_A_STACK = 3
LARGEST_HOME = 250_000
"""Bytes: https://docs.slack.dev/reference/methods/views.publish . We take a kilobyte for 1,000."""
TRIGGER_SECONDS = 3.0


@dataclass(slots=True, kw_only=True)
class Trigger:
    user: str
    expires_at: float
    exchanged: bool = False


class Views:
    """Each person's stack of open modals, and their Home tab."""

    def __init__(self, clock: Clock, names: Namer) -> None:
        self._clock = clock
        self._names = names
        self._numbers = itertools.count(1)
        self._triggers: dict[str, Trigger] = {}
        self._stacks: dict[str, list[JsonObject]] = {}
        self._homes: dict[str, JsonObject] = {}
        self.trigger_seconds = TRIGGER_SECONDS

    def issue_trigger(self, user: str) -> str:
        """The trigger works once, within three seconds."""
        number = next(self._numbers)
        trigger_id = f"{number}.{number}.{number:08x}"
        self._triggers[trigger_id] = Trigger(user=user, expires_at=self._clock.monotonic() + self.trigger_seconds)
        return trigger_id

    def top(self, user: str) -> JsonObject | None:
        """The modal that the user sees."""
        stack = self._stacks.get(user)
        return stack[-1] if stack else None

    def home(self, user: str) -> JsonObject | None:
        return self._homes.get(user)

    def open(self, trigger_id: str, view: JsonObject) -> JsonObject:
        checked = self._checked(view, "modal")
        self._refuse_taken(view.get("external_id"))
        user = self._exchange(trigger_id)
        opened = self._made(checked, root=None, previous=None)
        self._stacks[user] = [opened]
        return opened

    def push(self, trigger_id: str, view: JsonObject) -> JsonObject:
        checked = self._checked(view, "modal")
        return self.push_for(self._exchange(trigger_id), checked)

    def push_for(self, user: str, view: JsonObject) -> JsonObject:
        """`response_action: push` uses this too."""
        stack = self._stacks.get(user)
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= MOST_IN_A_STACK:
            raise SlackError("push_limit_reached")
        self._refuse_taken(view.get("external_id"))
        pushed = self._made(view, root=stack[0]["id"], previous=stack[-1]["id"])
        stack.append(pushed)
        return pushed

    def update(
        self, view: JsonObject, *, view_id: str | None, external_id: str | None, known: str | None
    ) -> JsonObject:
        """`known` is the last hash that the caller saw. Refuses the update if the view has changed since."""
        checked = self._checked(view, "modal")
        for stack in self._stacks.values():
            for place, old in enumerate(stack):
                if old["id"] == view_id or (external_id and old["external_id"] == external_id):
                    _refuse_stale(old, known)
                    stack[place] = self._again(old, checked)
                    return stack[place]
        raise SlackError("not_found")

    def publish(self, user: str, view: JsonObject, known: str | None) -> JsonObject:
        checked = self._checked(view, "home")
        if len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode()) > LARGEST_HOME:
            raise SlackError("view_too_large")
        old = self._homes.get(user)
        if old is not None:
            _refuse_stale(old, known)
            self._homes[user] = self._again(old, checked)
        else:
            self._homes[user] = self._made(checked, root=None, previous=None)
        return self._homes[user]

    def close(self, user: str) -> JsonObject | None:
        stack = self._stacks.get(user)
        return stack.pop() if stack else None

    def clear(self, user: str) -> None:
        self._stacks.pop(user, None)

    def checked_modal(self, view: object) -> JsonObject:
        """The view of a `response_action`."""
        if not isinstance(view, dict):
            raise SlackError("invalid_arguments")
        return self._checked(view, "modal")

    def _exchange(self, trigger_id: str) -> str:
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.exchanged:
            raise SlackError("exchanged_trigger_id")
        if trigger.expires_at < self._clock.monotonic():
            raise SlackError("expired_trigger_id")
        trigger.exchanged = True
        return trigger.user

    def _checked(self, view: JsonObject, kind: str) -> JsonObject:
        complaints = check_view(view)
        if view.get("type") != kind:
            complaints.append(f"must be {kind} [json-pointer:/view/type]")
        if complaints:
            raise SlackError("invalid_arguments", **details(complaints))
        return view

    def _refuse_taken(self, external_id: str | None) -> None:
        taken = (old["external_id"] for stack in self._stacks.values() for old in stack)
        if external_id and external_id in taken:
            raise SlackError("duplicate_external_id")

    def _made(self, view: JsonObject, *, root: str | None, previous: str | None) -> JsonObject:
        view_id = self._names.next("V")
        blocks = self._names.blocks(view["blocks"])
        optional = {"close": None, "submit": None, "private_metadata": "", "callback_id": "", "external_id": ""}
        return {
            **optional,
            "clear_on_close": False,
            "notify_on_close": False,
            **view,
            "blocks": blocks,
            "id": view_id,
            "team_id": TEAM_ID,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
            "hash": self._hash(),
            "state": {"values": initial_values(blocks)},
            "root_view_id": root or view_id,
            "previous_view_id": previous,
        }

    def _again(self, old: JsonObject, view: JsonObject) -> JsonObject:
        """The same view with new content. Its id and its place in the stack stay."""
        made = self._made(view, root=old["root_view_id"], previous=old["previous_view_id"])
        root = old["root_view_id"]
        return {**made, "id": old["id"], "root_view_id": root}

    def _hash(self) -> str:
        return f"{int(self._clock.now())}.{next(self._numbers):08x}"


def _refuse_stale(old: JsonObject, known: str | None) -> None:
    if known is not None and known != old["hash"]:
        raise SlackError("hash_conflict")
