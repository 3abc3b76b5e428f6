"""Block Kit's rules for messages and views: https://docs.slack.dev/reference/block-kit/blocks .

One broken rule makes Slack refuse the whole message. Slack counts characters as sent, with their entities.

Of the block types newer than `table`, the sandbox takes charts only. The roll-out of others is uneven, so a bot must be
able to do without them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from sandbox.slack.block_elements import Image, InActions, InContext, InInput, SectionAccessory, UpTo10, UpTo100
from sandbox.slack.block_schema import (
    BY_TYPE,
    Blank255,
    Blank3000,
    Form,
    PlainText,
    String24,
    String150,
    String255,
    String2000,
    String3000,
    Text2000,
    Text3000,
    complaint,
    complaints,
    refuse,
)
from sandbox.slack.chart_blocks import MOST_CHARTS, Chart, Title
from sandbox.slack.wire import JsonObject

MOST_MARKDOWN = 12_000
"""Over all markdown blocks of a message together."""
ONLY_ONE_TABLE = "only_one_table_allowed"


class Block(Form):
    block_id: String255 | None = None


class Section(Block):
    type: Literal["section"]
    text: Text3000 | None = None
    fields_: UpTo10[Text2000] | None = Field(default=None, alias="fields")
    accessory: SectionAccessory | None = None
    expand: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and self.fields_ is None:
            raise refuse("missing required field: text or fields")
        return self


class Header(Block):
    type: Literal["header"]
    text: PlainText[String150]
    level: int | None = None


class Divider(Block):
    type: Literal["divider"]


class Context(Block):
    type: Literal["context"]
    elements: UpTo10[InContext]


class Actions(Block):
    type: Literal["actions"]
    elements: Annotated[list[InActions], Field(min_length=1, max_length=25)]


class ImageBlock(Block, Image):
    title: PlainText[String2000] | None = None


class Input(Block):
    type: Literal["input"]
    label: PlainText[String2000]
    element: InInput
    hint: PlainText[String2000] | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


class RichTextPart(Form):
    model_config = ConfigDict(extra="allow")

    type: Literal["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"]


class RichText(Block):
    type: Literal["rich_text"]
    elements: UpTo100[RichTextPart]


class Markdown(Block):
    type: Literal["markdown"]
    text: Annotated[str, Field(min_length=1, max_length=MOST_MARKDOWN)]


class RawText(Form):
    type: Literal["raw_text"]
    text: String3000


class Column(Form):
    align: Literal["left", "center", "right"] | None = None
    is_wrapped: bool | None = None


class Table(Block):
    type: Literal["table"]
    rows: UpTo100[Annotated[list[Annotated[RawText | RichText, BY_TYPE]], Field(min_length=1, max_length=20)]]
    column_settings: Annotated[list[Column], Field(max_length=20)] | None = None


class DataVisualization(Block):
    type: Literal["data_visualization"]
    title: Title
    chart: Chart


Anywhere = Section | Header | Divider | Context | Actions | ImageBlock | Input | RichText
InMessage = Annotated[Anywhere | Markdown | Table | DataVisualization, BY_TYPE]
InView = Annotated[Anywhere, BY_TYPE]


class View(Form):
    blocks: UpTo100[InView]
    private_metadata: Blank3000 | None = None
    callback_id: Blank255 | None = None
    external_id: Blank255 | None = None


class Home(View):
    type: Literal["home"]


class Modal(View):
    type: Literal["modal"]
    title: PlainText[String24]
    close: PlainText[String24] | None = None
    submit: PlainText[String24] | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None
    submit_disabled: bool | None = None


_MESSAGE: TypeAdapter[Any] = TypeAdapter(Annotated[list[InMessage], Field(max_length=50)])
_VIEW: TypeAdapter[Any] = TypeAdapter(Annotated[Home | Modal, BY_TYPE])


def check_message(blocks: list[JsonObject]) -> list[str]:
    """What Slack would complain about. Empty if Slack would take the blocks."""
    found = complaints(_MESSAGE, blocks, "/blocks") + _twins(blocks, "/blocks")
    return found or _whole_message(blocks)


def check_view(view: JsonObject) -> list[str]:
    found = complaints(_VIEW, view, "/view")
    if isinstance(blocks := view.get("blocks"), list):
        found += _twins(blocks, "/view/blocks")
        if sum(_wants_focus(block) for block in blocks) > 1:
            found.append(complaint("only one element may have focus_on_load", [], "/view/blocks"))
        asks = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
        if asks and view.get("type") == "modal" and not view.get("submit"):
            found.append(complaint("missing required field: submit", [], "/view"))
    return found


def _wants_focus(block: Any) -> bool:
    element = block.get("element") if isinstance(block, dict) else None
    return isinstance(element, dict) and element.get("focus_on_load") is True


def _whole_message(blocks: list[JsonObject]) -> list[str]:
    """Rules over all blocks together."""
    found = []
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MOST_MARKDOWN:
        found.append(f"markdown text must be less than {MOST_MARKDOWN + 1} characters in all")
    if sum(block["type"] == "table" for block in blocks) > 1:
        found.append(ONLY_ONE_TABLE)
    if sum(block["type"] == "data_visualization" for block in blocks) > MOST_CHARTS:
        found.append(f"no more than {MOST_CHARTS} data_visualization blocks allowed")
    return [complaint(problem, [], "/blocks") for problem in found]


def _twins(blocks: list[Any], root: str) -> list[str]:
    """A block_id is unique in its message or view, an action_id in its block."""
    found = _repeated(blocks, "block_id", root)
    for place, block in enumerate(blocks):
        if isinstance(block, dict) and isinstance(elements := block.get("elements"), list):
            found += _repeated(elements, "action_id", f"{root}/{place}/elements")
    return found


def _repeated(items: list[Any], name: str, root: str) -> list[str]:
    ids: set[str] = set()
    found = []
    for place, item in enumerate(items):
        given = item.get(name) if isinstance(item, dict) else None
        if not isinstance(given, str) or not given:
            continue
        if given in ids:
            found.append(complaint(f'`{name}` "{given}" already exists', [place, name], root))
        ids.add(given)
    return found
