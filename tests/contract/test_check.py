"""What `pipeline-bot check` finds, in this process: against the sandbox and a real store."""

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import yaml

from bot.check import Finding, Verdict, check
from bot.check.slack import INVITE
from bot.settings import Settings
from sandbox.demo import environment
from sandbox.goldrush_faults import Fault as GoldRushFault
from sandbox.goldrush_faults import FaultKind as GoldRushFaultKind
from sandbox.pagerduty import API_TOKEN, ROUTING_KEY
from sandbox.server import Sandbox
from sandbox.slack.directory import ChannelKind
from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import ALERTS, QUIET
from tests.journey.valkey import Valkey
from tests.unit.test_docs import ROOT

SLOW = (
    "3,000 pipelines at 4 requests/s: each is read about every 12 min. "
    "A budget of 50 requests/s (PIPELINE_BOT_REQUESTS_PER_SECOND) would make it 60 s."
)


class Checking:
    """Runs `check` with settings on top of those of the demo."""

    def __init__(self, sandbox: Sandbox, valkey: Valkey, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self.valkey = valkey
        self._directory = directory
        self._monkeypatch = monkeypatch

    async def findings(self, post_to: str | None = None, **settings: str) -> Mapping[str, Finding]:
        """By their subjects."""
        given = environment(self.sandbox.url, self._directory) | {"REDIS_URL": self.valkey.url} | settings
        for name in os.environ.keys() - given.keys():
            self._monkeypatch.delenv(name)
        for name, value in given.items() - os.environ.items():
            self._monkeypatch.setenv(name, value)
        return {finding.subject: finding async for finding in check(Settings.load(None), post_to)}


@pytest.fixture
async def checking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Checking]:
    monkeypatch.chdir(tmp_path)
    async with Sandbox.start() as sandbox, Valkey(tmp_path / "valkey") as valkey:
        yield Checking(sandbox, valkey, tmp_path / "data", monkeypatch)


async def test_a_good_configuration_has_no_fault(checking: Checking) -> None:
    findings = await checking.findings(OPERATOR_CHANNEL=ALERTS, FALLBACK_CHANNEL=ALERTS)
    assert {finding.verdict for finding in findings.values()} == {Verdict.GOOD}
    assert findings["Operator channel"].detail == "the bot is in #data-alerts"
    assert findings["Fallback channel"].detail == "the bot is in #data-alerts"


async def test_too_few_descriptors_for_the_reads_name_the_limit_that_suffices(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.check.descriptor_limit", lambda: 1024)
    finding = (await checking.findings(PIPELINE_BOT_REQUESTS_PER_SECOND="2500"))["Descriptors"]
    assert finding.verdict is Verdict.WEAK
    assert "reads at once, not 12500" in finding.detail
    assert "LimitNOFILE" in finding.fix


async def test_the_id_of_the_workspace_is_printed_for_the_readers(checking: Checking) -> None:
    assert (await checking.findings())["Slack token"].detail == "pipeline_bot in Acme Data (T0SANDBOX)"


async def test_an_address_that_is_not_slacks_is_no_fault_of_the_token(checking: Checking) -> None:
    findings = await checking.findings(SLACK_API_URL=checking.sandbox.url)
    assert "Slack token" not in findings
    finding = findings["Slack address"]
    assert (finding.verdict, finding.detail) == (Verdict.BAD, "HTTP 404")
    assert finding.fix.startswith("set SLACK_API_URL to")


@pytest.mark.parametrize(
    ("count", "detail"),
    [
        (45, "sees 45 pipelines"),
        (240, "sees 240 pipelines"),
        (
            3000,
            f"sees 3,000 pipelines. If all are watched: {SLOW} 1,440 running ones are measured, each every 1 h.",
        ),
    ],
)
async def test_the_key_counts_its_pipelines_and_names_a_budget_for_many(
    checking: Checking, count: int, detail: str
) -> None:
    checking.sandbox.goldrush.pipelines.clear()
    for number in range(count):
        checking.sandbox.goldrush.add(name=f"orders-{number}")
    finding = (await checking.findings())["GoldRush key"]
    assert (finding.verdict, finding.detail) == (Verdict.GOOD, detail)


def test_the_bot_has_the_name_of_the_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "app_manifest.yaml").read_text())
    assert f"/invite @{manifest['features']['bot_user']['display_name']}" == INVITE


# --- channels ---------------------------------------------------------------------------------------------------------


