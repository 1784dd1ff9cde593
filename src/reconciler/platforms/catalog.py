"""Which platforms there are: those built in, and those that others install as plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol

from reconciler.model.ports import Adapter, Platform
from reconciler.model.resource import Gateway
from reconciler.transport import Client

GROUP = "reconciler.platforms"

_BUILT_IN: Mapping[str, str] = {
    "cxone": "reconciler.platforms.cxone",
}


class OpenablePlatform(Platform, Protocol):
    """A platform together with the way to a gateway of it. This is what a plug-in's entry point names."""

    def base_url(self, gateway: Gateway) -> str:
        """Where its API lives, from `url` or derived from `org`."""

    def token_path(self, gateway: Gateway) -> str:
        """Where tokens are to be had: relative to the base URL, or absolute."""

    def open(self, gateway: Gateway, client: Client) -> Adapter:
        """The adapter of one gateway, which speaks through `client`."""


def find(name: str) -> OpenablePlatform:
    """The platform that a manifest names; raises LookupError with the names that exist."""
    if name in _BUILT_IN:
        found: OpenablePlatform = import_module(_BUILT_IN[name]).PLATFORM
        return found
    for point in entry_points(group=GROUP, name=name):
        return _loaded(point.load(), name)
    raise LookupError(f"there is no platform {name!r}; known are {', '.join(names())}.")


def _loaded(platform: OpenablePlatform, name: str) -> OpenablePlatform:
    if not hasattr(platform, "open") or getattr(platform, "name", None) != name:
        raise LookupError(f"the plug-in for platform {name!r} does not provide it; ask its maker.")
    return platform


def names() -> tuple[str, ...]:
    """All platforms that can be found, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))
