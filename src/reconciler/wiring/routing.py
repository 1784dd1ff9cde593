"""The bot router's table: routes, the gateways behind them, the secrets of their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler import ledger as ledgers
from reconciler import planning, platforms
from reconciler.engine import SystemClock
from reconciler.errors import Blocked, InputError
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inference import Route
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.ports import Progress, Vault
from reconciler.model.resource import Gateway
from reconciler.model.secret import SecretRef
from reconciler.settings import Settings
from reconciler.wiring.credentials import credential_of, prepare_credentials, vault_of
from reconciler.wiring.findings import require
from reconciler.wiring.gateways import base_url_of
from reconciler.wiring.inference import dialect_of
from reconciler.wiring.offline import platforms_of, validate
from reconciler.wiring.session import LOOKING, audit_name, fleet_of, open_ledger
from reconciler.wiring.sockets import socket_origins

if TYPE_CHECKING:
    from reconciler.router import Bound, Table, Verifier
    from reconciler.router.interactions import Interactions
    from reconciler.router.table import Upstream


NOWHERE: Mapping[Address, Entry] = MappingProxyType({})


def check_serve_extra() -> None:
    """Raise InputError where the web framework is not installed."""
    if find_spec("fastapi") is None:
        detail = "the router needs a web framework: pip install 'reconciler[serve]'."
        raise InputError([Diagnostic(Severity.ERROR, "ROUTER004", "an extra is not installed", detail)])


def open_interactions(settings: Settings, progress: Progress) -> Interactions:
    """Where questions of bots are written down; nothing is opened before the first one."""
    from reconciler.router.interactions import Interactions  # noqa: PLC0415 - the web framework and all

    clock = SystemClock()
    audit = ledgers.open_audit(settings.audit_path, clock, audit_name(settings), settings.audit_bytes)
    return Interactions(audit, open_ledger(settings), settings.root, progress)


async def open_routes(
    settings: Settings,
    desired: Desired,
    progress: Progress,
    *,
    at_once: int,
    dialect: str | None = None,
    began: Mapping[Address, Entry] = NOWHERE,
) -> Table:
    """Bind every route to its gateway; closing the table closes them.

    Raises InputError; Blocked where a credential would go elsewhere than the ledger says or, where that says nothing,
    than `began` does (see `gateways_of`); LedgerError where that cannot be told. `at_once` bounds what one gateway is
    asked at once; `dialect` overrides that of every platform.
    """
    from reconciler.router import Table, bound, warm  # noqa: PLC0415 - the web framework and all

    routes = desired.inference.routes
    if not routes:
        detail = "there is no Route in the manifests that were read; check PATH and the working folder."
        raise InputError([Diagnostic(Severity.ERROR, "ROUTER001", "nobody to answer", detail)])
    found = validate(desired, settings.allowed_hosts)
    require(tuple(finding for finding in found if finding.severity is Severity.ERROR))
    names = {name for route in routes.values() for name in route.gateways}
    chosen = replace(desired, gateways={name: desired.gateways[name] for name in sorted(names)})
    known = platforms_of(chosen)
    await _require_known_places(settings, chosen, began)
    vault = vault_of(settings, chosen)
    async with AsyncExitStack() as stack:
        await prepare_credentials(vault, chosen)
        verifiers = await _verifiers(vault, routes)
        opening = _Opening(stack, settings, vault, progress, at_once)
        upstreams = {
            name: await opening.upstream(gateway, known[name], dialect) for name, gateway in chosen.gateways.items()
        }
        vault.forget()
        table: dict[str, Bound] = {}
        for name, route in routes.items():
            endpoint = desired.resources[route.endpoint]
            reads = upstreams[route.history_gateway] if route.history_gateway else None
            table[route.path] = bound(
                route, endpoint, desired.inference, upstreams[route.endpoint.gateway], reads, verifiers[name]
            )
        await asyncio.to_thread(warm, Table(table))
        return Table(table, desired.digest, stack.pop_all().aclose)


def gateways_of(desired: Desired) -> Mapping[Address, Entry]:
    """Where the credentials of these manifests go, as the ledger would have it."""
    return {a: entry for a, entry in planning.first_seen(desired, LedgerSnapshot(0)).items() if entry is not None}


async def _require_known_places(settings: Settings, chosen: Desired, began: Mapping[Address, Entry]) -> None:
    """A router that reads its manifests anew must not send a credential where nobody has approved it."""
    ledger = open_ledger(settings)
    try:
        before = await ledger.load()
    finally:
        await ledger.close()
    ours = replace(chosen, fleet=fleet_of(settings))
    recorded = planning.recorded_for(ours, replace(before, entries={**began, **before.entries}))
    if found := planning.unlooked(ours, recorded, planning.held(ours, recorded, LOOKING)):
        raise Blocked("a person must say where credentials may go", found)


class _Opening:
    """Opens gateways for questions to their models."""

    def __init__(
        self, stack: AsyncExitStack, settings: Settings, vault: Vault, progress: Progress, at_once: int
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._vault = vault
        self._progress = progress
        self._at_once = at_once
        self._clock = SystemClock()

    async def upstream(self, gateway: Gateway, known: platforms.OpenablePlatform, dialect: str | None) -> Upstream:
        """One gateway. `limits.concurrency` bounds what a run writes at once, and not how many customers may talk."""
        from reconciler import transport  # noqa: PLC0415 - see open_gateway
        from reconciler.inference.client import InferenceClient  # noqa: PLC0415 - the same
        from reconciler.inference.dialects import DIALECTS  # noqa: PLC0415 - the same
        from reconciler.router.table import Upstream  # noqa: PLC0415 - the same

        base_url = await base_url_of(self._stack, self._settings, gateway, known)
        target = transport.Target(
            gateway=gateway.name,
            base_url=base_url,
            credential=credential_of(gateway, known, base_url, self._vault),
            concurrency=self._at_once,
            connect_timeout=gateway.timeouts.connect,
            total_timeout=gateway.timeouts.total,
            socket_url=gateway.web_socket_url,
            origins=socket_origins(gateway, known, self._settings.allowed_hosts),
        )
        link = transport.connect(target, self._clock, self._progress)
        self._stack.push_async_callback(link.close)
        spoken = DIALECTS[dialect or dialect_of(gateway)]
        asking = link.anonymous() if known.capabilities.hands_on else link
        asks = InferenceClient(asking, spoken, self._clock, self._progress)
        return Upstream(gateway.name, link, asks, spoken, known.capabilities.called)


async def _verifiers(vault: Vault, routes: Mapping[str, Route]) -> Mapping[str, Verifier]:
    """Each route's signature with its secrets. Raises InputError at the lines of those that cannot be had."""
    refs = {ref for route in routes.values() if route.signature for ref in route.signature.secrets}
    failed = await vault.prepare(tuple(refs))
    require([finding for route in routes.values() for finding in _missing(route, failed)])
    found: dict[str, Verifier] = {}
    problems: list[Diagnostic] = []
    for name, route in routes.items():
        made = _verifier(route, vault)
        if isinstance(made, Diagnostic):
            problems.append(made)
        else:
            found[name] = made
    require(problems)
    return found


def _missing(route: Route, failed: Mapping[SecretRef, Diagnostic]) -> Iterator[Diagnostic]:
    for at, ref in enumerate(route.signature.secrets if route.signature else ()):
        if ref in failed:
            yield replace(failed[ref], position=route.source.position(f"/spec/signature/secrets/{at}"))


def _verifier(route: Route, vault: Vault) -> Verifier | Diagnostic:
    from reconciler.router import UnfitSecret, verifier  # noqa: PLC0415 - see open_routes

    place = route.source.position("/spec/signature" if route.signature else "/spec")
    if route.signature is None:
        return Diagnostic(Severity.ERROR, "LLM013", "a route that anybody may call", "give it a signature.", place)
    try:
        return verifier(route.signature, [vault.reveal(ref) for ref in route.signature.secrets])
    except UnfitSecret as error:
        detail = f"route {route.name!r}: {error}. Make a new one on both sides."
        return Diagnostic(Severity.ERROR, "ROUTER002", "a secret that must not be signed with", detail, place)
