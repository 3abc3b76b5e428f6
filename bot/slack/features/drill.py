"""The command `drill`: tests every way that a page from this channel would take. Asks before it reaches anybody."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import RefusalAnswer
from bot.domain.on_call_setup import target_text
from bot.requests.drills import DrillPlan, UnknownPolicyError
from bot.requests.policies import there_are
from bot.slack.channels import channel_to_change
from bot.slack.feature import Command, CommandWord, ConfirmableChange, Feature, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import quoted, typed
from bot.slack.mrkdwn import escape, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, section, sections
from bot.slack.render.change_buttons import confirm_blocks
from bot.slack.render.help import HelpPage

NOTHING_SENT = "Nothing was sent."

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DrillCommand(ConfirmableChange):
    """A parsed `drill`."""

    policy: str = ""

    @property
    def check(self) -> str:
        return "watches"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_change(None, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        drills = services.requests.drills
        try:
            plan = await drills.plan(channel, self.policy)
        except UnknownPolicyError:
            unknown = services.requests.policies.unknown(self.policy)
            near = f" Did you mean *{outside(unknown.nearest)}*?" if unknown.nearest else ""
            known = f" {there_are(unknown.known)}" if unknown.known and not near else ""
            reason = f"There is no policy called *{outside(self.policy)}*.{near}{known} {NOTHING_SENT}"
            return request.refused(RefusalAnswer(reason=reason, command=f"drill {unknown.nearest}".strip()))
        if not request.confirmed:
            return Reply(blocks=question_blocks(plan, drills.now()))
        name = await services.permissions.name(asker)
        if await drills.start(plan, asker.user, name) is None:
            reason = f"A drill runs here, or ran in the last 5 min. {NOTHING_SENT} Try again later."
            return Reply(blocks=[section(reason)])
        where = "here" if phrases.is_direct(channel) else f"in {phrases.conversation(channel, 'your')}"
        return Reply(blocks=[section(f"The drill runs. I report {where} how it went, within 2 min.")])


def _parse(command_text: CommandText) -> Command:
    name = " ".join(typed(word.text) for word in command_text.words).removeprefix("policy:").strip()
    return DrillCommand(name)


# --- render ----------------------------------------------------------------------------------------------------------


def question_blocks(plan: DrillPlan, at: datetime) -> list[Block]:
    """The people and pagers that the drill reaches, and a button that starts it."""
    lines = ["A drill sends “DRILL — nothing is wrong” to:", f"• {phrases.conversation(plan.channel, 'your')}"]
    lines += [f"• {outside(target_text(person))}, by direct message" for person in plan.people]
    lines += [f"• {outside(target_text(pager))}, as an incident that ends at once" for pager in plan.pagers]
    if not plan.people and not plan.pagers:
        pages = f"the policy *{outside(plan.policy)}* pages" if plan.policy else "a failure here pages"
        lines.append(f"It reaches nobody else: {pages} no single person and no pager.")
    if plan.unreachable:
        nobody = ", ".join(outside(target_text(target)) for target in plan.unreachable)
        lines.append(f"These reach nobody now, so the drill fails: {nobody}")
    if plan.untested:
        lines.append(f"It can't test these alone: {', '.join(map(outside, plan.untested))}")
    command = f"drill {escape(quoted(plan.policy))}" if plan.policy else "drill"
    return [*sections(lines), *confirm_blocks("Start the drill", command, at)]


_HELP = HelpPage(
    overview=("`{c} drill` — test whether pages get through",),
    topic=(
        "*`{c} drill [POLICY]`* — send a test to everyone that a page would reach, and time each way.",
        "Without a policy: this channel, and the people that its watches page. I ask before I send anything.",
        "The test says *DRILL — nothing is wrong*. It touches no pipeline and no open page.",
        "Groups, `here` and `channel` are not pinged.",
    ),
)

FEATURE = Feature(commands=(CommandWord(name="drill", parse=_parse, changes=True, help_order=21, help=_HELP),))