async def test_a_channel_without_the_bot_asks_for_an_invitation(checking: Checking) -> None:
    for name, subject in (("OPERATOR_CHANNEL", "Operator channel"), ("FALLBACK_CHANNEL", "Fallback channel")):
        finding = (await checking.findings(**{name: QUIET}))[subject]
        assert finding.verdict is Verdict.BAD
        assert finding.detail.startswith("the bot is not in #")
        assert finding.fix == "type `/invite @Pipeline Bot` in it"


async def test_a_missing_operator_channel_is_recommended(checking: Checking) -> None:
    finding = (await checking.findings())["Operator channel"]
    assert (finding.verdict, finding.fix) == (Verdict.WEAK, "set OPERATOR_CHANNEL to a channel's id")


async def test_an_archived_channel_is_named(checking: Checking) -> None:
    checking.sandbox.slack.archive(ALERTS)
    finding = (await checking.findings(OPERATOR_CHANNEL=ALERTS))["Operator channel"]
    assert (finding.verdict, finding.detail) == (Verdict.BAD, "#data-alerts is archived")


async def test_a_channel_that_does_not_exist_is_named_by_its_id(checking: Checking) -> None:
    finding = (await checking.findings(OPERATOR_CHANNEL="C0NOWHERE"))["Operator channel"]
    assert finding.verdict is Verdict.BAD
    assert "can't see C0NOWHERE" in finding.detail
    assert "copy the id" in finding.fix


async def test_without_the_scope_a_channel_can_not_be_checked(checking: Checking) -> None:
    checking.sandbox.slack.convert(ALERTS, ChannelKind.PRIVATE)
    checking.sandbox.slack.installation.scopes -= {"channels:read", "groups:read"}
    finding = (await checking.findings(OPERATOR_CHANNEL=ALERTS))["Operator channel"]
    assert (finding.verdict, finding.detail) == (Verdict.WEAK, "can't be checked (missing_scope)")


# --- limits and outages are no fault of a setting ---------------------------------------------------------------------

LIMITED = Fault(kind=FaultKind.THROTTLED, retry_after=90)
BROKEN = Fault(kind=FaultKind.ERROR, error="internal_error")


@pytest.mark.parametrize(
    ("method", "subject"),
    [
        ("auth.test", "Slack token"),
        ("apps.connections.open", "Socket Mode"),
        ("conversations.info", "Operator channel"),
        ("chat.postMessage", "Test post"),
    ],
)
async def test_a_rate_limit_or_an_outage_of_slack_blames_no_setting(
    checking: Checking, method: str, subject: str
) -> None:
    checking.sandbox.slack.set_fault(method, LIMITED)
    limited = (await checking.findings(post_to=ALERTS, OPERATOR_CHANNEL=ALERTS))[subject]
    assert limited.verdict is Verdict.WEAK
    assert limited.fix == "nothing is wrong with the setting: Slack got too many requests. Check again in 90 s"
    checking.sandbox.slack.set_fault(method, BROKEN)
    broken = (await checking.findings(post_to=ALERTS, OPERATOR_CHANNEL=ALERTS))[subject]
    assert broken.verdict is (Verdict.WEAK if method == "conversations.info" else Verdict.BAD)
    assert broken.fix.startswith("Slack has a problem of its own")


@pytest.mark.parametrize(
    ("kind", "subject", "verdict", "fix"),
    [
        (GoldRushFaultKind.THROTTLED, "GoldRush", Verdict.WEAK, "check again in a minute"),
        (GoldRushFaultKind.NOT_JSON, "GoldRush", Verdict.BAD, "check GOLDRUSH_API_URL"),
        (GoldRushFaultKind.UNAVAILABLE, "GoldRush", Verdict.BAD, "check GOLDRUSH_API_URL"),
        (GoldRushFaultKind.UNAUTHORIZED, "GoldRush key", Verdict.BAD, "set GOLDRUSH_SERVICE_KEY"),
        (GoldRushFaultKind.FORBIDDEN, "GoldRush key", Verdict.BAD, "set GOLDRUSH_SERVICE_KEY"),
    ],
)
async def test_only_a_refused_key_asks_for_another_key(
    checking: Checking, kind: GoldRushFaultKind, subject: str, verdict: Verdict, fix: str
) -> None:
    checking.sandbox.goldrush.set_fault(GoldRushFault(kind=kind))
    finding = (await checking.findings())[subject]
    assert finding.verdict is verdict
    text = f"{finding.detail} {finding.fix}".lower()
    assert text.count(fix.lower()) == 1
    assert finding.fix == "" or finding.fix.startswith(fix)


