"""Who may do what, decided on facts alone."""

import pytest

from bot.domain.permission import (
    Account,
    Denial,
    Membership,
    Person,
    Place,
    UnknownFact,
    WhoMayWatch,
    outside_of,
    unable_to_see,
    unfit_to_change,
)
from tests.builders import ANN

MEMBERS, EVERYONE = WhoMayWatch.MEMBERS, WhoMayWatch.EVERYONE
INSIDE, OUTSIDE = Membership.INSIDE, Membership.OUTSIDE
AWAY, NO_SCOPE = UnknownFact.AWAY, UnknownFact.NO_SCOPE


def person(account: Account | UnknownFact) -> Person:
    return Person(id=ANN, account=account)


@pytest.mark.parametrize("account", [kind for kind in Account if kind is not Account.FULL_MEMBER])
def test_only_a_full_member_may_change_watches(account: Account) -> None:
    assert unfit_to_change(person(account), MEMBERS) is Denial.NOT_FULL_MEMBER
    assert unfit_to_change(person(account), EVERYONE) is None


def test_a_full_member_may_change_watches() -> None:
    assert unfit_to_change(person(Account.FULL_MEMBER), MEMBERS) is None


@pytest.mark.parametrize(("why", "denial"), [(AWAY, Denial.PERSON_AWAY), (NO_SCOPE, Denial.PERSON_NO_SCOPE)])
def test_an_unknown_account_is_no_permission(why: UnknownFact, denial: Denial) -> None:
    assert unfit_to_change(person(why), MEMBERS) is denial
    assert unfit_to_change(person(why), EVERYONE) is None
    assert unable_to_see(person(why), Place(membership=OUTSIDE, public=True)) is denial
    assert unable_to_see(person(why), Place(membership=OUTSIDE)) is denial


@pytest.mark.parametrize(
    ("membership", "denial"),
    [
        (INSIDE, None),
        (OUTSIDE, Denial.NO_SUCH_CHANNEL),
        (AWAY, Denial.PLACE_AWAY),
        (NO_SCOPE, Denial.PLACE_NO_SCOPE),
    ],
)
def test_only_a_member_counts_as_inside(membership: Membership | UnknownFact, denial: Denial | None) -> None:
    assert outside_of(Place(membership=membership, public=True)) is denial


@pytest.mark.parametrize(
    ("account", "place", "denial"),
    [
        (Account.GUEST, Place(membership=INSIDE), None),
        (Account.STRANGER, Place(membership=INSIDE, public=True), None),
        (Account.FULL_MEMBER, Place(membership=OUTSIDE, public=True), None),
        (Account.FULL_MEMBER, Place(membership=OUTSIDE), Denial.NO_SUCH_CHANNEL),
        (Account.GUEST, Place(membership=OUTSIDE, public=True), Denial.NO_SUCH_CHANNEL),
        (Account.STRANGER, Place(membership=OUTSIDE, public=True), Denial.NO_SUCH_CHANNEL),
        (Account.FULL_MEMBER, Place(membership=AWAY), Denial.PLACE_AWAY),
        (Account.FULL_MEMBER, Place(membership=NO_SCOPE), Denial.PLACE_NO_SCOPE),
    ],
)
def test_only_permitted_people_see_a_channels_watches(account: Account, place: Place, denial: Denial | None) -> None:
    assert unable_to_see(person(account), place) is denial
