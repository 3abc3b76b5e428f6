"""`policy`: who is paged, in which order. Each change shows its effect before it is saved."""

import pytest
import redis.asyncio

from bot.domain.notice import Notice
from bot.domain.on_call_setup import DefaultPolicy, SavedPolicy, policy_text
from bot.domain.setup import Setup
from bot.requests.policies import there_are
from bot.slack.render import action_ids
from bot.slack.render.notices import render_notice
from sandbox.slack import markup
from tests.builders import a_delivery
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, LOOK, OPS, Office, office

TWO_STEPS = "policy data = @ann wait 10m then @bob wait 5m then channel; repeat 2; last pager:ops"


def plain(answer: str) -> str:
    return answer.replace("`", "").replace("\u2060", "").replace("\u00a0", " ")


async def save(it: Office, text: str, user: str = ANN, channel: str = ALERTS) -> str:
    """Types a command and clicks *Save*, as a person would."""
    raw = markup.for_command(text, it.sandbox.slack.directory, user)
    await it.send(raw, user, channel)  # type: ignore[arg-type]
    question = {"asked": raw, "at": it.bot.clock.now().isoformat()}
    return plain(await it.click(action_ids.CONFIRM, question, user, channel))  # type: ignore[arg-type]


async def setup_of(it: Office) -> Setup:
    return (await it.bot.store.watches()).setup


async def policies_of(it: Office) -> dict[str, str]:
    return {saved.policy.name: policy_text(saved.policy) for saved in (await setup_of(it)).all(SavedPolicy)}


async def test_a_policy_shows_its_effect_and_is_saved_by_a_click(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        question = plain(await it.type(TWO_STEPS))
        assert await policies_of(it) == {}
        answer = await save(it, TWO_STEPS)
        saved = await policies_of(it)
    steps = "1. At once: ann\n2. After 10 min: bob\n3. After 15 min: everyone in the channel"
    for text in (question, answer):
        assert steps in text
        assert "If nobody answers, all of that again, 2 times." in text
        assert "Last resort 5 min after the last step: the pager ops" in text
    assert "Create the policy data? From now on:" in question
    assert "Nothing is saved yet." in question
    assert "The policy data is saved." in answer
    assert saved == {"data": "@ann wait 10m then @bob wait 5m then channel wait 5m; repeat 2; last pager:ops"}


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("policy data = @ann", "@ann wait 5m"),
        ("policy data=@ann", "@ann wait 5m"),
        ("policy data @ann", "@ann wait 5m"),
        ("policy data = @ann, @bob then here", "@ann @bob wait 5m then here wait 5m"),
        ("policy data = @ann wait 5 min, then here", "@ann wait 5m then here wait 5m"),
        (
            "policy data = @ann after 2 minutes @bob after 1h channel",
            "@ann wait 2m then @bob wait 1h then channel wait 5m",
        ),
        ("policy data = @ann, then @bob after 10m", "@ann wait 10m then @bob wait 5m"),
        ("policy data = @ann → channel; repeat twice", "@ann wait 5m then channel wait 5m; repeat 2"),
        (
            "policy data = me then owner; repeat 3 times; last @bob",
            "@ann wait 5m then owner wait 5m; repeat 3; last @bob",
        ),
        ("policy data = PAGER:ops", "pager:ops wait 5m"),
    ],
)
async def test_a_policy_is_read_as_people_type_it(fake_redis: redis.asyncio.Redis, typed: str, means: str) -> None:
    async with office(fake_redis) as it:
        await save(it, typed)
        assert await policies_of(it) == {"data": means}


