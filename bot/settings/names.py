"""Names that look like settings and are none."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from bot.settings.sentences import PREFIX

# Kubernetes sets these in every container beside a Service that is called pipeline-bot.
_KUBERNETES = re.compile(r"PIPELINE_BOT_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
_FAMILIES = ("PI", "SLACK", "GOLD", "REDIS", "VALKEY", "OPERATOR", "FALLBACK")
# Another variable of the same maker, or of a program of the same kind, which is too far off to be guessed.
_MEANT = {
    "GOLDRUSH_API_KEY": "GOLDRUSH_SERVICE_KEY",
    "GOLDRUSH_KEY": "GOLDRUSH_SERVICE_KEY",
    "SLACK_TOKEN": "SLACK_BOT_TOKEN",
    "VALKEY_URL": "REDIS_URL",
}


def unknown_names(environment: Mapping[str, str], in_file: Collection[str], known: Collection[str]) -> list[str]:
    """One sentence for each name that is ignored though it was probably meant; no values.

    Of names without our prefix, which may be another program's, only the near misses count: those whose setting is not
    set itself.
    """
    given = {name.upper() for name in (*environment, *in_file)}
    return [_sentence(name, near) for name, near in _unknown(sorted(given), given, known)]


def _unknown(names: Iterable[str], given: set[str], known: Collection[str]) -> Iterator[tuple[str, str | None]]:
    for name in names:
        if name in known or _KUBERNETES.fullmatch(name):
            continue
        if name.startswith(PREFIX):
            yield name, _nearest(name, known)
        elif name.startswith(_FAMILIES) and (near := _near_miss(name, known)) and near not in given:
            yield name, near


def _near_miss(name: str, known: Collection[str]) -> str | None:
    return _MEANT.get(name) or next(iter(get_close_matches(name, known, 1, 0.85)), None)


def _nearest(name: str, known: Collection[str]) -> str | None:
    """Compared without the prefix, since REDIS_URL and some others have none."""
    by_rest = {each.removeprefix(PREFIX): each for each in known}
    near = get_close_matches(name.removeprefix(PREFIX), by_rest, 1, 0.6)
    return by_rest[near[0]] if near else None


def _sentence(name: str, near: str | None) -> str:
    hint = f"Did you mean {near}?" if near else ".env.example names every setting."
    return f"{name} is not a setting and is ignored. {hint}"
