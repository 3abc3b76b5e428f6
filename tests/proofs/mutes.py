"""Judges the mutes in the simulation. It shares no code with the bot.

No message about a muted pipeline is made and posted during its mute. If the pipeline is failed when the mute ends, the
channel hears of it then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.proofs.paging import LATE_SECONDS

READ_SECONDS = 120.0  # a failure that began earlier is known when the mute ends


@dataclass(frozen=True, slots=True)
class MutedPost:
    """A message in the channel with the mutes, or to the person whom it pages."""

    place: str
    made_at: float
    at: float
    text: str
    pipelines: tuple[str, ...]


@dataclass(slots=True)
class MuteSpan:
    pipeline: str
    since: float
    until: float
    is_forgotten: bool = False
    """A rollback ended it."""


@dataclass(slots=True)
class MuteHistory:
    places: tuple[str, ...] = ()
    """The channel, and the direct messages of the person whom it pages."""
    spans: list[MuteSpan] = field(default_factory=list)
    posts: list[MutedPost] = field(default_factory=list)


def judge_mutes(history: MuteHistory, changes: Sequence[tuple[float, str, bool]]) -> list[str]:
    """`changes`: when which pipeline changed, and if it failed."""
    return [fault for span in history.spans for fault in (*_heard(history, span), *_unsaid(history, span, changes))]


def _heard(history: MuteHistory, span: MuteSpan) -> Iterator[str]:
    for post in history.posts:
        if span.pipeline in post.pipelines and span.since < post.made_at and post.at < span.until:
            yield f"{span.pipeline} was muted, and {post.place} got {post.text!r}"


def _unsaid(history: MuteHistory, span: MuteSpan, changes: Sequence[tuple[float, str, bool]]) -> Iterator[str]:
    own = [(at, failed) for at, name, failed in changes if name == span.pipeline]
    known_by = span.until + LATE_SECONDS
    fails = any(
        failed and at < span.until - READ_SECONDS and known_by < until for (at, failed), (until, _) in pairwise(own)
    )
    muted_again = any(
        other.pipeline == span.pipeline and span.since < other.since < known_by for other in history.spans
    )
    if not fails or muted_again or span.is_forgotten:
        return
    channel = history.places[0]
    if not any(
        post.place == channel and span.pipeline in post.pipelines and span.until <= post.at <= known_by
        for post in history.posts
    ):
        yield f"{channel} did not hear after the mute that {span.pipeline} is failed"
