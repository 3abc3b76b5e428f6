"""How a diagnosis reads: on the card, in the thread, in lists, and whatever a log holds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.causes import CAUSES, cause_of
from bot.domain.diagnosis import Diagnosis, LogFault, LogOutcome
from bot.domain.episode import EpisodeOutcome, TimelineEntry
from bot.domain.log_lines import PodLog, lines_that_matter
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.note import Guidance, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.setup import SetupKind
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event, PipelineState
from bot.log_redaction import redact_log
from bot.slack.mrkdwn import code_block, time_of_day
from bot.slack.render.blocks import RenderedMessage, message, section
from bot.slack.render.diagnosis import log_block
from bot.slack.render.diagnosis_batch import group_log_blocks
from bot.slack.render.phrases import moment
from bot.slack.render.silence_digest import render_silence_digest
from tests.builders import (
    ALERTS,
    ANN,
    ORDERS,
    a_card,
    a_delivery,
    a_pipeline,
    an_episode,
    an_observation,
    at,
)
from tests.corpora.errors import known_errors, other_errors
from tests.corpora.secrets_in_logs import secret_lines
from tests.unit.rendering import says, shown, valid

LOG = "2026-11-24T12:00:00Z INFO batch 812 written\n2026-11-24T12:00:02Z FATAL pq: column <amount> & co does not exist"


def a_diagnosis(log: str = LOG, **more: Any) -> Diagnosis:
    excerpt = lines_that_matter(PodLog(pod="pipeline-covalent-postgres-x1", text=redact_log(log)))
    cause = cause_of(excerpt.error, "\n".join(excerpt.lines)).slug if excerpt.error else ""
    known = Diagnosis(at=at(8), began_at=at(1), log=LogOutcome.READ, cause=cause, excerpt=excerpt)
    return replace(known, **more)


def unread(log: LogOutcome, **more: Any) -> Diagnosis:
    return Diagnosis(at=at(8), began_at=at(1), log=log, **more)


def diagnosed(diagnosis: Diagnosis | None, **changes: Any) -> Card:
    return a_card(replace(an_episode(), diagnosis=diagnosis, **changes))


HEALS = "GoldRush no longer retries it"


def in_thread(diagnosis: Diagnosis) -> RenderedMessage:
    entry = TimelineEntry(revision=2, at=at(8), events=(Event.DIAGNOSED,))
    return valid(shown(ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=entry, diagnosis=diagnosis)))


def on_card(diagnosis: Diagnosis | None, **changes: Any) -> list[str]:
    return says(valid(shown(diagnosed(diagnosis, **changes))))


# --- the card --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [*known_errors(), *other_errors()], ids=lambda error: f"{error.family}-{error.cause}")
def test_a_card_names_cause_error_and_next_step(error: Any) -> None:
    (cause,) = [cause for cause in CAUSES if cause.slug == error.cause]
    texts = on_card(a_diagnosis(error.text))
    whole = "\n".join(texts)
    assert ("Cause:* " if cause.slug != "unknown" else "Cause unknown:* the log names no") in whole
    assert cause.slug == "unknown" or cause.words in whole
    assert cause.first_step in whole
    assert sum(text.startswith("`") for text in texts) == 1


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.slug)
def test_the_prospect_is_on_the_card(cause: Any) -> None:
    words = {
        "heals": f"· {HEALS}",
        "needs_you": "· *needs you*",
        "unknown": "· may need you",
    }
    (line,) = [text for text in on_card(a_diagnosis(cause=cause.slug)) if ":mag:" in text]
    assert (words[cause.prospect] in line) is (cause.slug != "unknown")


def test_a_card_without_a_diagnosis_says_nothing_about_it() -> None:
    assert on_card(None) == on_card(a_diagnosis(began_at=at(0)))
    assert ":mag:" not in str(on_card(None))


@pytest.mark.parametrize(
    ("diagnosis", "words"),
    [
        (unread(LogOutcome.NOT_YET), "GoldRush has no log of it: its worker is gone. I'll look again when it runs."),
        (
            unread(LogOutcome.NOT_YET, cause="unknown"),
            "*Cause unknown:* the destination's error is none that I know",
        ),
        (
            unread(LogOutcome.UNREADABLE, problem="no answer within 5 s."),
            f"I couldn't read its log at {time_of_day(at(8))}: no answer within 5 s. *Logs* tries again.",
        ),
        (
            unread(LogOutcome.UNREADABLE),
            f"I couldn't read its log at {time_of_day(at(8))}: no answer. *Logs* tries again.",
        ),
        (
            replace(unread(LogOutcome.UNREADABLE), unread=LogFault.NOT_ASKED),
            "I haven't read its log yet: I had no request to GoldRush free. I'll read it as soon as I have one.",
        ),
        (
            replace(unread(LogOutcome.UNREADABLE), unread=LogFault.TOO_LARGE),
            "Its log is larger than 1 MB, too long for me to read. Open it in GoldRush.",
        ),
        (
            unread(LogOutcome.NOT_YET, cause="unreachable"),
            f"reached · {HEALS}\nGoldRush has no log of it: its worker is gone.",
        ),
        (a_diagnosis("all is quiet\nnothing here"), "*Cause unknown:* its log names no error"),
        (a_diagnosis(cause="of a newer version"), "*Cause unknown:* the log names no fault that I know"),
    ],
)
def test_a_card_says_why_there_is_no_cause(diagnosis: Diagnosis, words: str) -> None:
    assert words in "\n\n".join(on_card(diagnosis))
    assert words in "\n\n".join(says(in_thread(diagnosis)))


def test_a_card_without_a_cause_has_a_first_step_too() -> None:
    step = "Look at the pipeline in GoldRush, then resume or redeploy it."
    assert step in str(on_card(unread(LogOutcome.NOT_YET)))
    assert step in str(on_card(a_diagnosis("all is quiet")))
    assert step not in str(on_card(replace(unread(LogOutcome.UNREADABLE), unread=LogFault.NOT_ASKED)))


def test_the_runbook_and_note_come_before_the_step_of_the_table() -> None:
    note = Note(kind=NoteKind.NOTE, reference="x", label="x", text="Restart the sink", by=ANN, by_name="Ann", at=at(0))
    card = replace(diagnosed(a_diagnosis()), guidance=Guidance(note=note))
    (todo,) = [text for text in says(valid(shown(card))) if "Restart" in text]
    assert todo.index("Restart the sink") < todo.index(":wrench: Compare the table")


def test_a_card_says_that_the_destination_is_unhealthy() -> None:
    health = DestinationHealth(healthy=False, checked_at=at(-20), last_error="dial tcp: refused")
    texts = on_card(a_diagnosis(health=health, unhealthy_since=at(-900)))
    (line,) = [text for text in texts if "unhealthy" in text]
    assert line.endswith(f":warning: Destination *unhealthy* since {moment(at(-900), first_seen=True)}")
    assert "refused" not in str(texts)
    assert "ealthy" not in str(on_card(a_diagnosis(health=replace(health, healthy=True))))


def test_a_card_shows_the_error_without_time_and_level() -> None:
    assert "`pq: column &lt;amount&gt; &amp; co does not exist`" in on_card(a_diagnosis())
    assert "`panic: runtime error: index out of range`" in on_card(
        a_diagnosis("panic: runtime error: index out of range")
    )
    logfmt = 'level=fatal ts=2026-11-24T12:00:02Z msg="schema mismatch" table=fills'
    assert '`msg="schema mismatch" table=fills`' in on_card(a_diagnosis(logfmt))


@pytest.mark.parametrize("outcome", [EpisodeOutcome.RECOVERED, EpisodeOutcome.ON_PURPOSE, EpisodeOutcome.UNWATCHED])
def test_the_card_of_a_failure_that_is_over_keeps_the_cause_only(outcome: EpisodeOutcome) -> None:
    texts = on_card(a_diagnosis(), closed_at=at(91), outcome=outcome)
    assert "Cause: the destination's table does not fit the pipeline's columns" in texts
    assert "`" not in str(texts)
    assert ":wrench:" not in str(texts)
    assert "Cause" not in str(on_card(unread(LogOutcome.NOT_YET), closed_at=at(91), outcome=outcome))


# --- the thread ------------------------------------------------------------------------------------------------------


def test_the_thread_shows_the_lines_in_one_block_of_code() -> None:
    texts = says(in_thread(a_diagnosis()))
    assert texts[0].startswith(":mag: *Cause:* the destination's table")
    assert texts[1] == code_block(LOG.split("\n"), 3000)
    assert texts[2] == f"log read at {time_of_day(at(8))}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pods_alike": 1}, "replica pipeline-covalent-postgres-x1 · 1 other replica says the same · log read"),
        ({"pods_alike": 2}, "2 other replicas say the same"),
        ({"pods": 2}, "replica pipeline-covalent-postgres-x1 · log read"),
        ({"pods": 1}, "log read"),
    ],
)
def test_the_thread_names_the_replica_if_there_are_several(changes: Any, words: str) -> None:
    about = says(in_thread(a_diagnosis(**changes)))[2]
    assert words in about
    assert about.startswith(words.split(" ·", 1)[0]) or "say the same" in words


def measured(minutes: float = 0, **values: Any) -> Measurement:
    return Measurement(at=at(0) + timedelta(minutes=minutes), uid="u1", **values)


@pytest.mark.parametrize(
    ("now", "earlier", "facts"),
    [
        ({"pending_records": 48_000}, {"pending_records": 12}, ["pending 12 → 48,000 in the last hour"]),
        ({"pending_records": 48_000}, None, ["48,000 records pending"]),
        ({"pending_records": 0, "records_per_second": 0, "normalization_errors": 0}, {"records_per_second": 0}, []),
        ({"processing_delay_ms": 2_460_000}, {"processing_delay_ms": 2_000}, ["delay 2 s → 41 min in the last hour"]),
        ({"processing_delay_ms": 2_460_000}, {"processing_delay_ms": 2_400_000}, ["delay 41 min"]),
        ({"processing_delay_ms": 900}, {"processing_delay_ms": 10}, []),
        ({"records_per_second": 3.14}, {"records_per_second": 120.4}, ["rate 120 → 3.1 records/s in the last hour"]),
        ({"records_per_second": 0}, {"records_per_second": 120.4}, []),
        ({"pending_records": 16}, {"pending_records": 10}, []),
        ({"pending_records": 48_000}, {"pending_records": 47_000}, ["48,000 records pending"]),
        ({"records_per_second": 119}, {"records_per_second": 120.4}, []),
        ({"normalization_errors": 40}, {"normalization_errors": 3}, ["normalization errors 3 → 40 in the last hour"]),
        ({"normalization_errors": 40}, {"normalization_errors": 40}, []),
        ({"normalization_errors": 2}, {"normalization_errors": 40}, ["normalization errors: 2"]),
        ({}, {}, []),
    ],
)
def test_the_thread_shows_only_facts_that_moved(now: Any, earlier: Any, facts: list[str]) -> None:
    before = measured(-58, **earlier) if earlier is not None else None
    texts = says(in_thread(a_diagnosis(measured=measured(**now), earlier=before)))
    assert [line for text in texts[3:] for line in text.split("\n")] == [f"• {fact}" for fact in facts]


def test_the_period_of_a_comparison_is_the_true_one() -> None:
    diagnosis = a_diagnosis(measured=measured(pending_records=900), earlier=measured(-25, pending_records=3))
    assert "• pending 3 → 900 in the last 25 min" in says(in_thread(diagnosis))
    soon = replace(diagnosis, earlier=measured(-1, pending_records=3))
    assert "• 900 records pending" in says(in_thread(soon))


@pytest.mark.parametrize("since", [-20, -79], ids=["that probe", "a minute before it"])
def test_an_unhealthy_destination_has_a_since_only_if_an_earlier_probe_failed(since: float) -> None:
    health = DestinationHealth(healthy=False, checked_at=at(-20), last_error="refused")
    diagnosis = a_diagnosis(health=health, unhealthy_since=at(since))
    (line,) = [text for text in on_card(diagnosis) if "unhealthy" in text]
    assert line.endswith(":warning: Destination *unhealthy*")
    assert f"• destination *unhealthy*, probed at {time_of_day(at(-20))}" in says(in_thread(diagnosis))


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (DestinationHealth(healthy=True, checked_at=at(0)), f"destination healthy, probed at {time_of_day(at(0))}"),
        (
            DestinationHealth(healthy=True, checked_at=at(8 - 3 * 3600)),
            "destination healthy at its last probe, but that was 3 h before",
        ),
        (
            DestinationHealth(healthy=False, checked_at=at(8 - 3 * 3600)),
            "destination *unhealthy* at its last probe, but that was 3 h before",
        ),
        (DestinationHealth(healthy=False), "destination *unhealthy*; GoldRush doesn't say when it probed it"),
        (DestinationHealth(last_error="x"), ""),
    ],
)
def test_the_thread_says_how_the_destination_is_and_how_old_that_is(health: DestinationHealth, words: str) -> None:
    texts = says(in_thread(a_diagnosis(health=health)))
    assert [text for text in texts if "destination" in text and ":mag:" not in text] == (
        [f"• {words}"] if words else []
    )


def test_the_thread_quotes_the_error_of_the_probe() -> None:
    health = DestinationHealth(healthy=False, checked_at=at(0), last_error="<!here> ```refused```")
    assert "probe: `&lt;!here&gt; ˋˋˋrefusedˋˋˋ`" in says(in_thread(a_diagnosis(health=health)))


# --- several in one message ------------------------------------------------------------------------------------------


def a_batch(*entries: tuple[str, Diagnosis], of_group: bool = True) -> list[str]:
    made = [
        ThreadEntry(
            card_key=name,
            pipeline=a_pipeline(name, pipeline_id=PipelineId(f"pipe_{name}")),
            entry=TimelineEntry(revision=2, at=at(8), events=(Event.DIAGNOSED,)),
            diagnosis=diagnosis,
        )
        for name, diagnosis in entries
    ]
    batch = TimelineBatch(thread_key="k", of_group=of_group, entries=tuple(made))
    return says(valid(shown(batch)))


def members(*found: Diagnosis | None) -> list[Card]:
    return [
        replace(diagnosed(diagnosis), pipeline=a_pipeline(f"orders-{number}"))
        for number, diagnosis in enumerate(found, 1)
    ]


def test_the_logs_of_a_group_have_the_lines_of_each_error_once() -> None:
    refused = a_diagnosis("INFO batch written\nERROR connect: connection refused", fingerprint="a")
    answer = valid(message(group_log_blocks(members(a_diagnosis(fingerprint="b"), refused, refused, None))))
    texts = says(answer)
    assert texts[0] == "*4 pipelines* — the lines of each error, as I read them after the failures"
    assert texts[1].startswith(":mag: *Cause:* the destination cannot be reached")
    assert texts[1].endswith("*orders-2*, *orders-3*")
    assert "batch written\nERROR connect: connection refused" in texts[2]
    assert texts[3] == f"of *orders-2*, read at {time_of_day(at(8))}"
    assert texts[4].endswith("*orders-1*")
    assert texts[-1] == "Not read yet: *orders-4*"
    assert sum("connection refused" in text for text in texts) == 1
    assert "refused" not in answer.text.replace("cannot be reached", ""), "a notification repeats no log"


def test_the_logs_of_a_group_say_why_there_are_no_lines() -> None:
    assert says(message(group_log_blocks(members(None, None)))) == ["I have read no log of these 2 failures yet."]
    texts = says(message(group_log_blocks(members(unread(LogOutcome.UNREADABLE, problem="no answer within 5 s")))))
    assert "I couldn't read its log" in texts[1]


def test_the_logs_of_many_long_errors_fit_into_one_message() -> None:
    many = [a_diagnosis("\n".join(["ERROR &<>" + "&" * 230] * 12), fingerprint=str(number)) for number in range(500)]
    texts = says(valid(message(group_log_blocks(members(*many)))))
    assert texts[-1] == "… and 497 more, each with another error"


def test_a_group_hears_each_cause_once() -> None:
    refused = a_diagnosis("ERROR connect: connection refused", fingerprint="a")
    other = a_diagnosis(fingerprint="b")
    texts = a_batch(("orders", refused), ("fills", other), ("swaps", refused))
    assert texts == [
        f":mag: *Cause:* the destination cannot be reached · {HEALS}\n*orders*, *swaps*",
        "`connect: connection refused`",
        ":mag: *Cause:* the destination's table does not fit the pipeline's columns · *needs you*\n*fills*",
        "`pq: column &lt;amount&gt; &amp; co does not exist`",
    ]


def test_a_group_that_waited_hears_the_latest_diagnosis_of_each_pipeline() -> None:
    later, other = a_diagnosis(fingerprint="a"), unread(LogOutcome.NOT_YET)
    texts = a_batch(("orders", other), ("fills", other), ("orders", later))
    assert texts == a_batch(("orders", later), ("fills", other))


def test_one_pipeline_alone_has_its_lines_and_step_in_the_thread_of_a_group() -> None:
    """It failed again after the group."""
    texts = a_batch(("orders", a_diagnosis()))
    own = says(in_thread(a_diagnosis()))
    assert texts[0] == f"{own[0]}\n*orders*"
    assert texts[1 : len(own)] == own[1:]
    assert texts[-1].startswith(":wrench: Compare the table")


def test_the_rows_of_a_group_name_the_cause_of_each_open_failure() -> None:
    open_one = replace(diagnosed(a_diagnosis()), pipeline=a_pipeline("fills", pipeline_id=PipelineId("pipe_0002")))
    other = a_diagnosis(cause="unreachable", fingerprint="b")  # a cause of all is above the rows
    over = diagnosed(other, closed_at=at(91), outcome=EpisodeOutcome.RECOVERED)
    texts = says(valid(shown(Group(key="g", channel=ALERTS, cards=(open_one, over)))))
    (rows,) = [text for text in texts if "*fills*" in text]
    failing, recovered = rows.split("\n")
    assert failing.startswith(":red_circle: *fills* *failed* · the destination's table does not fit the pipeline's")
    assert "destination" not in recovered


def test_the_digest_of_quiet_hours_names_the_cause_of_an_open_failure() -> None:
    episode = diagnosed(a_diagnosis()).episode
    entry = DigestEntry(
        pipeline=a_pipeline(), counts={Event.FAILED: 1}, since=at(1), until=at(2), last=episode.timeline[0]
    )
    state = PipelineState(observation=an_observation(Phase.FAILED), since=at(1), failed_since=at(1))
    record = Record(pipeline_id=ORDERS, episode=episode, state=state)
    digest = Digest(key="d", entries=(entry,), silence=SetupKind.QUIET_HOURS)
    rendered = render_silence_digest(digest, SetupKind.QUIET_HOURS, {ORDERS: record}, a_delivery(), at(0))
    (row,) = [text for text in says(valid(rendered)) if "*orders-eu*" in text]
    assert "· the destination's table does not fit the pipeline's columns · not acknowledged" in row


def test_a_large_group_counts_the_rest() -> None:
    texts = a_batch(*((f"orders-{number}", a_diagnosis(fingerprint=str(number))) for number in range(14)))
    assert texts[-1] == "… and 4 more, each with another error"


def test_a_thread_that_waited_shows_the_latest_diagnosis() -> None:
    texts = a_batch(("orders", unread(LogOutcome.NOT_YET)), ("orders", a_diagnosis()), of_group=False)
    assert texts == says(in_thread(a_diagnosis()))


# --- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = [
    "ERROR ```\n<!channel> <@U0EVIL>\n```",
    "ERROR `code` ``two`` ```three``` ````four````",
    "ERROR <https://evil.example|Open in GoldRush> &lt;!here&gt;",
    "FATAL \x1b[31mred\x1b[0m \x00\x07 \u202etxet\u202c \u2066\u2069 \u2028 \u2029",
    "FATAL \ud800 half a pair",
    "ERROR " + "&<>" * 4000,
    "\n".join(f"FATAL {'`' * 200}{number}" for number in range(30)),
    "ERROR *bold* _italic_ ~gone~ :red_circle: > quote",
    "panic: \r\n\r\ngoroutine 1 [running]:\r\n\tmain.main()\r\n",
    "ERROR " + "🐳" * 3000,
]
_hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=400).map(lambda text: f"ERROR {text}"),
    st.lists(st.text(alphabet="`<>&@!|\n\r\t*_~: aé\u202e", max_size=300), max_size=14).map("\nFATAL ".join),
)


def check_hostile(text: str) -> None:
    health = DestinationHealth(healthy=False, checked_at=at(0), last_error=text)
    diagnosis = a_diagnosis(text, health=health, pods_alike=1)
    for rendered in (in_thread(diagnosis), valid(shown(diagnosed(diagnosis)))):
        for words in says(rendered):
            fences = words.count("```")
            assert fences in {0, 2}
            assert not fences or (words.startswith("```\n") and words.endswith("\n```"))
            assert fences or words.count("`") % 2 == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_code(text: str) -> None:
    check_hostile(text)


@given(_hostile)
def test_any_log_makes_a_valid_message(text: str) -> None:
    check_hostile(text)


@given(st.lists(st.text(max_size=600), max_size=60), st.integers(200, 3000))
def test_a_block_of_code_keeps_its_limit(lines: list[str], limit: int) -> None:
    made = code_block(lines[: limit // 20], limit)
    assert len(made) <= limit
    assert made.count("`") == 6
    valid(message([section("x"), log_block(lines)]))


def test_code_is_copied_as_it_stands() -> None:
    """Elsewhere a number and its unit have a space between them that breaks no line."""
    assert says(in_thread(a_diagnosis("ERROR  12 rows after 3 min"))).count("```\nERROR  12 rows after 3 min\n```") == 1
    block: Any = log_block(["3 min"])
    assert block["text"]["text"] == "```\n3 min\n```"


def test_a_notification_never_holds_the_log() -> None:
    health = DestinationHealth(healthy=False, checked_at=at(0), last_error="PROBE-SECRET")
    diagnosis = a_diagnosis("FATAL LOG-SECRET does not exist", health=health)
    thread, card = in_thread(diagnosis), shown(diagnosed(diagnosis))
    for rendered in (thread, card):
        assert "SECRET" not in rendered.text
        assert "SECRET" in str(rendered.blocks)
        assert rendered.text


def test_no_secret_and_no_address_reach_a_message() -> None:
    """From the raw log to the blocks, as the bot does it."""
    for line in [*secret_lines()][::5]:
        diagnosis = a_diagnosis(f"{line.text}\nFATAL ann.smith@example.com")
        seen = str(in_thread(diagnosis).blocks) + str(shown(diagnosed(diagnosis)).blocks)
        assert "@example.com" not in seen
        assert not [secret for secret in line.secrets if secret in seen]
