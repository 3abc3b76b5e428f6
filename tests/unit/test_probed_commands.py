"""The probe tries every Redis command that the bot uses, so that no refusal meets a running bot."""

import re
from collections.abc import Iterable
from pathlib import Path

from redis.commands.core import AsyncCoreCommands

BOT = Path(__file__).parents[2] / "bot"
PROBE = {BOT / "store" / name for name in ("probe.py", "probe.lua")}
OTHER_PROGRAMS = {
    BOT / "store" / name
    for name in (
        "embedded.py",  # its own server refuses nothing
        "forget.py",  # a command line of its own
        "lookup.py",  # asks Sentinels and cluster nodes
    )
}
OPTIONAL = {"INFO"}  # a weakness with a finding of its own
NAMES = {"DELETE": "DEL"}


def in_scripts(files: Iterable[Path], call: str) -> set[str]:
    return {name for file in files for name in re.findall(call + r"\('([A-Z]+)'", file.read_text())}


def in_python(files: Iterable[Path]) -> set[str]:
    methods = {
        name
        for file in files
        for name in re.findall(r"\b_?(?:redis|pipe|client)\.([a-z_]+)\b", file.read_text())
        if hasattr(AsyncCoreCommands, name) and name != "register_script"
    }
    commands = {name.partition("_")[0].upper() for name in methods}
    return {NAMES.get(command, command) for command in commands}


def test_the_probe_tries_every_command_that_the_bot_uses() -> None:
    files = {file for folder in ("store", "readers") for file in (BOT / folder).iterdir()} - PROBE - OTHER_PROGRAMS
    used = in_scripts((file for file in files if file.suffix == ".lua"), r"redis\.p?call")
    used |= in_python(file for file in files if file.suffix == ".py")
    assert {"XADD", "HSCAN", "XRANGE", "XAUTOCLAIM", "BLPOP"} <= used
    probed = in_scripts([BOT / "store" / "probe.lua"], "try") | in_python([BOT / "store" / "probe.py"])
    assert used - probed - OPTIONAL == set()
