"""The documentation is held to the code: what the one names, the other must know."""

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot import cli
from bot.coordination import heartbeat
from bot.delivery import rate_limiter
from bot.domain import backlog, digest, failure_groups, grouping, protocol
from bot.domain.notice import Notice, NoticeKind
from bot.domain.phase import Phase
from bot.domain.transition import SELECTABLE
from bot.domain.watch import TeamId
from bot.monitoring.breaker import ApiHealth
from bot.ports import telemetry
from bot.settings import NO_SECRET, PREFIX, Settings
from bot.slack.feature import UsageError
from bot.slack.features.help import HelpCommand
from bot.slack.inbound import home, inbox, messages, socket_mode
from bot.slack.inbound.refusals import FOR_CHANGES, FOR_QUESTIONS, InboxRefusals
from bot.slack.outbound import calls, channel_monitor
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.slack.outbound.scopes import OPTIONAL, REQUIRED
from bot.slack.render import cards, phrases
from bot.store import commits, interactions, lanes, leases
from bot.store.keys import Keys
from sandbox.slack import manifest as sandbox_manifest
from sandbox.slack.manifest import MessagesTab
from tests.builders import at
from tests.routes import ALIASES, COMMANDS, help_lines, parse
from tests.unit.rendering import shown

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


def prose(name: str) -> str:
    """In one line, however it is wrapped."""
    return " ".join(text(name).split())


def section(name: str, heading: str | None) -> str:
    """The text below a heading up to the next one, or the whole page."""
    if heading is None:
        return text(name)
    return text(name).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def table(name: str, heading: str | None = None) -> list[str]:
    """The rows of all tables in a section, without their heads."""
    lines = section(name, heading).splitlines()
    return [
        line
        for line, after in zip_longest(lines, lines[1:], fillvalue="")
        if line.startswith("| ") and not after.startswith("|---")
    ]


