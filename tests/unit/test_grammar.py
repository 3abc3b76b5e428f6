"""What is typed after the slash command: what it means, and what is said where it means nothing."""

import random
from collections.abc import Callable
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.attention import StateFilter
from bot.domain.catalogue import Pipeline
from bot.domain.names import Names
from bot.domain.note import NoteKind
from bot.domain.observation import PipelineId
from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import Every, TargetKind
from bot.slack.feature import Command, UsageError
from bot.slack.features.help import HelpCommand
from bot.slack.features.list import ListCommand
from bot.slack.features.notes import NoteCommand
from bot.slack.features.status import OverviewCommand, StatusCommand
from bot.slack.features.unwatch import UnwatchCommand
from bot.slack.features.watch.command import WatchCommand
from bot.slack.features.watches import WatchesCommand
from bot.slack.grammar.clauses import ChannelWord, TargetWord
from bot.slack.grammar.command_text import NO_NAMES
from bot.slack.grammar.tokens import MOST_WORDS, can_be_typed, quoted
from bot.slack.mrkdwn import escape, outside
from bot.slack.routes import LONGEST_TEXT
from tests.builders import a_pipeline
from tests.routes import ALIASES, COMMANDS, parse

ANN = TargetWord(TargetKind.USER, id="U0ANN")
ONCALL = TargetWord(TargetKind.USERGROUP, id="S0ONCALL")
HERE, CHANNEL = TargetWord(TargetKind.HERE), TargetWord(TargetKind.CHANNEL)
BOB = TargetWord(TargetKind.USER, name="bob")
TEAM = ChannelWord(id="C0TEAM", name="data-team")
FAILED, LIVE = Event.FAILED, Event.LIVE


def events(*chosen: Event) -> frozenset[Event]:
    return frozenset(chosen)


def understood(text: str) -> Command:
    command = parse(text)
    assert not isinstance(command, UsageError), command
    return command


def refused(text: str) -> UsageError:
    error = parse(text)
    assert isinstance(error, UsageError), error
    return error


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", OverviewCommand()),
        (" \t\n", OverviewCommand()),
        ("status", StatusCommand(())),
        ("  status   orders-eu  ", StatusCommand(("orders-eu",))),
        ("StAtUs Orders-EU", StatusCommand(("Orders-EU",))),  # a name keeps its case
        ("status failed", StatusCommand(("failed",), frozenset({StateFilter.FAILED}))),
        (
            "status FAILED, paused",
            StatusCommand(("FAILED", "paused"), frozenset({StateFilter.FAILED, StateFilter.PAUSED})),
        ),
        ("status failed orders-eu", StatusCommand(("failed", "orders-eu"), frozenset({StateFilter.FAILED}))),
        ('status "failed"', StatusCommand(("failed",))),
        ("list paused", ListCommand("", frozenset({StateFilter.PAUSED}))),
        ("list failed orders", ListCommand("orders", frozenset({StateFilter.FAILED}))),
        ('list "failed" orders', ListCommand("failed orders")),
        ("runbook orders-eu", NoteCommand(NoteKind.RUNBOOK, "orders-eu")),
        (
            "runbook orders-eu https://wiki.example.com/orders",
            NoteCommand(NoteKind.RUNBOOK, "orders-eu", "https://wiki.example.com/orders"),
        ),
        (
            "runbook orders-* <https://wiki.example.com/a?b=1&amp;c=2>",
            NoteCommand(NoteKind.RUNBOOK, "orders-*", "https://wiki.example.com/a?b=1&c=2"),
        ),
        ("runbook orders-eu none", NoteCommand(NoteKind.RUNBOOK, "orders-eu", "")),
        ('runbook "Base Swaps to Postgres" NONE', NoteCommand(NoteKind.RUNBOOK, "Base Swaps to Postgres", "")),
        ("runbook none", NoteCommand(NoteKind.RUNBOOK, "none")),
        ('note orders-eu "Restart the sink first"', NoteCommand(NoteKind.NOTE, "orders-eu", "Restart the sink first")),
        ("note orders-eu “Restart: now”", NoteCommand(NoteKind.NOTE, "orders-eu", "Restart: now")),
        ('note "Base Swaps to Postgres"', NoteCommand(NoteKind.NOTE, "Base Swaps to Postgres")),
        ('note orders-eu "none"', NoteCommand(NoteKind.NOTE, "orders-eu", "none")),
        ("note project:shop none", NoteCommand(NoteKind.NOTE, "project:shop", "")),
        ("list", ListCommand("")),
        ("list orders eu", ListCommand("orders eu")),
        ('list "Base Swaps" eu', ListCommand("Base Swaps eu")),
        ("list orders, eu", ListCommand("orders eu")),
        ("list ,orders ,, eu,", ListCommand("orders eu")),
        ('list "orders," eu', ListCommand("orders, eu")),
        ("watch orders-eu", WatchCommand(("orders-eu",))),
        ("subscribe orders-eu", WatchCommand(("orders-eu",))),
        ("unwatch orders-eu", UnwatchCommand(("orders-eu",))),
        ("unsubscribe orders-eu", UnwatchCommand(("orders-eu",))),
        ("unwatch all", UnwatchCommand(None)),
        ("unwatch ALL", UnwatchCommand(None)),
        ('unwatch "all"', UnwatchCommand(("all",))),
        ("unsubscribe all", UnwatchCommand(None)),
        ("unwatch a b", UnwatchCommand(("a", "b"))),
        ("unwatch all in <#C0TEAM|data-team>", UnwatchCommand(None, TEAM)),
        ("unwatch a in #data-team", UnwatchCommand(("a",), ChannelWord(name="data-team"))),
        ("unwatch a on page", UnwatchCommand(("a", "on", "page"))),  # only `in` means something there
        ("watches", WatchesCommand()),
        ("watches in #data-team", WatchesCommand(ChannelWord(name="data-team"))),
        ("watches in <#C0TEAM|data-team>", WatchesCommand(TEAM)),
        ("watches in here", WatchesCommand()),
        ("subscriptions", WatchesCommand()),
        ("help", HelpCommand()),
        ("HELP Watch", HelpCommand("watch")),
        ("help lagging", HelpCommand("watch")),
        ("help lagging:5m", HelpCommand("watch")),
        ("help unsubscribe", HelpCommand("unwatch")),
        ("help subscriptions", HelpCommand("watches")),
    ],
)
def test_commands_and_aliases_in_any_case(text: str, command: Command) -> None:
    assert understood(text) == command


