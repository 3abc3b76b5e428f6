"""Why pipelines fail: for each cause the error as workers log it, and what the destination's probe says.

GoldRush publishes no text of its logs. The errors are those of the destinations' own clients. Which faults are
retried first: https://goldrush.dev/docs/goldrush-pipeline-api/error-handling/ .
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCause:
    slug: str
    errors: Mapping[str, str]
    """By destination type; `ANY` stands for all others. A destination without an error cannot fail this way."""
    probe: str | None = None
    """What the probe of the destination reports. None: it passes."""
    retried: bool = False
    """GoldRush retries the fault for a while, so records pile up before the worker gives up."""
    single: bool = False
    """Strikes one replica; the others end because that one did."""
    dropped: int = 0
    """How many records the worker has dropped as undecodable by then."""
    traces: Mapping[str, str] = field(default_factory=dict)
    """What follows the error, by log style."""

    def error(self, destination_type: str) -> str | None:
        return self.errors.get(destination_type) or self.errors.get(ANY)


_GO_TRACE = """
goroutine 87 [running]:
main.(*Normalizer).decode(0xc0004be000, {0xc001a6e000, 0x2a, 0x40})
\t/src/worker/normalize.go:214 +0x1d4
main.(*Worker).run(0xc0003a2180)
\t/src/worker/worker.go:131 +0x3f2
created by main.main in goroutine 1
\t/src/worker/main.go:58 +0x2b1
exit status 2"""
_RUST_TRACE = """
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
   0: rust_begin_unwind
   1: core::panicking::panic_fmt
   2: pipeline_worker::normalize::decode_batch
             at ./src/normalize.rs:214:17"""
_JAVA_TRACE = """
\tat com.goldrush.pipeline.Normalizer.decode(Normalizer.java:214)
\tat com.goldrush.pipeline.Worker.run(Worker.java:131)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
\t... 7 more"""
_TRACES = {"go": _GO_TRACE, "rust": _RUST_TRACE, "java": _JAVA_TRACE}

_REFUSED = "dial tcp {ip}:{port}: connect: connection refused"
_NO_HOST = "dial tcp: lookup {host} on 10.96.0.10:53: no such host"
_EXPIRED = (
    "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: "
    "current time {time} is after 2026-11-30T00:00:00Z"
)
_S3 = "operation error S3: PutObject, https response error StatusCode: {}, RequestID: {{request}}, "

CAUSES = (
    FailureCause(
        slug="out_of_memory",
        errors={
            "postgres": "fatal error: runtime: out of memory",
            "clickhouse": "memory allocation of 536870912 bytes failed",
            "kafka": 'Exception in thread "worker-2" java.lang.OutOfMemoryError: Java heap space',
            "bigquery": 'Exception in thread "worker-2" java.lang.OutOfMemoryError: Java heap space',
            ANY: "container worker OOMKilled (exit code 137), limit 2Gi",
        },
        single=True,
        traces=_TRACES,
    ),
    FailureCause(
        slug="destination_memory",
        errors={
            "clickhouse": "Code: 241. DB::Exception: Memory limit (total) exceeded: would use 14.42 GiB (attempt to "
            "allocate chunk of 4194304 bytes), maximum: 14.40 GiB. (MEMORY_LIMIT_EXCEEDED) (version 24.8.4.13)",
            "postgres": "pq: out of memory (SQLSTATE 53200): Failed on request of size 8192 in memory context",
        },
    ),
    FailureCause(
        slug="destination_full",
        errors={
            "postgres": 'pq: could not extend file "base/16384/24601": No space left on device (SQLSTATE 53100)',
            "clickhouse": "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
        },
        probe="no space left on device",
        retried=True,
    ),
    FailureCause(
        slug="too_many_parts",
        errors={
            "clickhouse": "Code: 252. DB::Exception: Too many parts (3001 with average size of 1.21 MiB) in table "
            "'{schema}.{table}'. Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)"
        },
        retried=True,
    ),
    FailureCause(
        slug="too_many_connections",
        errors={
            "postgres": "pq: sorry, too many clients already (SQLSTATE 53300)",
            "clickhouse": "Code: 202. DB::Exception: Too many simultaneous queries. Maximum: 100. "
            "(TOO_MANY_SIMULTANEOUS_QUERIES)",
        },
        probe="too many connections",
        retried=True,
    ),
    FailureCause(
        slug="read_only",
        errors={
            "postgres": "pq: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)",
            "clickhouse": "Code: 242. DB::Exception: Table is in readonly mode: '{schema}.{table}'. "
            "(TABLE_IS_READ_ONLY)",
        },
    ),
    FailureCause(
        slug="rejected_login",
        errors={
            "postgres": 'pq: password authentication failed for user "writer" (SQLSTATE 28P01)',
            "clickhouse": "Code: 516. DB::Exception: writer: Authentication failed: password is incorrect, or there "
            "is no user with such name. (AUTHENTICATION_FAILED)",
            "s3": _S3.format(403) + "api error InvalidAccessKeyId: The AWS Access Key Id you provided does not exist.",
            "sqs": "operation error SQS: SendMessageBatch, InvalidClientTokenId: The security token is invalid.",
            "webhook": "webhook https://{host}/hooks/chain answered 401 Unauthorized",
            "kafka": "org.apache.kafka.common.errors.SaslAuthenticationException: SASL authentication failed: "
            "invalid username or password",
            "bigquery": "oauth2: cannot fetch token: 400 Bad Request: invalid_grant: Invalid JWT Signature.",
        },
        probe="authentication failed",
    ),
    FailureCause(
        slug="no_permission",
        errors={
            "postgres": "pq: permission denied for table {table} (SQLSTATE 42501)",
            "clickhouse": "Code: 497. DB::Exception: writer: Not enough privileges. To execute this query, it's "
            "necessary to have the grant INSERT ON {schema}.{table}. (ACCESS_DENIED)",
            "s3": _S3.format(403) + "api error AccessDenied: Access Denied",
            "sqs": "operation error SQS: SendMessageBatch, AccessDenied: user writer is not authorized to perform: "
            "sqs:sendmessage on resource: arn:aws:sqs:eu-west-1:123456789012:{table}",
            "webhook": "webhook https://{host}/hooks/chain answered 403 Forbidden",
            "kafka": "org.apache.kafka.common.errors.TopicAuthorizationException: TOPIC_AUTHORIZATION_FAILED: "
            "not authorized to access topics: [{table}]",
            "bigquery": "googleapi: Error 403: Permission bigquery.tables.updateData denied on table "
            "acme:{schema}.{table}, accessDenied",
        },
    ),
    FailureCause(
        slug="tls",
        errors={
            "postgres": _EXPIRED,
            "clickhouse": "error trying to connect: invalid peer certificate: certificate has expired",
            "webhook": _EXPIRED,
            "kafka": "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: "
            "java.security.cert.CertPathValidatorException: validity check failed",
        },
        probe="x509: certificate has expired",
    ),
    FailureCause(
        slug="constraint",
        errors={
            "postgres": 'pq: duplicate key value violates unique constraint "{table}_pkey" (SQLSTATE 23505) '
            "Key (tx_hash, log_index)=({hash}, {small}) already exists.",
            "clickhouse": "Code: 469. DB::Exception: Constraint `positive` for table {schema}.{table} is violated "
            "at row {small}. (VIOLATED_CONSTRAINT)",
        },
        single=True,
    ),
    FailureCause(
        slug="schema",
        errors={
            "postgres": 'pq: column "amount" is of type numeric but expression is of type text (SQLSTATE 42804)',
            "clickhouse": "Code: 16. DB::Exception: No such column pool_fee in table {schema}.{table}. "
            "(NO_SUCH_COLUMN_IN_TABLE)",
            "bigquery": "insertAll: no such field: fee_tier, table acme:{schema}.{table}",
        },
    ),
    FailureCause(
        slug="crash",
        errors={
            "postgres": "panic: runtime error: index out of range [{small}] with length {small}",
            "clickhouse": "thread 'normalize-3' panicked at src/normalize.rs:214:17:\n"
            "called `Option::unwrap()` on a `None` value",
            "kafka": 'Exception in thread "worker-2" java.lang.NullPointerException: Cannot invoke "Block.header()"',
            "bigquery": 'Exception in thread "worker-2" java.lang.NullPointerException: Cannot invoke "Block.header()"',
            ANY: "panic: runtime error: invalid memory address or nil pointer dereference",
        },
        single=True,
        traces=_TRACES,
    ),
    FailureCause(
        slug="transform",
        errors={ANY: 'transform "{table}" failed at block {height}: DataFusion error: Arrow error: Divide by zero'},
        single=True,
    ),
    FailureCause(
        slug="missing_place",
        errors={
            "postgres": 'pq: database "{schema}" does not exist (SQLSTATE 3D000)',
            "s3": _S3.format(404) + "NoSuchBucket: The specified bucket does not exist",
            "sqs": "operation error SQS: SendMessageBatch, AWS.SimpleQueueService.NonExistentQueue: The specified "
            "queue does not exist.",
            "webhook": "webhook https://{host}/hooks/chain answered 410 Gone",
            "kafka": "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: UNKNOWN_TOPIC_OR_PARTITION: "
            "{table}-0",
        },
        probe="not found",
    ),
    FailureCause(
        slug="too_large",
        errors={
            "kafka": "org.apache.kafka.common.errors.RecordTooLargeException: MESSAGE_TOO_LARGE: message size "
            "1398101 exceeds the limit 1048576",
            "sqs": "operation error SQS: SendMessageBatch, AWS.SimpleQueueService.BatchRequestTooLong: Batch requests "
            "cannot be longer than 262144 bytes.",
            "s3": _S3.format(400) + "EntityTooLarge: Your proposed upload exceeds the maximum allowed size",
            "webhook": "webhook https://{host}/hooks/chain answered 413 Payload Too Large",
        },
        single=True,
    ),
    FailureCause(
        slug="source",
        errors={ANY: "consumer: OFFSET_OUT_OF_RANGE: offset {offset} of {topic} partition 3 is not available"},
    ),
    FailureCause(
        slug="throttled",
        errors={
            "s3": _S3.format(503) + "SlowDown: Please reduce your request rate.",
            "sqs": "operation error SQS: SendMessageBatch, ThrottlingException: Rate exceeded",
            "webhook": "webhook https://{host}/hooks/chain answered 429 Too Many Requests",
            "bigquery": "googleapi: Error 429 Too Many Requests: Exceeded rate limits for table {schema}.{table}",
        },
        retried=True,
    ),
    FailureCause(
        slug="unknown_host",
        errors={
            "postgres": _NO_HOST,
            "clickhouse": "error trying to connect: dns error: failed to lookup address information: Name or service "
            "not known: {host}",
            "webhook": _NO_HOST,
            "kafka": "java.net.UnknownHostException: {host}: Name or service not known",
        },
        probe="no such host",
        retried=True,
    ),
    FailureCause(
        slug="unreachable",
        errors={
            "clickhouse": "Code: 209. DB::NetException: Timeout exceeded while reading from socket ({ip}:{port}, "
            "300000 ms). (SOCKET_TIMEOUT)",
            "s3": "operation error S3: PutObject, exceeded maximum number of attempts, 3: read tcp {ip}:{port}: read: "
            "connection reset by peer",
            "kafka": "org.apache.kafka.common.errors.TimeoutException: Expiring 512 record(s) for {table}-0: 120000 ms "
            "has passed since batch creation: request timed out",
            "bigquery": "googleapi: insertAll: context deadline exceeded",
            ANY: _REFUSED,
        },
        probe="connection refused",
        retried=True,
    ),
    FailureCause(
        slug="destination_error",
        errors={
            "postgres": "pq: deadlock detected (SQLSTATE 40P01): Process {small} waits for ShareLock on transaction",
            "clickhouse": "Code: 999. DB::Exception: Coordination error: Connection loss. (KEEPER_EXCEPTION)",
            "s3": _S3.format(500) + "api error InternalError: We encountered an internal error.",
            "sqs": "operation error SQS: SendMessageBatch, ServiceUnavailable: Service is currently unavailable.",
            "webhook": "webhook https://{host}/hooks/chain answered 503 Service Unavailable",
            "bigquery": "googleapi: Error 503 Service Unavailable: backendError",
        },
        probe="unexpected answer",
        retried=True,
    ),
    FailureCause(
        slug="decoding",
        errors={ANY: "abi decode failed for contract {address}: bad data at offset {small}"},
        single=True,
        dropped=1240,
    ),
    FailureCause(slug="unknown", errors={ANY: "the barrier of epoch {small} is gone, and nobody owns block {height}"}),
)
BY_SLUG = {cause.slug: cause for cause in CAUSES}
DESTINATIONS = ("postgres", "clickhouse", "s3", "sqs", "webhook", "kafka", "bigquery")


def fitting(destination_type: str) -> tuple[str, ...]:
    """The causes that a pipeline with this destination can fail with."""
    return tuple(cause.slug for cause in CAUSES if cause.error(destination_type))


def usual(destination_type: str) -> FailureCause:
    """The cause of a failure that a test or person did not name."""
    schema = BY_SLUG["schema"]
    return schema if schema.error(destination_type) else BY_SLUG["unreachable"]
