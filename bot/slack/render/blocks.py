"""A message and its blocks. Every block stays within Slack's limits, whatever its content.

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
ROW_LINK = "Open"
_ROW_LINKS = re.compile(rf" · <https?://[^<>|]*\|{ROW_LINK}>")
# The plain text keeps code, removes the marks of bold text, and drops the bot's emoji.
_MARKED = re.compile(r"(?P<code>`[^`\n]*`)|\*(?P<bold>(?:`[^`\n]*`|[^*`\n])+)\*|(?<!\S):[a-z][a-z0-9_+-]*:(?: |$)")


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """`text` repeats the blocks without the links of rows, for screen readers and notifications."""

    text: str
    blocks: tuple[Block, ...] = ()

    @property
    def plain(self) -> "RenderedMessage":
        """The message without blocks, for a workspace that refuses them."""
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
    """Builds the text from the blocks, so that it omits nothing."""
    shown = tuple(blocks[:MOST_BLOCKS])
    lines = [line for block in shown for line in _spoken(block)]
    return RenderedMessage(shortened("\n".join(lines), TEXT_LIMIT), shown)


def _spoken(block: Block) -> list[str]:
    texts: list[object] = []
    if block["type"] == "section":
        texts = [block["text"]]
    elif block["type"] == "context":
        elements = block["elements"]
        texts = list(elements) if isinstance(elements, list) else []
    found = [text["text"] for text in texts if isinstance(text, dict)]
    plain = [text.replace(NO_BREAK, " ") for text in found if isinstance(text, str)]
    return [_MARKED.sub(_words, _ROW_LINKS.sub("", text)).strip() for text in plain]


def _words(marked: re.Match[str]) -> str:
    return marked["code"] or marked["bold"] or ""


def shortened(text: str, limit: int) -> str:
    """Cuts the text at the end of a line, because a cut within a `<…>` form would break it."""
    if len(text) <= limit:
        return text
    shown, length = [], 0
    for line in text.split("\n"):
        if length + len(line) + 1 > limit - 12:
            break
        shown.append(line)
        length += len(line) + 1
    return "\n".join([*shown, "… and more"])


def _mrkdwn(text: str) -> Block:
    """`verbatim`, so that Slack turns no name into a link or mention."""
    return {"type": "mrkdwn", "text": together(text), "verbatim": True}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": together(text)}


def section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(shortened(text, SECTION_LIMIT))}


def sections(lines: Iterable[str]) -> list[Block]:
    """Puts lines into as few sections as possible."""
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
    parts = [text for text in texts if text]
    return [{"type": "context", "elements": [_mrkdwn(" · ".join(parts))]}] if parts else []


def button(action_id: str, label: str, value: str, *, style: str = "", confirm: Block | None = None) -> Block:
    made: dict[str, object] = {
        "type": "button",
        "action_id": action_id,
        "text": plain(label),
        "value": value[:VALUE_LIMIT],
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def select(action_id: str, placeholder: str, options: Sequence[tuple[str, str]]) -> Block | None:
    """Each option is a label in plain text, cut to Slack's limit, and the value that comes back."""
    made = [option(label, value) for label, value in options[:MOST_OPTIONS]]
    if not made:
        return None
    return {"type": "static_select", "action_id": action_id, "placeholder": plain(placeholder), "options": made}


def option(label: str, value: str) -> Block:
    return {"text": {**plain(plain_cut(label, OPTION_LIMIT)), "emoji": False}, "value": value}


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
    """`block_id` is a new one at each update of a message, as Slack asks."""
    made = [button for button in buttons if button]
    return [{"type": "actions", "block_id": block_id[:255], "elements": made}] if made else []


def value(**facts: object) -> str:
    """The data that a button sends back. Empty if it is too long for a button."""
    packed = json.dumps(facts, separators=(",", ":"), ensure_ascii=False).encode(errors="replace").decode()
    return packed if len(packed) <= VALUE_LIMIT else ""
