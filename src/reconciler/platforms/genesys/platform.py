"""Genesys Cloud as a platform that can only be watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.resource import Gateway
from reconciler.platforms.genesys.capabilities import CAPABILITIES, NAME, PATHS
from reconciler.platforms.watched import Paths, WatchedPlatform
from reconciler.platforms.watching import WatchingAdapter

if TYPE_CHECKING:
    from reconciler.transport import Client


def _opened(gateway: Gateway, client: Client, paths: Paths) -> WatchingAdapter:
    from reconciler.platforms.genesys.adapter import watching  # noqa: PLC0415 - offline work needs no HTTP
    from reconciler.platforms.genesys.api import Api  # noqa: PLC0415 - the same

    return watching(gateway, Api(client, paths))


PLATFORM = WatchedPlatform(NAME, CAPABILITIES, PATHS, _opened)