@pytest.mark.parametrize(
    ("typed", "references"),
    [
        ("a b", ("a", "b")),
        ("a, b,c ,d", ("a", "b,c", "d")),
        (",a,", ("a",)),
        ("a a", ("a",)),
        ('"Base Swaps to Postgres"', ("Base Swaps to Postgres",)),
        ("“Base Swaps” ”to Postgres“", ("Base Swaps", "to Postgres")),
        ('"Base Swaps”', ("Base Swaps",)),  # a phone curls one of them
        ('"a b","c d", e', ("a b", "c d", "e")),
        ('" a b "', ("a b",)),
        ('"" a', ("a",)),
        ('"a,"', ("a,",)),
        ('a"b"c', ('a"b"c',)),
        ('5" 6"', ('5"', '6"')),
        ("bob's", ("bob's",)),
        ("on page in all", ("on", "page", "in", "all")),
        ("a&amp;b &lt;c&gt; &amp;lt;", ("a&b", "<c>", "&lt;")),
        ('"a &amp; b"', ("a & b",)),
        ("orders-* project:shop", ("orders-*", "project:shop")),
        ("pipe_3e86", ("pipe_3e86",)),
        ("\u00a0a\u2003b", ("a", "b")),
        ("خط 管道", ("خط", "管道")),
        ("on", ("on",)),
        ('"on"', ("on",)),
        ("12'", ("12'",)),
        ("& <c>", ("&", "<c>")),  # a program that does not escape
    ],
)
def test_references(typed: str, references: tuple[str, ...]) -> None:
    assert understood(f"status {typed}") == StatusCommand(references)


UNSEEN = ["\u200b", "\u200c", "\u200d", "\u200e", "\u2060", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff", "\u00ad"]


@pytest.mark.parametrize("sign", UNSEEN)
def test_invisible_characters_are_ignored(sign: str) -> None:
    assert understood(f"{sign}sta{sign}tus{sign} {sign}orders{sign}-eu{sign}") == StatusCommand(("orders-eu",))
    assert understood(f"status {sign} a") == StatusCommand(("a",))
    assert understood(f"{sign}") == OverviewCommand()
    assert understood(f'unwatch "{sign}Base{sign} Swaps" in{sign} #data{sign}-team') == UnwatchCommand(
        ("Base Swaps",), ChannelWord(name="data-team")
    )
    assert refused(f"watch a on fi{sign}aled").hint == "watch a on failed"


def test_a_blank_that_does_not_break_is_a_blank() -> None:
    assert understood('status "Base\u00a0Swaps\u202f to\n Postgres"') == StatusCommand(("Base Swaps to Postgres",))


@pytest.mark.parametrize("name", ["_under_ :a:b: __x", "خط أنابيب", "orders_eu_", "צינור eu"])
def test_a_name_pasted_from_an_answer_is_found(name: str) -> None:
    assert outside(name) != name
    assert understood(f"status {quoted(outside(name))}") == StatusCommand((name,))


@pytest.mark.parametrize(
    ("typed", "references"),
    [
        ("<http://orders.eu|orders.eu>", ("orders.eu",)),
        ("<http://orders.eu|orders.eu>-live", ("orders.eu-live",)),
        ("my-<http://orders.io|orders.io>, b", ("my-orders.io", "b")),
        ('"Base <http://swaps.io|swaps.io> live"', ("Base swaps.io live",)),
        ("<https://a.io/?b=1&amp;c=2>", ("https://a.io/?b=1&c=2",)),
        ("<https://a.io/?b&amp;c|a.io/?b&amp;c>", ("a.io/?b&c",)),
        ("<mailto:ann@b.io|ann@b.io>", ("ann@b.io",)),
        ("<mailto:ann@b.io>", ("ann@b.io",)),
        ("<tel:+1555|1-555>", ("1-555",)),
    ],
)
def test_a_linkified_word_means_its_shown_text(typed: str, references: tuple[str, ...]) -> None:
    assert understood(f"status {typed}") == StatusCommand(references)
    assert refused(typed.split(",", maxsplit=1)[0]).hint == f"status {quoted(references[0])}"


# --- watch -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("failed", events(FAILED)),
        ("failed,live", events(FAILED, LIVE)),
        ("Failed, recovered", events(FAILED, Event.RECOVERED)),
        ("failed, live", events(FAILED, LIVE)),
        ("failed live", events(FAILED, LIVE)),
        (",failed,,LIVE,", events(FAILED, LIVE)),
        ("failed failed", events(FAILED)),
        ("all", Every.EVENT),
        ("failed,ALL", Every.EVENT),
        (",".join(SELECTABLE), frozenset(SELECTABLE)),
    ],
)
def test_events(typed: str, wanted: frozenset[Event] | Every) -> None:
    assert understood(f"watch a on {typed}") == WatchCommand(("a",), events=wanted)


@pytest.mark.parametrize(
    ("typed", "targets"),
    [
        ("<@U0ANN|ann>", (ANN,)),
        ("<@U0ANN>", (ANN,)),
        ("<@W0ANN|ann lee>", (TargetWord(TargetKind.USER, id="W0ANN"),)),
        ("<!subteam^S0ONCALL|@data-oncall>", (ONCALL,)),
        ("<!subteam^S0ONCALL>", (ONCALL,)),
        ("here", (HERE,)),
        ("@here", (HERE,)),
        ("<!here>", (HERE,)),
        ("<!here|here>", (HERE,)),
        ("Channel @CHANNEL <!channel>", (CHANNEL,)),
        ("@bob", (BOB,)),
        ("<@U0ANN|ann>, @bob, here", (ANN, BOB, HERE)),
        ("<@U0ANN|ann>,<!subteam^S0ONCALL|@data-oncall>", (ANN, ONCALL)),
        ("here,@bob", (HERE, BOB)),
        ("here,<@U0ANN|ann>,@bob,channel", (HERE, ANN, BOB, CHANNEL)),
        ("@bob,,<@W0ANN|lee, ann>,", (BOB, TargetWord(TargetKind.USER, id="W0ANN"))),
        ("<!subteam^S0ONCALL|@data-oncall> here @bob channel", (ONCALL, HERE, BOB, CHANNEL)),
        ("<@U0ANN|ann> <@U0ANN|ann.lee>", (ANN,)),
    ],
)
def test_targets_escaped_and_plain(typed: str, targets: tuple[TargetWord, ...]) -> None:
    assert understood(f"watch a page {typed}") == WatchCommand(("a",), targets=targets)


@pytest.mark.parametrize("escaped", [escape, lambda text: escape(escape(text))], ids=["once", "twice"])
@pytest.mark.parametrize("form", ["<@U0ANN>", "<@U0ANN|ann>", "<!subteam^S0ONCALL>", "<!here>", "<!channel>"])
@pytest.mark.parametrize("around", ["{}", "here,{}", "@bob {}", '"{}"'])
def test_a_mention_typed_by_hand_names_nobody(form: str, around: str, escaped: Callable[[str], str]) -> None:
    typed = escaped(around.format(form)).replace("&quot;", '"')
    error = refused(f"watch a page {typed}")
    assert "nothing was changed" in error.message.lower()


