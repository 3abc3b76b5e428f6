"""The examples in deploy/: their form, and that roles, settings, secrets and probes are those of the bot."""

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import Role, Settings
from bot.settings.pagers import PAGER_SECRETS
from bot.settings.roles import NEED_BOT_TOKEN, NEED_SERVICE_KEY, roles_in
from bot.settings.sentences import environment_name
from tests.unit.test_docs import ROOT

DEPLOY = ROOT / "deploy"
NAMES = {environment_name(name, field.alias) for name, field in Settings.model_fields.items()}
SECRETS = {
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "GOLDRUSH_SERVICE_KEY",
    "GOLDRUSH_API_KEY",
    "WATCHDOG_URL",
    *PAGER_SECRETS,
}
# What the examples decide themselves: each role, its team and Redis, Socket Mode, and where /metrics listens.
DECIDED = {
    "REDIS_URL", "PORT", "PIPELINE_BOT_ROLE", "PIPELINE_BOT_TEAM", "PIPELINE_BOT_DATA_DIR", "PIPELINE_BOT_TRANSPORT",
    "PIPELINE_BOT_HTTP_HOST", "PIPELINE_BOT_HTTP_CONNECTIONS", "PIPELINE_BOT_METRICS_PORT", "PIPELINE_BOT_METRICS_HOST",
}  # fmt: skip


def needed(role: Role) -> set[str]:
    """The secrets that a role uses in Socket Mode."""
    needs = {"SLACK_BOT_TOKEN"} if role in NEED_BOT_TOKEN else set()
    needs |= {"GOLDRUSH_SERVICE_KEY"} if role in NEED_SERVICE_KEY else set()
    needs |= {"SLACK_APP_TOKEN"} if role is Role.SLACK else set()
    needs |= set() if role is Role.READER else {"PAGERS"}
    needs |= {"PAGERDUTY_WEBHOOK_SECRET"} if role is Role.SLACK else set()
    needs |= {"PAGERDUTY_API_TOKEN", "GOLDRUSH_API_KEY"} if role is Role.SCHEDULER else set()
    return needs | ({"WATCHDOG_URL"} if role is Role.SENDER else set())


def role_of(arguments: list[str]) -> Role:
    assert arguments[0] == "run"
    (role,) = roles_in(arguments[arguments.index("--role") + 1])
    return role


def text(name: str) -> str:
    return (DEPLOY / name).read_text()


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text(name)))


def kubernetes(kind: str) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in documents("kubernetes.yaml") if item["kind"] == kind}


def containers() -> Iterator[tuple[Role, dict[str, Any]]]:
    for deployment in kubernetes("Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        yield role_of(container["args"]), container


def test_kubernetes_runs_each_role_with_its_own_secrets_only() -> None:
    secret, settings = kubernetes("Secret")["pipeline-bot"], kubernetes("ConfigMap")["pipeline-bot"]
    assert {role for role, _ in containers()} == set(Role)
    assert set(settings["data"]) <= NAMES - SECRETS
    for role, container in containers():
        keys = {entry["name"]: entry["valueFrom"]["secretKeyRef"]["key"] for entry in container["env"]}
        assert set(keys.values()) <= set(secret["stringData"])
        assert all(name == key for name, key in keys.items())
        assert set(keys) == needed(role) | {"REDIS_URL"}


def test_kubernetes_gives_each_role_the_memory_for_its_fleet() -> None:
    """Every role but reader holds all pipelines and watches."""
    for role, container in containers():
        assert container["resources"]["limits"] == {"memory": "256Mi" if role is Role.READER else "512Mi"}


def test_kubernetes_probes_each_role_on_the_port_of_its_metrics() -> None:
    port = int(kubernetes("ConfigMap")["pipeline-bot"]["data"]["PIPELINE_BOT_METRICS_PORT"])
    for _, container in containers():
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}


def test_kubernetes_finds_the_pods_of_each_role() -> None:
    budgets = kubernetes("PodDisruptionBudget")
    for name, deployment in kubernetes("Deployment").items():
        spec = deployment["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"] == labels == budgets[name]["spec"]["selector"]["matchLabels"]
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 15


