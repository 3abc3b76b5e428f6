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
from bot.settings.roles import NEED_BOT_TOKEN, NEED_SERVICE_KEY, roles_in
from bot.settings.sentences import environment_name
from tests.unit.test_docs import ROOT

DEPLOY = ROOT / "deploy"
NAMES = {environment_name(name, field.alias) for name, field in Settings.model_fields.items()}
SECRETS = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "GOLDRUSH_SERVICE_KEY"}


def needed(role: Role) -> set[str]:
    """The secrets of a role in Socket Mode."""
    needs = {"SLACK_BOT_TOKEN"} if role in NEED_BOT_TOKEN else set()
    needs |= {"GOLDRUSH_SERVICE_KEY"} if role in NEED_SERVICE_KEY else set()
    return needs | ({"SLACK_APP_TOKEN"} if role is Role.SLACK else set())


def role_of(arguments: list[str]) -> Role:
    assert arguments[0] == "run"
    (role,) = roles_in(arguments[arguments.index("--role") + 1])
    return role


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


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
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    options = compose["services"]["valkey"]["command"]
    for option, value in (("--appendonly", "yes"), ("--appendfsync", "always"), ("--maxmemory-policy", "noeviction")):
        assert options[options.index(option) + 1] == value


def test_the_dockerfile_copies_what_is_there_and_checks_the_probe() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [name for names in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for name in names.split()]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in copied} == set(sent) - {"*"}
    (port,) = re.findall(r"PIPELINE_BOT_METRICS_PORT=(\d+)", text)
    assert f"http://127.0.0.1:{port}/livez" in text
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^USER (?!0|root)", text, re.MULTILINE)


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
    assert service["Restart"] == "always"
    assert set(re.findall(r"^(\w+)=", service.get("Environment", ""))) <= NAMES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_a_unit(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name.replace("@.", "@reader.")
    copy.write_text(path.read_text().replace("/opt/pipeline-bot/bin/pipeline-bot", "/bin/true"))
    checked = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
