"""Answers for people who ask for a log."""

from bot.domain.log_lines import PodLog
from bot.domain.observation import PipelineId
from bot.ports.details_reads import LogAnswer
from tests.builders import at

A_LOG = (PodLog(pod="pod-a", text="INFO batch 812 written\nFATAL pq: column x does not exist"),)


class FakeLogs:
    """Implements `LogReads`."""

    def __init__(self) -> None:
        self.answer = LogAnswer(at=at(0), pods=A_LOG)
        self.asked: list[PipelineId] = []

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        self.asked.append(pipeline_id)
        return self.answer
