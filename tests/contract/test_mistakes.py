"""Typical mistakes in every command: the answer names the fault, nothing changes, and the suggestion works."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import pytest
import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.slack.feature import UsageError
from bot.slack.mrkdwn import NO_BREAK
from tests.contract.office import Office, office
from tests.contract.test_policies import save
from tests.routes import parse
from tests.service.test_poller import FAILED

REFUSED = re.compile(r"Nothing was (changed|sent)|There is no |couldn't find|I don't ")
SUGGESTED = re.compile(r"`/pipeline ([^`]+)`")


class Case(NamedTuple):
    typed: str
    names: str
    """A part of the answer: the fault."""
    suggests: str
    """The command that the answer suggests."""


MISTAKES: Mapping[str, tuple[Case, ...]] = {
    "policy": (
        Case("policy p = @ann wiat 5m", "the word “wiat”", "policy p = @ann wait 5m"),
        Case("policy p = @ann wait 5m thne @bob", "the word “thne”", "policy p = @ann wait 5m then @bob"),
        Case("policy p = @ann wait", "a duration after wait", "policy p = @ann wait 5m"),
        Case("policy p = @ann wait soon", "not “soon”", "policy p = @ann wait 5m"),
        Case("policy p = @ann 5m then @bob", "Put wait before “5m”", "policy p = @ann wait 5m then @bob"),
        Case(
            "policy p = then",
            "Who should this policy page?",
            "policy data = @ann wait 5m then @bob wait 10m then channel; repeat 2",
        ),
        Case("policy p =", "Who should the policy p page?", "policy p = @ann"),
        Case("policy p = @ann; repaet 2", "the word “repaet”", "policy p = @ann; repeat 2"),
        Case("policy p = @ann; lsat @bob", "the word “lsat”", "policy p = @ann; last @bob"),
        Case(
            "policy p = nobody",
            "“nobody” can't be a step",
            "policy data = @ann wait 5m then @bob wait 10m then channel; repeat 2",
        ),
        Case(
            "policy p = @ann then oncall data", "Write “oncall data” with a colon", "policy p = @ann then oncall:data"
        ),
        Case(
            "policy p = @ann then policy team",
            "can't contain another policy",
            "policy data = @ann wait 5m then @bob wait 10m then channel; repeat 2",
        ),
        Case(
            "policy @ann wait 5m",
            "“@ann” can't be the name",
            "policy data = @ann wait 5m then @bob wait 10m then channel; repeat 2",
        ),
        Case("policy team a = @bob", "one word, not “team a”", "policy team-a = @bob"),
        Case("policy tema", "no policy called tema", "policy team"),
        Case("policy defualt team", "the word “defualt”", "policy default team"),
        Case("policy default tema", "no policy called tema. Did you mean team?", "policy default team"),
        Case("policy nope", "There is team.", "policy"),
        Case("drill nope", "no policy called nope. There is team.", "drill"),
        Case("drill taem", "Did you mean team?", "drill team"),
        Case("dril team", "no command called dril", "drill team"),
        Case("policy remove tema", "no policy called tema. Did you mean team?", "policy remove team"),
    ),
    "status": (
        Case("status orders-1 for 2h", "can't take “for 2h”", "mute orders-1 for 2h"),
        Case("status orders-1 2h", "can't take “2h”", "mute orders-1 for 2h"),
        Case("status orders-1 until 09:00", "can't take “until 09:00”", "mute orders-1 until 09:00"),
        Case("status orders-1 orders-2 for 30 min", "can't take “for 30 min”", "mute orders-1 orders-2 for 30 min"),
        Case("status failed for 2h", "can't take “for 2h”", "status failed"),
    ),
    "watch": (
        Case(
            "watch orders-1 page @ann wait 5m then @bob",
            "“wait” belongs to a policy",
            "policy data = @ann wait 5m then @bob",
        ),
        Case("watch orders-1 page @ann then @bob", "“then” belongs to a policy", "policy data = @ann then @bob"),
        Case("watch orders-1 page ann", "I can't page “ann”", "watch orders-1 page @ann"),
        Case("watch orders-1 pge @ann", "the word “pge”", "watch orders-1 page @ann"),
        Case("watch page @ann", "Which pipeline", "watch orders-1 page @ann"),
        Case("watch @ann", "Which pipeline", "watch orders-1 page @ann"),
        Case("watch", "Which pipeline", "watch orders-1 page @ann"),
        Case("watch orders-1 on faild", "no event called faild", "watch orders-1 on failed"),
        Case("watch orders-1 failed page @ann", "put on before it", "watch orders-1 on failed page @ann"),
        Case("watch orders-9", "a pipeline called orders-9", "watch orders-1"),
        Case("watch orders-1 page oncall data", "Write “oncall data” with a colon", "watch orders-1 page oncall:data"),
        Case("watch orders-1 page policy team", "Write “policy team” with a colon", "watch orders-1 page policy:team"),
        Case(
            "watch orders-1 page oncall:nope",
            "no schedule called nope. There is data.",
            "schedule nope = rotate @ann @bob every 1 week at 09:00 on monday",
        ),
        Case("watch orders-1 page policy:taem", "no policy called taem", "watch orders-1 page policy:team"),
        Case(
            "watch orders-1 on failed page oncall:dtaa for failed",
            "no schedule called dtaa",
            "watch orders-1 on failed page oncall:data for failed",
        ),
        Case("watch orders-1 page oncall", "needs a name, such as `oncall:data`", "watch orders-1 page oncall:data"),
        Case("watch orders-1 page on-call", "needs a name, such as `oncall:data`", "watch orders-1 page oncall:data"),
        Case("watch orders-1 page for failed", "the word “for”", "watch orders-1 on failed"),
        Case("watch orders-1 confirm", "after confirm", "watch orders-1 confirm 2"),
        Case("watch orders-1 confirm ten", "after confirm", "watch orders-1 confirm 2"),
        Case("unwatch", "Which pipeline", "watches"),
        Case("unwatch orders-1 page @ann", "removes a whole watch", "watch orders-1 page none"),
        Case("wacth orders-1", "no command called wacth", "watch orders-1"),
        Case("page @ann", "page is part of", "watch orders-1 page @ann"),
        Case("page @ann watch orders-1 on failed", "page is part of", "watch orders-1 on failed page @ann"),
    ),
    "oncall": (
        Case("on call", "no command called on", "oncall"),
        Case(
            "oncall nope",
            "no schedule called nope. There is data.",
            "schedule nope = rotate @ann @bob every 1 week at 09:00 on monday",
        ),
        Case("oncall dtaa", "Did you mean data?", "oncall data"),
        Case("oncal data", "no command called oncal", "oncall data"),
        Case("oncall take", "Until when?", "oncall take until 18:00"),
        Case("oncall take data", "Until when?", "oncall take data until 18:00"),
        Case("oncall take data untill 18:00", "“untill”", "oncall take data until 18:00"),
        Case("oncall taek data until 18:00", "the word “taek”", "oncall take data until 18:00"),
        Case("oncall give data", "Who takes the shift?", "oncall give data to @bob until 18:00"),
        Case("oncall give data @bob", "Until when?", "oncall give data @bob until 18:00"),
        Case("oncall give data to bob until 18:00", "“bob”", "oncall give data to @bob until 18:00"),
        Case("oncall data @bob", "Name one schedule", "oncall give data to @bob until 18:00"),
        Case("oncall take dtaa until 18:00", "no schedule called dtaa", "oncall take data until 18:00"),
        Case("schedule team a = rotate @bob @ann", "one word, not “team a”", "schedule team-a = rotate @bob @ann"),
        Case("oncall take data until yesterday", "the time in “until yesterday”", "oncall take data until 18:00"),
        Case("oncall take data from noo until 18:00", "“from noo”", "oncall take data from 09:00 until 18:00"),
        Case("oncall take data until 18:00 in PST", "“in PST”", "help oncall"),
        Case("take my shift", "To change a shift", "oncall take until 18:00"),
        Case("take my shift until 19:00", "To change a shift", "oncall take my shift until 19:00"),
        Case("hand over to @carol", "To change a shift", "oncall give to @carol until 18:00"),
        Case("handover data to @carol", "To change a shift", "oncall give data to @carol until 18:00"),
        Case(
            "schedule web = rotate @ann @bob every 1 week at 25:00",
            "“25:00”",
            "schedule web = rotate @ann @bob every 1 week at 09:00",
        ),
        Case("schedule web = rotate @ann @bob @bob", "@bob appears twice", "schedule web = rotate @ann @bob"),
        Case("take data until 18:00", "no command called take", "oncall take data until 18:00"),
        Case("override data @bob until 18:00", "no command called override", "oncall give data to @bob until 18:00"),
        Case("shadow", "Who should get copies?", "shadow data @carol for 2 weeks"),
        Case("shadow data", "Who should get copies?", "shadow data @carol for 2 weeks"),
        Case("shadow data @carol", "Until when?", "shadow data @carol for 2 weeks"),
        Case("shadow data carol for 2 weeks", "“carol”", "shadow data @carol for 2 weeks"),
        Case("shadow data @carol for ever", "“ever”", "shadow data @carol for 2 weeks"),
        Case(
            "schedule web = rotate @ann @bob evry 1 week",
            "the word “evry”",
            "schedule web = rotate @ann @bob every 1 week",
        ),
        Case(
            "schedule web = rotate ann bob every week",
            "“ann” is no person",
            "schedule web = rotate @ann @bob every week",
        ),
        Case(
            "schedule web = rotate",
            "Who takes turns?",
            "schedule data = rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin",
        ),
        Case("schedule web = calendar nope", "must begin with https://", "help schedule"),
        Case(
            "schedule remove nope",
            "no schedule called nope",
            "schedule nope = rotate @ann @bob every 1 week at 09:00 on monday",
        ),
    ),
    "mute": (
        Case("mute orders-1 for", "the time in “for”", "mute orders-1 for 2h"),
        Case("mute orders-1 until", "the time in “until”", "mute orders-1 for 2h"),
        Case("mute orders-1 untill 18:00", "the word “untill”", "mute orders-1 until 18:00"),
        Case("mute 2h orders-1", "name before the time “2h”", "mute orders-1 2h"),
        Case("mute 2h orders-1 orders-2 because we deploy", "“2h”", "mute orders-1 orders-2 2h because we deploy"),
        Case("mute 2h channel", "“2h”", "mute channel 2h"),
        Case("mute for 2h", "Which pipeline", "mute orders-1 for 2h"),
        Case("mute orders-9 for 2h", "a pipeline called orders-9", "mute orders-1 for 2h"),
        Case("mute orders-1 for ever", "needs an end", "mute orders-1 for 2h"),
        Case("mute orders-1 because", "a reason after because", "mute orders-1 because we deploy"),
        Case("mute orders-1 for 2h beacuse deploy", "the word “beacuse”", "mute orders-1 for 2h because deploy"),
        Case("mtue orders-1 for 2h", "no command called mtue", "mute orders-1 for 2h"),
        Case("maintenance orders-1", "When is the maintenance?", "maintenance orders-1 sat 22:00-02:00 weekly"),
        Case("maintenance orders-1 sat", "When is the maintenance?", "maintenance orders-1 sat 22:00-02:00 weekly"),
        Case("maintenance orders-1 22:00", "How long is the maintenance?", "maintenance orders-1 22:00 for 4h"),
        Case("maintenance orders-1 2026-12-05 22:00", "How long", "maintenance orders-1 2026-12-05 22:00 for 4h"),
        Case(
            "maintenance orders-1 05.12.2026 22:00 for 4h",
            "the date “05.12.2026”",
            "maintenance orders-1 2026-12-05 22:00 for 4h",
        ),
        Case(
            "maintenance orders-1 12/31/2026 22:00 for 4h",
            "“12/31/2026”",
            "maintenance orders-1 2026-12-31 22:00 for 4h",
        ),
        Case("maintenance orders-1 13/13/2026 22:00 for 4h", "“13/13/2026”", "help maintenance"),
        Case("maintenance orders-1 05/12/2026 22:00 for 4h", "“05/12/2026”", "help maintenance"),
        Case("mute orders-1 until 24.11.2026 18:00", "“24.11.2026”", "mute orders-1 until 2026-11-24 18:00"),
        Case("mute orders-1 2026-11-24", "Put *until* before".replace("*", ""), "mute orders-1 until 2026-11-24"),
        Case("mute orders-1 18:00", "until before “18:00”", "mute orders-1 until 18:00"),
        Case(
            "maintenance orders-1 sat 22:00-02:00 weekly in Berln",
            "the time zone “Berln”. Did you mean Europe/Berlin?",
            "maintenance orders-1 sat 22:00-02:00 weekly in Europe/Berlin",
        ),
        Case("mute orders-1 until 18:00 in Berlin", "“Berlin”", "mute orders-1 until 18:00 in Europe/Berlin"),
        Case("mute orders-1 until 18:00 in Xyz", "“Xyz”", "mute orders-1 until 18:00 in Europe/Berlin"),
        Case("quiet 20:00-08:00 in Berlin", "“Berlin”", "quiet 20:00-08:00 in Europe/Berlin"),
        Case(
            "maintenance orders-1 sat 22:00-02:00 weekyl",
            "the word “weekyl”",
            "maintenance orders-1 sat 22:00-02:00 weekly",
        ),
        Case("maintenance sat 22:00-02:00", "Which pipeline", "maintenance orders-1 sat 22:00-02:00 weekly"),
        Case("quiet 20:00", "“20:00” as quiet hours", "quiet 20:00-08:00 weekdays"),
        Case("quiet 20:00-08:00 weekdyas", "the word “weekdyas”", "quiet 20:00-08:00 weekdays"),
    ),
    "questions": (
        *(
            Case(f"{command} ordes-1", "couldn't find a pipeline called ordes-1", f"{command} orders-1")
            for command in ("status", "logs", "why", "history", "note")
        ),
        *(
            Case(f"{command} orders-*", "not a pattern", "status orders-*")
            for command in ("logs", "why", "history", "ack", "snooze")
        ),
        *(
            Case(f"{command} orders-1 7d", "nothing else, but there is “7d”", f"{command} orders-1")
            for command in ("logs", "why", "history")
        ),
        *(
            Case(f"{command} orders-1 in #ops", "“#ops” isn't a pipeline", f"{command} orders-1")
            for command in ("status", "logs", "why", "history")
        ),
        Case("list ordes-1", "couldn't find a pipeline called ordes-1", "status orders-1"),
        Case("list orders-*", "couldn't find a pipeline with “orders-∗”", "status orders-*"),
        Case("list faild", "couldn't find a pipeline with “faild”", "list failed"),
        Case("list zzzz", "couldn't find a pipeline with “zzzz”", "list"),
        Case("status project:nope", "No pipeline matches `project:nope`", "list"),
        Case("status faild", "Did you mean failed?", "status failed"),
        Case("credits orders-1", "`credits` takes no other word, but there is “orders-1”", "credits"),
        Case("help lgos", "I have no help on “lgos”", "help logs"),
        Case("help zzzz", "There is help on ack, audit,", "help"),
        Case('logs "orders-1', "A closing quotation mark is missing", 'logs "orders-1"'),
    ),
    "others": (
        Case("ack", "Which pipeline?", "ack orders-1"),
        Case("ack orders-9", "a pipeline called orders-9", "ack orders-1"),
        Case("ack 20m orders-1", "name before the time “20m”", "ack orders-1 20m"),
        Case("snooze 1h orders-1", "name before the time “1h”", "snooze orders-1 1h"),
        Case('ack for 20m orders-1 "looking"', "name before the time “for 20m”", 'ack orders-1 for 20m "looking"'),
        Case("ack 20m looking", "name before the time “20m”", 'ack orders-1 20m "looking"'),
        Case("snooze orders-1 orders-2 1h", "one pipeline at a time", "snooze orders-1 1h"),
        Case("snooze orders-1 orders-2 1h because slow", "at a time", "snooze orders-1 1h because slow"),
        Case("unack orders-1", "Nobody can take back an acknowledgement", "status orders-1"),
        Case("reopen orders-1", "Nobody can take back a resolve", "status orders-1"),
        Case("unresolve orders-1", "Nobody can take back a resolve", "status orders-1"),
        Case("hold orders-1", "no command called hold", "status orders-1"),
        Case("takeover orders-1 @bob", "bob can type `takeover orders-1`", "help takeover"),
        Case("assign orders-1 @carol", "carol can type `takeover orders-1`", "help takeover"),
        Case("reassign orders-1 to @carol", "carol can type `takeover orders-1`", "help takeover"),
        Case("why", "Which pipeline?", "why orders-1"),
        Case("why orders-1 orders-2", "one pipeline at a time", "why orders-1"),
        Case("history", "Which pipeline?", "history orders-1"),
        Case("status faild", "a pipeline called faild", "status failed"),
        Case("follow-ups thred", "“thred” is no style", "follow-ups thread"),
        Case("runbook", "Which pipeline is the runbook for?", "runbook orders-1 https://wiki.example.com/orders"),
        Case("runbook orders-1 example.com", "must begin with https://", "runbook orders-1 https://example.com"),
        Case("note", "Which pipeline is the note for?", 'note orders-1 "Restart the sink first"'),
        Case('note "Restart it" orders-1', "comes before the note", 'note orders-1 "Restart it"'),
        Case("help wacth", "no help on “wacth”", "help watch"),
    ),
}


@pytest.mark.parametrize("group", MISTAKES)
async def test_a_mistake_changes_nothing_and_its_suggestion_works(fake_redis: redis.asyncio.Redis, group: str) -> None:
    pipelines = [Pipeline(id=PipelineId(f"pipe_000{number}"), name=f"orders-{number}") for number in (1, 2)]
    async with office(fake_redis, *pipelines) as it:
        await it.bot.watch("orders-*")
        it.bot.api.statuses[pipelines[0].id] = FAILED
        await it.bot.poll(20)
        await save(it, "policy team = @ann wait 5m then @bob")
        await save(it, "schedule data = rotate @ann @bob every 1 week")
        for mistake in MISTAKES[group]:
            await is_refused(it, mistake)
        for suggestion in dict.fromkeys(mistake.suggests for mistake in MISTAKES[group]):
            assert not isinstance(parse(suggestion), UsageError), suggestion
            answer = plain(await it.type(suggestion))
            assert not REFUSED.search(answer) or answer.startswith("You already"), (suggestion, answer)


async def is_refused(it: Office, mistake: Case) -> None:
    before = (await it.bot.store.watches()).version
    answer = plain(await it.type(mistake.typed))
    assert (await it.bot.store.watches()).version == before, mistake
    assert mistake.names in answer, (mistake, answer)
    assert mistake.suggests in SUGGESTED.findall(answer), (mistake, answer)
    assert len(re.findall(r"Nothing was (?:changed|sent)\.", answer)) == 1, (mistake, answer)


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


def test_the_table_has_mistakes_in_every_group() -> None:
    assert sum(map(len, MISTAKES.values())) >= 60
