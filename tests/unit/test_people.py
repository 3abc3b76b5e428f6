"""Whom a typed name means, and whom it never means."""

from typing import Any

import pytest

from bot.domain.permission import Account
from bot.domain.watch import TargetKind, TeamId
from bot.slack.outbound.facts import account_of, name_of
from bot.slack.outbound.people import Index, Matches, group_in, matches_for, person_in

HOME = TeamId("T0TEST")


def a_row(user: str, handle: str, shown: str = "", full: str = "", **more: object) -> dict[str, Any]:
    return {"id": user, "team_id": HOME, "name": handle, "profile": {"display_name": shown, "real_name": full}, **more}


def a_usergroup(group: str, handle: str, name: str, **more: object) -> dict[str, Any]:
    return {"id": group, "handle": handle, "name": name, "date_delete": 0, **more}


ANN = a_row("U1", "ann", "Annie", "Ann Araya")
FULLY_ANN = a_row("U2", "annette", "Nettie", "ann")
BOB = a_row("U3", "bob", "Bobby", "Bob Berg")
ONCALL = a_usergroup("S1", "data-oncall", "Data on call")


def found(name: str, users: list[dict[str, Any]], teams: list[dict[str, Any]] | None = None) -> list[str]:
    return [entry.id for entry in matches(name, users, teams or []).entries]


def matches(name: str, users: list[dict[str, Any]], teams: list[dict[str, Any]]) -> Matches:
    persons, groups = [person_in(row, HOME) for row in users], [group_in(row) for row in teams]
    return matches_for(name, Index(entry for entry in persons if entry), Index(entry for entry in groups if entry))


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("ann", ["U1"]),
        ("ANN", ["U1"]),
        ("annie", ["U1"]),
        ("ann araya", ["U1"]),
        ("nettie", ["U2"]),
        ("bob  berg", ["U3"]),
        ("data-oncall", ["S1"]),
        ("data on call", ["S1"]),
        ("zoe", []),
        ("", []),
    ],
)
def test_display_name_and_handle_come_before_the_full_name(name: str, ids: list[str]) -> None:
    assert found(name, [FULLY_ANN, ANN, BOB], [ONCALL]) == ids


def test_a_full_name_matches_without_a_better_match() -> None:
    assert found("ann", [FULLY_ANN, BOB]) == ["U2"]


def test_several_of_one_rank_are_all_named() -> None:
    assert found("annie", [ANN, a_row("U4", "other", "Annie")]) == ["U1", "U4"]
    assert found("ann", [ANN, a_row("U4", "other", "ann")]) == ["U1", "U4"]
    assert found("ann araya", [ANN, a_row("U4", "other", full="Ann Araya")]) == ["U1", "U4"]


def test_a_groups_handle_comes_before_a_groups_name() -> None:
    other = a_usergroup("S2", "other", "data-oncall")
    assert found("data-oncall", [], [other, ONCALL]) == ["S1"]
    assert found("data-oncall", [], [other]) == ["S2"]
    assert found("data on call", [], [ONCALL, a_usergroup("S2", "on-call-2", "Data On Call")]) == ["S1", "S2"]


@pytest.mark.parametrize("field", ["shown", "full"])
@pytest.mark.parametrize("name", ["Data on call", "data on call"])
def test_a_persons_display_name_never_replaces_a_group(field: str, name: str) -> None:
    impostor = a_row("U9", "mallory", **{field: name})
    assert found("Data on call", [impostor], [ONCALL]) == ["U9", "S1"]  # both: so it is refused


def test_a_group_handle_wins_over_a_full_name_only() -> None:
    assert found("data-oncall", [a_row("U9", "mallory", full="data-oncall")], [ONCALL]) == ["S1"]
    assert found("data-oncall", [a_row("U9", "mallory", "data-oncall")], [ONCALL]) == ["U9", "S1"]


@pytest.mark.parametrize(
    ("more", "account"),
    [
        ({}, Account.FULL_MEMBER),
        ({"is_restricted": True}, Account.GUEST),
        ({"is_restricted": True, "is_ultra_restricted": True}, Account.GUEST),
        ({"is_ultra_restricted": True}, Account.GUEST),
        ({"team_id": "T0OTHER"}, Account.STRANGER),
        ({"team_id": "T0OTHER", "is_restricted": True}, Account.STRANGER),
        ({"is_stranger": True}, Account.STRANGER),
        ({"team_id": "E0ORG", "enterprise_user": {"teams": ["T0OTHER", HOME]}}, Account.FULL_MEMBER),
        ({"team_id": "E0ORG", "enterprise_user": {"teams": ["T0OTHER"]}}, Account.STRANGER),
        ({"deleted": True}, Account.DEACTIVATED),
        ({"is_bot": True}, Account.BOT),
        ({"id": "USLACKBOT"}, Account.BOT),
    ],
)
def test_only_full_members_are_found_by_name(more: dict[str, Any], account: Account) -> None:
    row = {**a_row("U9", "zoe", "Zoe", "Zoe Zimmer"), **more}
    assert account_of(row, HOME) is account
    wanted = [row["id"]] if account is Account.FULL_MEMBER else []
    for name in ("zoe", "Zoe Zimmer"):
        assert found(name, [row]) == wanted


def test_a_guest_neither_answers_to_a_name_nor_makes_it_unclear() -> None:
    assert found("ann", [ANN, a_row("U9", "guest", "ann", is_restricted=True)]) == ["U1"]


def test_a_disabled_group_matches_nothing() -> None:
    assert found("data-oncall", [], [{**ONCALL, "date_delete": 1_700_000_000}]) == []


@pytest.mark.parametrize(
    ("row", "name"), [(ANN, "Annie"), (a_row("U5", "cy", "", "Cy Coe"), "Cy Coe"), (a_row("U6", "di"), "di")]
)
def test_people_are_called_as_slack_shows_them(row: dict[str, Any], name: str) -> None:
    assert name_of(row) == name


def test_a_match_by_full_name_alone_is_uncertain() -> None:
    assert matches("ann", [ANN, FULLY_ANN], []).sure
    assert not matches("ann araya", [ANN, FULLY_ANN], []).sure
    assert matches("data-oncall", [], [ONCALL]).sure
    assert matches("ann", [ANN], []).entries[0].kind is TargetKind.USER


@pytest.mark.parametrize("name", ["Ann\u200b", " ANN ", "Zoe\u0308"])
def test_lookalike_names_match(name: str) -> None:
    assert found(name, [ANN, a_row("U7", "zo", "Zo\u00eb")]) == (["U1"] if "nn" in name.lower() else ["U7"])
