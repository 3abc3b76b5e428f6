"""People by e-mail and id, and the members of user groups: over a real socket, as Slack answers."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.permission import UnknownFact
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.watch import Target, TeamId, UserId
from bot.slack.outbound.calls import SlackClient, web_client
from bot.slack.outbound.members import Members
from bot.slack.outbound.user_groups import SlackUserGroups
from sandbox.server import Sandbox
from sandbox.slack.directory import TEAM_ID, User
from sandbox.slack.faults import Fault, FaultKind
from tests.fakes import FakeClock

ANN, BOB, DEE, GIL, PAT = (UserId(f"U0{name}") for name in ("ANN", "BOB", "DEE", "GIL", "PAT"))
GROUP = "S0ONCALL"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> SlackClient:
    return web_client("xoxb-sandbox", f"{sandbox.url}/api/")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def members(client: SlackClient, clock: FakeClock) -> Members:
    return Members(client, clock, TeamId(TEAM_ID))


def _id(found: Target | UnknownFact | None) -> str | UnknownFact | None:
    return found.id if isinstance(found, Target) else found


def count(sandbox: Sandbox, method: str) -> int:
    return sum(call.method == method for call in sandbox.slack.calls)


@pytest.mark.parametrize(
    ("email", "person"),
    [
        ("ann@acme-data.example", ANN),
        ("ANN@Acme-Data.example", ANN),
        ("gil@acme-data.example", GIL),
        ("dee@acme-data.example", None),  # deactivated
        ("pat@acme-data.example", None),  # another company's
        ("pipeline_bot@acme-data.example", None),
        ("nobody@acme-data.example", None),
    ],
)
async def test_a_person_by_email(members: Members, email: str, person: UserId | None) -> None:
    assert _id(await members.with_email(email)) == person


@pytest.mark.parametrize(
    ("user", "person"), [(ANN, ANN), (GIL, GIL), (DEE, None), (PAT, None), ("U0BOT", None), ("U0NOSUCH", None)]
)
async def test_a_person_by_id(members: Members, user: str, person: UserId | None) -> None:
    assert _id(await members.member(UserId(user))) == person


async def test_an_answer_counts_for_a_while(sandbox: Sandbox, members: Members, clock: FakeClock) -> None:
    for _ in range(3):
        await members.with_email("ann@acme-data.example")
        await members.with_email("nobody@acme-data.example")
    assert count(sandbox, "users.lookupByEmail") == 2
    sandbox.slack.directory.users["U0NEW"] = User(id="U0NEW", name="nobody", real_name="New")
    clock.seconds += 601
    assert _id(await members.with_email("nobody@acme-data.example")) == "U0NEW"
    assert _id(await members.with_email("ann@acme-data.example")) == ANN
    assert count(sandbox, "users.lookupByEmail") == 3


async def test_a_person_removed_from_the_workspace_is_nobody_within_an_hour(
    sandbox: Sandbox, members: Members, clock: FakeClock
) -> None:
    found = await members.member(BOB)
    assert isinstance(found, Target)
    assert (found.id, found.label) == (BOB, "bob")
    sandbox.slack.directory.users[BOB] = User(id=BOB, name="bob", real_name="Bob Berg", deleted=True)
    clock.seconds += 3601
    assert await members.member(BOB) is None
    assert await members.with_email("bob@acme-data.example") is None


async def test_without_the_scope_nobody_is_known_by_email(sandbox: Sandbox, members: Members) -> None:
    sandbox.slack.scopes.discard("users:read.email")
    assert await members.with_email("ann@acme-data.example") is UnknownFact.NO_SCOPE
    assert _id(await members.member(ANN)) == ANN


async def test_a_rate_limit_is_obeyed(sandbox: Sandbox, members: Members, clock: FakeClock) -> None:
    sandbox.slack.set_fault("users.lookupByEmail", Fault(kind=FaultKind.THROTTLED, retry_after=30))
    for _ in range(3):
        assert await members.with_email("ann@acme-data.example") is UnknownFact.AWAY
    assert count(sandbox, "users.lookupByEmail") == 1
    sandbox.slack.set_fault("users.lookupByEmail", None)
    clock.seconds += 31
    assert _id(await members.with_email("ann@acme-data.example")) == ANN


async def test_a_user_group_gets_new_members(sandbox: Sandbox, client: SlackClient) -> None:
    groups = SlackUserGroups(client)
    assert await groups.members(GROUP) == frozenset({ANN, BOB})
    assert await groups.set_members(GROUP, {BOB}) is None
    assert await groups.members(GROUP) == frozenset({BOB})


@pytest.mark.parametrize(
    ("refusing", "people", "refusal"),
    [
        (lambda slack: slack.scopes.discard("usergroups:write"), {ANN}, GroupRefusal.NO_SCOPE),
        (lambda slack: setattr(slack.directory, "paid", False), {ANN}, GroupRefusal.UNPAID),
        (lambda slack: setattr(slack.directory, "apps_manage_groups", False), {ANN}, GroupRefusal.FORBIDDEN),
        (lambda slack: slack.directory.usergroups.clear(), {ANN}, GroupRefusal.MISSING),
        (lambda slack: None, {DEE}, GroupRefusal.STRANGERS),
        (lambda slack: None, {}, GroupRefusal.OTHER),
        (
            lambda slack: slack.set_fault("usergroups.users.update", Fault(kind=FaultKind.THROTTLED, retry_after=9)),
            {ANN},
            GroupRefusal.AWAY,
        ),
    ],
)
async def test_slack_refuses_to_change_a_user_group(
    sandbox: Sandbox, client: SlackClient, refusing: object, people: set[UserId], refusal: GroupRefusal
) -> None:
    assert callable(refusing)
    refusing(sandbox.slack)
    assert await SlackUserGroups(client).set_members(GROUP, people) is refusal