@pytest.mark.parametrize(
    ("typed", "says", "corrected"),
    [
        ("policy data = ann wait 5m", "I can't page “ann”", "policy data = @ann wait 5m"),
        ("policy data = @ann wait 5s", "1 minute to 1 day", "policy data = @ann wait 1m"),
        ("policy data = @ann wait 3d", "1 minute to 1 day", "policy data = @ann wait 1d"),
        ("policy data = @ann; repeat 12", "0 to 9", "policy data = @ann; repeat 9"),
        ("policy data = @ann; repeat", "0 to 9", "help policy"),
        ("policy data = @ann; last", "after last", "help policy"),
        ("policy data = wait 5m", "how long", "policy data = @ann"),
        ("policy data = @everyone", "everyone", "policy data = channel"),
        ("policy then = @ann", "has a meaning of its own", "policy data = @ann"),
        (f"policy {'x' * 41} = @ann", "the limit is 40", "policy data = @ann"),
        ("policy data = policy:other", "There is no policy called other", "policy"),
        ("policy data = oncall:team", "There is no schedule called team", "schedule team = rotate"),
        ("policy data = @nosuch", "no person or user group", ""),
        ("policy data = @helper-bot", "I can't page", ""),
        ("policy default nosuch", "There is no policy called nosuch", "policy"),
        ("policy default data in mars", "in workspace", "policy default data"),
        ("policy remove", "Name one policy", "policy remove data"),
        ("policy nosuch", "There is no policy called nosuch", "policy"),
        ("watch orders-1 page policy:nosuch", "There is no policy called nosuch", "policy"),
        ("watch orders-1 page oncall:nosuch", "There is no schedule called nosuch", "schedule nosuch = rotate"),
    ],
)
async def test_a_wrong_word_changes_nothing(
    fake_redis: redis.asyncio.Redis, typed: str, says: str, corrected: str
) -> None:
    async with office(fake_redis) as it:
        answer = plain(await it.type(typed))
        assert says in answer
        assert "Nothing was changed." in answer
        assert corrected in answer
        assert await setup_of(it) == Setup()
        assert await it.watches(ALERTS) == []


async def test_a_change_shows_the_old_policy_and_an_equal_one_asks_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann")
        changed = plain(await it.type("policy DATA = @bob"))
        assert "Change the policy DATA? From now on:\n1. At once: bob" in changed
        assert "Before: @ann wait 5m\nPages that run already keep the old policy." in changed
        assert "is like that already. Nothing was changed." in plain(await it.type("policy data = @ann wait 5m"))
        await save(it, "policy DATA = @bob")
        assert await policies_of(it) == {"DATA": "@bob wait 5m"}


