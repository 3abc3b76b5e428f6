"""The control API for faults: one address for all of them, and `target` names the broken part.

goldrush   the answers of GoldRush's API (`pipeline_id` for one pipeline)
slack      the answers of Slack's Web API (`method`, or `*`)
delivery   commands, clicks and events on their way to the bot
token      the app's token and scopes
redis      the bot's store and the connection to it
bot        the bot's process
clock      the bot's wall clock

`{"kind": "none"}` fixes a target. Add `fix` to fix only that kind.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from sandbox import control_goldrush
from sandbox.bot_faults import BotFaultKind, BotProcess, ClockFaultKind
from sandbox.control_body import Body
from sandbox.goldrush import GoldRush
from sandbox.redis_faults import RedisActKind, RedisStandIn, ServerFaultKind
from sandbox.redis_proxy import WireFault, WireFaultKind
from sandbox.slack.delivery_faults import DeliveryFault, DeliveryFaultKind
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.installation import Loss
from sandbox.slack.wire import JsonObject, Refused
from sandbox.slack.workspace import Workspace

K = TypeVar("K", bound=StrEnum)
NONE = "none"


class DeliveryActKind(StrEnum):
    """A single act, which leaves nothing to fix."""

    REPEATED = "repeated"
    """Slack sends the last payload again, unchanged, even hours later or after a change of the bot's clock."""
    REFRESH = "refresh_requested"
    """Slack closes every socket, as it does about once an hour."""
    WARNING = "warning"
    """Slack warns every socket that it will close, but does not close it."""
    DROPPED = "dropped"
    """Slack closes every socket without a `disconnect`."""


class Breakable(Protocol):
    """The parts of the sandbox that can be broken."""

    @property
    def goldrush(self) -> GoldRush: ...

    @property
    def slack(self) -> Workspace: ...

    @property
    def redis(self) -> RedisStandIn | None: ...

    @property
    def bot(self) -> BotProcess | None: ...


async def strike(sandbox: Breakable, body: Body) -> None:
    """Sets or fixes the fault that a request describes.

    Raises:
        ValueError, Refused: the request makes no sense; the text tells its author why.
    """
    target = body.text("target")
    if target not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")
    await TARGETS[target](sandbox, body)


async def fix_all(sandbox: Breakable) -> None:
    slack = sandbox.slack
    slack.faults.clear()
    slack.delivery.clear_fault()
    for loss in list(slack.installation.losses):
        slack.regain(loss)
    slack.changes.notify()
    control_goldrush.clear_faults(sandbox.goldrush)
    if sandbox.bot is not None:
        sandbox.bot.fix()
        sandbox.bot.set_clock(0)
    if sandbox.redis is not None:
        await sandbox.redis.fix()


def rows(sandbox: Breakable) -> list[JsonObject]:
    """The active faults, as the page shows them. Each row has the fields of the request that fixes it."""
    slack = sandbox.slack
    return [
        *control_goldrush.fault_rows(sandbox.goldrush),
        *(_row("slack", fault, method=method) for method, fault in slack.faults.active().items()),
        *(_row("delivery", delivery_fault) for delivery_fault in slack.delivery.delivery_faults()),
        *({"target": "token", "kind": loss.value} for loss in slack.installation.losses),
        *(_row("redis", fault) for fault in (sandbox.redis.active_faults() if sandbox.redis else ())),
        *(_row(_of_bot(fault.kind), fault) for fault in (sandbox.bot.active_faults() if sandbox.bot else ())),
    ]


def process(sandbox: Breakable) -> JsonObject | None:
    """The bot's process, if this sandbox started it."""
    bot = sandbox.bot
    if bot is None:
        return None
    return {"pid": bot.process.pid, "alive": bot.alive, "starts": bot.starts, "last_end": bot.last_end}


def breakable(sandbox: Breakable) -> list[str]:
    """The targets that exist. Only the demo has a Redis and a bot."""
    absent = {"redis"} if sandbox.redis is None else set()
    absent |= {"bot", "clock"} if sandbox.bot is None else set()
    return [target for target in TARGETS if target not in absent]


async def _goldrush(sandbox: Breakable, body: Body) -> None:
    control_goldrush.set_fault(sandbox.goldrush, body.fields)


async def _slack(sandbox: Breakable, body: Body) -> None:
    slack, kind, method = sandbox.slack, body.text("kind"), body.maybe_text("method")
    if kind != NONE:
        slack.set_fault(method or "*", _web_fault(_chosen(kind, FaultKind), body))
        return
    everywhere = list(slack.faults.active()) if body.maybe_text("fix") is None else ["*"]
    for target in everywhere if method is None else [method]:
        slack.set_fault(target, None)


def _web_fault(kind: FaultKind, body: Body) -> Fault:
    seconds = body.maybe_number("seconds")
    return Fault(
        kind=kind,
        when=Moment(body.maybe_text("when") or "before"),
        error=body.maybe_text("error") or "internal_error",
        seconds=1.0 if seconds is None else seconds,
        retry_after=_retry_after(body),
        times=body.maybe_count("times"),
    )