@pytest.mark.parametrize(
    "typed", ["&lt;#G0OPS&gt;", "&lt;#G0OPS|ops&gt;", "&amp;lt;#G0OPS&amp;gt;", '"&lt;#G0OPS&gt;"']
)
@pytest.mark.parametrize("command", ["watch a", "unwatch all"])
def test_a_channel_typed_by_hand_in_slacks_own_form_is_no_channel(command: str, typed: str) -> None:
    assert "find a channel in" in refused(f"{command} in {typed}").message


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("&lt;https://evil.example|orders&gt;", "<https://evil.example|orders>"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("a&amp;amp;b", "a&amp;b"),
        ("&amp;copy;", "&copy;"),
        ("&lt;@U0ANN|ann&gt;", "<@U0ANN|ann>"),
        ('"ask <@U0ANN|ann> &amp;lt;@U0BOB&amp;gt;"', "ask @ann &lt;@U0BOB&gt;"),
    ],
)
def test_an_escaped_name_is_unescaped_once(typed: str, name: str) -> None:
    assert understood(f"status {typed}") == StatusCommand((name,))


def test_the_names_that_slack_spelled_are_kept() -> None:
    command = understood("watch a page <@U0ANN|ann &amp; co> <!subteam^S0ONCALL|@data-oncall> <@U0BOB>")
    assert isinstance(command, WatchCommand)
    assert [target.label for target in command.targets or ()] == ["ann & co", "@data-oncall", ""]


@pytest.mark.parametrize(
    ("typed", "channel"),
    [
        ("<#C0TEAM|data-team>", TEAM),
        ("<#C0TEAM|>", ChannelWord(id="C0TEAM")),  # a private one: Slack leaves the name out
        ("<#C0TEAM>", ChannelWord(id="C0TEAM")),
        ("<#G0OLD|ops>", ChannelWord(id="G0OLD", name="ops")),
        ("#data-team", ChannelWord(name="data-team")),
        ("#data-team,", ChannelWord(name="data-team")),
        ("#data-team page here", ChannelWord(name="data-team")),
        ("<#C0TEAM|data-team>, page here", TEAM),
    ],
)
def test_channels_escaped_and_plain(typed: str, channel: ChannelWord) -> None:
    command = understood(f"watch a in {typed}")
    assert isinstance(command, WatchCommand)
    assert command.channel == channel


CLAUSES = ["on failed,live", "PAGE <@U0ANN|ann> here", "In <#C0TEAM|data-team>"]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_clauses_in_any_order(order: tuple[int, ...]) -> None:
    text = " ".join(["watch a b", *(CLAUSES[place] for place in order)])
    assert understood(text) == WatchCommand(("a", "b"), events(FAILED, LIVE), (ANN, HERE), TEAM)


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ('watch "on" on failed', ("on",)),
        ('watch "page" "in" on failed', ("page", "in")),
        ("watch on on failed", ("on",)),  # a keyword counts behind a reference only
        ("watch in on failed", ("in",)),
        ('watch a "on" on failed', ("a", "on")),
        ("watch online on failed", ("online",)),
    ],
)
def test_a_pipeline_may_be_called_like_a_keyword(text: str, references: tuple[str, ...]) -> None:
    assert understood(text) == WatchCommand(references, events(FAILED))


# --- what is not understood ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_a_slip_of_the_pen_is_mended(name: str) -> None:
    slipped = name[:-1] if name[-1] == name[-2] else f"{name[:-2]}{name[-1]}{name[-2]}"
    named = ("status", "unwatch", "runbook", "note", "why", "history", "logs", "ack", "snooze", "takeover", "resolve")
    rests = dict.fromkeys(named, " orders-eu") | {"watch": " orders-eu on failed"}
    rests["shadow"] = " data @carol for 2 weeks"
    rest = rests.get(ALIASES.get(name, name))
    error = refused(f"{slipped}{rest or ''}")
    assert f"*{name}*" in error.message
    assert error.hint == f"{name}{rest or ''}"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("statsu R&amp;D &amp; co", "*status*", "status R&D & co"),
        ("statsu <@U0ANN|ann> co", "*status*", "status co"),
        ("xyzzy", "no command called *xyzzy*", "status xyzzy"),
        ("pipe_3e86", "isn't a command", "status pipe_3e86"),
        ('"Base Swaps"', "isn't a command", 'status "Base Swaps"'),
        ('"status"', "isn't a command", "status status"),
        ("&lt;!channel&gt;", "&lt;!channel&gt;", "status <!channel>"),
        ("watch", "Which pipeline", "watch orders-eu page @ann"),
        ('watch ""', "Which pipeline", "watch orders-eu page @ann"),
        ("unwatch", "Which pipeline", "watches"),
        ("unwatch ,", "Which pipeline", "watches"),
        ("watch ,", "Which pipeline", "watch orders-eu page @ann"),
        ('status "Base', "quotation mark is missing", 'status "Base"'),
        ("status “Base", "quotation mark is missing", 'status "Base"'),
        ('"Base', "quotation mark is missing", 'status "Base"'),
        ('status orders-eu"', "quotation mark is missing", "status orders-eu"),
        ('status 12" b', "quotation mark is missing", "status 12 b"),
        ('what is "Base', "quotation mark is missing", "help"),
        ('watch "Base Swaps page @ann', "quotation mark is missing", 'watch "Base Swaps" page @ann'),
        ('note orders-eu "Restart in 5 min', "quotation mark is missing", 'note orders-eu "Restart in 5 min"'),
        ("watch a on", "at least one event after *on*", "watch orders-eu on failed,recovered"),
        ("watch a on ,", "at least one event after *on*", "watch orders-eu on failed,recovered"),
        ("watch a on page here", "at least one event after *on*", "watch orders-eu on failed,recovered"),
        ("watch a on back", "no event called *back*", None),  # told, but not to be chosen
        ("watch a page", "Who should I page?", "help watch"),
        ("watch a page bob", "I can't page “", "watch a page @bob"),
        ("watch a page @", "I can't page “", "watch orders-eu page @ann"),
        ("watch a page here,bob", "I can't page “bob”", "watch a page here,@bob"),
        (
            "watch a b page @Ann Maria Araya @bob",
            "put a name with spaces in quotes",
            'watch a b page "@Ann Maria Araya" @bob',
        ),
        ("watch a page @here bob", "begins with @", "watch a page @here @bob"),
        ("watch a page @ann <#C0TEAM|data-team>", "is a channel", "watch a page @ann in #data-team"),
        ("watch a page @ann, bob", "I can't page “bob”", "watch a page @ann, @bob"),
        ("unwatch all orders-eu", "it can't take a pipeline", "unwatch orders-eu"),
        ("unwatch a in general", "begins with #", "unwatch a in #general"),
        ("watch a page pagerduty", "I can't page", "help watch"),
        ("watch a page here PagerDuty", "I can't page", "help watch"),
        ("watch a page <#C0TEAM|data-team>", "is a channel", "watch a in #data-team"),
        ("watch a in general", "begins with #", "watch a in #general"),
        ("watch a in", "one channel", "watch orders-eu in #data-alerts"),
        ("watch a in #x #y", "one channel", "watch orders-eu in #data-alerts"),
        ("watch a in #x,#y", "one channel", "watch orders-eu in #data-alerts"),
        ("watch a on zzz", "Events: deploying", "help watch"),
        ("wach orders-eu page @ann", "Did you mean *watch*?", "watch orders-eu page @ann"),
        ("watch a in <@U0ANN|ann>", "someone to page", "watch a page @ann"),
        ("watch a on failed ON live", "“on” appears twice", "watch a on failed,live"),
        ("watch a page here page @bob", "“page” appears twice", "watch a page here @bob"),
        ("x" * (LONGEST_TEXT + 1), "4,001 characters, and I read up to 4,000. Nothing was changed.", "help"),
        ("watch " + "x" * LONGEST_TEXT, "Nothing was changed. For many pipelines, use a pattern.", "watch orders-*"),
        ("unwatch " + "x" * LONGEST_TEXT, "Nothing was changed.", "unwatch orders-*"),
        ("note a " + "x" * LONGEST_TEXT, "a note has up to 300 characters. Nothing was changed.", "help note"),
        ("status " + "a " * MOST_WORDS, f"{MOST_WORDS + 1} words", "status orders-*"),
        ("watch " + "a " * MOST_WORDS, "Nothing was changed. For many pipelines, use a pattern.", "watch orders-*"),
        ("note orders-eu " + "a " * MOST_WORDS, "a note has up to 300 characters", "help note"),
    ],
)
def test_a_refusal_says_why_and_what_to_type(text: str, says: str, hint: str | None) -> None:
    error = refused(text)
    assert says in error.message
    assert hint is None or error.hint == hint