async def test_policies_are_listed_and_shown(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "There is no policy yet." in await it.type("policy")
        await save(it, "policy data = @ann then @bob; repeat 2; last @carol")
        await save(it, "policy default data in workspace")
        listed, shown = plain(await it.type("policy")), plain(await it.type("policy Data"))
    assert "• data: ann, then bob after 5 min; if nobody answers, again 2 times; last resort: carol\n" in listed
    assert "The workspace's default: data" in listed
    assert "data, if a pipeline failed now:\n1. At once: ann" in shown
    assert "Used by:\n• the default of the workspace" in shown
    assert "/pipeline policy data = @ann wait 5m then @bob wait 5m; repeat 2; last @carol" in shown


async def test_a_policy_in_use_is_not_removed(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann")
        await it.type("watch orders-1 page policy:Data")
        await save(it, "policy default data")
        answer = plain(await it.type("policy remove data"))
        assert "The policy data is in use. Nothing was changed." in answer
        assert f"• the default of <#{ALERTS}>" in answer
        assert "First let these use another policy" in answer
        assert "orders-1" in answer
        await it.type("unwatch orders-1")
        assert "in use" in await it.type("policy remove data")
        await save(it, "policy default none")
        assert "is removed. It was @ann wait 5m" in plain(await it.type("policy data none"))
        assert await setup_of(it) == Setup()


@pytest.mark.parametrize(
    ("typed", "scope", "effect"),
    [
        ("policy default data", ALERTS, f"Watches without targets in <#{ALERTS}> page the policy data from now on:"),
        ("policy default data in #alerts", ALERTS, "page the policy data from now on:"),
        ("policy default data in workspace", "workspace", "in channels without a default page the policy data"),
        ("policy default data for the operator", "operator", "My own trouble pages data:"),
    ],
)
async def test_a_default_policy_has_a_scope(
    fake_redis: redis.asyncio.Redis, typed: str, scope: str, effect: str
) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann")
        typed = typed.replace("#alerts", f"#{it.sandbox.slack.directory.channels[ALERTS].name}")
        assert effect in plain(await it.type(typed))
        assert effect in await save(it, typed)
        assert [row.scope for row in (await setup_of(it)).all(DefaultPolicy)] == [scope]
        assert "already" in await it.type(typed)


async def test_a_guest_changes_no_policy(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann")
        for typed in ("policy data = @bob", "policy remove data", "policy default data"):
            assert "Only full members" in await it.type(typed, GUEST)
            refused = await save(it, typed, GUEST)
            assert "Only full members" in refused or "This question is too old" in refused
        assert await policies_of(it) == {"data": "@ann wait 5m"}
        assert "data" in await it.type("policy", GUEST)


async def test_a_default_of_a_channel_is_for_its_members(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(OPS)
        await save(it, "policy data = @ann")
        assert "I can't find a channel" in await it.type("policy default data in #ops-private", CAROL)
        assert "Change the default" in await it.type("policy default data in #ops-private", ANN)


async def test_cancel_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type(TWO_STEPS)
        assert await it.click(action_ids.CANCEL, {}) == "Cancelled. Nothing was changed."
        assert await policies_of(it) == {}


async def test_a_pager_that_the_settings_lack_reaches_nobody(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = pager:ops wait 10m then @ann")
    async with office(fake_redis, pagers=()) as it:
        shown = plain(await it.type("policy data"))
    assert "1. At once: the pager ops (not in my settings)\n2. At once: ann" in shown
    assert "Step 1 reaches nobody now" in shown


@pytest.mark.parametrize(
    "typed",
    [
        "watch orders-1 page pager:opps",
        "watch orders-1 page @ann pager:OPPS",
        "watch orders-1 page @ann pager:opps for failed,degraded",
        "policy data = pager:opps",
        "policy data = @ann then pager:opps",
        "policy data = @ann; last pager:opps",
    ],
)
async def test_a_pager_that_does_not_exist_is_refused(fake_redis: redis.asyncio.Redis, typed: str) -> None:
    async with office(fake_redis) as it:
        refusal = plain(await it.type(typed))
        assert "There is no pager called OPPS. Did you mean ops? Nothing was changed.".lower() in refusal.lower()
        assert "Type pager:ops." in refusal
        assert not await it.watches(ALERTS)
        await save(it, typed)
        assert await policies_of(it) == {}


async def test_without_any_pager_the_refusal_names_the_setting(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis, pagers=()) as it:
        refusal = plain(await it.type("watch orders-1 page pager:ops"))
    assert "There is no pager called ops. I know no pagers. Nothing was changed." in refusal
    assert "PAGERS" in refusal


async def test_a_channel_hears_who_changed_its_default_policy(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann")
        await save(it, "policy ops = @bob")
        for typed in (
            "policy default data",
            "policy default ops",
            "policy default none",
            "policy default data in workspace",
        ):
            await save(it, typed)
        notices = [row.body for row in await it.bot.store.owed(ALERTS) if isinstance(row.body, Notice)]
    delivery = a_delivery()
    texts = [plain(render_notice(notice, delivery, LOOK.render_context).text) for notice in notices]
    assert [text.partition(".")[0] for text in texts] == [
        "ann made data this channel's default policy",
        "ann made ops this channel's default policy",
        "ann removed this channel's default policy, ops",
    ]
    assert "Before: data." in texts[1]


async def test_a_person_who_stops_pages_hears_which_policies_still_name_them(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        await save(it, "policy data = @ann then @bob")
        await it.type("watch orders-1 page @bob")
        await save(it, "schedule data = rotate @ann @bob")
        await save(it, "shadow data @bob for 2 weeks")
        answer = plain(await it.click(action_ids.STOP_ALL_PAGING, {"all": True}, BOB))
        forgotten = plain(await it.click(action_ids.STOP_ALL_PAGING, {"all": True}, CAROL))
    assert "These still page you, and only a person changes them, since others rely on them:" in answer
    assert "• The policy data. /pipeline policy data shows how to change its steps." in answer
    assert "Edit a policy on my Home tab changes it too." in answer
    give = "/pipeline oncall give data to @someone until 18:00"
    assert f"• The schedule data. {give} gives a shift away. Edit a schedule on my Home tab takes you out." in answer
    assert "• You shadow data until" in answer
    assert "set by ann: you get copies of its pages. /pipeline shadow data me none ends that." in answer
    assert "These still page you" not in forgotten


@pytest.mark.parametrize(
    ("before", "anns", "bobs"),
    [
        ("policy data = @carol", "policy data = @ann", "policy data = @bob"),
        ("", "policy data = @ann", "policy data = @bob"),
        (
            "schedule data = rotate @carol",
            "schedule data = rotate @ann @carol",
            "schedule data = rotate @bob @carol",
        ),
        ("", "schedule data = rotate @ann", "schedule data = rotate @bob"),
    ],
)
async def test_a_save_asks_again_if_somebody_else_changed_the_same(
    fake_redis: redis.asyncio.Redis, before: str, anns: str, bobs: str
) -> None:
    """Two people edit at once. The later save would undo the earlier one, and nobody would know."""
    async with office(fake_redis) as it:
        if before:
            await save(it, before)
            await it.bot.clock.pass_time(60)
        saving = {"asked": markup.for_command(anns, it.sandbox.slack.directory, ANN)}
        saving["at"] = it.bot.clock.now().isoformat()
        await it.bot.clock.pass_time(30)
        await save(it, bobs, BOB)
        saved = (await setup_of(it)).rows
        await it.bot.clock.pass_time(30)
        question = plain(await it.click(action_ids.CONFIRM, saving))
        assert "bob changed it" in question
        assert "Nothing is saved yet." in question
        assert (await setup_of(it)).rows == saved
        again = {**saving, "at": it.bot.clock.now().isoformat()}
        assert "saved" in plain(await it.click(action_ids.CONFIRM, again)).lower()
        assert "ann" in str((await setup_of(it)).rows)
        assert "is like that already" in plain(await it.click(action_ids.CONFIRM, saving))


@pytest.mark.parametrize(
    ("before", "change", "removal"),
    [
        ("policy data = @carol", "policy data = @ann", "policy remove data"),
        ("schedule data = rotate @carol", "schedule data = rotate @ann @carol", "schedule remove data"),
        ("policy default ops in workspace", "policy default other in workspace", "policy default none in workspace"),
    ],
)
async def test_a_save_asks_again_if_somebody_else_removed_the_same(
    fake_redis: redis.asyncio.Redis, before: str, change: str, removal: str
) -> None:
    async with office(fake_redis) as it:
        for text in ("policy ops = @bob", "policy other = @bob", before):
            await save(it, text)
        raw = markup.for_command(change, it.sandbox.slack.directory, ANN)
        again = {"asked": raw, "at": it.bot.clock.now().isoformat()}
        saving = {**again, "existed": True}
        await save(it, removal, BOB)
        removed = (await setup_of(it)).rows
        question = plain(await it.click(action_ids.CONFIRM, saving))
        assert "Somebody removed it after you began to change it. Save creates it again." in question
        assert "Nothing is saved yet." in question
        assert (await setup_of(it)).rows == removed
        assert "saved" in plain(await it.click(action_ids.CONFIRM, again)).lower()
        assert len((await setup_of(it)).rows) == len(removed) + 1


async def test_a_default_asks_again_if_somebody_else_changed_it(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        for name in ("one", "two"):
            await save(it, f"policy {name} = @ann")
        saving = {"asked": "policy default one in workspace", "at": it.bot.clock.now().isoformat()}
        await it.bot.clock.pass_time(30)
        await save(it, "policy default two in workspace", BOB)
        assert "bob changed it" in plain(await it.click(action_ids.CONFIRM, saving))
        default = (await setup_of(it)).get(DefaultPolicy, "workspace")
        assert default
        assert default.policy == "two"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["data"], "There is *data*."),
        (["data", "web"], "There are *data* and *web*."),
        ([f"n{number}" for number in range(12)], "*n9* and 2 more."),
    ],
)
def test_a_refusal_names_what_exists(names: list[str], sentence: str) -> None:
    assert there_are(names).endswith(sentence)


@pytest.mark.parametrize(
    ("steps", "warning"),
    [
        ("@bob then @bob", "Step 2 reaches nobody new: an earlier step calls bob already."),
        ("oncall:data then @bob then @ann", "Step 3 reaches nobody new: an earlier step calls ann already."),
        ("@bob then @ann then @ann @bob", "Step 3 reaches nobody new: an earlier step calls ann and bob already."),
        ("@bob then @bob @ann", ""),
        ("@ann then @bob; repeat 2", ""),
    ],
)
async def test_a_preview_warns_of_a_step_that_reaches_nobody_new(
    fake_redis: redis.asyncio.Redis, steps: str, warning: str
) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        question = plain(await it.type(f"policy data = {steps}"))
    assert warning in question
    assert ("reaches nobody new" in question) is bool(warning)


@pytest.mark.parametrize("steps", ["@ann wait 10m @bob", "@ann wait 10m then @bob", "@ann, wait 10m, @bob"])
async def test_a_target_after_a_wait_begins_a_step(fake_redis: redis.asyncio.Redis, steps: str) -> None:
    async with office(fake_redis) as it:
        question = plain(await it.type(f"policy data = {steps}"))
    assert "1. At once: ann\n2. After 10 min: bob" in question
