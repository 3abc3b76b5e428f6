"""What one quiet workspace costs: 200 pipelines at GoldRush's 4 requests a second, all features enabled.

    python -m bench --only workspace

docs/scaling.md multiplies these figures. One round, and not part of a quick run, since it takes two minutes.
"""

import redis.asyncio

from bench import machine
from bench.bot_process import running_bot, watch_everything
from bench.experiment import Experiment, Measurement, Results, Row, Run
from bench.fleet import fleet
from bench.observe import executed_commands, observed

PIPELINES = 200
MEASURED_SECONDS = 60.0
REDIS_COMMANDS_PER_SECOND = 100_000
"""What one Redis executes on one core, as redis.io's benchmarks and redis-benchmark show."""

CPU = Row(name="workspace-cpu", label="H", what="CPU of a workspace, 200 pipelines at 4 req/s", against="one core")
STORE_CPU = Row(name="workspace-store-cpu", label="H", what="Valkey's CPU for it", against="one core")
COMMANDS = Row(name="workspace-commands", label="H", what="Redis commands/s for it", against="one Redis")
MEMORY = Row(name="workspace-memory", label="H", what="resident memory of its process", against="4 GiB")


async def measure(run: Run) -> Results:
    async with fleet(PIPELINES) as served, running_bot(served, {"PIPELINE_BOT_REQUESTS_PER_SECOND": "4"}) as bot:
        await watch_everything(bot)
        run.tell("first reads")
        await served.until_read(PIPELINES)
        run.tell("quiet")
        async with redis.asyncio.from_url(bot.valkey.url) as store:
            before, commands = machine.cost(bot.valkey.pid).cpu_seconds, await executed_commands(store)
            ours = await observed(served, [bot.pid], MEASURED_SECONDS)
            commands = await executed_commands(store) - commands
        used = machine.cost(bot.valkey.pid).cpu_seconds - before
    return {
        CPU.name: Measurement(value=100 * ours.share, peer=100.0, unit="%", note=f"{ours.per_second:.1f} reads/s"),
        STORE_CPU.name: Measurement(value=100 * used / MEASURED_SECONDS, peer=100.0, unit="%"),
        COMMANDS.name: Measurement(
            value=commands / MEASURED_SECONDS, peer=REDIS_COMMANDS_PER_SECOND, unit="commands/s"
        ),
        MEMORY.name: Measurement(value=ours.mebibytes, peer=4096.0, unit="MiB"),
    }


EXPERIMENT = Experiment(
    name="workspace", rows=(CPU, STORE_CPU, COMMANDS, MEMORY), measure=measure, rounds=1, in_quick=False
)
