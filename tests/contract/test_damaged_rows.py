"""A damaged row of any hash is one lost row: it is left out and logged, and all others count as before."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis.asyncio

import bot.store
from bot.domain.backup import ScheduledRow
from bot.domain.chains import Chain
from bot.domain.configuration import Configuration, ConfigurationRow
from bot.domain.credits import CreditsState
from bot.domain.delivery import in_slack
from bot.domain.drill import Drill
from bot.domain.measurement import Measurement
from bot.domain.note import Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.pager_lane import Incident
from bot.domain.plan import Record
from bot.domain.seen_before import ErrorHistory, Occurrence
from bot.domain.usual_pace import UsualPace
from bot.ports.interaction_store import Interaction
from bot.ports.measurement_store import MeasuredPipeline
from bot.ports.store_errors import StoreNewer
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.store import RowUnreadable
from bot.store.codec import (
    DRILL,
    INCIDENT,
    NOTE,
    RECORD,
    SCHEDULED,
    WATCH,
    Codec,
    encode_interaction,
    encode_message,
    encode_pipeline_row,
)
from bot.store.setup_rows import encode_setup_row
from bot.store.versions import unchanged
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_message, a_pipeline, a_watch, at, saved_policy
from tests.fakes import FakeClock
from tests.stores import WholeStore

SECRET = "hush"
DAMAGED = [
    b'{"v":1,"hush',
    b'{"v":1,"id":["hush"],"made_at":"hush","name":3,"message":"hush","occurrences":3,"hashes":3,"pace":3}',
    b'{"v":"hush"}',
    b'["hush"]',
    b'"hush"',
    b"3",
    b"null",
    b"hush",
    b"\xff\xfehush",
    b"[" * 100_000,
]
POLICY = saved_policy()
INCIDENTS = in_slack(TEAM, ALERTS)


def encoded(value: object) -> str:
    return Codec(object, unchanged).encode(value)


A_MEASUREMENT = Measurement(at=at(0), last_block_height=5)
ROWS: dict[str, str] = {
    "records": RECORD.encode(Record(pipeline_id=ORDERS)),
    "watches": WATCH.encode(a_watch()),
    "notes": NOTE.encode(Note(kind=NoteKind.NOTE, reference="x", text="y", by=ANN, at=at(0))),
    "setup": encode_setup_row(POLICY),
    "suspended": "archived",
    "pipelines": encode_pipeline_row(a_pipeline()),
    "configurations": encoded(ConfigurationRow(looked_at=at(0), hashes={})),
    "known_errors": encoded(ErrorHistory(occurrences=(Occurrence(pipeline_id=ORDERS, name="x", began_at=at(0)),))),
    "measurements": encoded(MeasuredPipeline(pace=UsualPace(since=at(0), last=A_MEASUREMENT), recent=())),
    "chains": encoded(Chain(name="base-mainnet", height=5, at=at(0))),
    "drills": DRILL.encode(Drill(id="x", channel=ALERTS, by=ANN, started_at=at(0))),
    "scheduled": SCHEDULED.encode(ScheduledRow(id="x", key="y", channel=ALERTS, post_at=at(9), made_at=at(0))),
    "holds": f"{at(0).isoformat()} {at(9).isoformat()}",
    "buckets": at(9).isoformat(),
    "interactions": encode_interaction(Interaction(team=TEAM, id="x", kind="click", at=at(0), payload={})),
    "aliases": "C0OLD 1.0",
    "calls": encode_message(a_message("x")),
    "incidents": INCIDENT.encode(Incident(key="x", made_at=at(0), failures=())),
    "deliveries": encode_message(a_message("x")),
}
FIELDS = {
    "setup": POLICY.key,
    "records": ORDERS,
    "pipelines": ORDERS,
    "configurations": ORDERS,
    "measurements": ORDERS,
    "known_errors": "print",
    "holds": "post",
    "buckets": "post",
}


@pytest.fixture
async def store(any_redis: redis.asyncio.Redis) -> WholeStore:
    return WholeStore(any_redis, TEAM, FakeClock())


def key_of(store: WholeStore, name: str) -> str:
    keys = {"calls": store._keys.calls(INCIDENTS), "incidents": store._keys.incidents(INCIDENTS)}
    return keys.get(name, store._keys[name])


def reading(store: WholeStore, name: str) -> Callable[[], Awaitable[object]]:
    """What every caller of this hash does."""

    async def errors() -> object:
        return await store._errors.read([FIELDS[name], "damaged"])

    async def configurations() -> object:
        return await store._configurations.read([FIELDS[name], "damaged"])

    async def lost_lanes() -> object:
        return await store._losses._lost_lanes(thorough=True)

    async def in_part() -> object:
        return await store.measured([ORDERS, PipelineId("damaged")]), await store.measured()

    readings: dict[str, Callable[[], Awaitable[object]]] = {
        "records": store.records,
        "pipelines": store.catalogue,
        "configurations": configurations,
        "known_errors": errors,
        "measurements": in_part,
        "chains": store.chains,
        "drills": store.drills,
        "scheduled": store.scheduled,
        "holds": store.throttles,
        "buckets": store.full_buckets,
        "interactions": store.unfinished_interactions,
        "aliases": store.aliases,
        "calls": lambda: store.calls(INCIDENTS),
        "incidents": lambda: store.incidents(INCIDENTS),
        "deliveries": lost_lanes,
    }
    return readings.get(name, store.watches)


@pytest.mark.parametrize("name", ROWS)
async def test_a_damaged_row_is_left_out_and_logged_once(store: WholeStore, name: str) -> None:
    read, key, intact = reading(store, name), key_of(store, name), FIELDS.get(name, "intact")
    await store._redis.hset(key, intact, ROWS[name])
    await read()
    before = await read()
    for row in [b"\xff\xfehush"] if name == "aliases" else DAMAGED:
        records: list[EventRecord] = []
        await store._redis.hset(key, "damaged", row)
        with subscribed(records.append):
            after = await read()
            await read()
        if name == "records":
            assert isinstance(after, dict)
            assert after.pop("damaged") == Record(pipeline_id=PipelineId("damaged")), "the next reading fills it"
        assert after == before, row[:100]
        assert [record for record in records if isinstance(record, RowUnreadable)], row[:100]
        assert len(records) == 1
        assert SECRET not in str(records)
        assert await store._redis.hget(key, "damaged") == row, "a person may still repair it"


def test_the_table_has_every_hash_whose_rows_the_bot_decodes() -> None:
    sources = "".join(path.read_text() for path in Path(bot.store.__path__[0]).glob("*.py"))
    names = set(re.findall(r'readable\(\s*"(\w+)"', sources)) | set(re.findall(r'HashRows\([^"]+"(\w+)"', sources))
    assert names - {"undo"} == ROWS.keys(), "an undo is a row of its own"


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"suspended", "holds", "buckets", "aliases"}))
async def test_a_row_of_a_newer_version_stops_the_bot(store: WholeStore, name: str) -> None:
    await store._redis.hset(key_of(store, name), FIELDS.get(name, "damaged"), '{"v":999}')
    with pytest.raises(StoreNewer):
        await reading(store, name)()


@pytest.mark.parametrize("row", DAMAGED, ids=range(len(DAMAGED)))
async def test_a_damaged_configuration_or_error_is_replaced_by_the_next(store: WholeStore, row: bytes) -> None:
    for name, field in (("configurations", ORDERS), ("known_errors", "print")):
        await store._redis.hset(key_of(store, name), field, row)
    await store.compare_configurations({ORDERS: Configuration(hashes={})}, at(0))
    await store.add_occurrence("print", Occurrence(pipeline_id=ORDERS, name="x", began_at=at(0)))
    assert await store.configuration(ORDERS)
    assert (await store._errors.read(["print"])).keys() == {"print"}


@pytest.mark.parametrize("row", DAMAGED, ids=range(len(DAMAGED)))
async def test_damaged_configurations_and_errors_go_with_the_old_ones(store: WholeStore, row: bytes) -> None:
    for name in ("configurations", "known_errors"):
        await store._redis.hset(key_of(store, name), "damaged", row)
        await store._redis.hset(key_of(store, name), "intact", ROWS[name])
    await store.forget_configurations(at(-1))
    await store.forget_errors(at(-1), 2_000)
    for name in ("configurations", "known_errors"):
        assert await store._redis.hkeys(key_of(store, name)) == [b"intact"]


async def test_the_credits_and_an_undo_may_be_damaged_too(store: WholeStore) -> None:
    for row in DAMAGED:
        await store._redis.set(store._keys["credits"], row)
        await store._redis.set(store._keys.undo("x"), row)
        assert await store.credits() == CreditsState()
        assert await store.undo("x") is None


async def test_a_change_of_a_damaged_row_leaves_what_the_process_knows(store: WholeStore) -> None:
    assert await store.add_watches([a_watch()], a_message("x"))
    await store.save_pipelines([a_pipeline()])
    watched, listed = (await store.watches()).position, (await store.pipeline_changes("0")).position
    assert await store.add_watches([a_watch("pipe_2")], a_message("y"))
    await store.save_pipelines([a_pipeline(pipeline_id=PipelineId("pipe_2"))])
    for name in ("watches", "pipelines"):
        for field in await store._redis.hkeys(store._keys[name]):
            await store._redis.hset(store._keys[name], field, DAMAGED[0])
    changes = await store.watch_changes(watched)
    assert changes
    assert changes.watches == {}
    assert (await store.pipeline_changes(listed)).changed == {}


async def test_a_message_of_a_later_version_waits_for_it_and_holds_up_no_other(store: WholeStore) -> None:
    """As in a rolling upgrade, while an older process sends."""
    await store.enqueue([a_message("before"), a_message("later"), a_message("after")])
    row = await store._redis.hget(store._keys["deliveries"], "later")
    assert isinstance(row, bytes)
    kind = re.compile(rb'"is":"[a-z_]+"')
    await store._redis.hset(store._keys["deliveries"], "later", kind.sub(b'"is":"of_tomorrow"', row))
    records: list[EventRecord] = []
    with subscribed(records.append):
        for _ in range(3):
            assert [delivery.id for delivery in await store.owed(ALERTS)] == ["before", "after"]
        assert await store._losses._lost_lanes(thorough=True) == []
    assert {(record.key, record.problem) for record in records if isinstance(record, RowUnreadable)} == {
        ("deliveries", "UnknownKindError")
    }
    assert len(records) == 2  # of its lane, and of the search for lost lanes
    assert (await store.outbox_figures()).due == 3
    await store._redis.hset(store._keys["deliveries"], "later", row)
    assert [delivery.id for delivery in await store.owed(ALERTS)] == ["before", "later", "after"]
