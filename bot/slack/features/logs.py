"""The command `logs` and the button *Logs*: the newest lines of a pipeline's log, for the person who asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import AcknowledgeAllAnswer
from bot.domain.observation import PipelineId
from bot.requests.references import NotOnePipeline
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, Feature, Reply, Request
from bot.slack.features.acknowledge import answer_reply, on_its_card
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.render import action_ids
from bot.slack.render.help import HelpPage
from bot.slack.render.log_answer import log_answer_blocks
from bot.slack.render.rows import unresolved

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogsCommand(Command):
    """A parsed `logs`."""

    reference: str

    @property
    def pipelines(self) -> Sequence[str]:
        return (self.reference,)

    async def run(self, request: Request) -> Reply:
        """Only the person who asks gets the answer."""
        services = request.services
        log = await services.requests.logs.named(request.asker.channel, self.reference, request.names)
        if isinstance(log, NotOnePipeline):
            return Reply(blocks=unresolved(log.unresolved, "logs", services.render_context))
        return Reply(blocks=log_answer_blocks(log, services.render_context))


def _parse(command_text: CommandText) -> Command:
    return LogsCommand(one_pipeline(command_text, "logs"))


# --- press -----------------------------------------------------------------------------------------------------------


async def press_logs(click: Click, request: Request) -> Reply:
    """A log says more than a card, so people of other workspaces don't get it."""
    services = request.services
    if refusal := await services.permissions.to_see_log(request.asker):
        return request.refused(refusal)
    pipeline_id = PipelineId(click.text("pipeline"))  # a menu has no room for it
    pipeline_id = pipeline_id or await services.requests.acknowledgements.pipeline_of(click.text("card"))
    if not pipeline_id:
        return answer_reply(AcknowledgeAllAnswer(acknowledged=0, known=0), request)
    log = await services.requests.logs.of(pipeline_id)
    return Reply(blocks=log_answer_blocks(log, services.render_context))


_HELP = HelpPage(
    overview=("`{c} logs orders-eu` — the newest lines of its log, without secrets; only you see them",),
    topic=(
        "*`{c} logs PIPELINE`* — the newest lines of its worker's log, for each replica. Only you see the answer.",
        "If the last error is older than these lines, it comes first. Secrets and e-mail addresses are taken out.",
        "*Logs* on a failure card does the same. In the thread of a card, `logs` alone is enough.",
    ),
)

FEATURE = Feature(
    commands=(CommandWord(name="logs", parse=_parse, takes_names=True, in_thread=True, help_order=11, help=_HELP),),
    buttons={
        action_ids.LOGS: Button(press=on_its_card(press_logs), changes=False),
        action_ids.MEMBER_LOGS: Button(press=on_its_card(press_logs), changes=False),
    },
)
