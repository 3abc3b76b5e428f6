"""The Python steps of deploy/Dockerfile, run as they are written, in a directory instead of an image."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey

PROJECT = Path(__file__).parents[2]
INSTALLED = "/opt/pipeline-bot"
OFFLINE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def steps() -> list[tuple[str, str]]:
    """The instructions of the first stage: COPY and RUN, each with its arguments."""
    build, _ = (PROJECT / "deploy/Dockerfile").read_text().split("\nFROM python:3.13-slim\n")
    return re.findall(r"^(COPY|RUN) (.+)$", build, re.MULTILINE)


def copy(arguments: str, into: Path) -> None:
    *sources, _ = arguments.split()
    for source in sources:
        if (PROJECT / source).is_dir():
            shutil.copytree(PROJECT / source, into / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / source, into)


def run(command: str, installed: Path, cwd: Path) -> None:
    words = command.replace(INSTALLED, str(installed)).replace(" --no-cache-dir", "").split()
    words[0] = sys.executable if words[0] == "python" else words[0]
    done = subprocess.run(words, cwd=cwd, env=clean(), capture_output=True, text=True, check=False)
    if done.returncode and any(error in done.stderr for error in OFFLINE):
        pytest.skip("no package index answers")
    assert done.returncode == 0, done.stderr


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def test_the_python_steps_of_the_image_install_a_bot_that_runs(tmp_path: Path) -> None:
    source, installed = tmp_path / "src", tmp_path / "installed"
    source.mkdir()
    for instruction, arguments in steps():
        if instruction == "COPY":
            copy(arguments, source)
        else:
            run(arguments, installed, source)
    shutil.rmtree(source)  # the second stage has the virtual environment only
    bot = [str(installed / "bin/pipeline-bot"), "--version"]
    shown = subprocess.run(bot, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True)
    assert shown.stdout.split()[-1] == version("pipeline-bot")