def test_kubernetes_spreads_the_pods_of_each_role_over_nodes() -> None:
    for deployment in kubernetes("Deployment").values():
        pod = deployment["spec"]["template"]
        (spread,) = pod["spec"]["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"] == pod["metadata"]["labels"]
        assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
        assert pod["spec"]["enableServiceLinks"] is False  # a Service's variable could look like a setting


def test_prometheus_finds_every_pod() -> None:
    service = kubernetes("Service")["pipeline-bot-metrics"]["spec"]
    (monitor,) = documents("kubernetes-podmonitor.yaml")
    port = int(kubernetes("ConfigMap")["pipeline-bot"]["data"]["PIPELINE_BOT_METRICS_PORT"])
    assert service["ports"] == [{"name": "metrics", "port": port, "targetPort": "metrics"}]
    assert service["publishNotReadyAddresses"] is True
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (job,) = endpoint["relabelings"]
    assert endpoint["port"] == "metrics"
    assert (job["targetLabel"], job["replacement"]) == ("job", "pipeline-bot-$1")  # the jobs of the alert rules
    for deployment in kubernetes("Deployment").values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for selector in (service["selector"], monitor["spec"]["selector"]["matchLabels"]):
            assert selector.items() <= labels.items()


def test_compose_runs_each_role_with_its_own_secrets_only() -> None:
    (compose,) = documents("compose.yaml")
    bots: Mapping[str, Any] = {name: it for name, it in compose["services"].items() if name != "valkey"}
    assert set(bots) == {role.value for role in Role}
    for name, service in bots.items():
        role = role_of(service["command"])
        assert role == name
        assert set(service["environment"]) <= NAMES
        assert set(service["environment"]) & SECRETS == needed(role)
        assert service["environment"]["REDIS_URL"] == "redis://valkey:6379/0"
        assert ("PIPELINE_BOT_TEAM" in service["environment"]) is (role is Role.READER)
        assert service["ulimits"] == {"nofile": 65536}
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    options = compose["services"]["valkey"]["command"]
    for option, value in (("--appendonly", "yes"), ("--appendfsync", "always"), ("--maxmemory-policy", "noeviction")):
        assert options[options.index(option) + 1] == value


def test_compose_passes_every_setting_of_the_example_on() -> None:
    (compose,) = documents("compose.yaml")
    passed = {name: value for name, value in compose["x-common"].items() if name not in DECIDED}
    assert passed == {name: f"${{{name}:-}}" for name in NAMES - SECRETS - DECIDED}
    for name, service in compose["services"].items():
        assert name == "valkey" or compose["x-common"].items() <= service["environment"].items()


def test_kubernetes_lists_every_setting_of_the_example() -> None:
    listed = kubernetes("ConfigMap")["pipeline-bot"]["data"]
    assert {name: value for name, value in listed.items() if name not in DECIDED} == dict.fromkeys(
        NAMES - SECRETS - DECIDED, ""
    )
    for _, container in containers():
        assert container["envFrom"] == [{"configMapRef": {"name": "pipeline-bot"}}]


@pytest.mark.parametrize("role", Role)
def test_a_setting_that_the_examples_leave_empty_has_its_default(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "GOLDRUSH_SERVICE_KEY": "key-1"}
    given |= {"REDIS_URL": "redis://localhost", "PIPELINE_BOT_TEAM": "T0TEAM", "PIPELINE_BOT_ROLE": role.value}
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    defaults = Settings.load(env_file=None)
    for name in NAMES - given.keys():
        monkeypatch.setenv(name, "")
    assert Settings.load(env_file=None) == defaults


def test_prometheus_reaches_each_container() -> None:
    (compose,) = documents("compose.yaml")
    for settings in (compose["x-common"], kubernetes("ConfigMap")["pipeline-bot"]["data"]):
        assert settings["PIPELINE_BOT_METRICS_HOST"] == "0.0.0.0"  # noqa: S104  # the network of the containers
        assert f"PIPELINE_BOT_METRICS_PORT={settings['PIPELINE_BOT_METRICS_PORT']}" in text("Dockerfile")


