"""The calls of the contract, one method each. A name is encoded; a call that is not in `paths` does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.errors import OutcomeUnknown, ProtocolError, Unsupported
from reconciler.model.ports import Material
from reconciler.platforms.body import Wire
from reconciler.transport import Answer, Client, Repeat, pages, segment

CANNOT: Mapping[tuple[str, str], str] = {
    ("POST", "register"): "register providers",
    ("GET", "providers"): "list providers",
    ("GET", "provider"): "read one provider",
    ("PUT", "provider"): "replace providers",
    ("DELETE", "provider"): "remove providers",
}
"""What a gateway without a call cannot do."""


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError; one that this gateway lacks raises Unsupported."""

    client: Client
    paths: Mapping[str, str]

    async def health(self) -> str | None:
        """What the key may do, as the header `X-Permissions` says; None where it is not sent."""
        answer = await self.client.request("GET", self.paths["health"], optional="tell its health")
        return answer.headers.get("x-permissions")

    async def register(self, body: Wire, material: Material) -> Answer:
        """Make a provider. Never repeated here, not even after a 429. Raises Conflict where one has that name."""
        return await self.client.request(
            "POST",
            self.paths["register"],
            body=body,
            repeat=Repeat.NEVER,
            optional=CANNOT["POST", "register"],
            conceal=tuple(material.values()),
        )

    def listing(self) -> AsyncIterator[Sequence[Wire]]:
        """Pages of providers."""
        return pages(self.client, self._path("GET", "providers"), optional=CANNOT["GET", "providers"])

    async def provider(self, name: str) -> Wire:
        """One provider. Raises NotFound; a 404 that says nothing means that there is no such call."""
        path = self._path("GET", "provider", name)
        return object_in(await self.client.request("GET", path, optional=CANNOT["GET", "provider"]))

    async def replace(self, name: str, body: Wire, material: Material) -> Answer:
        """Replace one provider as a whole."""
        path = self._path("PUT", "provider", name)
        return await self.client.request("PUT", path, body=body, conceal=tuple(material.values()))

    async def remove(self, name: str) -> None:
        """Remove one provider. Raises NotFound when there is none."""
        await self.client.request("DELETE", self._path("DELETE", "provider", name))

    def _path(self, method: str, call: str, name: str = "") -> str:
        if call not in self.paths:
            what = CANNOT[method, call]
            advice = f"Where it can, name the call {call!r} in `paths` of the Gateway"
            raise Unsupported(f"as given, this gateway cannot {what}. {advice}", gateway=self.client.gateway)
        return self.paths[call].replace("{id}", segment(name))


def object_in(answer: Answer) -> Wire:
    """The object of an answer. Raises ProtocolError."""
    if not isinstance(answer.body, dict):
        raise ProtocolError(
            f"the gateway answered {answer.status} with something that is no object", request_id=answer.request_id
        )
    return answer.body


def doubt(error: ProtocolError) -> OutcomeUnknown:
    """An accepted write was carried out: an answer that cannot be read leaves it to be read back."""
    return OutcomeUnknown(f"{error}; the write has to be read back", gateway=error.gateway)
