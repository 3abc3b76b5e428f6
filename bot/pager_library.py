"""Apprise, set up so that it logs no address. Imported only by a bot that has such a pager: it takes memory."""

import logging

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode

# Its warnings may quote an address or an answer, and urllib3's a path.
for _name in ("apprise", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_ASSET = AppriseAsset(
    async_mode=False,
    app_id="pipeline-bot",
    app_desc="GoldRush pipelines",
    app_url="https://goldrush.dev",
    secure_logging=True,
    storage_mode=PersistentStoreMode.MEMORY,
)
TYPES = {"trigger": NotifyType.FAILURE, "acknowledge": NotifyType.INFO, "resolve": NotifyType.SUCCESS}


def apprise_takes(address: str) -> bool:
    """True if the address names a service, and has the parts that the service needs."""
    return Apprise.instantiate(address, asset=_ASSET) is not None


def notify(address: str, title: str, body: str, action: str) -> bool:
    """Sends one notification; blocks. True if the service took it."""
    sender = Apprise(asset=_ASSET)
    return bool(
        sender.add(address)
        and sender.notify(body=body, title=title, notify_type=TYPES[action], body_format=NotifyFormat.TEXT)
    )
