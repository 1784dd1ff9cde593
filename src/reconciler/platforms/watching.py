"""Gateways where nothing can be listed, made or changed: what is written for them, and what an adapter answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from reconciler.errors import Unsupported
from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import EMPTY, Gateway, Manage, Resource, Spec
from reconciler.model.run import Check

ENDPOINT = "Endpoint"

VERIFY_ONLY = KindCapability(create=False, update=False, delete=False, read=False, verify=True)
"""A kind that can be asked whether it works, and nothing else."""

Ask = Callable[[str], Awaitable[Sequence[Check]]]
"""Asks whether a model serves, which stands in the manifest."""


def unseen(gateway: Gateway, capabilities: Capabilities) -> Observed:
    """Nothing was looked at, so that absence proves nothing."""
    return Observed(gateway.name, (), complete=False, unseen=frozenset(capabilities.kinds))


def refuse(gateway: Gateway, what: str) -> NoReturn:
    """Raise Unsupported: nothing was sent."""
    raise Unsupported(f"{gateway.platform} has no call to {what}; nothing was sent", gateway=gateway.name)


def bare(spec: Spec) -> Spec:
    """A spec without its credentials: nothing is sent, so that no key need be had."""
    return {name: value for name, value in spec.items() if name != "credentials"}


def keyless(resource: Resource) -> Resource:
    """A resource without its keys, so that a run need not have them."""
    if not resource.secrets and "credentials" not in resource.spec:
        return resource
    return replace(resource, spec=bare(resource.spec), secrets=EMPTY)


def is_watched(resource: Resource) -> bool:
    """Whether the manifest says that the object is only looked at."""
    return resource.lifecycle.manage is Manage.OBSERVE


@dataclass(frozen=True, slots=True)
class WatchingAdapter:
    """Implements the port Adapter for a gateway that answers nothing but `ask`."""

    gateway: Gateway
    capabilities: Capabilities
    ask: Ask

    async def observe(self) -> Observed:
        """Nothing is sent: there is no list."""
        return unseen(self.gateway, self.capabilities)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"read {address}")

    async def create(self, resource: Resource, material: Material) -> Live:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"create {resource.address}")

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"update {live.address}")

    async def delete(self, live: Live) -> None:
        """Raises Unsupported."""
        refuse(self.gateway, f"delete {live.address}")

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, "prove a candidate")

    async def discard(self, scratch: str) -> None:
        """No candidate is ever made."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:  # noqa: ARG002 - the model is in the manifest
        """What asking for the model told."""
        return await self.ask(str(resource.spec["model"]))

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
