"""The backups that the open pages want: Slack posts one if the bot does not deliver the step in time."""

from bot.domain.backup import WantedMessage
from bot.domain.page_backup import AHEAD, page_backups
from bot.ports.clock import Clock
from bot.state.repository import Repository


class PageBackups:
    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def wanted(self) -> tuple[WantedMessage, ...]:
        """From what this process knows of the records: each of its heartbeats catches up with the store."""
        now, repository = self._clock.now(), self._repository
        records = [repository.record(pipeline_id) for pipeline_id in repository.due(now + AHEAD)]
        pipelines = {record.pipeline_id: repository.pipeline(record.pipeline_id) for record in records}
        wanted = page_backups(
            (
                (pipelines[record.pipeline_id], record.episode, repository.routing(pipelines[record.pipeline_id]))
                for record in records
                if record.episode
            ),
            now,
        )
        return tuple(message for message in wanted if message.channel not in repository.watches.suspended)
