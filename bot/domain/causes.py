"""What an error means: its cause, whether it heals by itself, and the first thing to try. One table. Pure.

GoldRush documents which faults it retries and which fail a pipeline for good:
https://goldrush.dev/docs/goldrush-pipeline-api/error-handling/ . Rows marked with a page follow it; the others name
errors of the destinations' own documentation, and say "needs you" only where no retry can help.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Prospect(StrEnum):
    """Whether a fault goes away without a person."""

    HEALS = "heals"
    NEEDS_YOU = "needs_you"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a pipeline failed, as far as its log tells."""

    slug: str
    """Stable: part of stored rows and of metrics."""
    words: str
    """Continues "cause: ". Without a dot."""
    prospect: Prospect
    first_step: str
    """What to try first. It also says how the pipeline starts again: GoldRush does not restart one that has FAILED."""


def _row(slug: str, prospect: Prospect, words: str, first_step: str, *patterns: str) -> tuple[Cause, re.Pattern[str]]:
    cause = Cause(slug=slug, words=words, prospect=prospect, first_step=first_step)
    return cause, re.compile("|".join(patterns), re.IGNORECASE)


_HEALS, _NEEDS_YOU = Prospect.HEALS, Prospect.NEEDS_YOU

# The first row that fits decides, so the narrow rows come first.
_TABLE = (
    _row(
        "out_of_memory",
        _NEEDS_YOU,
        "the worker ran out of memory",
        "Look for a transform that joins or aggregates much, narrow it, and redeploy.",
        r"\bOOMKilled\b",
        r"\bexit code 137\b",
        r"java\.lang\.OutOfMemoryError",
        r"runtime: out of memory",
        r"cannot allocate memory",
        r"memory allocation of \d+ bytes failed",
    ),
    _row(
        "destination_memory",
        _NEEDS_YOU,
        "the destination ran out of memory for a query",
        "Raise the memory limit of the destination or write smaller batches, then resume the pipeline.",
        r"MEMORY_LIMIT_EXCEEDED",
        r"Memory limit .{0,40}exceeded",
        r"ERROR: out of memory",
        r"SQLSTATE 53200",
    ),
    _row(
        "destination_full",
        _NEEDS_YOU,
        "the destination has no space left",
        "Free or add disk space at the destination, then resume the pipeline.",
        r"no space left on device",
        r"SQLSTATE 53100",
        r"could not extend file",
        r"NOT_ENOUGH_SPACE",
        r"disk (?:is )?full|disk quota exceeded",
        r"STORAGE_QUOTA_EXCEEDED|(?-i:QuotaExceeded\b)",
    ),
    _row(
        "too_many_parts",
        _HEALS,
        "ClickHouse merges more slowly than the pipeline writes",
        "Wait for the merges, then resume the pipeline. Prevent it by larger batches or fewer partitions.",
        r"TOO_MANY_PARTS",
        r"Too many parts",
    ),
    _row(
        "too_many_connections",
        _HEALS,
        "the destination has no connection free",
        "Close idle connections or raise the destination's limit, then resume the pipeline.",
        r"too many (?:clients|connections)",
        r"remaining connection slots are reserved",
        r"SQLSTATE 53300",
        r"TOO_MANY_SIMULTANEOUS_QUERIES",
    ),
    _row(
        "read_only",
        _NEEDS_YOU,
        "the destination is read-only",
        "End the destination's read-only mode or point the pipeline at the primary server, then resume it.",
        r"read-?only transaction",
        r"SQLSTATE 25006",
        r"TABLE_IS_READ_ONLY",
        r"is in readonly mode",
    ),
    _row(
        "rejected_login",
        _NEEDS_YOU,
        "the destination rejects the pipeline's login",
        "Check user and password in the destination's settings, then redeploy.",
        r"password authentication failed",
        r"AUTHENTICATION_FAILED|Authentication failed",
        r"SQLSTATE 28(?:P01|000)",
        r"no pg_hba\.conf entry",
        r"SASL authentication (?:failed|error)",
        r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidClientTokenId|UnrecognizedClientException",
        r"\b401 Unauthorized\b",
        r"status(?: code)?[ =:]+401\b",
        r"invalid_grant|SaslAuthentication\w+|\bInvalidPassword\b",
    ),
    _row(
        "no_permission",
        _NEEDS_YOU,
        "the pipeline's login lacks a permission at the destination",
        "Grant the permission that the error names, then resume the pipeline.",
        r"permission denied for",
        r"SQLSTATE 42501",
        r"ACCESS_DENIED|Not enough privileges",
        r"\bAccessDenied(?:Exception)?\b",
        r"is not authorized to perform",
        r"(?:TOPIC|GROUP|CLUSTER)_?AUTHORIZATION_?(?:FAILED|EXCEPTION)|Not authorized to access",
        r"\b403:? (?:Forbidden|Access Denied)|does not have .{0,80}(?:access|permission)|InsufficientPrivilege",
        r"AuthorizationPermissionMismatch|AuthorizationFailure\b",
        r"status(?: code)?[ =:]+403\b",
        r"must be owner of",
    ),
    _row(
        "tls",
        _NEEDS_YOU,
        "the TLS connection to the destination fails",
        "Check the destination's certificate, its date and its host name, then resume the pipeline.",
        r"x509: ",
        r"certificate (?:has expired|verify failed|is not valid|signed by unknown)",
        r"\bSSLHandshakeException\b|\bPKIX path\b",
        r"tls: (?:handshake failure|bad certificate|failed to verify)",
        r"server (?:does not support|refused) (?:SSL|TLS)",
    ),
    # https://goldrush.dev/docs/goldrush-pipeline-api/error-handling/ : constraint violations fail the pipeline.
    _row(
        "constraint",
        _NEEDS_YOU,
        "a record violates a constraint of the destination's table",
        "Remove the conflicting rows or the constraint, then redeploy.",
        r"violates (?:unique|foreign key|check|not-null|exclusion) constraint",
        r"duplicate key value",
        r"null value in column",
        r"SQLSTATE 23\w{3}",
        r"VIOLATED_CONSTRAINT",
        r"Duplicate entry .{0,200} for key|\b(?:Unique|ForeignKey|NotNull|Check|Exclusion)Violation\b",
    ),
    # The same page: a schema mismatch fails the pipeline.
    _row(
        "schema",
        _NEEDS_YOU,
        "the destination's table does not fit the pipeline's columns",
        "Compare the table with the transform's columns, alter one of them, then redeploy.",
        r"(?:column|relation|table) .{0,200} (?:does not exist|doesn't exist)",
        r"column .{0,200} is of type .{0,80} but expression is of type",
        r"SQLSTATE 42(?:703|P01|804|P07)",
        r"NO_SUCH_COLUMN_IN_TABLE|UNKNOWN_TABLE|UNKNOWN_DATABASE|THERE_IS_NO_COLUMN|NOT_FOUND_COLUMN_IN_BLOCK",
        r"(?:Unknown|No such) (?:column|table|database)",
        r"schema mismatch",
        r"TYPE_MISMATCH|Type mismatch|CANNOT_CONVERT_TYPE",
        r"numeric field overflow|value too long for type|out of range for type|SQLSTATE 22(?:003|001)",
        r"invalid input syntax for type",
        r"no such field|\bUndefined(?:Table|Column)\b|\bDatatypeMismatch\b",
    ),
    _row(
        "crash",
        Prospect.UNKNOWN,
        "the worker crashed on an internal error",
        "Redeploy once. If it crashes again, send the lines to GoldRush's support.",
        r"^panic: |panicked at|nil pointer dereference|index out of range|NullPointerException",
        r"segmentation fault|SIGSEGV",
        r"^fatal error: ",
    ),
    # The same page: an error of a transform fails the pipeline, without a retry.
    _row(
        "transform",
        _NEEDS_YOU,
        "a transform's SQL fails",
        "Correct the transform that the error names, then redeploy.",
        r"\btransform\b.{0,200}\b(?:fail\w*|error|invalid|panicked)",
        r"\b(?:SQL|query|planner?|planning|parser?|execution|runtime) error\b",
        r"DataFusion error|Error during planning|SqlError|ParserError|PlanError",
        r"divi(?:de|sion) by zero|ILLEGAL_DIVISION|SQLSTATE 22012",
        r"syntax error at or near|SYNTAX_ERROR|SQLSTATE 42601",
        r"(?:Invalid|unknown|no) function .{0,200}|UNKNOWN_FUNCTION|function .{0,120} does not exist",
        r"CANNOT_PARSE_\w+|CANNOT_CAST|Cast error|could not cast|arithmetic overflow|Overflow happened",
        r"UNKNOWN_IDENTIFIER|Missing columns",
    ),
    _row(
        "missing_place",
        _NEEDS_YOU,
        "the place that the pipeline writes to does not exist",
        "Create the database, bucket, queue or topic that the error names, or correct its name, then redeploy.",
        r"\bNoSuchBucket\b",
        r"NonExistentQueue|QueueDoesNotExist",
        r"UNKNOWN_?TOPIC_?OR_?PARTITION|Unknown topic or partition",
        r"ContainerNotFound|Not found: (?:Dataset|Table|Project)",
        r"database .{0,100} does not exist|SQLSTATE 3D000",
        r"\b(?:404 Not Found|410 Gone)\b",
        r"status(?: code)?[ =:]+(?:404|410)\b",
    ),
    _row(
        "too_large",
        _NEEDS_YOU,
        "a record or batch is larger than the destination takes",
        "Raise the destination's limit or select fewer columns, then redeploy.",
        r"MESSAGE_TOO_LARGE|RecordTooLarge|message size .{0,60}(?:exceeds|larger)|Message (?:was )?too large",
        r"EntityTooLarge|RequestEntityTooLarge|413 (?:Payload|Request Entity) Too Large|status(?: code)?[ =:]+413\b",
        r"BatchRequestTooLong|InvalidParameterValue.{0,80}must be shorter than",
    ),
    _row(
        "source",
        Prospect.UNKNOWN,
        "the pipeline cannot read its source at GoldRush",
        "Check GoldRush's status, then redeploy. If it fails again, ask GoldRush's support.",
        r"OFFSET_?OUT_?OF_?RANGE|offset out of range",
        r"(?:consumer|source|checkpoint)\b.{0,120}\b(?:fail\w*|corrupt\w*|error|lost)",
        r"UNKNOWN_?MEMBER_?ID|REBALANCE_?IN_?PROGRESS|(?:group )?coordinator_?(?: is)? ?not_? ?available",
    ),
    _row(
        "throttled",
        _HEALS,
        "the destination asks the pipeline to slow down",
        "Wait a few minutes or raise the destination's limit, then resume the pipeline.",
        r"\bSlowDown\b|reduce your request rate|\bThrottl\w+|RequestLimitExceeded|TooManyRequests",
        r"rate.?limit\w* ?exceeded|exceeded .{0,20}rate.?limit|quota ?exceeded|\bServerBusy\b",
        r"\b429 Too Many Requests\b",
        r"status(?: code)?[ =:]+429\b",
    ),
    _row(
        "unknown_host",
        _NEEDS_YOU,
        "the destination's host name does not resolve",
        "Check the host name in the destination's settings and its DNS, then redeploy.",
        r"no such host",
        r"Name or service not known|Temporary failure in name resolution|nodename nor servname",
        r"UnknownHostException|getaddrinfo (?:ENOTFOUND|EAI_AGAIN|failed)|could not translate host name",
        r"DNS_ERROR|failed to lookup address",
    ),
    # The same page: timeouts and resets are retried, with exponential backoff.
    _row(
        "unreachable",
        _HEALS,
        "the destination cannot be reached",
        "Check that the destination runs and lets GoldRush in, then resume the pipeline.",
        r"connection refused|ECONNREFUSED|ConnectException",
        r"no route to host|network is unreachable|EHOSTUNREACH",
        r"connection reset|ECONNRESET|broken pipe|EPIPE|unexpected EOF",
        r"server closed the connection|connection (?:was )?closed",
        r"\w[ _]time(?:d )?[ _-]?out",
        r"timed? ?out|ETIMEDOUT|deadline exceeded|SocketTimeoutException|TIMEOUT_EXCEEDED|SOCKET_TIMEOUT|NETWORK_ERROR",
        r"(?:the database system is|server is) (?:starting up|shutting down)|SQLSTATE 57P0[123]",
        r"ALL_CONNECTION_TRIES_FAILED|LEADER_?NOT_?AVAILABLE|NOT_?LEADER_?(?:FOR|OR)_?\w+|BROKER_?NOT_?AVAILABLE",
        r"could not be established|may not be available|all brokers (?:are )?down|bootstrap broker .{0,80}disconnected",
    ),
    _row(
        "destination_error",
        _HEALS,
        "the destination had an internal error",
        "Look at the destination's own log, fix what it names, then resume the pipeline.",
        r"\b50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)\b",
        r"status(?: code)?[ =:]+50[0234]\b",
        r"InternalError\b|ServiceUnavailable\b|InternalFailure\b",
        r"deadlock detected|SQLSTATE 40P01|SQLSTATE 40001|could not serialize access",
        r"KEEPER_EXCEPTION|Coordination error|ZooKeeper",
    ),
    _row(
        "decoding",
        Prospect.UNKNOWN,
        "records cannot be decoded",
        "Check the ABI file against the contract, then redeploy.",
        r"\babi\b.{0,200}\b(?:fail\w*|invalid|error|mismatch|bad)",
        r"protobuf|unknown variant|invalid wire type|normalization (?:fail\w*|error)",
        r"(?:failed|unable|cannot|could not) (?:to )?(?:decode|deserialize)|unknown discriminator",
    ),
)