@pytest.mark.parametrize(
    ("text", "meant", "hint"),
    [
        ("watch a on fialed", "failed", "watch a on failed"),
        ("watch a on FAILD", "failed", "watch a on failed"),
        ("watch a on failed,live,recoverd page here", "recovered", "watch a on failed,live,recovered page here"),
        ("watch a page <@U0ANN|ann> on degrade", "degraded", "watch a page @ann on degraded"),
        ("watch a page <!subteam^S0ON|@data-oncall> on gon", "gone", "watch a page @data-oncall on gone"),
        ("watch a in <#C0TEAM|data-team> on stoped", "stopped", "watch a in #data-team on stopped"),
        ("watch fialed on fialed", "failed", "watch fialed on failed"),  # the pipeline keeps its name
        ('watch "x fialed" fialed-* on live,fialed', "failed", 'watch "x fialed" fialed-* on live,failed'),
        ("watch R&amp;D on fialed", "failed", "watch R&D on failed"),
    ],
)
def test_an_unknown_event_is_refused_with_the_nearest_in_its_place(text: str, meant: str, hint: str) -> None:
    error = refused(text)
    assert f"Did you mean *{meant}*?" in error.message
    assert "nothing was changed" in error.message.lower()
    assert all(event in error.message for event in SELECTABLE)
    assert error.hint == hint
    understood(escape(error.hint))


def test_at_the_limits_it_is_still_read() -> None:
    assert understood("status " + "x" * (LONGEST_TEXT - 7)) == StatusCommand(("x" * (LONGEST_TEXT - 7),))
    assert understood("status " + "a " * (MOST_WORDS - 1)) == StatusCommand(("a",))


def test_a_hinted_page_command_parses() -> None:
    """Whoever types what is hinted is not sent round in a circle."""
    for typed in ("bob", "@", "here,bob", "<#C0TEAM|data-team>", "<mailto:a@b.io|a@b.io>", "pagerduty", '"bob lee"'):
        understood(escape(refused(f"watch a page {typed}").hint))


@pytest.mark.parametrize(
    "text",
    [
        "watch a in #",
        "watch a in <>",
        'watch a in "b c"',
        "watch a in <@U0ANN|ann>",
        'watch a on "fialed"',
        'watch a on "failed, fialed"',
        "watch a on fail&amp;ed",
        "watch a on fa\u0130led",
        '5" 6"',
        "x" * 400,
        "statsu,a,b",
        "watchh,<!channel>",
        ",<@U0ANN|statsu> a",
        "watch,<#C0TEAM|data-team> on fialed",
        "watch a on &lt;@U0|failed&gt;",
    ],
)
def test_no_hint_sends_round_in_a_circle(text: str) -> None:
    hint = refused(text).hint
    assert hint.split()[0] in COMMANDS  # by that it is told from a sentence, and shown as code
    understood(escape(hint))


# --- any text at all -------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *COMMANDS,
    *ALIASES,
    *["on", "page", "in", "all", "failed", "fialed", "here", "@here", "orders-*", "project:", "x"],
    *[" ", "\n", ",", '"', "“", "”", "'", "<", ">", "&", "&lt;", "&#x0;", "|", "#", "@", "!", "\x00", "\u202e"],
    *["<@U0ANN|ann>", "<@U0ANN", "<#C0TEAM|>", "<!subteam^S0ON|@x>", "<!everyone>", "<@|", "<https://a.io|a.io>"],
]
any_text = st.one_of(
    st.text(max_size=LONGEST_TEXT + 5),
    st.lists(st.sampled_from(FRAGMENTS), max_size=80).map(" ".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=80).map("".join),
)


@given(any_text)
def test_no_text_is_an_error_of_ours(text: str) -> None:
    command = parse(text)
    if isinstance(command, UsageError):
        assert command.message
        assert command.hint.strip()


@pytest.mark.parametrize("head", ["", "watch a on ", "watch a page "])
@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<@", "<@U|", '"a ', '"', "&", "&lt", "&#9", ",", "x", "* ", "\u0130", "|>"]
)
def test_no_text_takes_long(head: str, piece: str) -> None:
    text = (head + piece * LONGEST_TEXT)[:LONGEST_TEXT]
    began = perf_counter()
    parse(text)
    assert perf_counter() - began < 1


# --- and back --------------------------------------------------------------------------------------------------------

plain_names = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters='"“”'), min_size=1, max_size=20
).filter(lambda name: name.strip(","))
names = st.one_of(
    st.sampled_from(["on", "Page", "in", "all", "a,", ",b", "R&D", "<!channel>", "&lt;", "Base Swaps", "here", "@ann"]),
    st.lists(plain_names, min_size=1, max_size=3).map(" ".join),
)
targets = st.one_of(
    st.sampled_from(
        [(ANN, "<@U0ANN|ann>"), (ONCALL, "<!subteam^S0ONCALL|@on>"), (HERE, "@here"), (CHANNEL, "channel")]
    ),
    st.from_regex(r"[a-z0-9._-]{3,12}x", fullmatch=True).map(
        lambda name: (TargetWord(TargetKind.USER, name=name), f"@{name}")
    ),
)


@given(
    references=st.lists(names, min_size=1, max_size=4, unique=True),
    wanted=st.one_of(st.none(), st.frozensets(st.sampled_from(SELECTABLE), min_size=1)),
    paged=st.lists(targets, max_size=4, unique_by=lambda pair: pair[0]),
    channel=st.sampled_from([None, TEAM]),
    separator=st.sampled_from([",", ", ", " "]),
    chance=st.randoms(use_true_random=False),
)
def test_a_watch_typed_out_is_read_back(
    references: list[str],
    wanted: frozenset[Event] | None,
    paged: list[tuple[TargetWord, str]],
    channel: ChannelWord | None,
    separator: str,
    chance: random.Random,
) -> None:
    clauses = [f"on {separator.join(sorted(wanted))}"] if wanted else []
    clauses += [f"page {' '.join(typed for _, typed in paged)}"] if paged else []
    clauses += ["in <#C0TEAM|data-team>"] if channel else []
    chance.shuffle(clauses)
    text = " ".join(["watch", *(escape(quoted(name)) for name in references), *clauses])
    words = tuple(word for word, _ in paged) if paged else None
    assert understood(text) == WatchCommand(tuple(references), wanted, words, channel)


