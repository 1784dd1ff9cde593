"""CXone as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import GatewayError, NotFound, ProtocolError, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import EMPTY, Gateway, Resource
from reconciler.model.run import Check, Verdict
from reconciler.platforms.cxone.api import ABSENT, Api, Found
from reconciler.platforms.cxone.capabilities import ENDPOINT
from reconciler.platforms.cxone.convert import Reader, Wire, endpoint_body, webhook_body

_Listed = tuple[tuple[Live, ...], Diagnostic | None]


@dataclass(frozen=True, slots=True)
class CxoneAdapter:
    """Implements the port Adapter.

    Every write follows a single read, whose ETag it carries as If-Match. Where the gateway gives none the
    write is guarded by that fresh read alone (`compare`).
    """

    gateway: Gateway
    api: Api
    reader: Reader

    async def observe(self) -> Observed:
        """Endpoints and webhooks, side by side, page by page."""
        listed = await asyncio.gather(
            self._list("endpoints", self.reader.endpoint), self._list("webhooks", self.reader.webhook)
        )
        findings = tuple(finding for _, finding in listed if finding is not None)
        objects = tuple(live for found, _ in listed for live in found)
        return Observed(self.gateway.name, objects, complete=not findings, diagnostics=findings)

    async def _list(self, name: str, read: Callable[[Wire], Live]) -> _Listed:
        found: list[Live] = []
        try:
            listing: AsyncIterator[Sequence[Wire]] = self.api.listing(name)
            async for page in listing:
                found.extend(map(read, page))
        except Unsupported as error:
            return (), self._finding("PLATFORM005", f"{name} cannot be listed", error)
        except GatewayError as error:
            return tuple(found), self._finding("PLATFORM006", f"{name} could not be read", error)
        return tuple(found), None

    def _finding(self, code: str, summary: str, error: GatewayError) -> Diagnostic:
        position = self.gateway.source.position("/spec/url")
        detail = f"gateway {self.gateway.name!r}: {error}"
        return Diagnostic(Severity.ERROR, code, summary, detail, position)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One object, freshly. A webhook without an id is looked for by its name."""
        if address.kind == ENDPOINT:
            found = await self._get("endpoint", remote_id or address.name)
            return None if found is None else self._endpoint(found, remote_id or address.name)
        if remote_id is not None:
            found = await self._get("webhook", remote_id)
            return None if found is None else self._webhook(found)
        return await self._webhook_named(address.name)

    async def _get(self, name: str, key: str) -> Found | None:
        try:
            return await self.api.get(name, key)
        except NotFound:
            return None

    async def _webhook_named(self, name: str) -> Live | None:
        async for page in self.api.listing("webhooks"):
            for raw in page:
                if raw.get("name") == name:
                    return self.reader.webhook(raw)
        return None

    def _endpoint(self, found: Found, key: str) -> Live:
        return _with_etag(self.reader.endpoint(found.body, key), found)

    def _webhook(self, found: Found) -> Live:
        return _with_etag(self.reader.webhook(found.body), found)

    async def create(self, resource: Resource, material: Material) -> Live:
        """PUT that refuses to overwrite, or POST for a webhook."""
        if resource.address.kind == ENDPOINT:
            name = resource.address.name
            body = endpoint_body(resource, material, EMPTY)
            return self._endpoint(await self.api.put("endpoint", name, body, ABSENT, material), name)
        return self._webhook(await self.api.post("webhooks", webhook_body(resource, material, EMPTY), material))

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """PUT over what was just read."""
        guard = _guard(live)
        if resource.address.kind == ENDPOINT:
            body = endpoint_body(resource, material, live.raw)
            found = await self.api.put("endpoint", live.remote_id, body, guard, material)
            return self._endpoint(found, live.remote_id)
        body = webhook_body(resource, material, live.raw)
        return self._webhook(await self.api.put("webhook", live.remote_id, body, guard, material))

    async def delete(self, live: Live) -> None:
        """DELETE what was just read."""
        name = "endpoint" if live.address.kind == ENDPOINT else "webhook"
        try:
            await self.api.delete(name, live.remote_id, _guard(live))
        except NotFound:
            return

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Write a candidate beside the endpoint, have it validated, and remove it whatever comes."""
        spec = {**resource.spec, "displayName": f"{resource.spec['displayName']} {scratch}"}
        body = endpoint_body(replace(resource, spec=spec), material, EMPTY)
        try:
            await self.api.put("endpoint", scratch, body, {}, material)
            await judge(lambda: self._checks(resource, scratch))
        finally:
            await self.discard(scratch)

    async def discard(self, scratch: str) -> None:
        """Remove a candidate; none there is fine."""
        try:
            await self.api.delete("endpoint", scratch, {})
        except NotFound:
            return

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Validate an endpoint; a webhook has nothing to ask."""
        if resource.address.kind != ENDPOINT:
            return ()
        return await self._checks(resource, live.remote_id)

    async def _checks(self, resource: Resource, key: str) -> Sequence[Check]:
        try:
            return checks(resource, await self.api.validate(key))
        except GatewayError as error:
            return (Check("validate", Verdict.UNKNOWN, str(error)),)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""


def _with_etag(live: Live, found: Found) -> Live:
    return live if found.etag is None else replace(live, etag=found.etag)


def _guard(live: Live) -> Mapping[str, str]:
    """The precondition of a write on what was just read; nothing where the gateway gives no ETag."""
    return {} if live.etag is None else {"if-match": live.etag}


def checks(resource: Resource, answer: Mapping[str, Any]) -> Sequence[Check]:
    """The readiness rule: reachable, and more quota left than the traffic that the manifest expects.

    Raises ProtocolError when a member that the rule needs is missing.
    """
    ready = resource.readiness
    reachable, quota, latency = (answer.get(k) for k in ("providerReachable", "quotaRemaining", "latencyMs"))
    if not isinstance(reachable, bool) or isinstance(quota, bool) or not isinstance(quota, int | float):
        raise ProtocolError("the validation's answer lacks providerReachable or quotaRemaining")
    found = [
        _check("reachable", reachable, "the provider cannot be reached with these credentials", reachable, None),
        _check(
            "quota",
            quota > ready.quota_baseline,
            f"{quota:g} requests are left, more than {ready.quota_baseline} are expected",
            quota,
            ready.quota_baseline,
        ),
    ]
    if ready.max_latency_ms is not None and isinstance(latency, int | float):
        message = f"{latency:g} ms is over the limit of {ready.max_latency_ms} ms"
        found.append(_check("latency", latency <= ready.max_latency_ms, message, latency, ready.max_latency_ms))
    return found


def _check(name: str, holds: object, message: str, value: Any, limit: float | None) -> Check:
    verdict = Verdict.READY if holds else Verdict.REJECTED
    return Check(name, verdict, "" if holds else message, value, limit)