def rows(name: str, heading: str | None = None) -> dict[str, str]:
    """The same rows, by each code word in their first cell."""
    return {match: row for row in table(name, heading) for match in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


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
    secrets = [name for name in NAMES if name in {*NEEDED, "SLACK_SIGNING_SECRET", "REDIS_URL", "WATCHDOG_URL"}]
    assert [example()[name] for name in secrets] == [""] * len(secrets)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_explained_with_its_default(name: str) -> None:
    row = rows("docs/settings.md")[name]
    default = Settings.model_fields[NAMES[name]].default
    if default is not None and default != NO_SECRET:
        assert f"| `{example()[name]}` |" in row


def test_the_table_of_settings_names_no_other() -> None:
    assert sorted(rows("docs/settings.md")) == sorted(NAMES)


# --- scopes and manifest ---------------------------------------------------------------------------------------------


def test_the_manifest_asks_for_the_scopes_that_the_code_names() -> None:
    scopes = manifest()["oauth_config"]["scopes"]
    assert scopes["bot"] == [*REQUIRED, *OPTIONAL]
    assert scopes["bot_optional"] == list(OPTIONAL)


def test_each_scope_is_explained() -> None:
    documented = rows("docs/deploying.md", "Scopes")
    assert [scope for scope, row in documented.items() if "| required |" in row] == list(REQUIRED)
    assert [scope for scope, row in documented.items() if "| optional |" in row] == list(OPTIONAL)


def test_the_manifest_names_the_command_that_is_the_default() -> None:
    (command,) = manifest()["features"]["slash_commands"]
    assert command["command"] == Settings.model_fields["command"].default
    assert command["should_escape"] is True


def test_the_manifest_subscribes_to_each_handled_event() -> None:
    subscribed = manifest()["settings"]["event_subscriptions"]["bot_events"]
    assert sorted(subscribed) == sorted((*channel_monitor.EVENTS, *messages.SUBSCRIBED, home.EVENT))


def test_the_sandbox_sets_the_app_up_as_the_manifest_does() -> None:
    tab = manifest()["features"]["app_home"]
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == sandbox_manifest.SCOPES
    assert set(manifest()["settings"]["event_subscriptions"]["bot_events"]) == sandbox_manifest.EVENTS
    assert tab["home_tab_enabled"] is sandbox_manifest.HOME_TAB
    assert tab["messages_tab_enabled"] is (sandbox_manifest.MESSAGES_TAB is not MessagesTab.OFF)
    assert tab["messages_tab_read_only_enabled"] is (sandbox_manifest.MESSAGES_TAB is MessagesTab.READ_ONLY)


def merged(old: Any, new: Any) -> Any:
    """`new` written over `old`, line by line."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: merged(old.get(name), new.get(name)) for name in {**old, **new}}
    if isinstance(old, list) and isinstance(new, list):
        return [merged(*pair) for pair in zip_longest(old, new)]
    return old if new is None else new


def for_http() -> Any:
    """The manifest with the edits that docs/deploying.md shows."""
    (edits,) = re.findall(r"```yaml\n(.*?)```", text("docs/deploying.md"), re.DOTALL)
    return merged(manifest(), yaml.safe_load(edits))


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_the_manifest_is_valid(mode: str) -> None:
    if not SCHEMA.is_file():
        pytest.skip("Slack's manifest schema (shared/slack/manifest.schema.2.0.0.json) is not beside this checkout")
    jsonschema.validate(manifest() if mode == "socket" else for_http(), json.loads(SCHEMA.read_text()))


def test_the_edits_for_http_change_nothing_but_the_transport() -> None:
    expected, http = manifest(), for_http()
    address = "https://YOUR-HOST/slack/events"
    settings = expected["settings"]
    for asked_at, member in (
        (expected["features"]["slash_commands"][0], "url"),
        (settings["event_subscriptions"], "request_url"),
        (settings["interactivity"], "request_url"),
    ):
        asked_at[member] = address
    settings["socket_mode_enabled"] = False
    assert http == expected


# --- commands, events, symbols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_explained(command: str) -> None:
    pattern = rf"`/pipeline {command}[ `]"
    assert re.search(pattern, text("docs/slack.md"))
    assert re.search(pattern, text("README.md"))
    assert f"/pipeline {command}" in "\n".join(help_lines(None, "/pipeline"))
    assert isinstance(parse(f"help {command}"), HelpCommand)


@pytest.mark.parametrize(("alias", "command"), ALIASES.items())
def test_each_alias_is_explained(alias: str, command: str) -> None:
    (row,) = (line for line in text("docs/slack.md").splitlines() if f"| `{alias}` |" in line)
    assert row.startswith(f"| `/pipeline {command}")
    assert f"`{alias}`" in "\n".join(help_lines(command, "/pipeline"))


def test_each_event_is_explained_and_no_other() -> None:
    assert sorted(rows("docs/slack.md", "Events")) == sorted(event.value for event in SELECTABLE)
    assert ", ".join(event.value for event in SELECTABLE) in "\n".join(help_lines("watch", "/pipeline"))


@pytest.mark.parametrize("name", ["README.md", "docs/slack.md", "docs/alerts.md", "docs/troubleshooting.md"])
def test_commands_shown_in_full_are_understood(name: str) -> None:
    shown = re.findall(r"`/pipeline ([^`…\[\\]*)`", text(name))
    assert shown
    assert [typed for typed in shown if isinstance(parse(typed), UsageError) and typed not in COMMANDS] == []


@pytest.mark.parametrize("phase", [*Phase, None, Phase("ARCHIVING")])
def test_each_phase_has_its_symbol_explained(phase: Phase | None) -> None:
    row = rows("docs/slack.md", "Symbols")[phrases.phase_symbol(phase)]
    assert phase is None or not phase.known or phase.value in row


SAID = sorted([*(ROOT / "bot/slack/render").rglob("*.py"), *(ROOT / "bot/slack/features").rglob("*.py")])


def test_each_symbol_that_is_shown_is_explained() -> None:
    sources = "".join(path.read_text() for path in SAID)
    shown = set(re.findall(r":[a-z]\w+:(?=[ \"*])", sources)) - {":point_right:", ":information_source:"}  # only point
    assert shown == {name for name in rows("docs/slack.md", "Symbols") if name.startswith(":")}


def test_each_notice_is_explained_by_its_own_words_and_no_other() -> None:
    """The table names the words by which a reader recognises it."""
    documented = rows("docs/slack.md", "Notices")
    texts = [shown(Notice(kind=kind, at=at(0))).text for kind in NoticeKind]
    assert [sum(words in text for words in documented) for text in texts] == [1] * len(NoticeKind)
    assert len(documented) == len(NoticeKind)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(InboxRefusals)])
@pytest.mark.parametrize("refusals", [FOR_CHANGES, FOR_QUESTIONS], ids=["change", "question"])
def test_each_refusal_of_a_bot_in_trouble_is_explained_by_its_own_words(refusals: InboxRefusals, name: str) -> None:
    documented = [row.split(" | ")[0].removeprefix("| ") for row in table("docs/slack.md", "Answers that refuse")]
    assert sum(getattr(refusals, name).reason.startswith(words) for words in documented) == 1


# --- numbers ---------------------------------------------------------------------------------------------------------

WORDS = {2: "two", 3: "three", 4: "four", 10: "ten"}


def seconds(of: float | timedelta) -> str:
    number = of.total_seconds() if isinstance(of, timedelta) else of
    return f"{number:g} s"


NUMBERS: Mapping[str, list[str]] = {
    "docs/architecture.md": [
        f"({seconds(leases.LEADER_LEASE_SECONDS)}",
        f"lease of {seconds(lanes.LEASE_SECONDS)}",
        f"{seconds(SLACK_LIMITS.call_seconds)} left",
        f"call has {seconds(calls.DEADLINE_SECONDS)}",
        f"{seconds(protocol.BACKOFF)}, doubled up to {seconds(protocol.LONGEST_BACKOFF)};",
        f"pages: {seconds(protocol.PAGE_LONGEST_BACKOFF)}), drop",
        f"after {WORDS[rate_limiter.UNANSWERED_UNTIL_AWAY]} calls without an answer",
        f"{seconds(protocol.LANDS_WITHIN)} after it was sent",
        f"{seconds(protocol.STRAGGLES_FOR)} after the lane became ours",
        f"{WORDS[protocol.LOOKUPS]} lookups {seconds(protocol.LOOKUP_INTERVAL)} apart",
        f"unreadable for {seconds(protocol.UNREADABLE_FOR)} (pages: {seconds(protocol.PAGE_UNREADABLE_FOR)})",
        f"{seconds(protocol.RECHECK_AFTER)} later",
        f"More than {WORDS[backlog.DEFAULT_GROUP_RULE.most_single]} failures",
        f"{WORDS[grouping.BATCH_FROM]} or more lines",
        f"more than {WORDS[digest.DIGEST_FROM]} episodes",
        f"up to {failure_groups.MOST_MEMBERS} pipelines",
        f"for {protocol.RECREATED_WITHIN.seconds // 60} min",
        f"{seconds(socket_mode.DEAF_SECONDS)} deaf",
        f"after {seconds(inbox.RECOVER_AFTER)}",
    ],
    "docs/deploying.md": [
        f"messages of the next {protocol.RECREATED_WITHIN.seconds // 60} minutes",
        f"wait up to {seconds(lanes.LEASE_SECONDS)}",
        f"{commits.CARD_SECONDS / 86400:g} days after they close",
        f"clicks for {interactions.INTERACTION_SECONDS / 3600:g} hours",
        f"older than {inbox.TOO_OLD.seconds // 60} minutes",
        f"up to {heartbeat.REREAD_SECONDS / 60:g} minutes",
    ],
    "docs/alerts.md": [
        f"(it comes every {seconds(socket_mode.CHECK_SECONDS)})",
        f"up to {heartbeat.REREAD_SECONDS / 60:g} minutes",
    ],
    "docs/slack.md": [
        f"more than {WORDS[backlog.DEFAULT_GROUP_RULE.most_single]} failures",
        f"within {backlog.DEFAULT_GROUP_RULE.within.seconds} seconds",
        f"for {failure_groups.GROWS_FOR.seconds // 60} minutes",
        f"up to {failure_groups.MOST_MEMBERS} pipelines",
        f"more than {WORDS[digest.DIGEST_FROM]} episodes",
        f"more than {cards.LATE_AFTER.seconds} seconds",
        f"back within {inbox.TOO_OLD.seconds // 60} minutes",
    ],
}


@pytest.mark.parametrize(
    ("name", "sentence"), [(name, sentence) for name, sentences in NUMBERS.items() for sentence in sentences]
)
def test_documented_numbers_match_the_code(name: str, sentence: str) -> None:
    assert sentence in prose(name)


def test_the_table_of_the_model_check_is_its_output() -> None:
    assert text("tests/proofs/model.txt").strip("\n") in text("docs/proofs.md")


# --- logs and keys ---------------------------------------------------------------------------------------------------


for module in pkgutil.iter_modules(telemetry.__path__, f"{telemetry.__name__}."):
    importlib.import_module(module.name)  # which registers its records


@pytest.mark.parametrize("record", telemetry.RECORDS.values())
def test_the_bot_emits_each_kind_of_record(record: type[telemetry.EventRecord]) -> None:
    emits = re.compile(rf"emit\(\s*{record.__name__}\(")
    assert any(emits.search(path.read_text()) for path in (ROOT / "bot").rglob("*.py"))


def test_each_logged_event_is_explained_with_its_level_and_no_other() -> None:
    documented = {event: line.split(" | ")[1] for event, line in rows("docs/alerts.md", "Logs").items()}
    assert documented == {name: record.level.value for name, record in telemetry.RECORDS.items()}


@pytest.mark.parametrize(("event", "row"), rows("docs/alerts.md", "Logs").items())
def test_each_field_of_a_logged_event_is_explained_and_no_other(event: str, row: str) -> None:
    _, names, _, shown, *_ = row.split("|")
    records = [telemetry.RECORDS[name] for name in re.findall(r"`([^`]+)`", names)]
    fields = {field.name for record in records for field in dataclasses.fields(record)}
    assert set(re.findall(r"`([^`]+)`", shown)) == fields


def test_each_error_event_is_among_the_alerts() -> None:
    levels = {name: record.level for name, record in telemetry.RECORDS.items()}
    documented = rows("docs/alerts.md", "What should wake you")
    assert {name for name, level in levels.items() if level is telemetry.Level.ERROR} <= documented.keys()
    assert documented.keys() <= {name for name, level in levels.items() if level is not telemetry.Level.INFO}


def test_the_api_health_that_should_wake_a_person_is_logged() -> None:
    row = rows("docs/alerts.md", "What should wake you")["api_health"]
    named = set(re.findall(r"`([a-z_]+)`", row)) - {"api_health", "health", "check"}
    assert named == {health.value for health in ApiHealth} - {ApiHealth.DOUBTFUL.value}


def test_the_probe_asks_for_the_key_of_the_sign_of_life() -> None:
    assert f'HGET "{Keys(TeamId("$TEAM"))["heartbeat"]}" at' in text("docs/alerts.md")


def names_of_keys() -> Iterator[str]:
    """Every way in which bot/store makes a key; a card's key stands as `card`."""
    for path in (ROOT / "bot" / "store").glob("*.py"):
        if path.name == "migration.py":
            continue  # it knows the names of older versions
        source = path.read_text()
        for index in re.findall(r"(?:[kK]eys|self)\[(.*?)\]", source):
            name = re.match(r'f?"(\w+)', index)
            if name:
                yield name[1]
            else:
                assert index == "name", f"{path.name} makes a key in a new way: {index}"
        for listed in re.findall(r"for name in \((.*?)\)\]", source):
            yield from re.findall(r'"(\w+)"', listed)


def test_each_key_in_redis_is_explained_and_no_other() -> None:
    assert {name.split(":")[0] for name in rows("docs/architecture.md", "Keys")} == set(names_of_keys())


def test_the_rollback_notice_asks_for_the_documented_redis_settings() -> None:
    notice = shown(Notice(kind=NoticeKind.ROLLED_BACK, at=at(0))).text
    wanted = re.findall(r"`([^`]+)`", notice)
    assert len(wanted) == 3
    assert "\n".join(["```", *wanted, "```"]) in text("docs/deploying.md")


def spoken_texts() -> str:
    """Every text in the bot's code without markup, one per line. `§` stands for a value in it."""
    texts = []
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"\{\w+\}", "§", node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "§" for part in node.values]
                texts.append("".join(map(str, parts)))
    return "\n".join(" ".join(text.replace("*", "").split()) for text in texts)


