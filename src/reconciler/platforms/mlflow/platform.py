"""The pure half of MLflow's gateway: what it can express, its defaults, where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import DEFAULT_READINESS, Gateway, Readiness, Resource, Spec
from reconciler.platforms.findings import misplaced, require, without_ignored
from reconciler.platforms.mlflow import unsupported
from reconciler.platforms.mlflow.capabilities import CAPABILITIES, ENDPOINT, NAME, STRATEGY, USUAL_DEADLINE_SECONDS
from reconciler.platforms.mlflow.convert import ranks

if TYPE_CHECKING:
    from reconciler.platforms.mlflow.adapter import MlflowAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class MlflowPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What the wire has no place for or the server would refuse, and what the Gateway says that it lacks."""
        return (*misplaced(gateway, NAME, CAPABILITIES), *unsupported.findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Priorities as ranks, the one strategy, events in order, and without what may be left out.

        A deadline of readiness that is the default is lengthened past the server's cache.
        """
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        resource = without_ignored(resource, unsupported.places(resource))
        return replace(resource, spec=_filled(resource), readiness=_outlasting(resource.readiness))

    def base_url(self, gateway: Gateway) -> str:
        """`url`. Raises InputError where there is none."""
        require(misplaced(gateway, NAME, CAPABILITIES))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's signature
        """Where a token would be had, if the server had tokens: it takes a static header, or nothing."""
        return "/oauth/token"

    def open(self, gateway: Gateway, client: Client) -> MlflowAdapter:
        """The adapter of one gateway."""
        from reconciler.platforms.mlflow.adapter import MlflowAdapter  # noqa: PLC0415 - what works offline needs no HTTP
        from reconciler.platforms.mlflow.api import Api  # noqa: PLC0415 - the same
        from reconciler.platforms.mlflow.parts import Parts  # noqa: PLC0415 - the same

        api = Api(client)
        return MlflowAdapter(gateway, api, Parts(api))


def _outlasting(readiness: Readiness) -> Readiness:
    """The usual deadline is as long as the server's usual cache, which would end in a tie."""
    if readiness.deadline_seconds != DEFAULT_READINESS.deadline_seconds:
        return readiness
    return replace(readiness, deadline_seconds=USUAL_DEADLINE_SECONDS)


def _filled(resource: Resource) -> Spec:
    spec = resource.spec
    if resource.address.kind != ENDPOINT:
        return {**spec, "events": sorted(spec.get("events", ()))}
    credentials = spec.get("credentials", {})
    ordered = all(type(each.get("priority")) is int for each in credentials.values())
    ranked = {"credentials": ranks(credentials)} if credentials and ordered else {}
    return {"fallbackStrategy": STRATEGY, **spec, **ranked}


PLATFORM = MlflowPlatform()
