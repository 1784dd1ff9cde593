"""The pure half: what can be expressed, defaults, where the API lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource, Spec
from reconciler.platforms.cognigy_rest.capabilities import CAPABILITIES, NAME, PATHS
from reconciler.platforms.cognigy_rest.convert import ranked
from reconciler.platforms.cognigy_rest.unsupported import gateway_findings, inexpressible, resource_findings
from reconciler.platforms.findings import require, without_ignored

if TYPE_CHECKING:
    from reconciler.platforms.cognigy_rest.adapter import CognigyRestAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class CognigyRestPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What the API has no place for or would refuse, in the resource and in its Gateway's `paths`."""
        return (*gateway_findings(gateway), *resource_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Every default written out, priorities as an order, and without what may be left out."""
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        resource = without_ignored(resource, inexpressible(resource))
        return replace(resource, spec=_filled(resource))

    def base_url(self, gateway: Gateway) -> str:
        """From `url`, or that of a dedicated installation from `org`."""
        return gateway.url or f"https://api-{gateway.org}.cognigy.cloud"

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's signature
        """The API's own, for those who use OAuth 2 in place of a key."""
        return "/auth/oauth2/token"

    def open(self, gateway: Gateway, client: Client) -> CognigyRestAdapter:
        """The adapter of one project. Raises InputError for `paths` that cannot be used."""
        from reconciler.platforms.cognigy_rest.adapter import CognigyRestAdapter  # noqa: PLC0415 - offline needs no HTTP
        from reconciler.platforms.cognigy_rest.api import Api  # noqa: PLC0415 - the same

        require(gateway_findings(gateway))
        paths = {**PATHS, **gateway.paths}
        return CognigyRestAdapter(gateway, Api(client, paths["root"], paths["project"]))


def _filled(resource: Resource) -> Spec:
    spec = resource.spec
    options = {"default": False, **spec.get("options", {})}
    cases = options.get("useCases", ())
    return {
        "displayName": resource.first_name,
        **spec,
        "credentials": _ordered(spec.get("credentials", {})),
        "fallbackModels": list(spec.get("fallbackModels", ())),
        "options": {**options, "useCases": sorted(set(cases)) if isinstance(cases, list | tuple) else cases},
    }


def _ordered(credentials: Mapping[str, Any]) -> Mapping[str, Any]:
    """The API keeps an order and no numbers. What is no order is left to `unsupported`."""
    priorities = [credential.get("priority") for credential in credentials.values()]
    if not all(type(each) is int for each in priorities) or len(set(priorities)) != len(priorities):
        return credentials
    most = len(credentials)
    places = {key_id: {"priority": most - index} for index, key_id in enumerate(ranked(credentials))}
    return {key_id: {**credential, **places[key_id]} for key_id, credential in credentials.items()}


PLATFORM = CognigyRestPlatform()
