"""Hashes the parts of a pipeline's configuration, as GoldRush shows it. No value of it goes any further. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import partial

from pydantic import SecretStr

from bot.domain.configuration import TRANSFORM, Configuration, Part
from bot.domain.observation import PipelineId
from bot.goldrush.envelope import member_object, payload, text_of, time_of
from bot.ports.pipeline_api import Malformed

DIGITS = 12
LONGEST_TABLE = 80
MOST_TRANSFORMS = 100
_MEMBERS = {
    "name": Part.NAME,
    "topic": Part.TOPIC,
    "execution_mode": Part.MODE,
    "execution_start_from": Part.START,
    "execution_stop_from": Part.STOP,
    "destination_type": Part.DESTINATION_TYPE,
    "abi_file": Part.ABI,
    "abi_unmatched": Part.UNMATCHED,
}
# One endpoint may mask a secret that another one shows. So neither counts.
_SECRET = re.compile(r"pass|secret|token|credential|private|(?:^|_)key|key(?:$|_)", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/@\s]*@")


def configuration_of(item: Mapping[str, object]) -> Configuration:
    """The hashes of one pipeline object. A member that is absent or null has none."""
    try:
        return _configuration(item)
    except RecursionError:  # JSON may nest deeper than Python can follow
        return Configuration(hashes={})


def _configuration(item: Mapping[str, object]) -> Configuration:
    hashes = {part.value: _digest(item[name]) for name, part in _MEMBERS.items() if item.get(name) is not None}
    if isinstance(destination := item.get("destination_config"), dict):
        hashes[Part.DESTINATION] = _digest(_without_secrets(destination))
    if isinstance(contracts := item.get("abi_contract_addresses"), list):
        hashes[Part.CONTRACTS] = _digest(sorted(str(address).lower() for address in contracts))
    transforms = item.get("transforms")
    if isinstance(transforms, dict):
        hashes[Part.TRANSFORM] = ""  # says that the transforms are known, also if there are none
        for table in sorted(transforms)[:MOST_TRANSFORMS]:
            hashes[f"{TRANSFORM}{text_of({'table': table}, 'table')[:LONGEST_TABLE]}"] = _digest(transforms[table])
    return Configuration(
        hashes=hashes, shows_transforms=isinstance(transforms, dict), updated_at=time_of(item, "updated_at")
    )


def lazy_configuration(item: object) -> partial[Configuration]:
    """Hashes the object when somebody asks: of a listing, the bot needs only the watched pipelines."""
    return partial(configuration_of, member_object(item))


def decode_configuration(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    pipeline_id: PipelineId,
    service_key: SecretStr | None = None,
) -> Configuration:
    """From the object of one pipeline. An answer about another one is `Malformed`."""
    data = payload(status, headers, body, service_key=service_key)
    if data.get("id") not in {None, pipeline_id}:
        raise Malformed("GoldRush answered about another pipeline than the one that I asked about.")
    return configuration_of(data)


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_secrets(shown) for name, shown in value.items() if not _SECRET.search(name)}
    if isinstance(value, list):
        return [_without_secrets(shown) for shown in value]
    return _LOGIN.sub("://", value) if isinstance(value, str) else value


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGITS]
