"""*New policy*: from the button over the modal to the question, which *Save* answers, through Slack's sandbox."""

import json
from collections.abc import Mapping

import pytest
import redis.asyncio

from bot.domain.watch import ChannelId, UserId
from bot.slack.features.policy.form import LAST_PEOPLE, NAME, OTHERS, PEOPLE, ROUNDS, WAIT
from bot.slack.render import action_ids
from sandbox.slack.interactions import Choice
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, Office
from tests.contract.test_policies import plain, policies_of, save
from tests.contract.test_watch_form import PATIENCE_SECONDS, Forms, forms

WEEKLY = "schedule rota = rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin"


async def open_form(it: Forms, user: UserId = ANN, name: str = "") -> dict[str, object]:
    """From the Home tab. `name`: the policy to edit."""
    await it.go_home(user)
    choice = Choice(action_id=action_ids.OPEN_POLICY_FORM)
    if name:
        choice = Choice(action_id=action_ids.EDIT_POLICY, value=json.dumps({"name": name}, separators=(",", ":")))
    assert (await it.office.sandbox.slack.click_in_view(user, choice)).ok
    await it.office.sandbox.until(lambda: it.office.sandbox.slack.views.top(user), seconds=PATIENCE_SECONDS)
    return dict(it.office.sandbox.slack.views.top(user) or {})


async def submit(it: Forms, values: Mapping[str, object], user: UserId = ANN) -> str:
    """The errors in the modal, or the answer."""
    before = len(it.said(user))
    ack = await it.office.sandbox.slack.submit_view(user, {block: {block: held} for block, held in values.items()})
    assert ack.ok, ack
    if errors := it.errors(user):
        return json.dumps(errors, ensure_ascii=False)
    await it.office.sandbox.until(lambda: len(it.said(user)) > before, seconds=PATIENCE_SECONDS)
    return plain(it.said(user)[-1])


def save_facts(it: Office, user: UserId = ANN) -> dict[str, object]:
    """What *Save* in the last message sends."""
    message = it.sandbox.slack.messages(ChannelId(it.sandbox.slack.directory.im_id(user)), user)[-1]
    buttons = [element for block in message.blocks for element in block.get("elements", ())]
    facts: dict[str, object] = next(json.loads(one["value"]) for one in buttons if one.get("action_id") == "confirm")
    return facts


def saved_text(it: Office, user: UserId = ANN) -> str:
    """The command behind *Save* in the last message."""
    return str(save_facts(it, user)["asked"])


async def test_a_new_policy_shows_its_effect_before_it_is_saved(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, WEEKLY)
        await open_form(it)
        answer = await submit(
            it,
            {
                NAME: "data",
                f"{PEOPLE}1": [BOB],
                f"{WAIT}1": "10m",
                f"{OTHERS}3": ["oncall:rota", "channel"],
                f"{WAIT}3": "5m",
                ROUNDS: "2",
                LAST_PEOPLE: [CAROL],
            },
        )
        assert "Create the policy data? From now on:" in answer
        assert "1. At once: bob" in answer
        assert "2. After 10 min: ann (on call for rota until" in answer
        assert "If nobody answers, all of that again, 2 times." in answer
        assert await policies_of(it.office) == {}
        question = saved_text(it.office)
        direct = ChannelId("D0ANN")
        assert "is saved" in await it.office.click(action_ids.CONFIRM, {"asked": question}, ANN, direct)
        expected = "@bob wait 10m then oncall:rota channel wait 5m; repeat 2; last @carol"
        assert await policies_of(it.office) == {"data": expected}


async def test_an_edit_begins_with_what_is_saved(fake_redis: redis.asyncio.Redis) -> None:
    text = "@ann @bob wait 7m then @data-oncall here wait 10m; repeat 3; last @carol"
    async with forms(fake_redis) as it:
        await save(it.office, f"policy data = {text}")
        view = await open_form(it, name="data")
        elements = {block["block_id"]: block["element"] for block in view["blocks"] if "element" in block}  # type: ignore[attr-defined]
        unchanged = {block: held_in(element) for block, element in elements.items()}
        assert "is like that already" in await submit(it, unchanged)
        await open_form(it, name="data")
        answer = await submit(it, {**unchanged, ROUNDS: "0"})
        assert "Change the policy data?" in answer
        assert "Before:" in answer


async def test_an_edit_of_a_policy_that_is_removed_meanwhile_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, "policy data = @ann")
        await open_form(it, name="data")
        await it.office.type("policy remove data")
        answer = await submit(it, {NAME: "Data", f"{PEOPLE}1": [BOB]})
        assert "Somebody removed it after you began to change it. Save creates it again." in answer
        assert "Create the policy Data?" in answer
        assert await policies_of(it.office) == {}
        assert "is saved" in await it.office.click(action_ids.CONFIRM, save_facts(it.office), ANN, ChannelId("D0ANN"))


