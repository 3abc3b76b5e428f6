"""Rows that an earlier version wrote are read as today's. Where they lack people's names, nobody is pinged."""

from pathlib import Path

from bot.domain.body import Body, Recheck
from bot.domain.card import Card, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Attempt, AttemptState, Delay, Delivery, Message, Priority, in_slack
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.summary import Digest, DigestEntry, HeldPages
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.store.codec import CARD, WATCH, decode_delivery, encode_delivery
from tests.builders import ALERTS, ANN, TEAM, a_pipeline, an_episode, at
from tests.unit.rendering import shown

VERSION_0 = Path(__file__).parent / "old_rows" / "deliveries_v0.jsonl"
"""One delivery of each kind, as the last version without row versions wrote it."""

WATCHED = """{
    "channel": "C0ALERTS", "reference": "pipe_0001", "events": null, "label": "orders-eu",
    "targets": [
        {"kind": "user", "id": "U0BOB", "direct": "D0BOB"}, {"kind": "usergroup", "id": "S0ONCALL", "direct": null},
        {"kind": "channel", "id": "", "direct": null}
    ],
    "made_by": "U0ANN", "made_at": "2026-11-23T12:00:00Z"
}"""
NOTICE = (
    '{"id": "n", "channel": "C0ALERTS", "priority": 3, "made_at": "2026-11-23T12:00:00Z",'
    ' "body": {"is": "Notice", "kind": "watching", "at": "2026-11-23T12:00:00Z", "by": "U0ANN", "watches": [%s]}}'
)
ACKNOWLEDGED = """{
    "key": "k", "channel": "C0ALERTS", "pipeline": {"id": "pipe_0001", "name": "orders-eu"}, "standing": {},
    "targets": [{"kind": "user", "id": "U0BOB", "direct": "D0BOB"}],
    "episode": {
        "kind": "failure", "pipeline_id": "pipe_0001", "identity": "x", "opened_at": "2026-11-23T12:00:00Z",
        "acknowledged": {"by": "U0ANN", "at": "2026-11-23T12:00:09Z"}
    }
}"""


def pings(text: str) -> bool:
    return any(sign in text for sign in ("<@", "<!subteam", "<!channel", "<!here"))


def test_an_old_watch_pages_as_ever_and_is_shown_without_a_ping() -> None:
    watch = WATCH.decode(WATCHED)
    assert [target.id for target in watch.targets] == ["U0BOB", "S0ONCALL", ""]
    assert watch.targets[0].direct == ChannelId("D0BOB")
    assert (watch.made_by_name, watch.targets[0].label) == ("", "")


def test_an_old_waiting_announcement_names_its_maker() -> None:
    delivery = decode_delivery((NOTICE % WATCHED.replace("\n", " ")).encode(), TEAM)
    assert isinstance(delivery.body, Notice)
    text = shown(delivery.body).text
    assert text.startswith("Someone added a watch")
    assert not pings(text)


def test_an_old_card_says_that_someone_acknowledged() -> None:
    card = CARD.decode(ACKNOWLEDGED)
    assert isinstance(card, Card)
    text = shown(card).text
    assert "Acknowledged by someone at" in text
    assert not pings(text)


def the_same_today() -> list[Body]:
    line, pipeline = an_episode().timeline[0], a_pipeline()
    entry = ThreadEntry(card_key="c" * 32, pipeline=pipeline, entry=line, broadcast=True)
    missed = DigestEntry(
        pipeline=pipeline,
        counts={Event.FAILED: 2},
        since=at(1),
        until=at(2),
        last=line,
        card_key="c" * 32,
        revision=3,
    )
    failure = OpenFailure(pipeline=pipeline, card_key="c" * 32, since=at(1))
    return [
        SyncCard("c" * 32),
        SyncGroup("s" * 32),
        entry,
        TimelineBatch(thread_key="s" * 32, of_group=True, entries=(entry,), left_out=1),
        Notice(kind=NoticeKind.LATE_PAGE, at=at(0), by=ANN, failures=(failure,)),
        Notice(kind=NoticeKind.BLIND, at=at(0), missed=(missed,), unread=2),
        Digest(key="k" * 32, entries=(missed,)),
        HeldPages(key="h" * 32, limit=10, entries=(missed,)),
        Recheck(of="c" * 32, after_id="1700000000.000100", parent_id="1.5", shows=("c" * 32,)),
    ]


def test_a_delivery_of_version_0_becomes_a_message_and_an_attempt() -> None:
    attempt = Attempt(
        state=AttemptState.SENDING,
        count=2,
        sent_at=at(1),
        lease="lease-1",
        after_id="1700000000.000100",
        lookups=1,
        not_before=at(9),
        plain=True,
        uncertain=True,
        possible_repeat=True,
        blind_count=1,
        delay=Delay.AWAY,
    )
    rows = VERSION_0.read_bytes().splitlines()
    for number, (row, body) in enumerate(zip(rows, the_same_today(), strict=True)):
        message = Message(
            id=f"row-{number}",
            receiver=in_slack(TEAM, ALERTS),
            priority=Priority.PAGE,
            body=body,
            made_at=at(0),
            after_card="f" * 32,
            earliest=at(-5),
        )
        delivery = Delivery(message=message, attempt=attempt)
        assert decode_delivery(row, TEAM) == delivery
        assert decode_delivery(encode_delivery(delivery).encode(), TEAM) == delivery
