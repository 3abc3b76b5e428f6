"""The messages for pagers: they survive their rows, and share one lane."""

from datetime import timedelta

from bot.domain.body import Body
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, LaneKind, Receiver, ReceiverKind
from bot.domain.observation import PipelineId
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent, PagingEnd
from bot.domain.pager_messages import pager_messages, renewing_messages
from bot.store.codec import decode_delivery, encode_delivery
from tests.builders import TEAM
from tests.fakes import NOON

OPS = Receiver(TEAM, ReceiverKind("pagerduty"), "ops")
ORDERS = PagedFailure(
    key="a" * 32,
    pipeline=Pipeline(id=PipelineId("pipe_0001"), name="orders-eu"),
    since=NOON - timedelta(minutes=3),
    card_link="https://example.slack.com/archives/C1/p1",
)


def an_event(action: PagerAction = PagerAction.TRIGGER) -> PagerEvent:
    return PagerEvent(action=action, key=ORDERS.key, failures=(ORDERS,), by_name="Ann", step=2)


def test_an_event_survives_its_row() -> None:
    (message,) = pager_messages(an_event(PagerAction.RESOLVE), OPS, NOON, occasion=("0",))
    row = encode_delivery(Delivery(message=message)).encode()
    assert decode_delivery(row, TEAM).message == message


def test_all_actions_share_the_lane_of_pages() -> None:
    lanes = {
        message.lane for action in PagerAction for message in pager_messages(an_event(action), OPS, NOON, occasion=())
    }
    assert {lane.kind for lane in lanes} == {LaneKind.PAGES}
    assert len(lanes) == 1


def test_each_occasion_is_one_message() -> None:
    ids = [
        message.id
        for occasion in (("0", "1"), ("0", "2"), ("0", "1"))
        for message in pager_messages(an_event(), OPS, NOON, occasion=occasion)
    ]
    assert ids[0] == ids[2] != ids[1]


def test_a_page_that_starts_again_ends_the_acknowledged_incident_first() -> None:
    bodies: list[Body] = [message.body for message in renewing_messages(an_event(), OPS, NOON, occasion=("1", "0"))]
    assert [body.action for body in bodies if isinstance(body, PagerEvent)] == [
        PagerAction.RESOLVE,
        PagerAction.TRIGGER,
    ]
    assert isinstance(bodies[0], PagerEvent)
    assert bodies[0].end is PagingEnd.RENEWED