@example("EVERYTHING")
@given(names)
def test_a_name_typed_out_means_that_name_in_every_command(name: str) -> None:
    assert can_be_typed(name)
    typed = escape(quoted(name))
    assert understood(f"status {typed}") == StatusCommand((name,))
    assert understood(f"unwatch {typed}") == UnwatchCommand((name,))


@pytest.mark.parametrize("name", ['12" pipes', "the “best”", ""])
def test_some_names_cannot_be_typed(name: str) -> None:
    assert not can_be_typed(name)


@pytest.mark.parametrize(
    ("typed", "why", "hint"),
    [
        ("runbook", "Which pipeline is the runbook for?", "runbook orders-eu https://wiki.example.com/orders"),
        ("note", "Which pipeline is the note for?", 'note orders-eu "Restart the sink first"'),
        (
            "runbook orders-eu wiki.example.com/orders",
            "The address must begin with https:// or http://.",
            "runbook orders-eu https://wiki.example.com/orders",
        ),
        (
            "runbook orders-eu wiki.example.com",
            "The address must begin with https:// or http://.",
            "runbook orders-eu https://wiki.example.com",
        ),
        (
            "runbook orders-eu <http://wiki.example.com|wiki.example.com>.",
            "The address must begin with https:// or http://.",
            "runbook orders-eu https://wiki.example.com",
        ),
        (
            "runbook Base Swaps Wiki.Example.com",
            "The address must begin with https:// or http://.",
            'runbook "Base Swaps" https://Wiki.Example.com',
        ),
        ("runbook orders-eu javascript:alert(1)", "it must begin with https:// or http://", "runbook orders-eu https"),
        (
            "runbook orders-eu ftp://wiki.example.com",
            "it must begin with https:// or http://",
            "runbook orders-eu https",
        ),
        ("runbook orders-eu https:///orders", "it must begin with https:// or http://", "runbook orders-eu https"),
        (
            "runbook orders-eu https://goldrush.dev@evil.example/x",
            "user name before the host",
            "runbook orders-eu https",
        ),
        ("runbook orders-eu https://wíki.example.com/x", "percent-encoded", "runbook orders-eu https"),
        ("runbook orders-eu https://wiki.example.com/a&gt;b", "percent-encoded", "runbook orders-eu https"),
        (
            "runbook orders-eu https://wiki.example.com:99999/",
            "I can't read it as an address",
            "runbook orders-eu https",
        ),
        ("runbook orders-eu https://w.example/" + "x" * 500, "518 characters, and the limit is 500", "runbook"),
        ('note orders-eu "' + "x" * 301 + '"', "301 characters, and the limit is 300", "note orders-eu"),
    ],
)
def test_a_runbook_or_note_that_cannot_be_kept_says_why(typed: str, why: str, hint: str) -> None:
    refused = parse(typed)
    assert isinstance(refused, UsageError)
    assert why in refused.message
    assert len(typed) < 10 or "Nothing was changed." in refused.message
    assert refused.hint.startswith(hint)
    assert not isinstance(parse(refused.hint), UsageError)


@pytest.mark.parametrize(
    ("typed", "targets"),
    [
        ("watch orders-eu page me", (TargetWord(TargetKind.USER, me=True),)),
        ("watch orders-eu page ME on failed", (TargetWord(TargetKind.USER, me=True),)),
        ("watch orders-eu page @me", (TargetWord(TargetKind.USER, name="me", me=True),)),
        (
            "watch orders-eu page @ann and me",
            (TargetWord(TargetKind.USER, name="ann"), TargetWord(TargetKind.USER, me=True)),
        ),
        ("watch orders-eu page me,here", (TargetWord(TargetKind.USER, me=True), TargetWord(TargetKind.HERE))),
    ],
)
def test_page_me_means_the_person_who_types(typed: str, targets: tuple[TargetWord, ...]) -> None:
    command = parse(typed)
    assert isinstance(command, WatchCommand)
    assert (command.references, command.targets) == (("orders-eu",), targets)


@pytest.mark.parametrize("typed", ["watch orders-eu me", "watch orders-eu notify me", "watch orders-eu ping me"])
def test_me_in_another_place_is_put_right(typed: str) -> None:
    refused = parse(typed)
    assert isinstance(refused, UsageError)
    assert refused.hint == "watch orders-eu page me"


def test_a_pipeline_may_be_called_me() -> None:
    assert parse("watch me", Names((a_pipeline("me"),))) == WatchCommand(("me",))
    assert parse("status me") == StatusCommand(("me",))


def test_a_name_that_looks_like_a_host_is_asked_for() -> None:
    names = Names((a_pipeline("swaps base.eu"),))
    assert parse("runbook swaps base.eu", names) == NoteCommand(NoteKind.RUNBOOK, "swaps base.eu")
    assert parse("runbook swaps v1.2") == NoteCommand(NoteKind.RUNBOOK, "swaps v1.2")
    assert parse("runbook orders.eu") == NoteCommand(NoteKind.RUNBOOK, "orders.eu")


# --- names that are known --------------------------------------------------------------------------------------------

KNOWN = Names(
    a_pipeline(name, pipeline_id=PipelineId(f"pipe_{number:04}"))
    for number, name in enumerate(
        [
            *("orders-eu", "orders-us", "orders", "orders on call", "payments", "failed", "R&D"),
            *(
                "Base Swaps to Postgres",
                "🐳 Whale Watch",
                "Bob's pipeline",
                "Fraud and Risk",
                "rock 'n' roll",
                "page me",
            ),
        ]
    )
)


@pytest.mark.parametrize(
    ("opening", "closing"),
    ["„“", "“”", "””", "“„", '""', "«»", "»«", "»»", "‹›", "‚‘", "‘’", "’’", "''", "``", "「」", "『』", "《》", "´´"],
)
def test_quotes_of_every_keyboard(opening: str, closing: str) -> None:
    typed = f"{opening}Base Swaps to Postgres{closing}"
    assert understood(f"status {typed}") == StatusCommand(("Base Swaps to Postgres",))
    assert understood(f"watch {typed}, {opening}on{closing} on failed") == WatchCommand(
        ("Base Swaps to Postgres", "on"), events(FAILED)
    )
    assert understood(f"watch a page {opening}@Ann Araya{closing}") == WatchCommand(
        ("a",), targets=(TargetWord(TargetKind.USER, name="Ann Araya"),)
    )


