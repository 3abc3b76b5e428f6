"""Reads a message from the arguments `text`, `blocks`, `attachments` and `metadata`, with Slack's refusals."""

import json
import re
from collections.abc import Mapping

from sandbox.slack.blocks import MOST_MARKDOWN, ONLY_ONE_TABLE, check_message
from sandbox.slack.messages import Draft
from sandbox.slack.wire import JsonObject, SlackError

MOST_ATTACHMENTS = 100
LONGEST_TEXT = 40_000
"""chat.postMessage silently cuts longer text."""
MOST_BLOCKS_JSON = 13_200
"""The measured JSON size from which chat.postMessage answers `msg_blocks_too_long`. The documented limit is 12,000
characters of text, with "a buffer for block containers": https://github.com/slackapi/bolt-js/issues/2509 .
A response_url does not have this limit: https://github.com/slackapi/bolt-js/issues/2867 ."""

_EVENT_TYPE = re.compile(r"[A-Za-z0-9_-]{1,255}")


def read_draft(arguments: Mapping[str, object]) -> Draft:
    """A message needs text, blocks or attachments."""
    metadata = read_metadata(arguments.get("metadata"))
    if arguments.get("markdown_text"):
        return _from_markdown(arguments, metadata)
    text = _text(arguments, "text")
    blocks = read_blocks(arguments.get("blocks"))
    attachments = read_attachments(arguments.get("attachments"))
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    return Draft(text=text[:LONGEST_TEXT], blocks=blocks, attachments=attachments, metadata=metadata)


def _from_markdown(arguments: Mapping[str, object], metadata: JsonObject | None) -> Draft:
    """`markdown_text` excludes text and blocks. It looks like a markdown block."""
    if arguments.get("text") or arguments.get("blocks"):
        raise SlackError("markdown_text_conflict")
    text = _text(arguments, "markdown_text")
    if len(text) > MOST_MARKDOWN:
        raise SlackError("msg_too_long")
    return Draft(text=text, blocks=[{"type": "markdown", "text": text}], metadata=metadata)


def _text(arguments: Mapping[str, object], name: str) -> str:
    text = arguments.get(name)
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", **details([f"must be a string [json-pointer:/{name}]"]))
    return text or ""


def read_blocks(given: object) -> list[JsonObject]:
    blocks = from_json(given, "invalid_blocks_format") or []
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    complaints = check_message(blocks)
    if complaints:
        # Inside Slack a table is an attachment, so a second one gets the attachments' error.
        second_table = any(complaint.startswith(ONLY_ONE_TABLE) for complaint in complaints)
        raise SlackError("invalid_attachments" if second_table else "invalid_blocks", **details(complaints))
    return blocks


def read_attachments(given: object) -> list[JsonObject]:
    """Secondary attachments. Their blocks follow the rules; legacy fields pass unchecked."""
    attachments = from_json(given, "invalid_attachments") or []
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for attachment in attachments:
        blocks = attachment.get("blocks", [])
        complaints = check_message(blocks) if isinstance(blocks, list) else ["must provide an array"]
        if complaints:
            raise SlackError("invalid_attachments", **details(complaints))
    return attachments


def refuse_too_much(blocks: list[JsonObject]) -> None:
    """The limit over all blocks of a message together."""
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MOST_BLOCKS_JSON:
        raise SlackError("msg_blocks_too_long")


def read_metadata(given: object) -> JsonObject | None:
    """The metadata as sent. `valid_metadata` checks it."""
    metadata = from_json(given, "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    return metadata


def valid_metadata(metadata: JsonObject) -> bool:
    """Slack drops invalid metadata with a warning, and still posts the message.

    https://docs.slack.dev/messaging/message-metadata
    """
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    return isinstance(event_type, str) and _EVENT_TYPE.fullmatch(event_type) is not None and isinstance(payload, dict)


def from_json(given: object, error: str) -> object:
    """A form has JSON as text. A JSON body may have it as a value or as text."""
    if not isinstance(given, str):
        return given
    if not given:
        return None
    try:
        return json.loads(given)
    except ValueError:
        raise SlackError(error) from None


def details(complaints: list[str]) -> JsonObject:
    """The complaints in Slack's two places: `errors` and `response_metadata.messages`."""
    return {"errors": complaints, "response_metadata": {"messages": [f"[ERROR] {line}" for line in complaints]}}
