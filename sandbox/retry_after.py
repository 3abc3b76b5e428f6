"""What stands in a Retry-After header: seconds, an HTTP date, or nonsense."""

from email.utils import formatdate

DATE = "date+"


def spelled(value: str, now: float) -> str:
    """As it was given, but for `date+30`: the HTTP date 30 seconds after `now` (wall seconds since 1970)."""
    seconds = value.removeprefix(DATE)
    if value.startswith(DATE) and seconds.isdecimal():
        return formatdate(now + int(seconds), usegmt=True)
    return value
