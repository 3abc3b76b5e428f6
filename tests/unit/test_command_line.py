"""What people type after the slash command, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import TargetKind
from bot.slack.grammar import (
    LONGEST_TEXT,
    MOST_WORDS,
    ChannelWord,
    Command,
    Help,
    List,
    Overview,
    Status,
    TargetWord,
    Unwatch,
    UsageError,
    Watch,
    Watches,
    parse,
    quoted,
)

ANN = TargetWord(TargetKind.USER, id="U0ANN")
FAILED = frozenset({Event.FAILED})


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Overview()),
        ("   ", Overview()),
        ("status", Status(())),
        ("STATUS orders-eu", Status(("orders-eu",))),
        ("status orders-eu, orders-us", Status(("orders-eu", "orders-us"))),
        ("status a a", Status(("a",))),
        ('status "Base Swaps to Postgres" x', Status(("Base Swaps to Postgres", "x"))),
        ("status “Base Swaps”", Status(("Base Swaps",))),
        ("status bob's 12'", Status(("bob's", "12'"))),
        ("status a &amp; b &lt;c&gt;", Status(("a", "&", "b", "<c>"))),
        ('status "on"', Status(("on",))),
        ("status on", Status(("on",))),
        ("list", List("")),
        ("list orders eu", List("orders eu")),
        ("watch orders-eu", Watch(("orders-eu",))),
        ("subscribe orders-*", Watch(("orders-*",))),
        ("watch project:shop on all", Watch(("project:shop",), events=None)),
        ("watch a on failed", Watch(("a",), events=FAILED)),
        ("watch a ON Failed, recovered", Watch(("a",), events=FAILED | {Event.RECOVERED})),
        ("watch a page <@U0ANN|ann>", Watch(("a",), targets=(ANN,))),
        ("watch a page <@U0ANN>", Watch(("a",), targets=(ANN,))),
        (
            "watch a page <!subteam^S0ON|@data-oncall> here @bob channel",
            Watch(
                ("a",),
                targets=(
                    TargetWord(TargetKind.USERGROUP, id="S0ON"),
                    TargetWord(TargetKind.HERE),
                    TargetWord(TargetKind.USER, name="bob"),
                    TargetWord(TargetKind.CHANNEL),
                ),
            ),
        ),
        ("watch a page <!here|here>, @here", Watch(("a",), targets=(TargetWord(TargetKind.HERE),))),
        ("watch a in <#C0TEAM|data-team>", Watch(("a",), channel=ChannelWord(id="C0TEAM", name="data-team"))),
        ("watch a in <#C0TEAM|>", Watch(("a",), channel=ChannelWord(id="C0TEAM"))),
        ("watch a in #data-team", Watch(("a",), channel=ChannelWord(name="data-team"))),
        (
            "watch a b in #x page here on failed",
            Watch(("a", "b"), FAILED, (TargetWord(TargetKind.HERE),), ChannelWord(name="x")),
        ),
        ('watch "in" on failed', Watch(("in",), events=FAILED)),
        ("watch on on failed", Watch(("on",), events=FAILED)),
        ("unwatch a b", Unwatch(("a", "b"))),
        ("unsubscribe all", Unwatch(None)),
        ('unwatch "all"', Unwatch(("all",))),
        ("unwatch all in #x", Unwatch(None, ChannelWord(name="x"))),
        ("watches", Watches()),
        ("subscriptions", Watches()),
        ("help", Help()),
        ("help Watch", Help("watch")),
        ("help subscribe", Help("watch")),
        ("help me", Help()),
    ],
)
def test_what_is_understood(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("statsu orders-eu", "Did you mean *status*?", "status orders-eu"),
        ("wach orders-eu page @ann", "Did you mean *watch*?", "watch orders-eu page @ann"),
        ("pipe_3e86", "is not a command", "status pipe_3e86"),
        ('"Base Swaps"', "is not a command", 'status "Base Swaps"'),
        ("xyzzy", "I know no command “xyzzy”", "status xyzzy"),
        ("watch", "Which pipeline shall be watched?", "watch orders-eu page @ann"),
        ("unwatch", "Which pipeline", "unwatch orders-eu"),
        ('status "Base', "opened and never closed", 'status "Base Swaps to Postgres"'),
        ("watch a on fialed", "Did you mean *failed*?", "watch a on failed"),
        ("watch a on failed,live,recoverd page here", "*recovered*", "watch a on failed,live,recovered page here"),
        ("watch a on zzz", "There are: deploying", "help watch"),
        ("watch a on", "Which events?", "watch orders-eu on failed,recovered"),
        ("watch a page", "Whom shall I page?", "help watch"),
        ("watch a page bob", "nobody I can page", "watch orders-eu page @bob"),
        ("watch a page pagerduty", "nobody I can page", "watch orders-eu page @pagerduty"),
        ("watch a in general", "no channel", "watch orders-eu in #general"),
        ("watch a in #x #y", "one channel", "watch orders-eu in #data-alerts"),
        ("watch a on failed on live", "stands twice", "help watch"),
        ("x" * (LONGEST_TEXT + 1), "characters long", "help"),
        ("status " + "a " * MOST_WORDS, "words", "watch orders-*"),
    ],
)
def test_what_is_refused_says_why_and_what_to_type(text: str, says: str, hint: str) -> None:
    refused = parse(text)
    assert isinstance(refused, UsageError)
    assert says in refused.message
    assert refused.hint == hint


FRAGMENTS = ["watch", "status", " ", "on", "page", "in", '"', "“", "<@U1|a>", "<#C1|b>", "<!here>", ",", "failed", "*"]


@given(st.one_of(st.text(max_size=5000), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join)))
def test_nothing_that_is_typed_is_an_error_of_ours(text: str) -> None:
    refused = parse(text)
    if isinstance(refused, UsageError):
        assert refused.message
        assert refused.hint


references = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters='"“”<>&,'), min_size=1, max_size=20
)
spaced = st.lists(references, min_size=1, max_size=3).map(" ".join)
chosen = st.one_of(st.none(), st.frozensets(st.sampled_from(SELECTABLE), min_size=1))


@given(st.lists(spaced, min_size=1, max_size=4, unique=True), chosen, st.sampled_from([(), (ANN,)]))
def test_a_watch_that_is_typed_out_is_read_back(
    names: list[str], events: frozenset[Event] | None, targets: tuple[TargetWord, ...]
) -> None:
    text = "watch " + " ".join(quoted(name) for name in names)
    text += f" on {','.join(sorted(events))}" if events else ""
    text += " page <@U0ANN|ann>" if targets else ""
    assert parse(text) == Watch(tuple(names), events, targets)
