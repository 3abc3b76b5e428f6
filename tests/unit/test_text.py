"""Text from outside: cut to length, harmless, in one line, and never less than it says."""

import html
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.mrkdwn import ago, code, cut, date, duration, escape, outside, plain_cut, time_of_day
from tests.fakes import NOON

ROOT = Path(__file__).parents[2]
HALF_AN_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
TURNS = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
ISOLATE, POP = "\u2068", "\u2069"
nasty = st.one_of(
    st.text(),
    st.text(st.sampled_from("&<>*_~`:|!@# \n\r\t\x00\x1b\x7f\x85\u2028\u202e\u061c\ud800آجש🐳\u200d\ufe0fab;")),
    st.text(st.sampled_from("&<>"), min_size=50, max_size=400),
)
limits = st.integers(12, 400)


@given(st.text())
def test_escaping_touches_three_characters_and_can_be_taken_back(text: str) -> None:
    escaped = escape(text)
    assert "<" not in escaped
    assert ">" not in escaped
    assert not HALF_AN_ENTITY.search(escaped)
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


@given(nasty, limits)
def test_cut_respects_the_limit_and_whole_entities(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert not HALF_AN_ENTITY.search(shown)
    if len(escape(text)) <= limit:
        assert shown == escape(text)
    else:
        assert shown.endswith("…")
        assert escape(text).startswith(shown[:-1])


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("ab<>", 6, "ab…"),
        ("ab&", 7, "ab&amp;"),
        ("ab&c", 7, "ab…"),
        ("abcd efgh", 6, "abcd…"),
        ("🐳🐳🐳", 2, "🐳…"),
        ("👩\u200d👩\u200d👧", 5, "👩\u200d👩\u200d👧"),
        ("👩\u200d👩\u200d👧x", 5, "👩\u200d👩…"),
        ("", 5, ""),
    ],
)
def test_cut_shortens_to_the_limit(text: str, limit: int, shown: str) -> None:
    assert cut(text, limit) == shown


@given(nasty, limits)
def test_outside_text_is_harmless(text: str, limit: int) -> None:
    shown = outside(text, limit)
    assert 0 < len(shown) <= limit
    assert not HALF_AN_ENTITY.search(shown)
    inner = shown[1:-1] if shown.startswith(ISOLATE) else shown
    assert not set("<>*`~\n") & set(inner)
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in inner)
    assert not TURNS & set(inner)
    assert not re.search(r":[\w+'-]+:", inner)
    assert not re.search(r"(?<![\w\u2060])_|_(?![\w\u2060])", inner)


@given(nasty, limits)
def test_text_that_runs_from_right_to_left_turns_nothing_around_it(text: str, limit: int) -> None:
    shown = outside(text, limit)
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in shown):
        assert (shown[0], shown[-1]) == (ISOLATE, POP)


@pytest.mark.parametrize("text", ["خط أنابيب", "צינור eu", "eu \U0001e900", "\U00010840 x", "ﷺ"])
def test_scripts_that_run_from_right_to_left(text: str) -> None:
    assert outside(text) == f"{ISOLATE}{text}{POP}"


def test_the_isolation_counts_too() -> None:
    assert outside("ש" * 100, 20) == f"{ISOLATE}{'ש' * 17}…{POP}"
    assert outside("ש" * 18, 20) == f"{ISOLATE}{'ש' * 18}{POP}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders-eu", "orders-eu"),
        ("Base Swaps to Postgres", "Base Swaps to Postgres"),
        ("snake_case_name", "snake_case_name"),
        ("a  b\nc\td", "a b c d"),
        ("a\u2028b\x00c\u202ed", "a b cd"),  # what turns the direction has no width: it is no blank
        ("a\u200eb\u2068c\u2069", "abc"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U0ANN> & co", "&lt;@U0ANN&gt; &amp; co"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("*bold* `code` ~gone~", "∗bold∗ ˋcodeˋ ∼gone∼"),
        ("_it_", "\u2060_\u2060it\u2060_\u2060"),
        (":red_circle: fine", ":\u2060red_circle: fine"),
        ("base:swaps:v2", "base:\u2060swaps:v2"),
        ("at 12:30, https://a.io", "at 12:30, https://a.io"),
        ("\ud800 half", "half"),
        ("", "(no name)"),
        (" \n\x00\u202e ", "(no name)"),
        ("n" * 76, "n" * 74 + "…"),
        ("🐳" * 80, "🐳" * 74 + "…"),
    ],
)
def test_outside_text_is_shown_safely(text: str, shown: str) -> None:
    assert outside(text) == shown