@pytest.mark.parametrize(
    ("typed", "references"),
    [
        ("'Bob's pipeline'", ("Bob's pipeline",)),
        ("“Bob’s pipeline”", ("Bob’s pipeline",)),
        ("‘Bob’s pipeline’", ("Bob’s pipeline",)),
        ("Bob's pipeline", ("Bob's", "pipeline")),
        ("dogs' cats'", ("dogs'", "cats'")),
        ("'a b','c d'", ("a b", "c d")),
        ("'tis", ("'tis",)),
        ("o'clock d'or", ("o'clock", "d'or")),
        ("```a b```", ("a b",)),
    ],
)
def test_an_apostrophe_is_no_quotation_mark(typed: str, references: tuple[str, ...]) -> None:
    assert understood(f"status {typed}") == StatusCommand(references)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("status Base Swaps to Postgres", StatusCommand(("Base Swaps to Postgres",))),
        ("status base swaps TO postgres, orders-eu", StatusCommand(("base swaps TO postgres", "orders-eu"))),
        ("status orders-eu Base Swaps", StatusCommand(("orders-eu", "Base Swaps"))),
        ("status Bob’s pipeline", StatusCommand(("Bob’s pipeline",))),
        ("status rock 'n' roll", StatusCommand(("rock 'n' roll",))),
        ("status orders eu", StatusCommand(("orders eu",))),
        ("status Base Swaps to Postgress", StatusCommand(("Base Swaps to Postgress",))),
        ("status orders payments", StatusCommand(("orders", "payments"))),
        ("status R&amp;D", StatusCommand(("R&D",))),
        ("status failed", StatusCommand(("failed",), frozenset({StateFilter.FAILED}))),
        (
            "watch Base Swaps to Postgres on failed page @bob",
            WatchCommand(("Base Swaps to Postgres",), events(FAILED), (BOB,)),
        ),
        ("watch Fraud and Risk and payments on live", WatchCommand(("Fraud and Risk", "payments"), events(LIVE))),
        ("watch fraud and, payments", WatchCommand(("fraud", "payments"))),
        ("watch orders on call page @bob", WatchCommand(("orders on call",), targets=(BOB,))),
        ("watch orders on failed", WatchCommand(("orders",), events(FAILED))),
        ('watch "orders" on live', WatchCommand(("orders",), events(LIVE))),
        ("watch orders on call on live", WatchCommand(("orders on call",), events(LIVE))),
        ("watch page me page here", WatchCommand(("page me",), targets=(HERE,))),
        ("watch failed on failed", WatchCommand(("failed",), events(FAILED))),
        ("watch orders-eu;payments", WatchCommand(("orders-eu", "payments"))),
        ("watch orders-eu/payments", WatchCommand(("orders-eu", "payments"))),
        ("watch orders-eu,payments & R&amp;D", WatchCommand(("orders-eu", "payments", "R&D"))),
        ("unwatch orders on call", UnwatchCommand(("orders on call",))),
        ("unwatch Bob's pipeline in #data-team", UnwatchCommand(("Bob's pipeline",), ChannelWord(name="data-team"))),
    ],
)
def test_a_known_name_needs_no_quotes_and_the_longest_comes_first(text: str, command: Command) -> None:
    assert parse(text, KNOWN) == command


SEPARATED = [
    ",",
    ", ",
    " , ",
    ";",
    "; ",
    " and ",
    " or ",
    " und ",
    "/",
    " / ",
    "|",
    " | ",
    "+",
    " + ",
    "&amp;",
    " &amp; ",
]


@pytest.mark.parametrize("separator", SEPARATED)
def test_separators_that_people_use(separator: str) -> None:
    assert understood(f"watch a on failed{separator}live") == WatchCommand(("a",), events(FAILED, LIVE))
    assert understood(f"watch a page @bob{separator}here") == WatchCommand(("a",), targets=(BOB, HERE))
    assert understood(f"watch a page <@U0ANN|ann>{separator}<!subteam^S0ONCALL|@on>") == WatchCommand(
        ("a",), targets=(ANN, ONCALL)
    )


def test_page_none_and_on_all_reset_and_missing_clauses_stay() -> None:
    assert understood("watch a page none on all") == WatchCommand(("a",), Every.EVENT, ())
    assert understood("watch a") == WatchCommand(("a",), None, None)
    assert refused("watch a page none @bob").hint == "watch a page @bob"


STRAYS = [
    ("watch orders-eu <@U0ANN|ann>", "@ann", "watch orders-eu page @ann"),
    ("watch orders-eu @ann", "@ann", "watch orders-eu page @ann"),
    ("watch orders-eu <!subteam^S0ON|@on>", "@on", "watch orders-eu page @on"),
    ("watch orders-eu here", "here", "watch orders-eu page here"),
    ("watch <@U0ANN|ann> orders-eu", "@ann", "watch orders-eu page @ann"),
    ("watch @ann", "Which pipeline", "watch orders-eu page @ann"),
    ("watch orders-eu #ops", "#ops", "watch orders-eu in #ops"),
    ("watch orders-eu <#C0OPS|ops>", "#ops", "watch orders-eu in #ops"),
    ("watch orders-eu degraded", "degraded", "watch orders-eu on degraded"),
    ("watch orders-eu degraded, live @ann #ops", "degraded", "watch orders-eu on degraded,live page @ann in #ops"),
    ("watch orders-eu all", "all", "watch orders-eu on all"),
    ("watch orders-eu to #ops", "“to”", "watch orders-eu in #ops"),
    ("watch orders-eu for @ann", "“for”", "watch orders-eu page @ann"),
    ("watch orders-eu notify @ann", "“notify”", "watch orders-eu page @ann"),
    ("watch orders-eu pge @ann", "“pge”", "watch orders-eu page @ann"),
    ("watch orders-eu onn recovered", "“onn”", "watch orders-eu on recovered"),
    ("watch orders-eu inn #ops", "“inn”", "watch orders-eu in #ops"),
    ("watch orders-eu when it fails tell @ann in #ops", "“when”", "watch orders-eu on failed page @ann in #ops"),
    ("watch orders-eu on live @ann", "@ann", "watch orders-eu on live page @ann"),
    ("watch orders-eu on live #ops", "#ops", "watch orders-eu on live in #ops"),
    ("watch orders-eu page @ann live", "live", "watch orders-eu page @ann on live"),
    ("watch orders-eu page @ann to #ops", "“to”", "watch orders-eu page @ann in #ops"),
    ("watch orders-eu in #ops @ann", "@ann", "watch orders-eu in #ops page @ann"),
    ("watch orders-eu page Ann Araya", "“Ann Araya”", 'watch orders-eu page "@Ann Araya"'),
    ("watch orders-eu page Ann Araya and Bob Lee", "“Ann Araya”", 'watch orders-eu page "@Ann Araya" "@Bob Lee"'),
    ("watch orders-eu page ann bob", "“ann”", "watch orders-eu page @ann @bob"),
    ("watch orders-eu on failed except live", "*except*", "help watch"),
    ("watch Base Swaps to Postgres @ann", "@ann", 'watch "Base Swaps to Postgres" page @ann'),
    ("unwatch orders-eu @ann", "@ann", "watch orders-eu page none"),
    ("unwatch orders-eu page @ann", "@ann", "watch orders-eu page none"),
    ("unwatch orders-eu #ops", "#ops", "unwatch orders-eu in #ops"),
    ("unwatch orders-eu from #ops", "“from”", "unwatch orders-eu in #ops"),
    ("unwatch all #ops", "#ops", "unwatch all in #ops"),
    ("status orders-eu @ann", "@ann", "status orders-eu"),
    ("status orders-eu in #ops", "#ops", "status orders-eu"),
    ("status in #ops", "#ops", "watches in #ops"),
    ("list in #ops", "#ops", "watches in #ops"),
    ("watches #ops", "*in*", "watches in #ops"),
    ("watches orders-eu", "takes no pipeline", "status orders-eu"),
    ("watches all", "takes no pipeline", "watches"),
    ("watches everything", "takes no pipeline", "watches"),
    ("note orders-eu restart the sink, <!here>", "in quotes", 'note orders-eu "restart the sink, @here"'),
    ("note orders-eu " + "restart " * 30, "in quotes", "help note"),
    ("note orders-eu " + "restart " * 40, "the limit is 300", "help note"),
    ("watches in #ops orders-eu", "orders-eu", "watches in #ops"),
    ("help me", "“me”", "help"),
    ("help watch orders", "one command", "help watch"),
    ("wach orders-eu @ann", "*watch*", "watch orders-eu page @ann"),
]