def spellings(message: str) -> Iterator[str]:
    """The message, and itself with some of its words as a value. Two words at least remain."""
    words = message.strip("… ").split()
    yield " ".join(words)
    for length in range(1, len(words) - 1):
        for begin in range(len(words) - length + 1):
            yield " ".join([*words[:begin], "§", *words[begin + length :]])


def test_each_message_that_troubleshooting_quotes_is_one_of_the_bot() -> None:
    quoted = re.findall(r'"([^"]+)"', text("docs/troubleshooting.md"))
    spoken = spoken_texts()
    assert len(quoted) > 5
    assert [message for message in quoted if not any(spelling in spoken for spelling in spellings(message))] == []


# --- the demo's page --------------------------------------------------------------------------------------------------


def test_each_channel_change_is_documented_with_its_page_label() -> None:
    items = re.findall(r'item\("([^"]+)", "(\w+)"', text("sandbox/page/app.js"))
    documented = [line for line in text("docs/faults.md").splitlines() if line.startswith("| `")]
    assert items
    assert [
        action for words, action in items if not any(f"`{action}`" in row and f"*{words}*" in row for row in documented)
    ] == []


# --- packages, targets, links -----------------------------------------------------------------------------------------


def test_the_architecture_names_each_package_and_no_other() -> None:
    bot = ROOT / "bot"
    folders = {f"bot/{path.name}/" for path in bot.iterdir() if (path / "__init__.py").is_file()}
    modules = {f"bot/{path.name}" for path in bot.glob("*.py") if path.name != "__init__.py"}
    documented = rows("docs/architecture.md", "Packages")
    assert {name for name in documented if name.startswith("bot/")} == folders | modules


