"""Emits the inbox's records. Each names the kind of the interaction and its channel."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from bot.ports.interaction_store import Interaction
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import (
    InteractionAcknowledged,
    InteractionAnswered,
    InteractionExpired,
    InteractionRecovered,
    ListenerCrashed,
    ListenerSlow,
)


class _About(TypedDict):
    interaction: str
    channel: str | None


def report_acknowledged(kind: str, payload: Mapping[str, str], seconds: float) -> None:
    emit(InteractionAcknowledged(seconds=seconds, interaction=kind, channel=payload.get("channel") or None))


def report_answered(interaction: Interaction, now: datetime) -> None:
    emit(InteractionAnswered(seconds=(now - interaction.at).total_seconds(), **_about(interaction)))


def report_recovered(interaction: Interaction, age: timedelta) -> None:
    emit(InteractionRecovered(seconds=age.total_seconds(), **_about(interaction)))


def report_expired(interaction: Interaction, age: timedelta) -> None:
    emit(InteractionExpired(seconds=age.total_seconds(), **_about(interaction)))


def report_slow(interaction: Interaction, seconds: float) -> None:
    emit(ListenerSlow(seconds=seconds, **_about(interaction)))


def report_crashed(interaction: Interaction, exc: Exception) -> None:
    emit(ListenerCrashed(exception=exc, **_about(interaction)))


def _about(interaction: Interaction) -> _About:
    return {"interaction": interaction.kind, "channel": interaction.payload.get("channel") or None}
