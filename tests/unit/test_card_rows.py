"""A card's content has two lines: the fields that the cards of one episode share, and its own."""

from collections import Counter
from dataclasses import fields, replace

from bot.domain.card import Card
from bot.domain.watch import ChannelId
from bot.store.card_rows import OWN_FIELDS, SHARED_FIELDS, decode_card, encode_cards
from tests.builders import a_card, at

OTHER = ChannelId("C0OTHER")


def test_each_field_of_a_card_is_in_one_line() -> None:
    assert Counter([*SHARED_FIELDS, *OWN_FIELDS]) == Counter(field.name for field in fields(Card))


def test_a_card_comes_back_as_it_was() -> None:
    first = replace(a_card(), stands_in_for=(OTHER,), unread_at=at(7))
    cards = [first, replace(first, key="other", channel=OTHER, continues_in=(OTHER,))]
    rows = encode_cards(cards)
    assert [decode_card(row.encode()) for row in rows] == cards
    assert len({row.partition("\n")[0] for row in rows}) == 1
