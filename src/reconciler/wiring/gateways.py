"""Gateways, opened."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import platforms
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.jsontext import json_value
from reconciler.model.ports import Adapter, Clock, Progress, Vault
from reconciler.model.resource import Gateway
from reconciler.settings import Settings
from reconciler.wiring.concealing import ConcealingAdapter
from reconciler.wiring.credentials import credential_of
from reconciler.wiring.destinations import EMBEDDED
from reconciler.wiring.sockets import socket_origins
from reconciler.wiring.understanding import UnderstandingAdapter

if TYPE_CHECKING:
    from reconciler.embedded import FaultPlan
    from reconciler.transport import AsyncBaseTransport, Client


@dataclass(frozen=True, slots=True)
class GatewayPorts:
    """What opening a gateway needs besides its manifest."""

    vault: Vault
    clock: Clock
    progress: Progress
    written: frozenset[str] = frozenset()
    transport: Callable[[str], AsyncBaseTransport] | None = None
    chance: random.Random = field(default_factory=random.Random)


@dataclass(frozen=True, slots=True)
class Opened:
    """A gateway's adapter, and the client that it speaks through."""

    adapter: Adapter
    link: Client


async def open_gateway(
    stack: AsyncExitStack,
    settings: Settings,
    gateway: Gateway,
    known: platforms.OpenablePlatform,
    ports: GatewayPorts,
) -> Opened:
    """One gateway, closed together with `stack`."""
    from reconciler import transport  # noqa: PLC0415 - an HTTP client takes a tenth of a second to load

    base_url = await base_url_of(stack, settings, gateway, known)
    target = transport.Target(
        gateway=gateway.name,
        base_url=base_url,
        credential=credential_of(gateway, known, base_url, ports.vault),
        concurrency=gateway.limits.concurrency,
        requests_per_second=gateway.limits.requests_per_second,
        connect_timeout=gateway.timeouts.connect,
        total_timeout=gateway.timeouts.total,
        permissions=known.capabilities.permissions,
        socket_url=gateway.web_socket_url,
        origins=socket_origins(gateway, known, settings.allowed_hosts),
        jitter=ports.chance,
        hide=ports.vault.conceal,
    )
    carrier = None if ports.transport is None else ports.transport(base_url)
    client = transport.connect(target, ports.clock, ports.progress, carrier)
    stack.push_async_callback(client.close)
    adapter = known.open(gateway, client)
    stack.push_async_callback(adapter.close)
    concealing = ConcealingAdapter(adapter, ports.vault, ports.written)
    return Opened(UnderstandingAdapter(concealing, gateway.name), client)


async def base_url_of(
    stack: AsyncExitStack, settings: Settings, gateway: Gateway, known: platforms.OpenablePlatform
) -> str:
    """Where a gateway's API is; the gateway in a box is started, and stopped with `stack`."""
    if gateway.url != EMBEDDED:
        return known.base_url(gateway)
    from reconciler import embedded  # noqa: PLC0415 - a server is needed for this one URL only

    store = _store(settings.directory / "embedded", gateway)
    return await stack.enter_async_context(embedded.serve(store, faults=_faults(settings)))


def _store(folder: Path, gateway: Gateway) -> Path:
    """The box's file. It follows a gateway to its new name, as the tenant that it stands for would stay the same."""
    store = folder / f"{gateway.name}.sqlite"
    if gateway.moved_from is not None and not store.exists():
        for suffix in ("-wal", "-shm", ""):
            earlier = folder / f"{gateway.moved_from}.sqlite{suffix}"
            if earlier.exists():
                earlier.replace(folder / f"{store.name}{suffix}")
    return store


def _faults(settings: Settings) -> FaultPlan | None:
    """What the gateway in a box does wrong, where the settings ask for it."""
    if settings.embedded_faults is None:
        return None
    from reconciler.embedded import FaultPlan  # noqa: PLC0415 - see above

    try:
        return FaultPlan.read(json_value(settings.embedded_faults.read_bytes()))
    except (OSError, ValueError) as error:
        detail = f"{settings.embedded_faults}: {error}"
        raise InputError([Diagnostic(Severity.ERROR, "WIRING003", "a fault plan cannot be read", detail)]) from None
