"""The calls of the contract, one method each. Paths come from the table, ids are encoded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import OutcomeUnknown, ProtocolError, Unsupported
from reconciler.model.ports import Material
from reconciler.model.resource import EMPTY
from reconciler.platforms.body import Wire
from reconciler.transport import Answer, Client, Repeat, pages, segment

ABSENT: Mapping[str, str] = {"if-none-match": "*"}
"""The precondition of a creation."""

UNGUARDED: Mapping[str, str] = {}

CANNOT: Mapping[tuple[str, str], str] = {
    ("GET", "endpoints"): "list endpoints",
    ("GET", "endpoint"): "read one endpoint",
    ("PUT", "endpoint"): "write endpoints",
    ("DELETE", "endpoint"): "delete endpoints",
    ("POST", "validate"): "validate endpoints",
    ("GET", "webhooks"): "list webhooks",
    ("POST", "webhooks"): "make webhooks",
    ("GET", "webhook"): "read one webhook",
    ("PUT", "webhook"): "change webhooks",
    ("DELETE", "webhook"): "delete webhooks",
}
"""What a gateway without a call cannot do."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as one answer showed it. `etag` is None where the gateway gave none that guards a write."""

    body: Wire
    etag: str | None


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError; a call that the gateway lacks raises Unsupported."""

    client: Client
    paths: Mapping[str, str]

    def _path(self, name: str, key: str = "") -> str:
        return self.paths[name].replace("{id}", segment(key))

    def listing(self, name: str) -> AsyncIterator[Sequence[Wire]]:
        """Pages of ``endpoints`` or ``webhooks``."""
        return pages(self.client, self._path(name), optional=CANNOT["GET", name])

    async def endpoint(self, key: str) -> Found:
        """One endpoint. Raises NotFound."""
        answer = await self._call("GET", "endpoint", key)
        return Found(_mapping(answer), _etag(answer))

    async def webhook(self, key: str) -> Found:
        """One webhook. Raises NotFound where the gateway says so; a 404 that says nothing means: no such call."""
        answer = await self.client.request("GET", self._path("webhook", key), optional=CANNOT["GET", "webhook"])
        return Found(_mapping(answer), _etag(answer))

    async def put(self, name: str, key: str, body: Wire, guard: Mapping[str, str], material: Material) -> Found:
        """Replace one object as a whole, or make it. Raises OutcomeUnknown for an answer that shows no object."""
        return _stored(await self._call("PUT", name, key, body=body, headers=guard, conceal=tuple(material.values())))

    async def post(self, name: str, body: Wire, material: Material) -> Found:
        """Make an object whose id the gateway chooses. Raises OutcomeUnknown as `put` does."""
        return _stored(await self._call("POST", name, body=body, conceal=tuple(material.values())))

    async def delete(self, name: str, key: str, guard: Mapping[str, str]) -> None:
        """Remove one object. Raises NotFound when there is none."""
        await self._call("DELETE", name, key, headers=guard)

    async def put_scratch(self, key: str, body: Wire, material: Material) -> None:
        """Write an endpoint that nobody else knows of: whatever was lost on the way, it may be sent again."""
        await self._call("PUT", "endpoint", key, body=body, conceal=tuple(material.values()), repeat=Repeat.ALWAYS)

    async def delete_scratch(self, key: str) -> None:
        """Remove such an endpoint, on the same terms. Raises NotFound when there is none."""
        await self._call("DELETE", "endpoint", key, repeat=Repeat.ALWAYS)

    async def validate(self, key: str, material: Material = EMPTY) -> Wire:
        """A dry run of inference through an endpoint; it changes nothing, so it may be repeated."""
        answer = await self.client.request(
            "POST",
            self._path("validate", key),
            body={},
            repeat=Repeat.ALWAYS,
            optional=CANNOT["POST", "validate"],
            conceal=tuple(material.values()),
        )
        return _mapping(answer)

    async def _call(self, method: str, name: str, key: str = "", **options: Any) -> Answer:
        """A call whose 404 means that the object is missing; 405 and 501 say that the call is."""
        try:
            return await self.client.request(method, self._path(name, key), **options)
        except Unsupported as error:
            raise Unsupported(
                f"{error}. This gateway cannot {CANNOT[method, name]}",
                gateway=error.gateway,
                request_id=error.request_id,
                status=error.status,
            ) from error


def _stored(answer: Answer) -> Found:
    """A write was carried out, whatever its answer looks like: one that shows nothing leaves it to be read back."""
    try:
        return Found(_mapping(answer), _etag(answer))
    except ProtocolError as error:
        raise OutcomeUnknown(f"{error} to a write; it has to be read back", request_id=answer.request_id) from error


def _etag(answer: Answer) -> str | None:
    """A weak tag never fits an If-Match (RFC 9110, 13.1.1), so it guards nothing."""
    tag = answer.headers.get("etag")
    return None if tag is None or tag.startswith("W/") else tag


def _mapping(answer: Answer) -> Wire:
    if not isinstance(answer.body, dict):
        raise ProtocolError(
            f"the gateway answered {answer.status} with something that is no object", request_id=answer.request_id
        )
    return answer.body