@pytest.mark.parametrize(("text", "wrong", "hint"), STRAYS)
def test_a_misplaced_word_is_refused_with_every_word_in_its_place(text: str, wrong: str, hint: str) -> None:
    error = parse(text, KNOWN)
    assert isinstance(error, UsageError), error
    assert wrong in error.message
    assert error.hint == hint


def test_a_pipeline_that_really_has_such_a_name_can_be_watched() -> None:
    assert understood('watch orders-eu "degraded" "@ann" "#ops"') == WatchCommand(
        ("orders-eu", "degraded", "@ann", "#ops")
    )
    assert parse("watch orders-eu failed", KNOWN) == WatchCommand(("orders-eu", "failed"))


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("acked orders-eu", "`ack NAME`", "ack orders-eu"),
        ("ok", "`ack NAME`", "status failed"),
        ("postmortem orders-eu", "*Draft postmortem* on the card", "history orders-eu"),
        ("draft a postmortem", "*Draft postmortem* on the card", "status failed"),
        ("draft the postmortem for orders-eu", "*Draft postmortem* on the card", "history orders-eu"),
        ("post-mortem", "*Draft postmortem* on the card", "status failed"),
        ("stop orders-eu", "only read", "status orders-eu"),
        ("restart Base Swaps to Postgres", "only read", "status Base Swaps to Postgres"),
        ("pause <@U0ANN|ann>", "only read", "status"),
        ("delete", "only read", "status"),
        ("escalate orders-eu", "on the failure's card", "status failed"),
        ("page Ann Araya", "part of `watch`", 'watch orders-eu page "@Ann Araya"'),
        ("page @ann", "part of `watch`", "watch orders-eu page @ann"),
        ("page orders-eu <@U0ANN|ann>", "part of `watch`", "watch orders-eu page @ann"),
        ("add orders-eu page @ann", "*watch*", "watch orders-eu page @ann"),
        ("follow orders-eu @ann", "*watch*", "watch orders-eu page @ann"),
        ("remove orders-eu", "*unwatch*", "unwatch orders-eu"),
        ("unfollow orders-eu", "*unwatch*", "unwatch orders-eu"),
        ("ls", "*list*", "list"),
        ("show orders-eu", "*status*", "status orders-eu"),
        ("Base Swaps to Postgres", "isn't a command", "status Base Swaps to Postgres"),
    ],
)
def test_a_command_that_people_expect_is_answered_with_one_that_works(text: str, says: str, hint: str) -> None:
    error = parse(text, KNOWN)
    assert isinstance(error, UsageError), error
    assert says in error.message
    assert error.hint == hint


QUESTIONS = [
    ("whats failed?", "status failed"),
    ("what is failing right now?", "status failed"),
    ("please show me what is failing", "status failed"),
    ("show me what is failing", "status failed"),
    ("hey @Pipeline Bot can you show me orders-eu?", "status orders-eu"),
    ("show me orders-eu", "status orders-eu"),
    ("is orders-eu's sink up", "status orders-eu"),
    ("is Base Swaps to Postgres ok?", "status Base Swaps to Postgres"),
    ("orders-eu is down?", "status orders-eu"),
    ("why is orders-eu failing", "why orders-eu"),
    ("stop orders-eu?", "status orders-eu"),
    ("add orders-eu?", "status orders-eu"),
    ("page orders-eu @ann?", "status orders-eu"),
    ("wach orders-eu?", "status orders-eu"),
    ("how do I watch orders-eu?", "help watch"),
    ("who is on call?", "oncall"),
    ("am I oncall for orders", "oncall"),
    ("what do you watch?", "watches"),
    ("everything is broken right now", "status failed"),
    ("thanks a lot", "help"),
]


@pytest.mark.parametrize(("text", "hint"), QUESTIONS)
def test_a_question_is_answered_with_the_named_pipelines(text: str, hint: str) -> None:
    error = parse(text, KNOWN)
    assert isinstance(error, UsageError), error
    assert error.hint == hint


@given(
    st.sampled_from(["what", "Is", "can", "please", "hey", "show", "wach", "add", "notify", "page", "unwach"]),
    st.lists(st.sampled_from(["is", "orders-eu", "Base", "watch", "on", "failed,", "@ann", "page", "me", '"x"', "to"])),
)
def test_no_question_leads_to_a_change(first: str, words: list[str]) -> None:
    error = parse(f"{' '.join([first, *words])} now?", KNOWN)
    assert isinstance(error, UsageError)
    assert not parse(escape(error.hint), KNOWN).changes


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("note orders-eu Restart the sink first", "in quotes", 'note orders-eu "Restart the sink first"'),
        ("note Base Swaps to Postgres Restart it", "in quotes", 'note "Base Swaps to Postgres" "Restart it"'),
        ("note orders-* Restart it", "in quotes", 'note orders-* "Restart it"'),
        ("runbook orders-eu see the wiki", "“see the wiki”", "runbook orders-eu https://wiki.example.com/orders"),
    ],
)
def test_a_note_without_quotes_is_quoted_behind_its_pipeline(text: str, says: str, hint: str) -> None:
    error = parse(text, KNOWN)
    assert isinstance(error, UsageError), error
    assert says in error.message
    assert error.hint == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("watch orders-* page @gil please", "watch orders-* page @gil"),
        ("watch orders-* page <@U0ANN|ann> please", "watch orders-* page @ann"),
        ("watch orders-* page please @gil", "watch orders-* page @gil"),
        ("watch orders-* page @Ann Araya thanks!", 'watch orders-* page "@Ann Araya"'),
        ("watch orders-* page please", "help watch"),
    ],
)
def test_a_polite_word_is_no_page_target(text: str, hint: str) -> None:
    error = parse(text, KNOWN)
    assert isinstance(error, UsageError), error
    assert error.hint == hint


