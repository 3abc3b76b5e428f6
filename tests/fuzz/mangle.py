"""Turns valid texts, bytes and JSON into almost valid ones. One seeded random source makes it repeatable."""

import json
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

NASTY = (
    *["", " ", "\n", "\t", "\x00", "\x1b[31m", "\x7f", "\x85", "\u00a0", "\u00ad", "\u0130", "\u061c", "\u200b"],
    *["\u200d", "\u2028", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff", "\uffff", "\U0001f433", "e\u0301", "ﷺ"],
    *[
        "٣",
        "९",
        "管道",
        "<",
        ">",
        "&",
        "|",
        "@",
        "#",
        "!",
        '"',
        "“",
        "”",
        "'",
        ",",
        "*",
        "`",
        "\\",
        "/",
        ":",
        "%",
        "{",
        "}",
    ],
    *["[", "]", "=", "&lt;", "&amp;", "&#0;", "&#x110000;", "%00", "%s", "{0}", "<!channel>", "<@U0EVIL>"],
    *["<http://a.b|a.b>", "../", "null", "NaN", "-1", "1e999", "9" * 400, "a" * 300, "true"],
)
_ODD: tuple[object, ...] = (
    *[None, True, False, 0, 1, -1, 2**63, 10**400, 1.5, float("nan"), float("inf"), "", "x", "\ud800", "\x00", "U0ANN"],
    *["<!channel>", "9" * 400, "x" * 3000, [], [None], [[]], ["x"], {}, {"id": None}, {"": {}}, {"id": {"id": "x"}}],
)


def seeded(seed: int, boundary: str) -> Random:
    return Random(f"{seed} {boundary}")  # noqa: S311  the same inputs for the same seed are what is wanted


def random_text(rng: Random, longest: int) -> str:
    """Draws characters from every plane, including lone surrogates."""
    tops = (0x7F, 0x24F, 0xFFFF, 0x10FFFF)
    return "".join(chr(rng.randint(0, rng.choice(tops))) for _ in range(rng.randint(0, longest)))


def spliced(rng: Random, whole: Sequence[T], new: Sequence[T]) -> list[T]:
    """Makes one edit: inserts, deletes, repeats, truncates or moves something."""
    here, there = sorted((rng.randint(0, len(whole)), rng.randint(0, len(whole))))
    there = min(there, here + 40)
    before, between, after = list(whole[:here]), list(whole[here:there]), list(whole[there:])
    match rng.randrange(6):
        case 0:
            return [*before, *new, *between, *after]
        case 1:
            return [*before, *new, *after]
        case 2:
            return [*before, *between, *between, *after]
        case 3:
            return [*before, *between]
        case 4:
            return [*before, *reversed(between), *after]
        case _:
            return [*before, *after, *between]


def mangled(rng: Random, text: str) -> str:
    for _ in range(rng.randint(1, 4)):
        new = rng.choice(NASTY) if rng.random() < 0.7 else random_text(rng, 6)
        text = "".join(spliced(rng, text, new))
    return text


def mangled_bytes(rng: Random, raw: bytes) -> bytes:
    for _ in range(rng.randint(1, 4)):
        if raw and rng.random() < 0.4:
            place = rng.randrange(len(raw))
            raw = raw[:place] + bytes([raw[place] ^ 1 << rng.randrange(8)]) + raw[place + 1 :]
        else:
            new = rng.choice(NASTY).encode() if rng.random() < 0.6 else rng.randbytes(rng.randint(1, 6))
            raw = bytes(spliced(rng, raw, new))
    return raw


def bent(rng: Random, value: object) -> object:
    """Returns the JSON with one to three places replaced, removed or extended."""
    for _ in range(rng.randint(1, 3)):
        value = _bent_once(rng, value)
    return value


def _bent_once(rng: Random, value: object) -> object:
    if rng.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return rng.choice(_ODD)
    if isinstance(value, list):
        place = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, *value]
            case _:
                return [*value[:place], _bent_once(rng, value[place]), *value[place + 1 :]]
    name = rng.choice(list(value))
    match rng.randrange(5):
        case 0:
            return {key: item for key, item in value.items() if key != name}
        case 1:
            return {**value, rng.choice(NASTY): rng.choice(_ODD)}
        case 2 if isinstance(value[name], str):
            return {**value, name: mangled(rng, value[name])}
        case _:
            return {**value, name: _bent_once(rng, value[name])}


def written(rng: Random, value: object) -> str:
    """Encodes as JSON. Sometimes the result only looks like JSON or nests too deeply."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    match rng.randrange(40):
        case 0:
            return "[" * 5000 + text
        case 1:
            return '{"a":' * 3000 + text + "}" * 3000
        case 2:
            return "\ufeff" + text
        case 3:
            return text + text
        case 4:
            return text.replace("}", ',"id":1,"id":2}', 1)
        case 5:
            return "[" + text + "]"
        case 6:
            return text.replace(": ", ": " + "9" * 5000 + ",", 1)
        case 7:
            return text.replace(": ", ": " + "9" * 5000 + ', "x": ', 1)
        case _:
            return text
