"""Records of the process: start, stop, settings and jobs."""

from collections.abc import Sequence

from bot.ports.telemetry import EventRecord, Level, event


@event("setting_ignored", Level.WARNING)
class SettingIgnored(EventRecord):
    problem: str


@event("descriptors_short", Level.WARNING)
class DescriptorsShort(EventRecord):
    """The process may open too few descriptors for all its reads at once, so it makes fewer."""

    problem: str
    fix: str


@event("metrics_served", Level.INFO)
class MetricsServed(EventRecord):
    """`/metrics` and the probes are served on this port."""

    port: int


@event("ready", Level.INFO)
class Ready(EventRecord):
    team: str
    role: str
    transport: str | None


@event("roles_missing", Level.WARNING)
class RolesMissing(EventRecord):
    """No process of the workspace plays these roles."""

    roles: Sequence[str]
    problem: str


@event("roles_complete", Level.INFO)
class RolesComplete(EventRecord):
    """Each role is played again."""


@event("reader_idle", Level.WARNING)
class ReaderIdle(EventRecord):
    """This reader gets no reads from a scheduler."""

    problem: str


@event("reader_serving", Level.INFO)
class ReaderServing(EventRecord):
    """The active scheduler hands reads to readers like this one."""


@event("stopped", Level.INFO)
class Stopped(EventRecord):
    pass


@event("stopped_midway", Level.WARNING)
class StoppedMidway(EventRecord):
    seconds: float


@event("job_late", Level.WARNING)
class JobLate(EventRecord):
    job: str
    seconds: float


@event("job_postponed", Level.WARNING)
class JobPostponed(EventRecord):
    job: str
    problem: str


@event("job_hung", Level.ERROR)
class JobHung(EventRecord):
    job: str
    seconds: float


@event("job_crashed", Level.ERROR)
class JobCrashed(EventRecord):
    job: str
    exception: BaseException
