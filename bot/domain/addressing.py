"""Which conversations a plan notifies and which it leaves out, for the receipts of its pipeline. Pure."""

from bot.domain.card import SyncCard
from bot.domain.delivery import Message, Priority
from bot.domain.plan import Plan
from bot.domain.receipt import Addressed


def addressed(plan: Plan) -> Addressed | None:
    """None for a plan that only redraws cards, and for one without news.

    A conversation that is left out may still have a card, which shows the news without a message.
    """
    only_cards = all(isinstance(message.body, SyncCard) for message in plan.messages)
    if not plan.skips and (only_cards and not plan.transitions):
        return None
    news = [transition.at for transition in plan.transitions] or [skip.at for skip in plan.skips]
    left_out = {skip.conversation for skip in plan.skips if not skip.target}
    news_to = plan.messages if plan.transitions else [message for message in plan.messages if not _is_redraw(message)]
    receivers = dict.fromkeys(message.receiver.name for message in news_to)
    return Addressed(
        at=max(news or [message.made_at for message in plan.messages]),
        conversations=tuple(name for name in receivers if name not in left_out),
        skips=plan.skips,
    )


def _is_redraw(message: Message) -> bool:
    """Without a change of the pipeline, an update of a card brings no news. It has no receipt either."""
    return isinstance(message.body, SyncCard) and message.priority is Priority.UPDATE
