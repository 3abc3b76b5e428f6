"""Finds names that look like misspelled settings."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from bot.settings.sentences import PREFIX

# Kubernetes sets these in every container if a Service is called pipeline-bot.
_KUBERNETES = re.compile(r"PIPELINE_BOT_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
_FAMILIES = ("PI", "SLACK", "GOLD", "REDIS", "VALKEY", "OPERATOR", "FALLBACK")
# Names that people use for a setting, too different from it to be a near miss.
_MEANT = {
    "GOLDRUSH_KEY": "GOLDRUSH_SERVICE_KEY",
    "SLACK_TOKEN": "SLACK_BOT_TOKEN",
    "VALKEY_URL": "REDIS_URL",
}


def unknown_names(environment: Mapping[str, str], in_file: Collection[str], known: Collection[str]) -> list[str]:
    """One sentence for each ignored name that looks like a setting. No sentence contains a value.

    A name without PIPELINE_BOT_ may belong to another program. It counts only as a near miss of a setting that is not
    set.
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
    """Compares names without the prefix, since REDIS_URL and some others have none."""
    if re.search("POLL|INTERVAL", name):
        return f"{PREFIX}STEADY_SECONDS"  # the names that older versions and similar programs give to it
    by_rest = {setting.removeprefix(PREFIX): setting for setting in known}
    near = get_close_matches(name.removeprefix(PREFIX), by_rest, 1, 0.6)
    return by_rest[near[0]] if near else None


def _sentence(name: str, near: str | None) -> str:
    hint = f"Did you mean {near}?" if near else ".env.example lists all settings."
    return f"{name} is not a setting, so the bot ignores it. {hint}"
