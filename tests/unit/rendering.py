"""What a message looks like to Slack, to a reader, and to somebody who hears it read out."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    Answer,
    HelpAnswer,
    ListAnswer,
    NoteAnswer,
    NoteUnresolved,
    RefusalAnswer,
    StatusAnswer,
    StopPagingAnswer,
    UndoAnswer,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
    WatchesAnswer,
)
from bot.domain.body import Content
from bot.slack.features.list import list_blocks
from bot.slack.features.notes import note_answer_blocks
from bot.slack.features.status import status_blocks
from bot.slack.features.stop_paging import stop_blocks
from bot.slack.features.undo import undo_answer_blocks
from bot.slack.features.unwatch import unwatch_blocks
from bot.slack.features.watch.render import watch_blocks
from bot.slack.features.watches import watches_blocks
from bot.slack.mrkdwn import escape
from bot.slack.render.acknowledge_words import acknowledge_words
from bot.slack.render.blocks import ROW_LINK, Block, RenderedMessage, message, section
from bot.slack.render.help import help_blocks
from bot.slack.render.refusals import refusal_blocks
from bot.slack.render.render_context import RenderContext
from bot.slack.render.renderer import Renderer
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.routes import ROUTES
from sandbox.slack.blocks import check_message
from sandbox.slack.drafts import read_draft, refuse_too_much
from tests.builders import a_delivery, at


def render_answer(answer: Answer, question: SavedQuestion, render_context: RenderContext) -> RenderedMessage:
    """Any answer, as its feature renders it."""
    return message(_blocks(answer, question, render_context))


def _blocks(answer: Answer, question: SavedQuestion, render_context: RenderContext) -> Sequence[Block]:  # noqa: C901, PLR0911 (one line for each answer)
    match answer:
        case StatusAnswer():
            return status_blocks(answer, question, render_context)
        case ListAnswer():
            return list_blocks(answer, question, render_context)
        case WatchAnswer() | UnmatchedAnswer():
            return watch_blocks(answer, question.text, render_context, complete=_complete)
        case UnwatchAnswer():
            return unwatch_blocks(answer, question.text, render_context, complete=_complete)
        case UndoAnswer():
            return undo_answer_blocks(answer)
        case WatchesAnswer():
            return watches_blocks(answer, render_context)
        case AcknowledgeAnswer() | AcknowledgeAllAnswer():
            return [section(acknowledge_words(answer, render_context))]
        case NoteAnswer() | NoteUnresolved():
            return note_answer_blocks(answer, render_context)
        case StopPagingAnswer():
            return stop_blocks(answer, render_context.command)
        case HelpAnswer(topic=topic):
            return help_blocks(topic, ROUTES.help_pages, render_context.command)
        case RefusalAnswer():
            return refusal_blocks(answer, render_context)


def _complete(typed: str) -> bool:
    return bool(ROUTES.parse(escape(typed)).pipelines)


class Rendering(Renderer):
    """Also renders answers, whatever their feature."""

    def answer(self, answer: Answer, question: SavedQuestion) -> RenderedMessage:
        return render_answer(answer, question, self.render_context)


LOOK = Rendering(command="/pipeline", platform_url="https://goldrush.dev/platform/?pipeline={pipeline_id}")
LONGEST_TEXT = 4000  # chat.update refuses more

# The forms in pointed brackets that we write. Outside text must have none: those it is tested with use other ids.
_OURS = re.compile(
    r"<(?:@U0(?:ANN|BOB)|@U1\d{4}|!subteam\^S0ONCALL|!here|!channel|#C0ALERTS"
    r"|!date\^\d+\^[^|<>]*\|[^|<>]* UTC|https://goldrush\.dev/platform/\|Open GoldRush Platform"
    r"|https://goldrush\.dev/platform/\?pipeline=[\w.%~-]*\|Open(?: in GoldRush)?)>"
)
NO_BREAK = "\u00a0"
_SEPARATED = re.compile(
    r"(?<!\w)\d+ (?:s|min|h|days?|of|ready|more|replicas?|pipelines?|watch(?:es)?|patterns?|failures?|characters)\b"
)
"""A number that a line break could separate from its unit."""
_TO_COPY = re.compile(r"`[^`]*`|<[^<>]*>")
_FREE_EMOJI = re.compile(r"(?<!\S):[a-z_]+:(?!\S)")


@dataclass(frozen=True)
class Button:
    action: str
    facts: Mapping[str, Any]
    asks_first: bool


def shown(content: Content, *, late: float = 0.0, **delivery: Any) -> RenderedMessage:
    """As it is posted `late` seconds after it was made."""
    return LOOK.content(content, a_delivery(**delivery), at(late))


def buttons(message: RenderedMessage) -> dict[str, Button]:
    """By label; the values as they will come back."""
    blocks: Any = json.loads(json.dumps(list(message.blocks)))
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    elements = [element for element in elements if element["type"] == "button"]
    made = {element["text"]["text"].replace(NO_BREAK, " "): element for element in elements}
    assert len(made) == len(elements)
    return {
        label: Button(element["action_id"], json.loads(element["value"]), "confirm" in element)
        for label, element in made.items()
    }


def choices(message: RenderedMessage) -> dict[str, Any]:
    """What its one select offers: the values as they will come back, by label."""
    blocks: Any = json.loads(json.dumps(list(message.blocks)))
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    selects = [element for element in elements if element["type"] == "static_select"]
    assert len(selects) <= 1
    options = [option for select in selects for option in select["options"]]
    made = {option["text"]["text"]: json.loads(option["value"]) for option in options}
    assert len(made) == len(options)
    return made


def says(message: RenderedMessage) -> list[str]:
    """Every marked-up text of its blocks, with ordinary spaces."""
    return [text.replace(NO_BREAK, " ") for kind, text in _texts(message) if kind == "mrkdwn"]


def _texts(message: RenderedMessage) -> list[tuple[str, str]]:
    """Every text of its blocks as written, those of buttons and dialogs included."""

    def texts(value: Any) -> Iterator[tuple[str, str]]:
        if isinstance(value, list):
            for item in value:
                yield from texts(item)
        elif isinstance(value, dict) and isinstance(value.get("text"), str):
            yield value["type"], value["text"]
        elif isinstance(value, dict):
            yield from texts(list(value.values()))

    return list(texts(json.loads(json.dumps(list(message.blocks)))))


def valid(message: RenderedMessage, *, posted: bool = True) -> RenderedMessage:
    """Slack takes it, and nothing from outside can ping or hide. `posted`: by chat.postMessage, which takes less."""
    blocks: Any = json.loads(json.dumps(list(message.blocks)))
    assert check_message(blocks) == []
    read_draft({"text": message.text, "blocks": blocks})
    if posted:
        refuse_too_much(blocks)
    assert 0 < len(message.text) <= LONGEST_TEXT
    assert message.text.strip()
    message.text.encode()
    for _, text in _texts(message):
        assert not _SEPARATED.search(_TO_COPY.sub("", text)), text
    for text in [message.text, *says(message)]:
        assert not set("<>") & set(_OURS.sub("", text)), text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e]", text)
        assert text.count("\u2068") == text.count("\u2069")
    return message


def tells_all(message: RenderedMessage) -> RenderedMessage:
    """The text says what the blocks say, in their order, but for marks and for what it has no room for."""
    at_place = 0
    whole = not message.text.endswith("… and more")
    for text in says(message):
        for span in re.findall(r"`[^`]+`", text):
            assert not whole or span in message.text
        for line in text.split("\n"):
            words = _spoken(line)
            found = _spoken(message.text).find(words, at_place)
            assert not whole or found >= 0, (words, message.text)
            at_place = max(found, at_place)
    return message


def _spoken(text: str) -> str:
    text = re.sub(rf" · <https?://[^<>|]*\|{ROW_LINK}>", "", text)  # in the blocks only
    return " ".join(_FREE_EMOJI.sub("", text.replace("*", "")).split())
