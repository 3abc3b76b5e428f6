"""Every record names a pipeline, a channel and a delivery in the same fields."""

import dataclasses
import importlib
import pkgutil

import pytest

from bot.ports import telemetry
from bot.ports.telemetry import RECORDS, EventRecord
from bot.ports.telemetry.delivery import SendingStarted

for module in pkgutil.iter_modules(telemetry.__path__, f"{telemetry.__name__}."):
    importlib.import_module(module.name)  # which registers its records

OTHER_NAMES = {"id", "receiver", "conversation", "channel_id", "pipeline_id", "pipe", "message", "delivery_id", "to"}


def fields(record: type[EventRecord]) -> set[str]:
    return {field.name for field in dataclasses.fields(record)}


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.event)
def test_a_record_uses_the_common_names(record: type[EventRecord]) -> None:
    assert not fields(record) & OTHER_NAMES


@pytest.mark.parametrize(
    "record",
    [
        record
        for record in RECORDS.values()
        if record.__module__.endswith(".delivery") and record is not SendingStarted  # it concerns all channels
    ],
    ids=lambda record: record.event,
)
def test_each_record_of_delivery_names_the_channel(record: type[EventRecord]) -> None:
    assert "channel" in fields(record)


@pytest.mark.parametrize(
    "record", [record for record in RECORDS.values() if "delivery" in fields(record)], ids=lambda record: record.event
)
def test_a_record_of_one_message_names_its_channel_too(record: type[EventRecord]) -> None:
    assert "channel" in fields(record)
