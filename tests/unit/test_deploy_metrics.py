"""The alert rules and the dashboard in deploy/, and the table of metrics in the docs, against what the bot exports."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.ports.telemetry import RECORDS, Level
from bot.telemetry.health import Check
from tests.exported import exported, scraped_text
from tests.unit.test_docs import rows

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES, RULES_TEST = DEPLOY / "prometheus" / "rules.yml", DEPLOY / "prometheus" / "rules_test.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is missing")

_METRIC = re.compile(r"\b(?:pipeline_bot|process)_[a-z_]+\b")
_SELECTOR = re.compile(r"\b((?:pipeline_bot|process)_[a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+) *(?:=~|!~|!=|=)")
_SUFFIXES = ("_bucket", "_sum", "_count", "_created")
OWN_LABELS = {"job", "instance"}
"""Prometheus adds these itself."""


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    yield from (str(rule["expr"]) for rule in rules())
    yield from (str(target["expr"]) for panel in panels() for target in panel["targets"])


def metrics_named() -> set[str]:
    """Every metric in the rules and in the dashboard."""
    return {name for query in queries() for name in _METRIC.findall(query)}


async def test_the_bot_exports_each_metric_in_rules_and_dashboard() -> None:
    named = metrics_named()
    assert len(named) > 20
    assert named - (await exported()).keys() == set()


async def test_each_selector_names_labels_that_its_metric_has() -> None:
    known = await exported()
    for query in queries():
        for name, selector in _SELECTOR.findall(query):
            assert set(_LABEL.findall(selector)) - OWN_LABELS <= known[name][1], query


def test_rules_name_events_and_checks_that_exist() -> None:
    text = RULES.read_text() + RULES_TEST.read_text()
    events = {event for names in re.findall(r'\bevent=~?"([^"]+)"', text) for event in names.split("|")}
    logged = {name for name, record in RECORDS.items() if record.level is not Level.DEBUG}
    assert all(any(re.fullmatch(event, name) for name in logged) for event in events)
    assert set(re.findall(r'\bcheck="([^"]+)"', text)) <= {check.value for check in Check}


def test_each_alert_has_a_severity_and_texts_and_a_test() -> None:
    tested = RULES_TEST.read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert f'ALERTS{{alertname="{rule["alert"]}", alertstate="firing"}}\'' in tested, rule["alert"]
        assert f'ALERTS{{alertname="{rule["alert"]}", alertstate="firing", severity' in tested, rule["alert"]


def test_each_alert_names_its_installation() -> None:
    """An aggregate without `job` mixes installations: it names none, and one hides another's loss."""
    for rule in rules():
        assert "{{ $labels.job }}" in rule["annotations"]["summary"], rule["alert"]
        grouped = re.findall(r"\b(?:sum|min|max|avg|count)\b(?: by \(([^)]*)\))?", rule["expr"])
        assert all("job" in labels.split(", ") for labels in grouped), rule["alert"]


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(RULES)], check=True, capture_output=True)


@needs_promtool
def test_each_alert_fires_on_its_fault_and_only_then() -> None:
    run = subprocess.run(["promtool", "test", "rules", str(RULES_TEST)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@needs_promtool
def test_promtool_finds_nothing_to_criticise_in_a_scrape() -> None:
    scrape = asyncio.run(scraped_text())
    run = subprocess.run(["promtool", "check", "metrics"], input=scrape, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_dashboard_can_be_imported() -> None:
    """Grafana itself is not part of the tests: this checks what its import relies on."""
    dashboard = json.loads(DASHBOARD.read_text())
    assert {"title", "uid", "schemaVersion", "panels", "templating"} <= dashboard.keys()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard))) - {"__rate_interval"}
    assert used == variables
    assert all(panel["description"] and panel["targets"] for panel in panels())


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


async def test_each_metric_is_documented_with_its_type_and_labels_and_no_other() -> None:
    documented = {name: row.split("|")[2:4] for name, row in rows("docs/monitoring.md", "Metrics").items()}
    known: dict[str, tuple[str, frozenset[str]]] = {}
    for name, (kind, labels) in (await exported()).items():
        if name.startswith("pipeline_bot_") and not name.endswith("_created"):
            base = name
            if kind == "histogram":
                base = next(name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix))
            known[base] = ("gauge" if kind == "info" else kind), labels
    assert documented.keys() == known.keys()
    for name, (kind, labels) in known.items():
        assert documented[name][0].strip() == kind, name
        assert set(re.findall(r"`(\w+)`", documented[name][1])) == labels, name


def test_each_check_is_documented_and_no_other() -> None:
    assert {name for name in rows("docs/monitoring.md", "Probes") if not name.startswith("GET")} == {*Check}
