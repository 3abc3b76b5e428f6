"""The state machine, over fakeredis and over a real Valkey alike.

make state-machine          many more courses, drawn anew each time
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

Connect = Callable[[], redis.asyncio.Redis]


@contextmanager
def a_real_one() -> Iterator[Connect]:
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        server = embedded(Path(folder) / "store")
        yield partial(connect, runner.run(server.__aenter__()))
        runner.run(server.__aexit__(None, None, None))


@contextmanager
def an_imitation() -> Iterator[Connect]:
    yield fakeredis.FakeAsyncRedis


STORES = {"valkey": a_real_one, "fakeredis": an_imitation}
COURSES = {"valkey": 40, "fakeredis": 120}


def run_machine(store: str, examples: int, phases: tuple[Phase, ...], *, derandomize: bool) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with STORES[store]() as client:
        machine = type("Machine", (DeliveryMachine,), {"client": staticmethod(client)})
        run_state_machine_as_test(
            machine,
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
def test_each_change_is_reported_once_whatever_fails(store: str) -> None:
    """A course that fails is shown as it was drawn: `make state-machine` looks for a shorter one."""
    run_machine(store, COURSES[store], (Phase.generate,), derandomize=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=1000)
    chosen = options.parse_args()
    for each in STORES:
        run_machine(each, chosen.examples, (Phase.generate, Phase.target, Phase.shrink), derandomize=False)
        sys.stdout.write(f"{chosen.examples} courses over {each}: everything was told once\n")
