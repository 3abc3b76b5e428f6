"""Slack adds missing ids: a `block_id` to each block, and an `action_id` to each interactive element."""

import itertools

from sandbox.slack.wire import JsonObject


class Namer:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):06d}"

    def blocks(self, blocks: list[JsonObject]) -> list[JsonObject]:
        return [self._block(block) for block in blocks]

    def attachments(self, attachments: list[JsonObject]) -> list[JsonObject]:
        return [
            {**attachment, "blocks": self.blocks(attachment["blocks"])} if "blocks" in attachment else attachment
            for attachment in attachments
        ]

    def _block(self, block: JsonObject) -> JsonObject:
        named = {**block, "block_id": block.get("block_id") or self.next("b")}
        if block["type"] == "actions":
            named["elements"] = [self._element(element) for element in block["elements"]]
        for place in ("accessory", "element"):
            if isinstance(block.get(place), dict):
                named[place] = self._element(block[place])
        return named

    def _element(self, element: JsonObject) -> JsonObject:
        if element["type"] == "image":
            return element
        return {**element, "action_id": element.get("action_id") or self.next("a")}