def test_the_glossary_fits_a_screen() -> None:
    assert 0 < len(table("docs/architecture.md", "Glossary")) <= 25


def test_the_architecture_draws_the_layers_that_are_checked() -> None:
    (layers,) = re.findall(r"^layers = (\[.*\])$", text("pyproject.toml"), re.MULTILINE)
    drawing = text("docs/architecture.md").split("```mermaid\n")[1].split("```")[0]
    assert re.findall(r'\["(.+?)"\]', drawing) == json.loads(layers)
    assert re.findall(r"(\w+)(?:\[.*?\])? --> (\w+)", drawing) == list(pairwise(re.findall(r'(\w+)\["', drawing)))


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/contributing.md"])
def test_files_named_as_code_exist(name: str) -> None:
    named = re.findall(r"`((?:[\w-]+/)+[\w-]*(?:\.\w+)?|[\w-]+\.(?:py|lua|toml|yaml|lock))`", text(name))
    assert named
    roots = (ROOT, *(path for path in (ROOT / "bot").rglob("*") if path.is_dir()), ROOT / "bot")
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_the_readme_names_the_port_of_the_demo() -> None:
    port = inspect.signature(cli.demo).parameters["port"].default
    assert f"If port {port} is taken" in text("README.md")


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = {match for page in DOCS for match in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named
    assert named <= targets
    assert set(rows("docs/contributing.md", "Make targets")) == {f"make {target}" for target in targets}


def test_each_kind_of_test_is_explained() -> None:
    kinds = {f"tests/{path.name}/" for path in (ROOT / "tests").iterdir() if (path / "__init__.py").is_file()}
    assert set(rows("docs/contributing.md", "Tests, by kind")) == kinds


def anchor_of(heading: str) -> str:
    """As GitHub makes it: lower case, hyphens for blanks, no punctuation."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


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
        anchors = {anchor_of(heading) for heading in _HEADING.findall(target.read_text())}
        assert not anchor or anchor in anchors, link


@pytest.mark.parametrize("page", [*DOCS, ROOT / ".env.example"], ids=lambda page: page.name)
def test_no_page_holds_a_path_of_a_machine(page: Path) -> None:
    assert _MACHINE_PATH.findall(page.read_text()) == []
