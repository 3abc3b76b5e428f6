"""What is said outside any episode: of watches, of channels that rest, of what befell the bot itself."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.episode import TimelineEntry
from bot.domain.note import Note, NoteKind
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.phase import Phase
from bot.domain.summary import DigestEntry
from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, Watch
from bot.slack.features.watch.command import WatchCommand as Typed
from bot.slack.grammar.clauses import TargetWord
from bot.slack.render.phrases import TARGETS_SHOWN, watch_command
from tests.builders import ALERTS, ANN, a_person, a_pipeline, a_usergroup, a_watch, at
from tests.routes import parse
from tests.unit.rendering import buttons, says, shown, tells_all, valid

PAGED = (a_person(), a_usergroup(), Target(kind=TargetKind.HERE))
NAMED = replace(a_watch(), label="orders-eu")


def a_missed(name: str = "orders-eu", *, until: float = 90, **counts: int) -> DigestEntry:
    last = TimelineEntry(revision=2, at=at(until), events=(Event.LIVE,), phase=Phase.RUNNING)
    events = {Event(event): number for event, number in counts.items()}
    return DigestEntry(pipeline=a_pipeline(name), counts=events, since=at(1), until=at(until), last=last)


BLIND = Notice(kind=NoticeKind.BLIND, at=at(1800), since=at(0))
A_NOTE = Note(kind=NoteKind.NOTE, reference="orders-*", label="orders-*", text="call Bob", by=ANN, at=at(0))
A_RUNBOOK = Note(
    kind=NoteKind.RUNBOOK, reference="pipe_1", label="orders-eu", text="https://wiki.example.com/eu", by=ANN, at=at(0)
)
LOST = Notice(kind=NoticeKind.ROLLED_BACK, at=at(0))
EMPTY = Notice(kind=NoticeKind.EMPTY, at=at(0), channels=(ALERTS,))


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (
            Notice(kind=NoticeKind.WATCHING, at=at(0), by=ANN, by_name="Ann", watches=(a_watch(targets=PAGED),)),
            ["Ann added a watch:", "• pipe_0001 — all events, pages @ann @data-oncall @here"],
        ),
        (
            Notice(
                kind=NoticeKind.WATCHING,
                at=at(0),
                by=ANN,
                watches=(a_watch("*-eu-*", events=frozenset({Event.RECOVERED, Event.FAILED})),),
            ),
            ["• `*-eu-*` — failed, recovered"],
        ),
        (
            Notice(kind=NoticeKind.LATE, at=at(0), promised=60.0, oldest=300.0),
            ["I find failures later than promised.", "Readings get up to 5 min old instead of 1 min."],
        ),
        (
            Notice(kind=NoticeKind.FRESH, at=at(0), promised=60.0),
            ["Readings are at most 1 min old again, as promised."],
        ),
        (
            Notice(kind=NoticeKind.HEARD, at=at(600), since=at(0)),
            ["I'm back. I read and deliver again since", "Messages may be late, or missing, from"],
        ),
        (
            Notice(kind=NoticeKind.UNWATCHED, at=at(0), watches=(NAMED,)),
            ["Someone removed a watch:", "• orders-eu — all events"],
        ),
        *(
            (
                Notice(kind=NoticeKind.SUSPENDED, at=at(0), channel=ALERTS, reason=reason, watches=(a_watch(),)),
                ["I can't post in <#C0ALERTS> any more: " + why, "nothing is lost", cure, "pipe_0001"],
            )
            for reason, why, cure in [
                (SuspendReason.ARCHIVED, "it's archived", "Unarchive that channel and invite me again, then type"),
                (SuspendReason.NOT_IN_CHANNEL, "I'm not in it", "Invite me again, then type"),
                (SuspendReason.NOT_FOUND, "it was deleted", "Invite me again, then type"),
                (
                    SuspendReason.RESTRICTED,
                    "posting is restricted",
                    "Let me post again in the settings of the channel, then type `/pipeline watches` there. I'll",
                ),
                (None, "Slack refuses my messages", "To get updates in another channel, type `/pipeline watch` there."),
            ]
        ),
        (
            Notice(kind=NoticeKind.SUSPENDED, at=at(0), channel=ALERTS, instead=ALERTS),
            ["I'll post the waiting messages once I can. Until then I post their updates in <#C0ALERTS>."],
        ),
        (
            BLIND,
            [
                "I couldn't watch any pipelines for 30 min, from <!date^1795435200^",
                "All of them are unchanged.",
            ],
        ),
        (
            replace(BLIND, missed=(a_missed(failed=2, recovered=1, live=1),)),
            [
                "These have changed:",
                "orders-eu failed 2×, recovered · last seen RUNNING at <!date^1795435290^",
            ],
        ),
        (replace(BLIND, unread=3), ["I couldn't read 3 pipelines yet. Their cards will show any change."]),
        (replace(BLIND, since=None), ["I couldn't watch any pipelines for 0 s"]),
        (
            replace(LOST, watches=(replace(NAMED, targets=PAGED, events=frozenset({Event.FAILED, Event.LIVE})),)),
            [
                "My database (Redis) lost data",
                "• `/pipeline watch orders-eu on failed,live page @ann",
                " @data-oncall here`\n",
                "To restore one, type its line here:",
                "Redis must keep what it confirms (`appendonly yes`",
            ],
        ),
        (
            replace(LOST, notes=(A_NOTE, A_RUNBOOK)),
            [
                "My database (Redis) lost data. These runbooks and notes are gone from the failure cards.",
                '• `/pipeline note orders-* "call Bob"`',
                "• `/pipeline runbook orders-eu https://wiki.example.com/eu`",
                "To restore one, type its line anywhere:",
            ],
        ),
        (
            replace(LOST, watches=(NAMED,), notes=(A_NOTE,)),
            ["These watches are gone", "These runbooks and notes are gone too.", "type its line here:"],
        ),
        (
            EMPTY,
            ["My database (Redis) is empty, though I'm in <#C0ALERTS>.", "runbooks and notes", "`/pipeline watch`"],
        ),
        (replace(EMPTY, channels=(ALERTS,) * 60), ["<#C0ALERTS> and 10 more."]),
    ],
)
def test_notices(notice: Notice, words: list[str]) -> None:
    text = tells_all(valid(shown(notice))).text
    for word in words:
        assert word in text


def test_only_certain_losses_raise_an_alarm() -> None:
    marked = {notice.kind: says(shown(notice))[0].split(" ")[0] for notice in (EMPTY, LOST)}
    assert marked == {NoticeKind.EMPTY: ":information_source:", NoticeKind.ROLLED_BACK: ":rotating_light:"}


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_notice_that_may_be_a_repeat_says_so(kind: NoticeKind) -> None:
    notice = Notice(kind=kind, at=at(0), channel=ALERTS, channels=(ALERTS,))
    assert "repeat" not in shown(notice).text
    assert "Possible repeat" in tells_all(valid(shown(notice, possible_repeat=True))).text


# --- what is gone with Redis -----------------------------------------------------------------------------------------


words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=90)
labels = st.one_of(
    words,
    st.sampled_from(["Base Swaps to Postgres", "on", "all", 'a "b"', "a*b", "a`b", "x, ", "<@U0EVIL>", "&lt;", "a  b"]),
)
references = st.sampled_from(["pipe_0001", "orders-*", "project:shop", "Orders EU *", "*_eu_*"])
selected = st.one_of(st.none(), st.frozensets(st.sampled_from(SELECTABLE), min_size=1))
paged = st.lists(st.sampled_from([*PAGED, Target(kind=TargetKind.CHANNEL)]), unique=True, max_size=4).map(tuple)


@given(st.builds(a_watch, references, events=selected, targets=paged), labels)
def test_the_line_of_a_watch_that_is_gone_makes_it_again_when_it_is_typed(watch: Watch, label: str) -> None:
    """By its name where that can be typed as it is shown, else by its id."""
    label = watch.reference if watch.pattern else label
    typed = parse(f"watch {watch_command(replace(watch, label=label))}")
    assert isinstance(typed, Typed)
    assert typed.references in {(watch.reference,), (label,)}
    assert typed.events == watch.events
    words = tuple(
        TargetWord(TargetKind.USER, name=target.label) if target.id else TargetWord(target.kind)
        for target in watch.targets
    )
    assert typed.targets == (words or None)


@pytest.mark.parametrize("label", ["orders-eu", "Base Swaps to Postgres", "pipeline_2", "管道"])
def test_an_ordinary_name_is_typed_as_people_know_it(label: str) -> None:
    assert label in watch_command(replace(a_watch(), label=label))


def test_an_unwatch_notice_names_remaining_watches() -> None:
    ended = Notice(kind=NoticeKind.UNWATCHED, at=at(0), watches=(NAMED,), staying=(a_watch("orders-*"),))
    assert "\nStill watched here:\n" in tells_all(valid(shown(ended))).text
    assert "Still" not in shown(replace(ended, staying=())).text


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        (0, ""),
        (1, "1 pipeline is still failing. This channel gets no more updates on it, and these watches page nobody"),
        (1_200, "1,200 pipelines are still failing. This channel gets no more updates on them, and these watches"),
    ],
)
def test_an_unwatch_notice_says_how_many_failures_go_on(failing: int, words: str) -> None:
    ended = Notice(kind=NoticeKind.UNWATCHED, at=at(0), watches=(NAMED,), failing=failing)
    text = tells_all(valid(shown(ended))).text
    assert words in text
    assert ("still failing" in text) is bool(failing)


def a_call(*names: str, first_seen: bool = False) -> Notice:
    failures = tuple(
        OpenFailure(pipeline=a_pipeline(name), card_key=name, since=at(0), first_seen=first_seen) for name in names
    )
    return Notice(
        kind=NoticeKind.LATE_PAGE, at=at(60), by=ANN, by_name="Ann", targets=(a_person("U0BOB"),), failures=failures
    )


def test_a_call_says_nothing_that_may_be_otherwise_later() -> None:
    one = shown(a_call("orders-eu"))
    (text,) = says(one)
    assert text.startswith(":bell: *orders-eu* failed at <!date^1795435200^")
    assert text.endswith(" UTC>.\n<@U0BOB> Ann asks you to take a look. Acknowledge on its card.")
    assert buttons(one) == {}
    first = shown(a_call("orders-eu", first_seen=True))
    assert " or earlier.\n" in says(first)[0]
    (three,) = says(shown(a_call("orders-eu", "swaps", "fills")))
    assert three == (
        ":bell: 3 pipelines failed: *orders-eu*, *swaps*, *fills*.\n"
        "<@U0BOB> Ann asks you to take a look. Acknowledge on their cards."
    )


def test_a_loss_notice_counts_watches_beyond_its_limit() -> None:
    lost = tuple(replace(a_watch(f"pipe_{number:04}"), label=f"orders-{number}") for number in range(500))
    text = "\n".join(says(valid(shown(replace(LOST, watches=lost)))))
    shown_ones = [watch for watch in lost if f" watch {watch.label}`" in text]
    assert len(shown_ones) > 50
    assert f"… and {500 - len(shown_ones)} more" in text
    assert "To restore one" in text
    few = "\n".join(says(valid(shown(replace(LOST, watches=lost[:3])))))
    assert "… and" not in few


def test_many_page_targets_are_counted() -> None:
    crowd = tuple(a_person(f"U1{place:04}") for place in range(TARGETS_SHOWN + 3))
    text = tells_all(valid(shown(replace(LOST, watches=(replace(NAMED, targets=crowd),))))).text
    assert "@u10019` (and 3 more)" in text
    assert "u10020" not in text


def test_a_blind_notice_lists_missed_changes_up_to_its_limit() -> None:
    many = tuple(a_missed(f"orders-{number}", failed=number) for number in range(1000))
    text = "\n".join(says(valid(shown(replace(BLIND, missed=many, unread=3)))))
    named = [entry for entry in many if f"*{entry.pipeline.name}* " in text]
    assert len(named) > 20
    assert f"… and {1000 - len(named)} more" in text
    assert "I couldn't read 3 pipelines yet" in text


@pytest.mark.parametrize("reason", SuspendReason)
def test_only_some_suspensions_ask_for_an_invitation(reason: SuspendReason) -> None:
    text = shown(Notice(kind=NoticeKind.SUSPENDED, at=at(0), channel=ALERTS, reason=reason)).text
    assert ("nvite me again" in text) == (reason is not SuspendReason.RESTRICTED)
    in_direct = shown(Notice(kind=NoticeKind.SUSPENDED, at=at(0), channel=ChannelId("D0ANN"), reason=reason)).text
    assert ("Messages Tab" in in_direct) == (reason is SuspendReason.RESTRICTED)
    assert "in our direct messages any more" in in_direct
    assert ("Unarchive that channel" in text) == (reason is SuspendReason.ARCHIVED)
