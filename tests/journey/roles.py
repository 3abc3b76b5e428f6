"""A bot split into processes with different roles, over one Valkey and one sandbox."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sandbox.demo import environment
from sandbox.server import Sandbox
from sandbox.slack.directory import TEAM_ID
from tests.journey.rig import Rig
from tests.journey.valkey import Valkey

SPLIT = ("scheduler", "reader", "slack", "sender")
SECRETS = {
    "scheduler": ("SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY"),
    "reader": ("GOLDRUSH_SERVICE_KEY",),
    "slack": ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"),
    "sender": ("SLACK_BOT_TOKEN",),
}


class Processes:
    """Starts a process for each name. `reader-2` is a second reader."""

    def __init__(self, sandbox: Sandbox, valkey: Valkey, directory: Path, settings: Mapping[str, str]) -> None:
        self.sandbox = sandbox
        self.valkey = valkey
        self._directory = directory
        self._settings = settings
        self.rigs: dict[str, Rig] = {}

    async def start(self, name: str, settings: Mapping[str, str] | None = None) -> Rig:
        """`settings` are for this process only."""
        directory = self._directory / name
        directory.mkdir(exist_ok=True)
        own = {**self._of(name.partition("-")[0]), **(settings or {})}
        rig = self.rigs[name] = Rig(self.sandbox, directory / "data", http=False, settings=own)
        await rig.start()
        return rig

    def _of(self, role: str) -> dict[str, str]:
        """A role gets its own secrets only."""
        others = {secret for names in SECRETS.values() for secret in names} - set(SECRETS[role])
        roles = {"REDIS_URL": self.valkey.url, "PIPELINE_BOT_ROLE": role, "PIPELINE_BOT_TEAM": TEAM_ID}
        return {**self._settings, **roles, **dict.fromkeys(others, "")}

    def environment(self, role: str) -> dict[str, str]:
        """All settings of a process in this role."""
        return environment(self.sandbox.url, self._directory) | self._of(role)

    def __getitem__(self, name: str) -> Rig:
        return self.rigs[name]

    async def end(self) -> None:
        for rig in self.rigs.values():
            if rig.process is not None and rig.process.returncode is None:
                rig.process.kill()
                await rig.process.wait()


@asynccontextmanager
async def split(tmp_path: Path, *names: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[Processes]:
    """Starts the processes one after the other: the first scheduler is the active one."""
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(Valkey(tmp_path / "valkey"))
        sandbox = await stack.enter_async_context(Sandbox.start())
        sandbox.goldrush.rate_limit = None
        processes = Processes(sandbox, valkey, tmp_path, dict(settings or {}))
        stack.push_async_callback(processes.end)
        for name in names or SPLIT:
            await processes.start(name)
        yield processes