@given(nasty, limits)
def test_code_is_one_unbroken_span(text: str, limit: int) -> None:
    shown = code(text, limit)
    inner = shown[1:-1]
    assert (shown[0], shown[-1]) == ("`", "`")
    assert 0 < len(inner) <= limit
    assert not set("`<>\n") & set(inner)
    assert not HALF_AN_ENTITY.search(inner)
    assert not TURNS & set(inner)


@given(st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="`"), min_size=1, max_size=70))
def test_code_shows_text_to_type(text: str) -> None:
    assert html.unescape(code(text, 500)) == html.unescape(f"`{escape(text)}`")
    assert html.unescape(code(text, 500)[1:-1]) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (0.6, "1 s"),
        (59, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (119, "1 min 59 s"),
        (120, "2 min"),
        (192, "3 min"),
        (177, "3 min"),
        (252, "4 min"),
        (3569, "59 min"),
        (3571, "1 h"),
        (3600, "1 h"),
        (3601, "1 h"),
        (3660, "1 h 1 min"),
        (7380, "2 h 3 min"),
        (7800, "2 h 10 min"),
        (86_399, "1 day"),
        (86_400, "1 day"),
        (86_460, "1 day"),
        (100_800, "1 day 4 h"),
        (172_000, "2 days"),
        (273_600, "3 days"),
        (10**9, "11574 days"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(0, 10**9), st.booleans())
def test_a_duration_is_off_by_half_of_its_smallest_unit_at_most(seconds: float, at_least: bool) -> None:
    sizes = {"days": 86_400, "day": 86_400, "h": 3600, "min": 60, "s": 1}
    words = duration(seconds, at_least=at_least).split()
    shown_seconds = sum(int(number) * sizes[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    unit = 1 if seconds < 120 else 60 if seconds < 86_400 else 3600 if seconds < 172_800 else 86_400
    assert (0 <= seconds - shown_seconds < unit) if at_least else (abs(seconds - shown_seconds) <= unit / 2)


def test_times_are_the_readers_own_with_utc_for_the_rest() -> None:
    at = datetime(2026, 8, 22, 17, 4, 5, 900_000, tzinfo=UTC)
    assert date(at) == "<!date^1787418245^{time} {date_short_pretty}|2026-08-22 17:04:05 UTC>"
    assert time_of_day(at) == "<!date^1787418245^{time_secs}|2026-08-22 17:04:05 UTC>"
    assert ago(NOON, NOON + timedelta(seconds=61)) == "1 min 1 s ago"
    assert ago(NOON + timedelta(seconds=3), NOON) == "just now"  # clocks differ


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders-eu", "orders-eu"),
        ("<!channel>", "‹!channel›"),
        ("a\nb", "a b"),
        ("", "(no name)"),
        ("x" * 80, "x" * 74 + "…"),
    ],
)
def test_plain_text_is_one_short_line_without_brackets(text: str, shown: str) -> None:
    assert plain_cut(text, 75) == shown


def test_counts_in_texts_have_thousands_separators() -> None:
    bare = re.compile(r"\{len\([^{}]*\)( - [\w.()]+)?\}")
    folders = (ROOT / "bot/slack/render", ROOT / "bot/slack/features", ROOT / "bot/pagers")
    sources = (path for folder in folders for path in folder.rglob("*.py"))
    assert [path.name for path in sources if bare.search(path.read_text())] == []
