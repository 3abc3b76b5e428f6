"""The documentation is held to the code: what the one names, the other must know."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic_core import PydanticUndefined

from bot.domain import storm
from bot.domain.phase import Phase
from bot.domain.transition import SELECTABLE
from bot.settings import PREFIX, Settings
from bot.slack import phrases
from bot.slack.grammar import ALIASES, COMMANDS, Help, UsageError, parse
from bot.slack.help import help_lines
from bot.slack.scopes import OPTIONAL, REQUIRED

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT.parent / "shared" / "slack" / "manifest.schema.2.0.0.json"
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = {field.alias or f"{PREFIX}{name.upper()}": name for name, field in Settings.model_fields.items()}
NEEDED = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "GOLDRUSH_SERVICE_KEY": "key-1"}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# An absolute path that begins a word; what follows a host, a dot or another name is no path of a machine.
_MACHINE_PATH = re.compile(r"(?<![\w./~:>-])/(?:home|Users|root|tmp|work|var|opt|mnt|usr|private)/")


def text(name: str) -> str:
    return (ROOT / name).read_text()


def manifest() -> dict[str, Any]:
    loaded = yaml.safe_load(text("app_manifest.yaml"))
    assert isinstance(loaded, dict)
    return loaded


def rows(name: str, heading: str) -> dict[str, str]:
    """The rows of the table below a heading, by what stands as code in the first cell."""
    section = text(name).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return {each: line for line in lines for each in re.findall(r"`([^`]+)`", line.split(" | ")[0])}


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def example() -> dict[str, str]:
    """Every setting of .env.example, also the commented ones."""
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text(".env.example"), re.MULTILINE))


def test_the_example_names_each_setting_once_and_no_other() -> None:
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text(".env.example"), re.MULTILINE)
    assert sorted(named) == sorted(NAMES)


def test_each_line_of_the_example_is_explained_by_the_line_above() -> None:
    lines = text(".env.example").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"#?[A-Z][A-Z0-9_]+=", line)]
    assert [lines[number] for number in settings if not lines[number - 1].startswith("# ")] == []


@pytest.mark.usefixtures("no_settings")
def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    shown, bare = tmp_path / "shown", tmp_path / "bare"
    needed = "".join(f"{name}={value}\n" for name, value in NEEDED.items())
    bare.write_text(needed)
    shown.write_text("".join(f"{name}={value}\n" for name, value in (example() | NEEDED).items()))
    assert Settings.load(shown) == Settings.load(bare)
    with_default = {name for name, field in NAMES.items() if Settings.model_fields[field].default is not None}
    assert {name for name, value in example().items() if value} == with_default - NEEDED.keys()


def test_the_example_holds_no_secret() -> None:
    secrets = [name for name in NAMES if name in {*NEEDED, "SLACK_SIGNING_SECRET", "REDIS_URL"}]
    assert [example()[name] for name in secrets] == [""] * len(secrets)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_explained_with_its_default(name: str) -> None:
    row = rows("docs/operator.md", "Settings")[name]
    default = Settings.model_fields[NAMES[name]].default
    if default is not None and default is not PydanticUndefined:
        assert f"| `{example()[name]}` |" in row


def test_the_table_of_settings_names_no_other() -> None:
    assert sorted(rows("docs/operator.md", "Settings")) == sorted(NAMES)


# --- scopes and manifest ---------------------------------------------------------------------------------------------


def test_the_manifest_asks_for_the_scopes_that_the_code_names() -> None:
    scopes = manifest()["oauth_config"]["scopes"]
    assert scopes["bot"] == [*REQUIRED, *OPTIONAL]
    assert scopes["bot_optional"] == list(OPTIONAL)


def test_each_scope_is_explained() -> None:
    told = rows("docs/operator.md", "Scopes")
    assert [scope for scope, row in told.items() if "| required |" in row] == list(REQUIRED)
    assert [scope for scope, row in told.items() if "| optional |" in row] == list(OPTIONAL)


def test_the_manifest_names_the_command_that_is_the_default() -> None:
    (command,) = manifest()["features"]["slash_commands"]
    assert command["command"] == Settings.model_fields["command"].default
    assert command["should_escape"] is True


def for_http() -> dict[str, Any]:
    """The manifest with the edits that docs/operator.md shows."""
    (edits,) = re.findall(r"```yaml\n(.*?)```", text("docs/operator.md"), re.DOTALL)
    edited, socket = yaml.safe_load(edits), manifest()
    return {
        **socket,
        "features": {**socket["features"], **edited["features"]},
        "settings": {**socket["settings"], **edited["settings"]},
    }


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_the_manifest_is_valid(mode: str) -> None:
    if not SCHEMA.is_file():
        pytest.skip("Slack's manifest schema (shared/slack/manifest.schema.2.0.0.json) is not beside this checkout")
    jsonschema.validate(manifest() if mode == "socket" else for_http(), json.loads(SCHEMA.read_text()))


def test_the_edits_for_http_change_nothing_but_the_transport() -> None:
    socket, http = manifest(), for_http()
    address = "https://YOUR-HOST/slack/events"
    (command,) = socket["features"]["slash_commands"]
    assert http["features"]["slash_commands"] == [{**command, "url": address}]
    settings = socket["settings"]
    assert http["settings"] == {
        **settings,
        "event_subscriptions": {**settings["event_subscriptions"], "request_url": address},
        "interactivity": {**settings["interactivity"], "request_url": address},
        "socket_mode_enabled": False,
    }


# --- commands, events, symbols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_explained(command: str) -> None:
    told = rf"`/pipeline {command}[ `]"
    assert re.search(told, text("docs/slack.md"))
    assert re.search(told, text("README.md"))
    assert f"/pipeline {command}" in "\n".join(help_lines(None, "/pipeline"))
    assert isinstance(parse(f"help {command}"), Help)


@pytest.mark.parametrize(("alias", "command"), ALIASES.items())
def test_each_alias_is_explained(alias: str, command: str) -> None:
    (row,) = (line for line in text("docs/slack.md").splitlines() if f"| `{alias}` |" in line)
    assert row.startswith(f"| `/pipeline {command}")
    assert f"`{alias}`" in "\n".join(help_lines(command, "/pipeline"))


def test_each_event_is_explained_and_no_other() -> None:
    assert sorted(rows("docs/slack.md", "Events")) == sorted(event.value for event in SELECTABLE)
    assert ", ".join(event.value for event in SELECTABLE) in "\n".join(help_lines("watch", "/pipeline"))


@pytest.mark.parametrize("name", ["README.md", "docs/slack.md", "docs/operator.md"])
def test_commands_shown_in_full_are_understood(name: str) -> None:
    shown = re.findall(r"`/pipeline ([^`…\[\\]*)`", text(name))
    assert shown
    assert [typed for typed in shown if isinstance(parse(typed), UsageError) and typed not in COMMANDS] == []


@pytest.mark.parametrize("phase", [*Phase, None, Phase("ARCHIVING")])
def test_each_phase_has_its_symbol_explained(phase: Phase | None) -> None:
    row = rows("docs/slack.md", "Symbols")[phrases.symbol(phase)]
    assert phase is None or not phase.known or phase.value in row


@pytest.mark.parametrize("symbol", [phrases.DEGRADED, phrases.BLIND, phrases.UNREAD])
def test_each_other_symbol_is_explained(symbol: str) -> None:
    assert symbol in rows("docs/slack.md", "Symbols")


def test_the_size_of_a_storm_is_told() -> None:
    words = {3: "three", 4: "four", 5: "five"}
    assert f"{words[storm.FROM]} or more failures" in text("docs/slack.md")
    assert f"{words[storm.FROM]} or more failures" in text("docs/architecture.md").lower()
    assert f"up to {storm.MOST} pipelines each" in text("docs/slack.md")


# --- rooms, targets, links -------------------------------------------------------------------------------------------


def test_the_architecture_names_each_room_and_no_other() -> None:
    bot = ROOT / "bot"
    folders = {f"bot/{each.name}/" for each in bot.iterdir() if (each / "__init__.py").is_file()}
    modules = {f"bot/{each.name}" for each in bot.glob("*.py") if each.name != "__init__.py"}
    told = rows("docs/architecture.md", "Rooms and arrows")
    assert {name for name in told if name.startswith("bot/")} == folders | modules


def test_the_architecture_draws_the_layers_that_are_checked() -> None:
    (layers,) = re.findall(r"^layers = (\[.*\])$", text("pyproject.toml"), re.MULTILINE)
    drawing = text("docs/architecture.md").split("```")[1]
    assert [re.split(r" {2,}", line)[0] for line in drawing.strip().splitlines()] == json.loads(layers)


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/contributing.md"])
def test_files_named_as_code_exist(name: str) -> None:
    named = re.findall(r"`((?:[\w-]+/)+[\w-]*(?:\.\w+)?|[\w-]+\.(?:py|lua|toml|yaml|lock))`", text(name))
    assert named
    roots = (ROOT, ROOT / "bot", *(each for each in (ROOT / "bot").iterdir() if each.is_dir()))
    assert [each for each in named if not any((root / each).exists() for root in roots)] == []


def test_make_targets_that_are_named_exist() -> None:
    makefile = ROOT / "Makefile"
    if not makefile.is_file():
        pytest.skip("there is no Makefile yet")
    targets = set(re.findall(r"^([a-z]+):", makefile.read_text(), re.MULTILINE))
    named = {each for page in DOCS for each in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE)}
    assert named
    assert named <= targets
    assert set(rows("docs/contributing.md", "Make targets")) == {f"make {target}" for target in targets}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target.is_relative_to(ROOT / "docs" / "images"):
            continue  # screenshots are taken from a running demo
        assert target.is_file(), link
        anchors = {heading.lower().replace(" ", "-") for heading in _HEADING.findall(target.read_text())}
        assert not anchor or anchor in anchors, link


@pytest.mark.parametrize("page", [*DOCS, ROOT / ".env.example"], ids=lambda page: page.name)
def test_no_page_holds_a_path_of_a_machine(page: Path) -> None:
    assert _MACHINE_PATH.findall(page.read_text()) == []
