"""Records of Slack: connections, interactions, events and refusals."""

from enum import StrEnum

from bot.ports.telemetry import EventRecord, Level, event


class CallOutcome(StrEnum):
    """How a call of Slack's Web API ended."""

    OK = "ok"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    NO_ANSWER = "no_answer"


@event("slack_away", Level.WARNING)
class SlackAway(EventRecord):
    """Slack does not answer. `next_try_seconds`: when the bot tries again, if it waits."""

    problem: str
    next_try_seconds: float | None = None


@event("slack_call", Level.DEBUG)
class SlackCalled(EventRecord):
    """One call of Slack's Web API ended. `method` is Slack's name of it, such as `chat.postMessage`."""

    method: str
    outcome: CallOutcome
    seconds: float
    channel: str | None = None


@event("slack_refused", Level.WARNING)
class SlackRefused(EventRecord):
    """Slack refused a message."""

    delivery: str
    channel: str
    error: str


@event("metadata_dropped", Level.ERROR)
class MetadataDropped(EventRecord):
    """Slack posted a message without its metadata, so no lookup can find it."""

    delivery: str
    channel: str
    warnings: str


@event("delete_refused", Level.WARNING)
class DeleteRefused(EventRecord):
    """Slack did not delete a repeated message. `ts` is Slack's id of it."""

    channel: str
    ts: str
    error: str


@event("slack_token_refused", Level.ERROR)
class SlackTokenRefused(EventRecord):
    error: str
    fix: str


@event("slack_token_accepted", Level.INFO)
class SlackTokenAccepted(EventRecord):
    pass


@event("app_uninstalled", Level.WARNING)
class AppUninstalled(EventRecord):
    team: str
    fix: str


@event("channel_id_changed", Level.WARNING)
class ChannelIdChanged(EventRecord):
    old: str
    new: str


@event("event_postponed", Level.WARNING)
class EventPostponed(EventRecord):
    type: str
    problem: str
    channel: str | None = None


@event("interaction_recovered", Level.WARNING)
class InteractionRecovered(EventRecord):
    """The bot acted on an interaction `seconds` after it came, because a bot stopped before it finished it."""

    interaction: str
    seconds: float
    channel: str | None = None


@event("interaction_expired", Level.WARNING)
class InteractionExpired(EventRecord):
    """The bot found an unfinished interaction too late to act on it."""

    interaction: str
    seconds: float
    channel: str | None = None


@event("interaction_acknowledged", Level.DEBUG)
class InteractionAcknowledged(EventRecord):
    """The bot acknowledged an interaction `seconds` after it came. Slack waits 3 s."""

    interaction: str
    seconds: float
    channel: str | None = None


@event("interaction_answered", Level.DEBUG)
class InteractionAnswered(EventRecord):
    """The person has the answer, `seconds` after the interaction came."""

    interaction: str
    seconds: float
    channel: str | None = None


@event("listener_slow", Level.WARNING)
class ListenerSlow(EventRecord):
    """The bot took too long to answer an interaction."""

    interaction: str
    seconds: float
    channel: str | None = None


@event("listener_crashed", Level.ERROR)
class ListenerCrashed(EventRecord):
    exception: BaseException
    interaction: str | None = None
    channel: str | None = None


@event("answer_lost", Level.WARNING)
class AnswerLost(EventRecord):
    problem: str
    channel: str | None = None


@event("answer_refused", Level.WARNING)
class AnswerRefused(EventRecord):
    status: int
    body: str
    channel: str | None = None


@event("envelope_dropped", Level.WARNING)
class EnvelopeDropped(EventRecord):
    type: str


@event("deaf_socket", Level.WARNING)
class DeafSocket(EventRecord):
    """A Socket Mode connection received nothing during this time."""

    seconds: float


@event("socket_not_renewed", Level.WARNING)
class SocketNotRenewed(EventRecord):
    problem: str


@event("socket_mode_crashed", Level.ERROR)
class SocketModeCrashed(EventRecord):
    exception: BaseException


@event("slack_cannot_reach_us", Level.ERROR)
class SlackCannotReachUs(EventRecord):
    fix: str


@event("http_refused", Level.WARNING)
class HttpRefused(EventRecord):
    """How many requests or connections a server of the bot refused, by reason. `server`: `slack` or `metrics`."""

    server: str
    not_signed: int | None = None
    not_http: int | None = None
    head_late: int | None = None
    body_late: int | None = None
    broken_body: int | None = None
    request_late: int | None = None
    no_room: int | None = None
