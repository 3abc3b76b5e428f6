"""Builds a message and its blocks. Pure.

This module cuts sections, options, a button's data and whole messages to Slack's limits. Contexts, labels and dialogs
are not cut here: their authors keep them short, and the sandbox checks rendered messages in tests.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.slack.mrkdwn import NO_BREAK, plain_cut, together

Block = Mapping[str, object]

SECTION_LIMIT = 3000
TEXT_LIMIT = 3900  # chat.update refuses more than 4,000
MOST_BLOCKS = 50
MOST_VIEW_BLOCKS = 100
VALUE_LIMIT = 2000
OPTION_LIMIT = 75
MOST_OPTIONS = 100
MOST_IN_MENU = 5
ROW_LINK = "Open"
_ROW_LINKS = re.compile(rf" · <https?://[^<>|]*\|{ROW_LINK}>")
_MARKUP = re.compile(
    r"(?P<code>`[^`\n]*`)"  # stays, with its marks
    r"|\*(?P<bold>(?:`[^`\n]*`|[^*`\n])+)\*"  # stays, without its asterisks
    r"|(?<!\S):[a-z][a-z0-9_+-]*:(?: |$)"  # an emoji: goes
)
_DATE = re.compile(r"<!date\^\d+\^[^|<>]*\|([^<>]*)>")
_MORE = "… and more"


class UnspokenBlock(dict[str, object]):
    """A block that the fallback text leaves out, because it quotes a log. Notifications show that text to everybody."""


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message in the form that Slack's methods take."""

    text: str
    """For notifications and screen readers, or alone for a workspace that refuses the blocks."""
    blocks: tuple[Block, ...] = ()

    @property
    def text_only(self) -> "RenderedMessage":
        """The message for a workspace that refuses the blocks."""
        return RenderedMessage(self.text)

    def as_response(self, *, in_channel: bool = False, replace: bool = False) -> dict[str, object]:
        """The arguments of an answer to a `response_url`."""
        return {
            "text": self.text,
            "blocks": list(self.blocks),
            "response_type": "in_channel" if in_channel else "ephemeral",
            "replace_original": replace,
        }


def message(blocks: Sequence[Block]) -> RenderedMessage:
    """Keeps the first `MOST_BLOCKS` blocks. The text repeats their sections and contexts, without the links of rows.

    It leaves out each `UnspokenBlock`.

    Cuts that text to `TEXT_LIMIT`.
    """
    first_blocks = tuple(blocks[:MOST_BLOCKS])
    text = "\n".join(line for block in first_blocks for line in _spoken(block))
    if len(text) > TEXT_LIMIT:  # a row less would cost more than the reader's own time zone
        text = _DATE.sub(r"\1", text)
    return RenderedMessage(shortened(text, TEXT_LIMIT), first_blocks)


def _spoken(block: Block) -> list[str]:
    """The texts of a section or context, without markup. Other blocks have none."""
    elements: list[object] = []
    if isinstance(block, UnspokenBlock):
        return []
    if block["type"] == "section":
        elements = [block["text"]]
    elif block["type"] == "context" and isinstance(block["elements"], list):
        elements = block["elements"]
    texts = [element["text"] for element in elements if isinstance(element, dict)]
    breakable = [text.replace(NO_BREAK, " ") for text in texts if isinstance(text, str)]
    return [_MARKUP.sub(_unmarked, _ROW_LINKS.sub("", text)).strip() for text in breakable]


def _unmarked(match: re.Match[str]) -> str:
    return match["code"] or match["bold"] or ""


def shortened(text: str, limit: int) -> str:
    """Cuts the text at the end of a line, because a cut within a `<…>` form would break it."""
    if len(text) <= limit:
        return text
    first_lines, length = [], 0
    for line in text.split("\n"):
        if length + len(line) + 1 > limit - len(_MORE) - 2:  # 2 for line breaks
            break
        first_lines.append(line)
        length += len(line) + 1
    return "\n".join([*first_lines, _MORE])