# Drivers write the code of PostgreSQL in their own ways: SqlState(E53200), SQLSTATE[53200], SQLSTATE: 53200.
_SQLSTATE = re.compile(r"\bsqlstate\W{1,3}e?(\w{5})\b", re.IGNORECASE)

UNKNOWN = Cause(
    slug="unknown",
    words="unknown: the log names no fault that I know",
    prospect=Prospect.UNKNOWN,
    first_step='Read the lines in the thread. `@bot note "…"` there keeps what helped for the next time.',
)
CAUSES = (*(cause for cause, _ in _TABLE), UNKNOWN)
_BY_SLUG = {cause.slug: cause for cause in CAUSES}


def cause_of(error: str, context: str = "") -> Cause:
    """The cause that the error line names, or else the lines around it; `UNKNOWN` without one."""
    for text in (_SQLSTATE.sub(r"SQLSTATE \1", error[:2000]), _SQLSTATE.sub(r"SQLSTATE \1", context[:8000])):
        for cause, pattern in _TABLE if text else ():
            if pattern.search(text):
                return cause
    return UNKNOWN


def cause_named(slug: str) -> Cause:
    """The cause of a stored row. One that a newer version wrote is `UNKNOWN`."""
    return _BY_SLUG.get(slug, UNKNOWN)