def test_the_command_for_compose_names_the_file_of_settings() -> None:
    """Compose looks for .env beside the first file of -f, which is deploy/."""
    command = "docker compose --env-file .env -f deploy/compose.yaml up --build"
    assert f"#   {command}\n" in text("compose.yaml")
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        assert page.read_text().count("docker compose ") == page.read_text().count(command)


def test_kubernetes_replaces_pods_one_by_one_and_stops_all_of_them_by_one_label() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    for deployment in kubernetes("Deployment").values():
        assert deployment["spec"]["strategy"] == rolling
        assert deployment["metadata"]["labels"]["app"] == "pipeline-bot"
    stop = "kubectl scale deployment --selector app=pipeline-bot --replicas 0"
    assert stop in text("kubernetes.yaml")
    assert stop in (ROOT / "docs/deploying.md").read_text()


def test_the_dockerfile_copies_what_is_there_and_checks_the_probe() -> None:
    lines = text("Dockerfile")
    copied = [name for names in re.findall(r"^COPY (?!--from)(.+) \S+$", lines, re.MULTILINE) for name in names.split()]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in copied} == set(sent) - {"*"}
    (port,) = re.findall(r"PIPELINE_BOT_METRICS_PORT=(\d+)", lines)
    assert f"http://127.0.0.1:{port}/livez" in lines
    assert "--require-hashes -r requirements.lock" in lines
    assert re.search(r"^USER (?!0|root)", lines, re.MULTILINE)


UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def unit(path: Path) -> dict[str, str]:
    class Repeated(dict[str, Any]):
        """systemd lets a name stand twice; one line of it is enough here."""

    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return dict(parser["Service"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_the_bot_and_gives_it_time_to_stop(path: Path) -> None:
    service = unit(path)
    roles = " --role %i" if "@" in path.name else ""
    assert service["ExecStart"] == f"/opt/pipeline-bot/bin/pipeline-bot run{roles}"
    assert service["TimeoutStopSec"] == "15"
    assert service["KillMode"] == "mixed"
    assert service["LimitNOFILE"] == "65536"
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"] == "2"
    assert set(re.findall(r"^(\w+)=", service.get("Environment", ""))) <= NAMES


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_commands_that_install_a_unit_name_what_is_there(path: Path) -> None:
    commands = re.findall(r"^#   (.+)$", path.read_text(), re.MULTILINE)
    assert f"install --mode 0644 deploy/systemd/{path.name} /etc/systemd/system/" in commands
    assert commands.index("systemctl daemon-reload") < next(
        number for number, command in enumerate(commands) if command.startswith("systemctl enable --now")
    )
    files = [word for command in commands for word in command.split() if word.startswith("deploy/") or ".lock" in word]
    assert [file for file in files if not (ROOT / file).is_file()] == []
    pips = re.findall(r"pip install (?:--no-cache-dir )?(.+)$", text("Dockerfile"), re.MULTILINE)
    assert [f"/opt/pipeline-bot/bin/pip install {pip}" for pip in pips] == [
        command for command in commands if " install --no-deps" in command
    ] or "@" in path.name


def test_the_image_keeps_its_data_where_a_volume_can_be_mounted() -> None:
    lines = text("Dockerfile")
    (directory,) = re.findall(r"PIPELINE_BOT_DATA_DIR=(\S+)", lines)
    (user,) = re.findall(r"^USER (\d+)$", lines, re.MULTILINE)
    assert f"--owner {user} --mode 0700 {directory}" in lines
    assert f"--volume pipeline-bot:{directory}" in lines
    assert "VOLUME" not in lines  # an anonymous volume would hide that nobody mounted one


def test_the_settings_of_one_role_win_over_those_of_all() -> None:
    files = re.findall(r"^EnvironmentFile=(.+)$", text("systemd/pipeline-bot@.service"), re.MULTILINE)
    assert files == ["/etc/pipeline-bot/env", "-/etc/pipeline-bot/%i.env"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_a_unit(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name.replace("@.", "@reader.")
    copy.write_text(path.read_text().replace("/opt/pipeline-bot/bin/pipeline-bot", "/bin/true"))
    checked = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