def _mrkdwn(text: str) -> Block:
    """`verbatim`, so that Slack turns no name into a link or mention."""
    return {"type": "mrkdwn", "text": together(text), "verbatim": True}


def plain(text: str) -> Block:
    """A text object in which Slack formats nothing but emoji."""
    return {"type": "plain_text", "text": together(text)}


def section(text: str, accessory: Block | None = None) -> Block:
    made: dict[str, object] = {"type": "section", "text": _mrkdwn(shortened(text, SECTION_LIMIT))}
    return {**made, "accessory": accessory} if accessory else made


def sections(lines: Iterable[str]) -> list[Block]:
    """Puts lines into sections, in order, each as full as Slack's limit allows."""
    chunks: list[list[str]] = [[]]
    length = 0
    for line in lines:
        if length + len(line) + 1 > SECTION_LIMIT:
            chunks.append([])
            length = 0
        chunks[-1].append(line)
        length += len(line) + 1
    return [section("\n".join(chunk)) for chunk in chunks if chunk]


def context(*texts: str) -> list[Block]:
    """One line of small print. No block if all texts are empty."""
    parts = [text for text in texts if text]
    return [{"type": "context", "elements": [_mrkdwn(" · ".join(parts))]}] if parts else []


def button(action_id: str, label: str, data: str, *, style: str = "", confirm: Block | None = None) -> Block:
    """`data` comes back with a click: pack it with `value`, because a cut one would be of no use."""
    made: dict[str, object] = {
        "type": "button",
        "action_id": action_id,
        "text": plain(label),
        "value": data[:VALUE_LIMIT],
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def select(action_id: str, placeholder: str, options: Sequence[tuple[str, str]]) -> Block | None:
    """A menu of at most `MOST_OPTIONS`, each with its label and the data that comes back. None without options."""
    made = [option(label, data) for label, data in options[:MOST_OPTIONS]]
    if not made:
        return None
    return {"type": "static_select", "action_id": action_id, "placeholder": plain(placeholder), "options": made}


def overflow(action_id: str, options: Sequence[tuple[str, str]]) -> Block | None:
    """A menu behind three dots, with at most five entries. None without entries."""
    made = [option(label, data) for label, data in options[:MOST_IN_MENU]]
    return {"type": "overflow", "action_id": action_id, "options": made} if made else None


def time_picker(action_id: str) -> Block:
    """A field for a date and a time. Slack shows both in the reader's own time zone."""
    return {"type": "datetimepicker", "action_id": action_id}


def option(label: str, data: str) -> Block:
    return {"text": {**plain(plain_cut(label, OPTION_LIMIT)), "emoji": False}, "value": data}


def input_block(block_id: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """A field of a modal. Its block has only this element, so both have the same id."""
    made = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": {**element, "action_id": block_id},
        "optional": optional,
    }
    return {**made, "hint": plain(hint)} if hint else made


def confirmation(title: str, text: str, yes: str, *, marked_up: bool = False) -> Block:
    """`marked_up`: the text contains mentions of channels or code."""
    words = {"type": "mrkdwn", "text": together(text)} if marked_up else plain(text)
    return {"title": plain(title), "text": words, "confirm": plain(yes), "deny": plain("Cancel")}


def actions(block_id: str, *buttons: Block | None) -> list[Block]:
    """One row of buttons and menus, skipping None. The caller changes `block_id` at each update, as Slack asks."""
    made = [button for button in buttons if button]
    return [{"type": "actions", "block_id": block_id[:255], "elements": made}] if made else []


def value(**facts: object) -> str:
    """The data that a button or option sends back, as JSON. Empty if it is too long.

    A caller that packs typed text then omits the button. Ids and numbers always fit.
    """
    packed = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    packed = packed.encode(errors="replace").decode()  # half a surrogate pair has no UTF-8 form
    return packed if len(packed) <= VALUE_LIMIT else ""