async def test_a_policy_that_is_removed_before_the_save_is_not_created_silently(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, "policy data = @ann")
        await open_form(it, name="data")
        assert "Change the policy data?" in await submit(it, {NAME: "data", f"{PEOPLE}1": [BOB]})
        saving = save_facts(it.office)
        await it.office.type("policy remove data")
        question = await it.office.click(action_ids.CONFIRM, saving, ANN, ChannelId("D0ANN"))
        assert "Somebody removed it after you began to change it." in question
        assert await policies_of(it.office) == {}


async def test_another_name_in_an_edit_makes_another_policy(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, "policy data = @ann")
        await open_form(it, name="data")
        answer = await submit(it, {NAME: "other", f"{PEOPLE}1": [BOB]})
        assert "Create the policy other?" in answer
        assert "removed" not in answer


def held_in(element: Mapping[str, object]) -> object:
    """What a field holds when a modal opens."""
    for name in ("initial_value", "initial_users", "initial_time"):
        if name in element:
            return element[name]
    options = element.get("initial_options")
    if isinstance(options, list):
        return [one["value"] for one in options]
    option = element.get("initial_option")
    return option["value"] if isinstance(option, dict) else None


@pytest.mark.parametrize(
    ("values", "block", "error"),
    [
        ({NAME: "my data", f"{PEOPLE}1": [BOB]}, NAME, "use one word of letters, digits and hyphens"),
        ({NAME: "default", f"{PEOPLE}1": [BOB]}, NAME, "that word has a meaning of its own"),
        ({NAME: "data"}, f"{PEOPLE}1", "Who should this policy page? Nothing was changed."),
        ({NAME: "data", f"{PEOPLE}2": ["U0GONE"]}, f"{PEOPLE}2", "I can't page"),
        ({NAME: "data", f"{PEOPLE}1": [BOB], LAST_PEOPLE: ["U0GONE"]}, LAST_PEOPLE, "I can't page"),
    ],
)
async def test_a_wrong_field_is_explained_in_the_modal(
    fake_redis: redis.asyncio.Redis, values: dict[str, object], block: str, error: str
) -> None:
    async with forms(fake_redis) as it:
        await open_form(it)
        assert error in await submit(it, values)
        assert list(it.errors()) == [block]
        assert await policies_of(it.office) == {}


async def test_a_guest_can_make_no_policy(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await open_form(it, GUEST)
        assert "Nothing was changed." in await submit(it, {NAME: "data", f"{PEOPLE}1": [BOB]}, GUEST)


async def test_a_form_opened_in_a_channel_answers_in_direct_messages(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        slack = it.office.sandbox.slack
        await slack.run_command(ANN, ALERTS, "/pipeline", "policy")
        await slack_answers(it)
        answer = slack.ephemerals(ALERTS, ANN)[-1]
        assert (await slack.click(ANN, ALERTS, answer.ts, action_ids.OPEN_POLICY_FORM)).ok
        await it.office.sandbox.until(lambda: slack.views.top(ANN), seconds=PATIENCE_SECONDS)
        assert "Create the policy data?" in await submit(it, {NAME: "data", f"{PEOPLE}1": [BOB]})
        assert len(slack.ephemerals(ALERTS, ANN)) == 1


async def slack_answers(it: Forms) -> None:
    slack = it.office.sandbox.slack
    await it.office.sandbox.until(lambda: slack.ephemerals(ALERTS, ANN), seconds=PATIENCE_SECONDS)


async def test_an_edit_of_a_removed_policy_says_so(fake_redis: redis.asyncio.Redis) -> None:
    """The Home tab may be older. An empty form would look as if the policy had lost its steps."""
    async with forms(fake_redis) as it:
        await save(it.office, "policy data = @ann")
        await it.go_home()
        choice = Choice(action_id=action_ids.EDIT_POLICY, value='{"name":"data"}')
        await it.office.type("policy remove data")
        assert "There is no policy called data." in await it.refused(choice)


async def test_a_form_with_an_empty_step_says_how_it_counts(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await open_form(it)
        answer = await submit(it, {NAME: "data", f"{PEOPLE}2": [BOB]})
        assert "You left step 1 empty, so the steps after it move up." in answer
        assert "1. At once: bob" in answer
        await open_form(it)
        assert "You left" not in await submit(it, {NAME: "data", f"{PEOPLE}1": [BOB]})


@pytest.mark.parametrize("edited", ["", "other"])
async def test_a_name_that_another_policy_has_is_an_error_in_the_form(
    fake_redis: redis.asyncio.Redis, edited: str
) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, "policy data = @ann")
        await save(it.office, "policy other = @ann")
        await open_form(it, name=edited)
        errors = await submit(it, {NAME: "Data", f"{PEOPLE}1": [BOB]})
        assert "There is a policy called data already." in errors
        assert "Choose another name, or change it with Edit a policy. Nothing was changed." in errors
