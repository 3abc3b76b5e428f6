"""The docs are for a reader in a hurry: short sentences, and tables that hold facts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONGEST_SENTENCE = 30
LONGEST_CELL = 25
BANNED = ["whoever", "whom", "anew", "befalls", "mend", "is told", "are told", "what is so", "come to its end"]

_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_URL = re.compile(r"https?://\S+")
_CODE = re.compile(r"`[^`]+`")
_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) ")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”)*]*\s+(?=[\"“(*]*[^a-z\s])")
_WORD = re.compile(r"\w[\w'’.,/%-]*")


def plain(markdown: str) -> str:
    """Without code blocks and addresses; a piece of code is one word, a link is its text."""
    text = _FENCE.sub("\n", markdown).replace("**", "")
    return _URL.sub("", _LINK.sub(r"\1", _CODE.sub("Code", text)))


def blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items and headings, each in one line. Tables are left out."""
    current: list[str] = []
    for line in [*text.splitlines(), ""]:
        if not line.strip() or line.startswith(("|", "#")) or _ITEM.match(line):
            yield " ".join(current)
            current = []
        if line.startswith("#"):
            yield line
        elif line.strip() and not line.startswith("|"):
            current.append(_ITEM.sub("", line).strip())


def cells(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield from re.split(r"(?<!\\)\|", line.strip("|"))


def words(text: str) -> int:
    return len(_WORD.findall(text))


def sentences(text: str) -> Iterator[str]:
    for block in blocks(text):
        yield from _SENTENCE_END.split(block)


def test_a_sentence_ends_where_a_reader_sees_its_end() -> None:
    text = plain("One two.\nThree `x. Y` four? Five 3.11.7 six:\n\n- seven\n- eight [nine](ten) https://eleven.x\n")
    assert list(filter(None, sentences(text))) == [
        "One two.",
        "Three Code four?",
        "Five 3.11.7 six:",
        "seven",
        "eight nine",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_sentence_is_long(page: Path) -> None:
    found = sentences(plain(page.read_text()))
    assert [f"{words(text)}: {text}" for text in found if words(text) > LONGEST_SENTENCE] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_cell_of_a_table_holds_a_fact(page: Path) -> None:
    found = cells(plain(page.read_text()))
    assert [f"{words(text)}: {text}" for text in found if words(text) > LONGEST_CELL] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_no_page_speaks_in_riddles(page: Path) -> None:
    prose = " ".join(plain(page.read_text()).split()).lower()
    assert [word for word in BANNED if re.search(rf"\b{word}\b", prose)] == []