@given(any_text, st.sampled_from([NO_NAMES, KNOWN]))
def test_every_hint_is_a_command_that_is_understood(text: str, known: Names) -> None:
    error = parse(text, known)
    if isinstance(error, UsageError):
        assert not isinstance(parse(escape(error.hint), known), UsageError)


@given(st.lists(st.sampled_from(["orders-eu", "Base", "on", "page", "in", "failed,", "@ann", "#ops", "to", "all"])))
def test_every_hint_of_a_watch_is_understood(words: list[str]) -> None:
    error = parse(f"watch {' '.join(words)}", KNOWN)
    if isinstance(error, UsageError):
        assert not isinstance(parse(escape(error.hint), KNOWN), UsageError)


@pytest.mark.parametrize(
    "text",
    [
        "/pipeline status orders-eu",
        "/pipeline-staging status orders-eu",
        "/pipeline /pipeline status orders-eu",
        "`/pipeline status orders-eu`",
        "`/pipeline status orders-eu`.",
        "```/pipeline status orders-eu```",
        "`status orders-eu`",
        "“/pipeline status orders-eu”",
        "*/pipeline status orders-eu*",
        "/status orders-eu",
        "status orders-eu.",
        "status orders-eu ?",
        "  /pipeline   status orders-eu!",
    ],
)
def test_a_pasted_hint_is_understood(text: str) -> None:
    names = Names([Pipeline(id=PipelineId("pipe_1"), name="orders-eu")])
    assert parse(text, names) == StatusCommand(("orders-eu",))


def test_the_full_stop_of_a_name_or_a_note_stays() -> None:
    names = Names([Pipeline(id=PipelineId("pipe_1"), name="Acme Inc.")])
    assert parse("status Acme Inc.", names) == StatusCommand(("Acme Inc.",))
    assert parse('status "Acme Inc."') == StatusCommand(("Acme Inc.",))
    assert quoted("Acme.") == '"Acme."'
    note = parse('note orders-eu "Call Bob."')
    assert isinstance(note, NoteCommand)
    assert note.text == "Call Bob."


@pytest.mark.parametrize("text", ["/foo", "/foo bar", "`orders-eu`", "/pipeline"])
def test_other_slashes_and_marks_are_no_command(text: str) -> None:
    assert isinstance(parse(text), UsageError)


@pytest.mark.parametrize("name", ["&'", "a&;", "x&\u2019y", "R&D"])
def test_the_end_of_an_entity_separates_nothing(name: str) -> None:
    assert parse(f"status {escape(quoted(name))}") == StatusCommand((name,))


def test_a_sentence_ends_behind_the_last_person() -> None:
    watch = parse("watch orders-eu page <@U0BOB|bob>.")
    assert isinstance(watch, WatchCommand)
    assert [target.id for target in watch.targets or ()] == ["U0BOB"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("watch on failed orders-eu", "watch orders-eu on failed"),
        ("watch page @ann orders-eu", "watch orders-eu page @ann"),
        ("watch in #data orders-eu orders-us", "watch orders-eu orders-us in #data"),
        ("unwatch in #data orders-eu", "unwatch orders-eu in #data"),
        ("watch orders-eu page nobody", "watch orders-eu page none"),
        ("watch orders-eu → #data", "watch orders-eu in #data"),
        ("watch orders-eu -> #data", "watch orders-eu in #data"),
        ("unwatch everything", "unwatch all"),
        ("unwatch everything in #data", "unwatch all in #data"),
        ("watches <@U0ANN|ann>", "watches"),
        ("undo", "watches"),
    ],
)
def test_a_word_out_of_place_gets_a_command_that_works(text: str, hint: str) -> None:
    names = Names(Pipeline(id=PipelineId(f"pipe_{name}"), name=name) for name in ("orders-eu", "orders-us"))
    refused = parse(text, names)
    assert isinstance(refused, UsageError)
    assert refused.hint == hint
    assert not isinstance(parse(hint, names), UsageError)


@pytest.mark.parametrize("text", ["watches.", "list .", "help."])
def test_a_command_alone_may_end_a_sentence(text: str) -> None:
    assert not isinstance(parse(text), UsageError)


def test_all_events_is_all() -> None:
    assert parse("watch orders-eu on all events") == WatchCommand(("orders-eu",), events=Every.EVENT)


def test_of_names_in_one_word_the_unknown_one_is_found() -> None:
    names = Names(Pipeline(id=PipelineId(f"pipe_{name}"), name=name) for name in ("orders-eu", "orders-us"))
    assert parse("unwatch orders-eu,orders-us;nosuch", names) == UnwatchCommand(("orders-eu", "orders-us", "nosuch"))


def test_a_note_shows_mentions_as_typed_and_not_in_slacks_form() -> None:
    command = parse('note orders-eu "ask <!here> or <@U0ANN|ann> or <!subteam^S0DATA|@data> in <#C0OPS|ops>"', KNOWN)
    assert command == NoteCommand(NoteKind.NOTE, "orders-eu", "ask @here or @ann or @data in #ops")


# --- page … for EVENTS -----------------------------------------------------------------------------------------------


def test_a_page_clause_may_name_the_events_that_page() -> None:
    command = parse("watch orders-eu on failed page @ann oncall:data for failed, unreachable in #ops")
    assert isinstance(command, WatchCommand)
    assert command.page_for == frozenset({Event.FAILED, Event.UNREACHABLE})
    assert command.targets is not None
    assert len(command.targets) == 2
    assert command.events == frozenset({Event.FAILED})
    assert command.channel == ChannelWord(name="ops")


@pytest.mark.parametrize("text", ["watch orders-eu page @ann", "watch orders-eu page none"])
def test_without_events_a_page_clause_pages_for_failures_alone(text: str) -> None:
    command = parse(text)
    assert isinstance(command, WatchCommand)
    assert command.page_for is None


@pytest.mark.parametrize(
    ("text", "correct"),
    [
        ("watch orders-eu page @ann for failed,paused", "watch orders-eu page @ann for failed"),
        ("watch orders-eu page @ann for live", "watch orders-eu page @ann for failed"),
        ("watch orders-eu page @ann for failing", "watch orders-eu page @ann for failed"),
    ],
)
def test_an_event_that_cannot_page_is_refused_with_the_corrected_command(text: str, correct: str) -> None:
    refusal = parse(text)
    assert isinstance(refusal, UsageError)
    assert refusal.hint == correct
    assert "Nothing was changed" in refusal.message


@pytest.mark.parametrize(
    "text",
    [
        "status orders-eu @bob",
        "list orders @bob",
        "watches in",
        "watches #ops",
        "watches orders-eu",
        "watches in orders",
        "logs",
        "why orders-*",
        "history orders-eu @bob",
        "credits orders-eu",
    ],
)
def test_the_refusal_of_a_question_says_that_nothing_was_changed(text: str) -> None:
    refused = parse(text, KNOWN)
    assert isinstance(refused, UsageError), refused
    assert "Nothing was changed." in refused.message
