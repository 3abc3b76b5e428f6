"""The manifest against what the bot listens to, and against Slack's own schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.slack.inbound import home
from bot.slack.inbound.messages import SUBSCRIBED
from bot.slack.outbound import channel_monitor

EVENTS = (*channel_monitor.EVENTS, *SUBSCRIBED, home.EVENT)
ROOT = Path(__file__).parents[2]
SCHEMA = ROOT.parent / "shared" / "slack" / "manifest.schema.2.0.0.json"
# Source: the pages of https://docs.slack.dev/reference/events, "Required scopes": any one of those named will do.
SCOPES = {
    "channel_archive": {"channels:read"},
    "group_archive": {"groups:read"},
    "channel_unarchive": {"channels:read"},
    "group_unarchive": {"groups:read"},
    "channel_deleted": {"channels:read"},
    "group_deleted": {"groups:read"},
    "channel_left": {"channels:read"},
    "group_left": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "channel_id_changed": {"channels:read", "groups:read"},
    "tokens_revoked": set(),
    "app_uninstalled": set(),
    "app_mention": {"app_mentions:read"},
    "message.im": {"im:history"},
    "app_home_opened": set(),
}


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "app_manifest.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_it_subscribes_to_each_event_that_the_bot_listens_to_and_no_other(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_it_asks_for_the_scopes_without_which_slack_does_not_send_an_event(
    manifest: dict[str, Any], event: str
) -> None:
    needed, requested = SCOPES[event], set(manifest["oauth_config"]["scopes"]["bot"])
    assert not needed or needed & requested


def test_it_is_valid(manifest: dict[str, Any]) -> None:
    if not SCHEMA.is_file():
        pytest.skip("Slack's manifest schema (shared/slack/manifest.schema.2.0.0.json) is not beside this checkout")
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))
