"""What a service's answer to a page means. Pure."""

from datetime import datetime, timedelta

from bot.domain.delivery import Delivery, Outcome, Posted, RefusalKind, Refused, Unknown
from bot.pagers.web import NoAnswer, WebAnswer
from bot.redaction import hide_suspects

PAUSE = timedelta(seconds=10)  # after a 429 that names none
REFUSED_PAUSE = timedelta(minutes=5)  # a refused key gets right only by a change of settings
GIVES_UP_AFTER = timedelta(days=1)
LONGEST_ERROR = 200


def posted(now: datetime) -> Posted:
    """The services give no id that could be looked up."""
    return Posted(f"{now.timestamp():.6f}")


def page_outcome(answer: WebAnswer | NoAnswer, delivery: Delivery, now: datetime) -> Outcome:
    """After a 5xx, the service may still have taken the message, so it goes out again."""
    if isinstance(answer, NoAnswer):
        if answer.never_sent:
            return Refused(kind=RefusalKind.NOT_SENT, error=answer.problem)
        return Unknown(answer.problem)
    if 200 <= answer.status < 300:
        return posted(now)
    if answer.status == 429:
        return Refused(kind=RefusalKind.RATE_LIMITED, error="429", retry_after=answer.retry_after or PAUSE)
    if answer.status >= 500:
        return Unknown(f"{answer.status}")
    return page_refusal(delivery, f"{answer.status} {_complaint(answer)}".strip(), now)


def page_refusal(delivery: Delivery, error: str, now: datetime) -> Refused:
    """A definite no. A day later, the message is dropped."""
    if now - delivery.message.made_at > GIVES_UP_AFTER:
        return Refused(kind=RefusalKind.CONTENT, error=error)
    return Refused(kind=RefusalKind.OTHER, error=error, retry_after=REFUSED_PAUSE)


def _complaint(answer: WebAnswer) -> str:
    errors = answer.json.get("errors")
    parts = [answer.json.get("message"), *(errors if isinstance(errors, list) else ())]
    text = " ".join(part for part in parts if isinstance(part, str))
    return hide_suspects(" ".join(text.split()))[:LONGEST_ERROR]
