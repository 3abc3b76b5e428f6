"""Rows that an earlier version wrote, without people's names: they are read, and pings nobody."""

from bot.domain.card import Card, Notice
from bot.domain.watch import ChannelId
from bot.store.codec import CARD, WATCH, decode_delivery
from tests.unit.rendering import shown

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


def test_an_old_announcement_that_still_waits_names_nobody_wrongly() -> None:
    delivery = decode_delivery((NOTICE % WATCHED.replace("\n", " ")).encode())
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
