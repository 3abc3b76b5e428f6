"""The control API for what a pipeline does and should do: its pace, how far it has come, its SQL and its intent."""

from sandbox.control_body import Body
from sandbox.goldrush import GoldRush
from sandbox.goldrush_pipelines import FIRST_BLOCK, Pipeline

FIELDS = frozenset({"pace", "height", "behind_seconds", "progress", "query", "intent"})
INTENTS = ("running", "paused")


def set_work(goldrush: GoldRush, pipeline: Pipeline, body: Body) -> None:
    """Sets what the request names.

    Raises:
        ValueError: a field makes no sense; nothing was set.
    """
    intent, query, pace = body.maybe_text("intent"), body.maybe_text("query"), body.maybe_number("pace")
    if intent not in (None, *INTENTS):
        raise ValueError(f"intent must be one of {', '.join(INTENTS)}")
    height = _height(goldrush, pipeline, body)
    if query is not None:
        goldrush.edit(pipeline.id, query)
    pipeline.intent = intent or pipeline.intent
    goldrush.set_work(pipeline.id, pace=pace, height=height)


def _height(goldrush: GoldRush, pipeline: Pipeline, body: Body) -> int | None:
    behind, share, height = (body.maybe_number(name) for name in ("behind_seconds", "progress", "height"))
    if behind is not None:
        source = goldrush.source(pipeline)
        return source.head - int(behind / source.block_seconds)
    if share is None:
        return None if height is None else int(height)
    if pipeline.last_block is None or share > 1:
        raise ValueError("progress must be a share of a bounded run, from 0 to 1")
    return FIRST_BLOCK + int((pipeline.last_block - FIRST_BLOCK) * share)
