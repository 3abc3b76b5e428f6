"""The value of a Retry-After header: seconds, an HTTP date, or nonsense."""

from email.utils import formatdate

DATE = "date+"


def spelled(value: str, now: float) -> str:
    """The given value. `date+30` becomes the HTTP date 30 seconds after `now` (seconds since 1970)."""
    seconds = value.removeprefix(DATE)
    if value.startswith(DATE) and seconds.isdecimal():
        return formatdate(now + int(seconds), usegmt=True)
    return value