@pytest.mark.parametrize(
    "kind", [GoldRushFaultKind.FORBIDDEN, GoldRushFaultKind.SERVER_ERROR, GoldRushFaultKind.NOT_JSON]
)
async def test_a_key_that_may_not_read_the_usage_is_a_warning(checking: Checking, kind: GoldRushFaultKind) -> None:
    good = (await checking.findings())["GoldRush credits"]
    assert (good.verdict, good.detail) == (Verdict.GOOD, "150,000 of 300,000 used")
    checking.sandbox.goldrush.set_fault(GoldRushFault(kind=kind, route="usage"))
    findings = await checking.findings()
    assert findings["GoldRush key"].verdict is Verdict.GOOD
    assert findings["GoldRush credits"].verdict is Verdict.WEAK
    assert "credits" in findings["GoldRush credits"].fix


async def test_a_test_post_that_slack_refuses_comes_with_what_helps_there(checking: Checking) -> None:
    checking.sandbox.slack.archive(ALERTS)
    assert "unarchive it" in (await checking.findings(post_to=ALERTS))["Test post"].fix
    assert "/invite" in (await checking.findings(post_to=QUIET))["Test post"].fix


# --- the address of the store -----------------------------------------------------------------------------------------


async def test_tls_on_a_server_without_it_is_recognized(checking: Checking) -> None:
    finding = (await checking.findings(REDIS_URL=checking.valkey.url.replace("redis://", "rediss://")))["Store"]
    assert finding.detail == "this server does not speak TLS on that port"
    assert finding.fix.startswith("write redis:// in REDIS_URL")


async def test_a_socket_that_nobody_serves_asks_for_its_path(checking: Checking, tmp_path: Path) -> None:
    finding = (await checking.findings(REDIS_URL=f"unix://{tmp_path}/nowhere.sock"))["Store"]
    assert finding.fix.startswith("check the path in REDIS_URL")
    assert "host and port" not in finding.fix


async def test_each_pager_is_checked_without_paging_anybody(checking: Checking) -> None:
    sandbox = checking.sandbox
    host = sandbox.url.removeprefix("http://")
    findings = await checking.findings(
        PAGERS=f"ops=pagerduty://{ROUTING_KEY} wrong=pagerduty://{'f' * 32} night=json://{host}/sink/night",
        PAGERDUTY_EVENTS_URL=f"{sandbox.url}/pagerduty/v2/enqueue",
        PAGERDUTY_API_URL=f"{sandbox.url}/pagerduty",
        PAGERDUTY_API_TOKEN=API_TOKEN,
        PAGERDUTY_WEBHOOK_SECRET="webhook-secret",
    )
    assert findings["Pager ops"].verdict is Verdict.GOOD
    assert findings["Pager night"].verdict is Verdict.GOOD
    assert (findings["Pager wrong"].verdict, findings["Pager wrong"].detail) == (
        Verdict.BAD,
        "PagerDuty answered 400",
    )
    assert findings["PagerDuty API"].verdict is Verdict.GOOD
    assert findings["PagerDuty webhook"].verdict is Verdict.WEAK
    assert sandbox.pagerduty.incidents == []
    assert sandbox.pager_sink.taken == []
    assert "f" * 32 not in repr(findings)


async def test_a_refused_token_of_pagerduty_is_named(checking: Checking) -> None:
    findings = await checking.findings(
        PAGERS=f"ops=pagerduty://{ROUTING_KEY}",
        PAGERDUTY_EVENTS_URL="http://127.0.0.1:1/v2/enqueue",
        PAGERDUTY_API_URL=f"{checking.sandbox.url}/pagerduty",
        PAGERDUTY_API_TOKEN="wrong-token",
    )
    assert findings["Pager ops"].verdict is Verdict.WEAK
    assert findings["PagerDuty API"].verdict is Verdict.BAD
    assert "PAGERDUTY_API_TOKEN" in findings["PagerDuty API"].fix


async def test_the_api_key_tells_how_far_the_chains_are(checking: Checking) -> None:
    assert "GoldRush API key" not in await checking.findings()
    finding = (await checking.findings(GOLDRUSH_API_KEY="cqt_demo_api_key"))["GoldRush API key"]
    assert (finding.verdict, finding.detail) == (Verdict.GOOD, "tells how far GoldRush has synced 7 chains")


async def test_swapped_keys_are_recognised(checking: Checking) -> None:
    findings = await checking.findings(GOLDRUSH_SERVICE_KEY="cqt_demo_api_key", GOLDRUSH_API_KEY="demo-service-key")
    assert findings["GoldRush key"].verdict is findings["GoldRush API key"].verdict is Verdict.BAD
    assert findings["GoldRush key"].fix.startswith("this looks like an API key")
    assert "this looks like a ServiceKey" in findings["GoldRush API key"].detail
