"""Finds cadences that contradict each other: numbers that are fine by themselves, and make no sense together."""

from collections.abc import Iterator
from typing import NamedTuple

from bot.domain.cadence import PROMISED_AT_LEAST_SECONDS, Cadence
from bot.settings.environment import EnvironmentSettings
from bot.settings.sentences import PREFIX


class Range(NamedTuple):
    """The numbers that a setting accepts, and its default."""

    least: float
    most: float
    default: float


REQUESTS_PER_SECOND = Range(0.1, 10_000, 4.0)
READ_TIMEOUT_SECONDS = Range(0.1, 60, 5.0)
CATALOGUE_SECONDS = Range(1, 86_400, 300.0)
SECONDS = Range(0, 86_400, 0.0)
LISTING_SHARE = 0.1  # of the requests: more would delay the reads
_DEFAULT = Cadence()


class CadenceNumbers(EnvironmentSettings):
    """Reads leniently: a number that is not one is reported by `Settings`, and compared with nothing here."""

    steady_seconds: str | None = None
    transient_seconds: str | None = None
    at_rest_seconds: str | None = None
    promised_seconds: str | None = None
    read_timeout_seconds: str | None = None
    catalogue_seconds: str | None = None
    requests_per_second: str | None = None

    def faults(self) -> Iterator[str]:
        """One sentence for each contradiction. It names both settings and a value for each that ends it."""
        yield from self._promise_faults()
        yield from self._pace_faults()
        yield from self._budget_faults()

    def _promise_faults(self) -> Iterator[str]:
        """What takes longer than the promised age of a reading breaks the promise each time."""
        limit = _number(self.promised_seconds)
        kept_by = f"{PREFIX}PROMISED_SECONDS ({limit:g})" if limit else "60 s, the promised age of a reading"
        promised = limit or PROMISED_AT_LEAST_SECONDS
        way_out = f"{'raise' if limit else 'set'} {PREFIX}PROMISED_SECONDS"
        for name, seconds in (
            ("STEADY_SECONDS", _number(self.steady_seconds) or _DEFAULT.steady_seconds),
            ("READ_TIMEOUT_SECONDS", _given(self.read_timeout_seconds, READ_TIMEOUT_SECONDS)),
        ):
            if seconds > promised:
                yield (
                    f"{PREFIX}{name} ({seconds:g}) is longer than {kept_by}, so the bot would break its promise at "
                    f"every read. Set it to at most {promised:g}, or {way_out} to at least {seconds:g}."
                )

    def _pace_faults(self) -> Iterator[str]:
        """Only settings that are set can contradict: their defaults give way."""
        steady = _number(self.steady_seconds) or _DEFAULT.steady_seconds
        transient, at_rest = _number(self.transient_seconds), _number(self.at_rest_seconds)
        if transient and transient > steady:
            yield (
                f"{PREFIX}TRANSIENT_SECONDS ({transient:g}) is longer than {PREFIX}STEADY_SECONDS ({steady:g}), so the "
                "bot would read a pipeline that deploys or just failed less often than a steady one. "
                f"Set it to at most {steady:g}."
            )
        if at_rest and at_rest < steady:
            yield (
                f"{PREFIX}AT_REST_SECONDS ({at_rest:g}) is shorter than {PREFIX}STEADY_SECONDS ({steady:g}), so the "
                "bot would read a stopped pipeline more often than a running one. "
                f"Set it to at least {steady:g}."
            )

    def _budget_faults(self) -> Iterator[str]:
        rate = _given(self.requests_per_second, REQUESTS_PER_SECOND)
        catalogue = _given(self.catalogue_seconds, CATALOGUE_SECONDS)
        promised = _number(self.promised_seconds)
        if catalogue * rate * LISTING_SHARE < 1:
            least = 1 / (rate * LISTING_SHARE)
            yield (
                f"{PREFIX}CATALOGUE_SECONDS ({catalogue:g}) is too short for {PREFIX}REQUESTS_PER_SECOND ({rate:g}): "
                f"listings would take more than a tenth of the requests. Set it to at least {least:g}."
            )
        if promised and promised * rate < 1:
            yield (
                f"{PREFIX}PROMISED_SECONDS ({promised:g}) is too short for {PREFIX}REQUESTS_PER_SECOND ({rate:g}): in "
                f"this time the bot can't read a single pipeline. Set it to at least {1 / rate:g}."
            )


def _given(text: str | None, allowed: Range) -> float:
    return _number(text, allowed) or allowed.default


def _number(text: str | None, allowed: Range = SECONDS) -> float | None:
    """None if the setting is not set, or no number that `Settings` accepts."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if number > 0 and allowed.least <= number <= allowed.most else None