def _retry_after(body: Body) -> int | str | None:
    """The default is 1; `null` leaves out the header."""
    value = body.fields.get("retry_after", 1)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
        raise ValueError("retry_after must be a number, text, or null for no header")
    return value


async def _delivery(sandbox: Breakable, body: Body) -> None:
    slack, kind = sandbox.slack, body.text("kind")
    if kind == NONE:
        fixed = body.maybe_text("fix")
        slack.delivery.clear_fault(None if fixed is None else _chosen(fixed, DeliveryFaultKind))
    elif kind in set(DeliveryActKind):
        await _act_on_delivery(slack, DeliveryActKind(kind))
    else:
        delivery_fault = _chosen(kind, DeliveryFaultKind, DeliveryActKind)
        slack.delivery.set_fault(
            DeliveryFault(kind=delivery_fault, seconds=body.maybe_number("seconds"), times=body.maybe_count("times"))
        )


async def _act_on_delivery(slack: Workspace, kind: DeliveryActKind) -> None:
    match kind:
        case DeliveryActKind.REPEATED:
            slack.delivery.repeat()
        case DeliveryActKind.DROPPED:
            await slack.close_sockets(None)
        case DeliveryActKind.REFRESH | DeliveryActKind.WARNING:
            await slack.close_sockets(kind.value)


async def _token(sandbox: Breakable, body: Body) -> None:
    slack, kind = sandbox.slack, body.text("kind")
    if kind != NONE:
        slack.lose(_chosen(kind, Loss))
        return
    fixed = body.maybe_text("fix")
    for loss in list(slack.installation.losses) if fixed is None else [_chosen(fixed, Loss)]:
        slack.regain(loss)


async def _redis(sandbox: Breakable, body: Body) -> None:
    redis, kind, seconds = sandbox.redis, body.text("kind"), body.maybe_number("seconds")
    if redis is None:
        raise Refused("This sandbox has no Redis to break. The demo has one.")
    if kind == NONE:
        fixed = body.maybe_text("fix")
        await redis.fix(None if fixed is None else _redis_fault(fixed))
    elif kind in set(RedisActKind):
        await redis.act(RedisActKind(kind), seconds)
    elif kind in set(WireFaultKind):
        await redis.break_wire(WireFault(kind=WireFaultKind(kind), seconds=seconds, times=body.maybe_count("times")))
    else:
        await redis.break_server(_chosen(kind, ServerFaultKind, WireFaultKind, RedisActKind), seconds)


def _redis_fault(kind: str) -> WireFaultKind | ServerFaultKind:
    return WireFaultKind(kind) if kind in set(WireFaultKind) else _chosen(kind, ServerFaultKind, WireFaultKind)


async def _bot(sandbox: Breakable, body: Body) -> None:
    bot, seconds = _require_bot(sandbox.bot), body.maybe_number("seconds")
    if body.text("kind") == NONE:
        bot.fix()
        return
    match _chosen(body.text("kind"), BotFaultKind):
        case BotFaultKind.KILLED:
            bot.kill(seconds)
        case BotFaultKind.FROZEN if bot.killed:
            raise Refused("The bot is killed: there is nothing to freeze.")
        case BotFaultKind.FROZEN:
            bot.freeze(seconds)


async def _clock(sandbox: Breakable, body: Body) -> None:
    bot = _require_bot(sandbox.bot)
    if body.text("kind") == NONE:
        bot.set_clock(0)
        return
    _chosen(body.text("kind"), ClockFaultKind)
    seconds = body.maybe_number("seconds", negative=True)
    if seconds is None:
        raise ValueError("seconds is missing: how far to put the bot's clock ahead, or back if negative")
    bot.set_clock(seconds)


TARGETS: dict[str, Callable[[Breakable, Body], Awaitable[None]]] = {
    "goldrush": _goldrush,
    "slack": _slack,
    "delivery": _delivery,
    "token": _token,
    "redis": _redis,
    "bot": _bot,
    "clock": _clock,
}


def _require_bot(bot: BotProcess | None) -> BotProcess:
    if bot is None:
        raise Refused("This sandbox did not start the bot, so it cannot stop it. The demo does.")
    return bot


def _chosen(kind: str, kinds: type[K], *others: type[StrEnum]) -> K:
    if kind not in set(kinds):
        known = [*map(str, kinds), *(str(kind) for family in others for kind in family)]
        raise ValueError(f"kind must be none or one of {', '.join(known)}")
    return kinds(kind)


def _of_bot(kind: BotFaultKind | ClockFaultKind) -> str:
    return "bot" if isinstance(kind, BotFaultKind) else "clock"


def _row(target: str, fault: Any, **where: str) -> JsonObject:
    """Any fault has a kind. Most also have a number of times or seconds."""
    settings = {name: getattr(fault, name) for name in ("times", "seconds", "retry_after") if hasattr(fault, name)}
    return {"target": target, **where, "kind": fault.kind.value, **settings}
