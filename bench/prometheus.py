"""The peer of a person without this bot: Prometheus with blackbox_exporter, which probes each pipeline's status.

The probe fails if the body does not say RUNNING, and a rule alerts on it. Both come from Debian's packages.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import yaml

from bench.fleet import Fleet
from sandbox.child_processes import end_with_parent
from sandbox.ports import free_port

PROGRAMS = ("prometheus", "prometheus-blackbox-exporter")
PATIENCE_SECONDS = 60.0


def missing() -> str | None:
    """Why this peer can't be measured, if so."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


class PeerFailedError(Exception):
    """The text says why."""


@asynccontextmanager
async def prometheus(fleet: Fleet, count: int, period: float) -> AsyncIterator[tuple[int, ...]]:
    """Probes the first `count` pipelines every `period` seconds. Yields the ids of both processes.

    Raises:
        PeerFailedError: it starts too slowly, or most probes fail, so their cost means nothing.
    """
    with tempfile.TemporaryDirectory(prefix="bench-prometheus-") as scratch:
        folder, port, blackbox = Path(scratch), free_port(), f"127.0.0.1:{free_port()}"
        _write(folder, blackbox, [fleet.status_url(number) for number in range(count)], period)
        async with AsyncExitStack() as stack:
            exporter = await stack.enter_async_context(
                _process(PROGRAMS[1], f"--config.file={folder}/blackbox.yml", f"--web.listen-address={blackbox}")
            )
            server = await stack.enter_async_context(
                _process(
                    PROGRAMS[0],
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--log.level=error",
                )
            )
            try:
                await _until_probed(f"http://127.0.0.1:{port}", fleet, count)
            except (TimeoutError, httpx.HTTPError, ValueError, KeyError) as exc:
                raise PeerFailedError(f"Prometheus was not ready in time ({type(exc).__name__})") from exc
            yield server, exporter


def _write(folder: Path, blackbox: str, targets: list[str], period: float) -> None:
    probe = {
        "prober": "http",
        "timeout": "5s",
        "http": {
            "bearer_token": "demo-service-key",
            "preferred_ip_protocol": "ip4",
            "fail_if_body_not_matches_regexp": ['"status":"RUNNING"'],
        },
    }
    (folder / "blackbox.yml").write_text(yaml.safe_dump({"modules": {"goldrush": probe}}))
    (folder / "targets.json").write_text(json.dumps([{"targets": targets}]))
    alert = {"alert": "PipelineNotRunning", "expr": "probe_success == 0", "labels": {"severity": "page"}}
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "pipelines", "rules": [alert]}]}))
    job = {
        "job_name": "pipelines",
        "metrics_path": "/probe",
        "params": {"module": ["goldrush"]},
        "file_sd_configs": [{"files": [f"{folder}/targets.json"]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": blackbox},
        ],
    }
    times = {"scrape_interval": f"{period:g}s", "scrape_timeout": f"{period:g}s", "evaluation_interval": f"{period:g}s"}
    config = {"global": times, "rule_files": [f"{folder}/rules.yml"], "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    end_with_parent(process.pid)
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def _until_probed(url: str, fleet: Fleet, count: int) -> None:
    """Waits for one probe of each pipeline, and checks that the probes succeed."""
    await fleet.until_read(count, PATIENCE_SECONDS)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = (await http.get(f"{url}/api/v1/query", params={"query": "count(probe_success == 1)"})).json()
    result = answer["data"]["result"]
    succeeded = int(result[0]["value"][1]) if result else 0
    if succeeded < count / 2:
        raise PeerFailedError(f"only {succeeded} of {count} probes succeeded")
