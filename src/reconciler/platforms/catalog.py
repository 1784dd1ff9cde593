"""Which platforms there are: those built in, and those that others install as plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from reconciler.model.ports import Adapter, Platform
from reconciler.model.resource import Gateway

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from reconciler.transport import Client

GROUP = "reconciler.platforms"

_BUILT_IN: Mapping[str, str] = {
    "cognigy": "reconciler.platforms.cognigy",
    "cognigy-rest": "reconciler.platforms.cognigy_rest",
    "cxone": "reconciler.platforms.cxone",
    "genesys": "reconciler.platforms.genesys",
    "openai": "reconciler.platforms.openai",
    "mlflow": "reconciler.platforms.mlflow",
    "smg": "reconciler.platforms.smg",
    "litellm": "reconciler.platforms.litellm",
}

_MEMBERS = ("capabilities", "unsupported", "normalize", "base_url", "token_path", "open")


class OpenablePlatform(Platform, Protocol):
    """A platform together with the way to a gateway of it. This is what a plug-in's entry point names."""

    def base_url(self, gateway: Gateway) -> str:
        """Where its API lives, from `url` or derived from `org`. Raises InputError where neither will do."""

    def token_path(self, gateway: Gateway) -> str:
        """Where tokens are to be had: relative to the base URL, or absolute."""

    def open(self, gateway: Gateway, client: Client) -> Adapter:
        """The adapter of one gateway, which speaks through `client`."""


@runtime_checkable
class Fitting(Protocol):
    """A platform whose gateways differ in what they offer, by what their manifests switch on."""

    def fitted(self, gateway: Gateway) -> OpenablePlatform:
        """The platform as this gateway has it."""


def of_gateway(gateway: Gateway) -> OpenablePlatform:
    """The platform of one gateway, with what its manifest switches on. Raises LookupError as `find` does."""
    known = find(gateway.platform)
    return known.fitted(gateway) if isinstance(known, Fitting) else known


def find(name: str) -> OpenablePlatform:
    """The platform that a manifest names; what is built in comes before plug-ins.

    Raises LookupError, which says what to do: for a name that nobody provides, with the names that exist; for
    one that two plug-ins provide; for a plug-in that cannot be loaded or lacks a part of the protocol.
    """
    if name in _BUILT_IN:
        found: OpenablePlatform = import_module(_BUILT_IN[name]).PLATFORM
        return found
    points = [point for point in _plug_ins() if point.name == name]
    if not points:
        raise LookupError(f"there is no platform {name!r}; known are {', '.join(names())}.")
    if len({point.value for point in points}) > 1:
        places = ", ".join(sorted(point.value for point in points))
        raise LookupError(f"two plug-ins provide platform {name!r} ({places}); uninstall one.")
    return _loaded(points[0])


def names() -> tuple[str, ...]:
    """All platforms that can be found, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in _plug_ins())}))


def vendors() -> Mapping[str, tuple[str, ...]]:
    """The domains of the vendors behind the built-in platforms, by platform."""
    domains = {name: find(name).capabilities.domains for name in _BUILT_IN}
    return {name: listed for name, listed in domains.items() if listed}


def _plug_ins() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms that the built-in platforms need not pay

    return tuple(entry_points(group=GROUP))


def _loaded(point: EntryPoint) -> OpenablePlatform:
    try:
        platform: OpenablePlatform = point.load()
    except Exception as error:
        raise LookupError(
            f"the plug-in for platform {point.name!r} ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}. Mend or uninstall it."
        ) from error
    lacking = [member for member in _MEMBERS if not hasattr(platform, member)]
    if getattr(platform, "name", None) != point.name:
        lacking.append(f"the name {point.name!r}")
    if lacking:
        raise LookupError(
            f"the plug-in for platform {point.name!r} ({point.value}) lacks {', '.join(lacking)}; ask its maker."
        )
    return platform
