"""The logs of a pipeline's workers, one per replica: pure functions of the pipeline and the time.

Assumptions, since GoldRush publishes none: the log is that of the current pod; a worker that starts again in the same
pod goes on in the same log; a new deployment has new pods, and their logs know nothing of the earlier ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sandbox.goldrush_causes import usual
from sandbox.goldrush_log_styles import style_of, writer
from sandbox.goldrush_pipelines import LogContent, Pipeline, Trouble
from sandbox.goldrush_work import Work

TAIL_ERROR = "unable to upgrade connection: container not found"
STEP = timedelta(seconds=3)
USUAL_LINES = 40
LONG_LINES = 8_000
ATTEMPTS = 10
Json = dict[str, object]


def pods(pipeline: Pipeline, work: Work, now: datetime) -> list[Json]:
    """One pod per replica. Without a container the text is the error of reading it."""
    return [
        {"pod": f"pipeline-{pipeline.uid}{_suffix(pipeline, number)}", "logs": _Log(pipeline, number, work, now).text()}
        for number in range(pipeline.replicas)
    ]


def _suffix(pipeline: Pipeline, number: int) -> str:
    return sha256(f"{pipeline.uid} pod {number}".encode()).hexdigest()[:4]


@dataclass(frozen=True, slots=True)
class _Log:
    pipeline: Pipeline
    number: int
    work: Work
    now: datetime

    def text(self) -> str:
        pipeline, trouble = self.pipeline, self.pipeline.trouble
        if pipeline.phase == "FAILED" and trouble is not None:
            match trouble.log:
                case LogContent.TAIL_ERROR:
                    return f'{TAIL_ERROR} ("worker")'
                case LogContent.EMPTY:
                    return ""
            return "\n".join((*self._failing(trouble), ""))
        if self.number >= pipeline.ready:
            return TAIL_ERROR
        return "\n".join((*self._running(trouble), ""))

    def _running(self, trouble: Trouble | None) -> Iterator[str]:
        if trouble is None or trouble.deployment != self.pipeline.deployments:
            yield from self._usual(self.now)
        elif trouble.over is None:
            yield from self._usual(trouble.since)
            yield from self._retries(trouble, self.now)
        else:
            yield from self._failing(trouble)
            yield self._line(trouble.over, "info", "worker", "starting", version="1.41.2", replica=self.number)
            yield from self._usual(self.now, trouble.over)

    def _failing(self, trouble: Trouble) -> Iterator[str]:
        long = trouble.log is LogContent.LONG
        yield from self._usual(trouble.since, lines=LONG_LINES if long else USUAL_LINES)
        if trouble.log is LogContent.SECRETS:
            yield from self._secrets(trouble.since)
        if trouble.log is LogContent.HOSTILE:
            yield self._line(trouble.since, "warn", "normalize", f"odd memo: {HOSTILE}", dropped=1)
        if trouble.cause.single and self.number > 0:
            yield self._line(trouble.at, "info", "worker", "replica 0 ended, so this one ends: context canceled")
        else:
            if trouble.cause.retried:
                yield from self._retries(trouble, trouble.at)
            yield from self._last_words(trouble)
        if long:
            yield from self._usual(trouble.at + STEP * LONG_LINES, trouble.at, lines=LONG_LINES)

    def _retries(self, trouble: Trouble, until: datetime) -> Iterator[str]:
        error = self._error(trouble)
        for attempt in range(1, ATTEMPTS):
            at = trouble.since + (trouble.at - trouble.since) * (2**attempt - 1) / 2**ATTEMPTS
            if at > until:
                return
            yield self._line(at, "warn", "sink", f"flush failed: {error}", attempt=f"{attempt}/{ATTEMPTS}", retry=True)

    def _last_words(self, trouble: Trouble) -> Iterator[str]:
        cause, at, error = trouble.cause, trouble.at, self._error(trouble)
        style = style_of(self.pipeline.destination_type)
        if cause.traces:  # what the runtime writes, beside the logger
            yield error + cause.traces.get(style, "")
            return
        place = "sink" if cause.probe or cause.retried else "worker"
        yield self._line(at, "error", place, error, batch=512)
        yield self._line(at, "info", "consumer", "leaving the group", partitions=4)
        yield self._line(at, "info", "sink", "connections closed", open=0)
        yield self._line(at, "fatal", "worker", "worker exits", code=1)

    def _error(self, trouble: Trouble) -> str:
        """The error with this pipeline's places in it."""
        pipeline = self.pipeline
        text = trouble.cause.error(pipeline.destination_type) or usual(pipeline.destination_type).errors["*"]
        error = text.format_map(self._places(trouble))
        return f"{error} ({HOSTILE})" if trouble.log is LogContent.HOSTILE else error

    def _places(self, trouble: Trouble) -> Mapping[str, object]:
        pipeline, digest = self.pipeline, self._digest(f"{trouble.at}")
        destination = sha256(pipeline.destination_address.encode()).digest()
        return {
            "host": "warehouse.example.com",
            "ip": f"10.{destination[0]}.{destination[1]}.{1 + destination[2] % 254}",
            "port": {"clickhouse": 9440, "kafka": 9092}.get(pipeline.destination_type, 5432),
            "time": f"{trouble.at:%Y-%m-%dT%H:%M:%SZ}",
            "schema": pipeline.project.replace("-", "_"),
            "table": pipeline.topic.split(".")[-1],
            "topic": pipeline.topic,
            "hash": f"0x{digest.hex()}",
            "address": f"0x{digest.hex()[:40]}",
            "request": digest.hex()[:16].upper(),
            "height": int(self.work.height),
            "offset": int(self.work.offset),
            "small": 1 + digest[3] % 90,
        }

    def _usual(self, until: datetime, since: datetime | None = None, *, lines: int = USUAL_LINES) -> Iterator[str]:
        """The lines of quiet work. Each depends on its time alone, so that two reads agree."""
        if since is None and self.pipeline.deployments > 1:
            since = self.pipeline.start_time
        last = int(until.timestamp() // STEP.total_seconds())
        for step in range(last - lines + 1, last + 1):
            at = datetime.fromtimestamp(step * STEP.total_seconds(), until.tzinfo)
            if since is None or at >= since:
                yield self._usual_line(step, at + timedelta(milliseconds=self._digest(str(step))[0]))

    def _usual_line(self, step: int, at: datetime) -> str:
        digest = self._digest(str(step))
        height = int(self.work.height - max(0.0, (self.work.at - at).total_seconds()) / 2)
        match step % 5:
            case 0:
                return self._line(at, "info", "consumer", "polled", partition=self.number, offset=step * 512)
            case 1:
                return self._line(at, "info", "normalize", "block", height=height, hash=f"0x{digest.hex()}")
            case 2:
                return self._line(at, "info", "sink", "batch written", rows=512, took=f"{8 + digest[1] % 60}ms")
            case 3:
                return self._line(at, "debug", "decode", "log", contract=f"0x{digest.hex()[:40]}", dropped=0)
            case _:
                return self._line(at, "info", "checkpoint", "committed", height=height)

    def _secrets(self, at: datetime) -> Iterator[str]:
        """Made up, but in the form of real ones."""
        made_up = self._digest("secret").hex()
        host = "warehouse.example.com"
        scheme = self.pipeline.destination_type
        yield self._line(at, "info", "sink", f"connecting to {scheme}://writer:hunter2@{host}/db", password="hunter2")  # noqa: S106
        yield self._line(at, "debug", "http", f"Authorization: Bearer {made_up}", api_key=f"cqt_{made_up[:26]}")
        yield self._line(at, "debug", "config", f"env AWS_SECRET_ACCESS_KEY={made_up[:40]} region=eu-west-1")

    def _line(self, at: datetime, level: str, place: str, message: str, **fields: object) -> str:
        return writer(self.pipeline.destination_type)(at, level, place, message, fields)

    def _digest(self, seed: str) -> bytes:
        return sha256(f"{self.pipeline.uid} {self.number} {seed}".encode()).digest()


HOSTILE = (
    "<!channel> <@U0ANN> *bold* ```fence``` `code` \x1b[31mred\x07\x00 \u202eesrever <https://evil.example|GoldRush>"
)
