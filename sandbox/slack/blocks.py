"""Block Kit's rules for messages and views: https://docs.slack.dev/reference/block-kit/blocks .

One broken rule and Slack refuses the whole message. Lengths are counted in characters as sent, entities and all. Block
types newer than `table` are refused: their roll-out is uneven, so a bot must be able to do without them.
"""

from collections.abc import Iterator

from sandbox.slack.block_elements import IN_ACTIONS, IN_CONTEXT, IN_INPUT, SECTION_ACCESSORY
from sandbox.slack.block_schema import (
    Check,
    Spot,
    anything,
    by_type,
    exactly_one,
    flag,
    listed,
    mrkdwn_or_plain,
    number,
    one_of,
    plain_text,
    shape,
    string,
)
from sandbox.slack.wire import JsonObject

MOST_IN_A_MESSAGE = 50
MOST_IN_A_VIEW = 100
MOST_MARKDOWN = 12_000
"""Over all markdown blocks of a message together."""
ONLY_ONE_TABLE = "only_one_table_allowed"


def _block(required: dict[str, Check] | None = None, **optional: Check) -> Check:
    return shape({"type": anything, **(required or {})}, {"block_id": string(255), **optional})


def _says_something(then: Check) -> Check:
    """A section needs text or fields, and may have both."""

    def check(spot: Spot) -> None:
        then(spot)
        if not spot.value.get("text") and not spot.value.get("fields"):
            spot.complain("missing required field: text or fields")

    return check


_RICH_TEXT_PARTS = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
_RICH_TEXT = _block({"elements": listed(by_type(dict.fromkeys(_RICH_TEXT_PARTS, anything)), most=100)})
_CELL = by_type({"raw_text": shape({"type": anything, "text": string(3000)}), "rich_text": _RICH_TEXT})
_COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": flag})

_EVERYWHERE = {
    "section": _says_something(
        _block(
            text=mrkdwn_or_plain(3000),
            fields=listed(mrkdwn_or_plain(2000), most=10),
            accessory=SECTION_ACCESSORY,
            expand=flag,
        )
    ),
    "header": _block({"text": plain_text(150)}, level=number),
    "divider": _block(),
    "context": _block({"elements": listed(IN_CONTEXT, most=10)}),
    "actions": _block({"elements": listed(IN_ACTIONS, most=25)}),
    "image": exactly_one(
        "image_url",
        "slack_file",
        _block({"alt_text": string(2000)}, image_url=string(3000), slack_file=anything, title=plain_text(2000)),
    ),
    "input": _block(
        {"label": plain_text(2000), "element": IN_INPUT},
        hint=plain_text(2000),
        optional=flag,
        dispatch_action=flag,
    ),
    "rich_text": _RICH_TEXT,
}
_IN_MESSAGES = {
    **_EVERYWHERE,
    "markdown": _block({"text": string(MOST_MARKDOWN)}),
    "table": _block(
        {"rows": listed(listed(_CELL, most=20), most=100)}, column_settings=listed(_COLUMN, most=20, least=0)
    ),
}
_MODAL = {
    "title": plain_text(24),
    "close": plain_text(24),
    "submit": plain_text(24),
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
    "clear_on_close": flag,
    "notify_on_close": flag,
    "submit_disabled": flag,
}
_VIEW_BLOCKS = listed(by_type(_EVERYWHERE), most=MOST_IN_A_VIEW)
_VIEWS = by_type(
    {
        "modal": shape({"type": anything, "title": _MODAL["title"], "blocks": _VIEW_BLOCKS}, _MODAL),
        "home": shape(
            {"type": anything, "blocks": _VIEW_BLOCKS},
            {name: _MODAL[name] for name in ("private_metadata", "callback_id", "external_id")},
        ),
    }
)


def check_message(blocks: list[JsonObject]) -> list[str]:
    """What Slack would complain of; nothing if it would take them."""
    root = Spot(blocks, "/blocks")
    listed(by_type(_IN_MESSAGES), most=MOST_IN_A_MESSAGE, least=0)(root)
    _names_are_unique(root)
    if not root.complaints:
        _whole_message(root)
    return root.complaints


def check_view(view: JsonObject) -> list[str]:
    root = Spot(view, "/view")
    _VIEWS(root)
    if isinstance(view.get("blocks"), list):
        _names_are_unique(root.at("blocks"))
        asks = any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"])
        if asks and view.get("type") == "modal" and not view.get("submit"):
            root.complain("missing required field: submit")
    return root.complaints


def _whole_message(root: Spot) -> None:
    """Rules over all blocks together."""
    markdown = sum(len(block["text"]) for block in root.value if block["type"] == "markdown")
    if markdown > MOST_MARKDOWN:
        root.complain(f"markdown text must be less than {MOST_MARKDOWN + 1} characters in all")
    if sum(block["type"] == "table" for block in root.value) > 1:
        root.complain(ONLY_ONE_TABLE)


def _names_are_unique(root: Spot) -> None:
    """A block_id in its message or view, an action_id in its block."""
    blocks = [root.at(place) for place, block in enumerate(root.value) if isinstance(block, dict)]
    _refuse_twins(blocks, "block_id")
    for block in blocks:
        _refuse_twins(list(_elements(block)), "action_id")


def _elements(block: Spot) -> Iterator[Spot]:
    if isinstance(block.value.get("elements"), list):
        for place, element in enumerate(block.value["elements"]):
            if isinstance(element, dict):
                yield block.at("elements").at(place)


def _refuse_twins(spots: list[Spot], name: str) -> None:
    seen: set[str] = set()
    for spot in spots:
        given = spot.value.get(name)
        if not isinstance(given, str) or not given:
            continue
        if given in seen:
            spot.at(name).complain(f'`{name}` "{given}" already exists')
        seen.add(given)
