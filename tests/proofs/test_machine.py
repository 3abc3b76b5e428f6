"""The state machine, over fakeredis and over a real Valkey alike."""

from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from bot.store.connect import connect, embedded
from tests.proofs.machine import DeliveryMachine


class OverFakeredis(DeliveryMachine):
    client = staticmethod(fakeredis.FakeAsyncRedis)


def test_the_core_over_fakeredis() -> None:
    run_state_machine_as_test(OverFakeredis, settings=settings(max_examples=20, stateful_step_count=30, deadline=None))
