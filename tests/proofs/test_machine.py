"""Runs the state machine over fakeredis and over a real Valkey.

make state-machine          many more runs, different each time
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import fakeredis
import pytest
import redis.asyncio
import structlog
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from bot.store.connect import connect
from bot.store.embedded import embedded
from tests.proofs.machine import DeliveryMachine
from tests.proofs.paging_machine import PagingMachine

Connect = Callable[[], redis.asyncio.Redis]


@contextmanager
def real_valkey() -> Iterator[Connect]:
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        server = embedded(Path(folder) / "store")
        yield partial(connect, runner.run(server.__aenter__()))
        runner.run(server.__aexit__(None, None, None))


@contextmanager
def fake_redis() -> Iterator[Connect]:
    yield fakeredis.FakeAsyncRedis


STORES = {"valkey": real_valkey, "fakeredis": fake_redis}
RUNS = {"valkey": 40, "fakeredis": 120}
PAGING_RUNS = 12  # each one ends with all calls of a page


def run_machine(
    store: str,
    examples: int,
    phases: tuple[Phase, ...],
    *,
    derandomize: bool,
    machine: type[DeliveryMachine] = DeliveryMachine,
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with STORES[store]() as client:
        run_state_machine_as_test(
            type("Machine", (machine,), {"client": staticmethod(client)}),
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                phases=phases,
                derandomize=derandomize,
                database=None,
                print_blob=False,
            ),
        )
    structlog.reset_defaults()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", STORES)
def test_each_change_is_reported_once_under_faults(store: str) -> None:
    """Prints a failing run as Hypothesis drew it. `make state-machine` also shrinks it."""
    run_machine(store, RUNS[store], (Phase.generate,), derandomize=True)


@pytest.mark.timeout(1800)
def test_each_due_page_goes_out_once_and_none_after_an_acknowledgement_or_during_a_mute() -> None:
    run_machine("fakeredis", PAGING_RUNS, (Phase.generate,), derandomize=True, machine=PagingMachine)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=1000)
    chosen = options.parse_args()
    for store in STORES:
        for machine in (DeliveryMachine, PagingMachine):
            phases = (Phase.generate, Phase.target, Phase.shrink)
            run_machine(store, chosen.examples, phases, derandomize=False, machine=machine)
        sys.stdout.write(f"{chosen.examples} runs over {store}: each change and page went out once\n")
