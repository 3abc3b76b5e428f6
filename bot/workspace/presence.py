"""Builds what announces the roles of this process, and notices which roles nobody plays."""

from bot.coordination.role_watch import RoleWatch
from bot.domain.presence import ReadingSource
from bot.readers.wire import source_of
from bot.settings import Role, Settings
from bot.store.presence import RedisPresence
from bot.store.scripts import Scripts
from bot.workspace.base import Base


def build_role_watch(base: Base) -> RoleWatch:
    """A reader for another process announces itself: see `SchedulerWatch`."""
    settings = base.settings
    roles = settings.roles - {Role.READER} if settings.reads_for_others else settings.roles
    watch = RoleWatch(
        presence=RedisPresence(Scripts(base.shared.redis, base.identity.team), base.clock),
        roles=[role.value for role in roles],
        source=reading_source(settings) if Role.SCHEDULER in settings.roles else None,
        leadership=base.leadership,
        clock=base.clock,
    )
    base.shared.sources.roles_problem = lambda: watch.problem
    return watch


def reading_source(settings: Settings) -> ReadingSource:
    """What this process reads, and whether it leaves that to others."""
    service_key = settings.goldrush_service_key.get_secret_value()
    url = settings.goldrush_api_url
    return ReadingSource(url=url, fingerprint=source_of(url, service_key), shared=settings.has_remote_readers)
