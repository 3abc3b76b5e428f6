"""Errors as workers log them: families of the same fault, with other blocks, records, times, hosts and ids each time."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.corpora.secrets_in_logs import Maker


@dataclass(frozen=True, slots=True)
class KnownError:
    family: int
    cause: str
    text: str


# {t} a time, {n} a height or offset, {h} a hash, {a} an address, {i} a small number, {ip} an address of a host,
# {p} a pipeline's id, {u} a uid, {id} a UUID, {ms} a duration.
FAMILIES = [
    ("unreachable", "{t} ERROR sink: dial tcp {ip}:5432: connect: connection refused (attempt {i}/10)"),
    ("unreachable", 'level=error ts={t} msg="flush failed" err="read tcp {ip}:{n5}->{ip}:9440: i/o timeout" rows={n}'),
    ("unreachable", "{t} ERROR writing batch {n}: write tcp {ip}:{n5}: connection reset by peer"),
    (
        "unreachable",
        "{t} FATAL clickhouse [execute]:: {i} code: Code: 209. DB::NetException: Timeout exceeded while reading from socket ({ip}:{n5}, {n} ms). (SOCKET_TIMEOUT)",
    ),
    (
        "constraint",
        '{t} FATAL pq: duplicate key value violates unique constraint "swaps_pkey" (SQLSTATE 23505) Key (tx_hash, log_index)=(0x{h}, {i}) already exists.',
    ),
    (
        "constraint",
        '{t} FATAL pq: null value in column "amount_usd" of relation "swaps" violates not-null constraint (SQLSTATE 23502) row {n}',
    ),
    ("schema", '{t} ERROR pq: column "fee_tier" of relation "swaps" does not exist (SQLSTATE 42703) at block {n}'),
    (
        "schema",
        "{t} FATAL Code: 16. DB::Exception: No such column pool_fee in table chain.swaps ({id}). (NO_SUCH_COLUMN_IN_TABLE) (version 24.{i}.{i})",
    ),
    ("schema", 'level=fatal ts={t} msg="schema mismatch" table=fills expected=UInt256 got=Decimal block={n}'),
    (
        "transform",
        '{t} FATAL transform "trades" failed at block {n}: DataFusion error: Arrow error: Divide by zero error: division by zero',
    ),
    (
        "transform",
        "{t} FATAL Code: 62. DB::Exception: Syntax error: failed at position {i} ('FORM'): FORM swaps WHERE block > {n}. (SYNTAX_ERROR)",
    ),
    ("transform", "{t} ERROR transform trades: Error during planning: Invalid function 'hex_to_decimal' pipeline={p}"),
    ("rejected_login", '{t} FATAL pq: password authentication failed for user "writer" ({ip})'),
    ("no_permission", "{t} ERROR pq: permission denied for table swaps (SQLSTATE 42501) after {ms}ms"),
    (
        "no_permission",
        "{t} ERROR operation error S3: PutObject, https response error StatusCode: 403, RequestID: {u}, api error AccessDenied: Access Denied block={n}",
    ),
    (
        "too_many_parts",
        "{t} ERROR Code: 252. DB::Exception: Too many parts ({n} with average size of {i}.{i} MiB) in table 'chain.fills ({id})'. Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)",
    ),
    (
        "destination_full",
        '{t} FATAL pq: could not extend file "base/{n}/{n5}": No space left on device (SQLSTATE 53100)',
    ),
    ("unknown_host", "{t} ERROR dial tcp: lookup ch-1.internal on {ip}:53: no such host (retry in {ms}ms)"),
    (
        "out_of_memory",
        "{t} FATAL container worker OOMKilled (exit code 137) pod=pipeline-covalent-postgres-pipe-{u}dmlm2 limit=2Gi used={n}",
    ),
    ("crash", "panic: runtime error: index out of range [{i}] with length {i} goroutine {n} at block {n} 0x{h}"),
]
OTHERS = [
    (
        "tls",
        "{t} ERROR tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time {t} is after {t}",
    ),
    ("throttled", "{t} WARN SQS SendMessageBatch: api error ThrottlingException: Rate exceeded RequestID: {id}"),
    (
        "missing_place",
        "{t} FATAL operation error S3: PutObject, StatusCode: 404, RequestID: {u}, NoSuchBucket: The specified bucket does not exist",
    ),
    ("too_large", "{t} FATAL kafka: MESSAGE_TOO_LARGE: message size {n} exceeds the limit 1048576 at offset {n}"),
    ("too_many_connections", "{t} ERROR pq: sorry, too many clients already (SQLSTATE 53300) from {ip}"),
    ("read_only", "{t} ERROR pq: cannot execute INSERT in a read-only transaction (SQLSTATE 25006) block {n}"),
    ("destination_error", "{t} ERROR webhook answered status 503 for record 0x{h}-{n}"),
    (
        "destination_memory",
        "{t} FATAL Code: 241. DB::Exception: Memory limit (total) exceeded: would use {i}.{i} GiB. (MEMORY_LIMIT_EXCEEDED)",
    ),
    ("source", "{t} FATAL consumer: OFFSET_OUT_OF_RANGE: offset {n} of partition {i}"),
    ("decoding", "{t} FATAL abi decode failed for contract 0x{a}: bad data at offset {n}"),
    ("unknown", "{t} FATAL the frobnicator declined block {n}"),
]
PER_FAMILY = 5


class _Values(dict[str, object]):
    """Makes a value for each place of a template."""

    def __init__(self, make: Maker) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> object:
        make = self._make
        match name:
            case "t":
                day, hour, minute = make.number(10, 28), make.number(10, 19), make.number(10, 59)
                return f"2026-{make.number(10, 12)}-{day}T{hour}:{minute}:12.{make.number(100, 999)}Z"
            case "n":
                return make.number(10_000, 10**8)
            case "n5":
                return make.number(10_000, 65_000)
            case "h" | "a":
                return make.hex(64 if name == "h" else 40)
            case "ip":
                return f"10.{make.number(0, 255)}.{make.number(0, 255)}.{make.number(1, 254)}"
            case "p":
                return f"pipe_{make.hex(27)}"
            case "u":
                return make.hex(27)
            case "id":
                return f"{make.hex(8)}-{make.hex(4)}-4{make.hex(3)}-a{make.hex(3)}-{make.hex(12)}"
            case "ms":
                return make.number(1, 30_000)
            case _:
                return make.number(1, 99)


def _filled(template: str, make: Maker) -> str:
    return template.format_map(_Values(make))


def known_errors() -> Iterator[KnownError]:
    """100 errors of 20 families."""
    make = Maker(13)
    for family, (cause, template) in enumerate(FAMILIES):
        for _ in range(PER_FAMILY):
            yield KnownError(family, cause, _filled(template, make))


def other_errors() -> Iterator[KnownError]:
    """One error of each cause that the families leave out."""
    make = Maker(17)
    for number, (cause, template) in enumerate(OTHERS):
        yield KnownError(len(FAMILIES) + number, cause, _filled(template, make))
