"""The mark in a message's metadata: what it says, and what is recognised by it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.body import Content
from bot.domain.card import Card, Group, MovedCard, ThreadEntry, TimelineBatch
from bot.domain.delivery import Absent, Attempt, Found, Lookup, LookupResult, in_slack
from bot.domain.episode import EpisodeOutcome
from bot.domain.notice import Notice, NoticeKind
from bot.domain.summary import Digest
from bot.slack.outbound.metadata import (
    CARD_KEY_LENGTH,
    EVENT_TYPE,
    MEMBER_LENGTH,
    bot_messages_in,
    lookup_result,
    metadata_to_attach,
)
from sandbox.slack.drafts import valid_metadata
from tests.builders import ALERTS, TEAM, a_card, a_delivery, a_pipeline, an_episode, at
from tests.fakes import NOON, US

OPEN = a_card()
OVER = a_card(replace(an_episode(), closed_at=at(9), outcome=EpisodeOutcome.RECOVERED))
LINE = ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=an_episode().timeline[0])


def a_group(*keys: str) -> Group:
    return Group(key="s" * 32, channel=ALERTS, cards=tuple(replace(OPEN, key=key) for key in keys))


def a_message(ts: str, key: str, content: Content = OPEN, **more: object) -> Mapping[str, object]:
    return {"ts": ts, "user": US, "metadata": metadata_to_attach(a_delivery(key), content), **more}


def looked_up(key: str, *messages: Mapping[str, object]) -> LookupResult:
    lookup = Lookup(receiver=in_slack(TEAM, ALERTS), key=key, oldest="0")
    return lookup_result(bot_messages_in({"messages": list(messages)}, US), lookup)


def stamps(found: LookupResult) -> tuple[str, ...]:
    return found.message_ids if isinstance(found, Found) else ()


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([], ()),
        ([a_message("1.0", "another")], ()),
        ([a_message("2.0", "key"), a_message("1.0", "another")], ("2.0",)),
        ([a_message("2.0", "key"), a_message("1.0", "key")], ("1.0", "2.0")),
        # The one with a thread is kept, though it came later.
        ([a_message("3.0", "key"), a_message("2.0", "key", reply_count=4), a_message("1.0", "key")],
         ("2.0", "1.0", "3.0")),
        ([a_message("1.0", "key", user="U0ANN")], ()),  # whatever another carries is not ours
        ([a_message("1.0", "key", user=None)], ()),
        ([{**a_message("1.0", "key"), "metadata": None}], ()),
        ([{**a_message("1.0", "key"), "metadata": {"event_type": "another's", "event_payload": {"key": "key"}}}], ()),
    ],
)  # fmt: skip
def test_a_message_is_recognised_by_its_key(messages: list[Mapping[str, object]], found: tuple[str, ...]) -> None:
    assert stamps(looked_up("key", *messages)) == found


def test_a_card_is_recognised_in_the_group_that_tells_of_it() -> None:
    keys = [f"{number:x}" * 32 for number in range(10)]
    group = a_message("2.0", "group", a_group(*keys[:9]))
    for key in keys[:9]:
        found = looked_up(key, group)
        assert isinstance(found, Found)
        assert (found.message_ids, found.group) == (("2.0",), "group")
    assert looked_up(keys[9], group) == Absent()
    of_its_own = looked_up(keys[3], group, a_message("3.0", keys[3]))
    assert isinstance(of_its_own, Found)
    assert (of_its_own.message_ids, of_its_own.group) == (("3.0",), None)
    assert stamps(looked_up("group", group)) == ("2.0",)


def test_a_group_message_of_an_earlier_version_is_recognised() -> None:
    """Its metadata also has a revision for each card."""
    message = dict(a_message("2.0", "group", a_group("a" * 32, "b" * 32)))
    payload = {"key": "group", "revision": 2, "cards": f"{'a' * CARD_KEY_LENGTH}:1 {'b' * CARD_KEY_LENGTH}:2"}
    message["metadata"] = {"event_type": EVENT_TYPE, "event_payload": payload}
    assert looked_up("b" * 32, message) == Found(("2.0",), group="group")


contents: tuple[Content, ...] = (
    OPEN,
    OVER,
    LINE,
    TimelineBatch(thread_key="k", of_group=False, entries=(LINE,)),
    Notice(kind=NoticeKind.WATCHING, at=NOON),
    Digest(key="k", entries=()),
    a_group(*(f"{number:02}" * 16 for number in range(30))),
)


@pytest.mark.parametrize("content", contents, ids=lambda content: type(content).__name__)
def test_slack_keeps_the_mark_of_every_kind_of_message(content: Content) -> None:
    """Drops it, if it breaks the schema: then nothing would ever be found."""
    metadata = dict(metadata_to_attach(a_delivery("key"), content))
    assert valid_metadata(metadata)
    payload: Any = metadata["event_payload"]
    assert all(isinstance(value, str | int) for value in payload.values())
    assert stamps(looked_up("key", a_message("1.0", "key", content))) == ("1.0",)


@given(st.lists(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), unique=True, min_size=1, max_size=30))
def test_of_any_thirty_cards_each_is_recognised(keys: list[str]) -> None:
    """Two whose keys begin alike are taken for one, so `MEMBER_LENGTH` is long enough never to meet any."""
    group = a_message("1.0", "group", a_group(*keys))
    for key in keys:
        assert stamps(looked_up(key, group)) == ("1.0",)
    begun = {key[:MEMBER_LENGTH] for key in keys}
    other = next(text for number in range(31) if (text := f"{number:0{MEMBER_LENGTH}x}") not in begun)
    assert looked_up(other + "0" * 24, group) == Absent()


def test_a_card_that_grew_into_a_group_is_recognised_as_the_group() -> None:
    keys = ["a" * 32, "b" * 32]
    assert looked_up(keys[0], a_message("2.0", keys[0], a_group(*keys))) == Found(("2.0",), group=keys[0])


def test_a_card_that_moved_keeps_its_key() -> None:
    moved = MovedCard(card=OPEN)
    assert looked_up(OPEN.key, a_message("2.0", "pointer", moved)) == Found(("2.0",))


def test_a_group_of_which_slack_may_refuse_the_metadata_omits_its_members() -> None:
    plain = replace(a_delivery("group"), attempt=Attempt(plain=True))
    payload: Any = metadata_to_attach(plain, a_group("a" * 32, "b" * 32))["event_payload"]
    assert payload == {"key": "group", "revision": 2}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
strange = st.fixed_dictionaries(
    {},
    optional={
        "user": st.sampled_from([US, None, 7]),
        "ts": json,
        "reply_count": json,
        "metadata": json
        | st.fixed_dictionaries(
            {},
            optional={
                "event_type": st.just("pipeline_bot_delivery") | json,
                "event_payload": json
                | st.fixed_dictionaries({}, optional={"key": json, "cards": json, "revision": json}),
            },
        ),
    },
)


@given(st.fixed_dictionaries({}, optional={"messages": json | st.lists(strange | json, max_size=6)}))
def test_a_lookup_reads_any_history(body: dict[str, object]) -> None:
    found = lookup_result(bot_messages_in(body, US), Lookup(receiver=in_slack(TEAM, ALERTS), key="key", oldest="0"))
    assert isinstance(found, Found | Absent)


def test_a_card_and_a_group_say_which_revision_they_show() -> None:
    def revision(content: Card | Group) -> object:
        payload: Any = metadata_to_attach(a_delivery("key"), content)["event_payload"]
        return payload["revision"]

    assert revision(a_card(an_episode(revision=7))) == 7
    assert revision(a_group("a" * 32, "b" * 32, "c" * 32)) == 3
