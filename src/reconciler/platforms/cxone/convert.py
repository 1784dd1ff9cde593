"""To the wire and from the wire. Pure.

| manifest                        | wire                                       |
|---------------------------------|--------------------------------------------|
| metadata.name                   | id in the path                             |
| displayName, default: the name  | name                                       |
| credentials by keyId            | list, strictly decreasing priority         |
| fallbackStrategy                | fallbackStrategy, default ``failover``     |
| the rest                        | under the same name                        |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import ProtocolError, SecretMissing
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.platforms.cxone.capabilities import ENDPOINT, EVENTS, WEBHOOK

ASSIGNED = frozenset({"endpointId", "id", "version"})
"""Members that the server assigns and a write does not carry."""

LIMITS = ("requestsPerMinute", "concurrentConnections", "maxTokensPerRequest")

Wire = Mapping[str, Any]


def endpoint_body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a PUT: what lives there, with our fields laid over it and every key in clear.

    Members that nobody modelled are kept, on the endpoint and on each credential; credentials that the manifest
    does not name are dropped, since the matrix is ours as a whole. Raises SecretMissing when a key is not in
    `material`: a mask is never sent.
    """
    spec = resource.spec
    return {
        **{name: value for name, value in raw.items() if name not in ASSIGNED},
        "name": spec["displayName"],
        "provider": spec["provider"],
        "model": spec["model"],
        "credentials": _credentials(spec["credentials"], material, raw),
        "rateLimits": {**_mapping(raw.get("rateLimits")), **spec["rateLimits"]},
        "fallbackStrategy": spec["fallbackStrategy"],
    }


def _credentials(wanted: Mapping[str, Any], material: Material, raw: Wire) -> Sequence[Wire]:
    known = {c.get("keyId"): c for c in raw.get("credentials") or () if isinstance(c, dict)}
    ranked = sorted(wanted.items(), key=lambda item: -item[1]["priority"])
    return [
        {
            **known.get(key_id, {}),
            "keyId": key_id,
            "apiKey": _revealed(material, f"/spec/credentials/{key_id}/apiKey"),
            "priority": credential["priority"],
        }
        for key_id, credential in ranked
    ]


def _revealed(material: Material, path: str) -> str:
    if path not in material:
        raise SecretMissing(f"no value for {path}: nothing is sent")
    return material[path].reveal()


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}


def webhook_body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a POST or PUT of a webhook; members that nobody modelled are kept."""
    spec = resource.spec
    return {
        **{name: value for name, value in raw.items() if name not in ASSIGNED},
        "name": spec["name"],
        "url": spec["url"],
        "events": sorted(spec["events"], key=_contract_order),
        "secret": _revealed(material, "/spec/secret"),
    }


def _contract_order(event: str) -> int:
    """Events stand on the wire in the order of the contract, wherever the manifest has them."""
    return EVENTS.index(event) if event in EVENTS else len(EVENTS)


class Reader:
    """From the wire, for one gateway. Equal parts are shared, for fleets repeat their limits."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._limits: dict[tuple[Any, ...], Wire] = {}
        self._ranks: dict[Any, Wire] = {}

    def endpoint(self, raw: Wire, key: str | None = None) -> Live:
        """One endpoint; `key` is its id where the body does not repeat it. Raises ProtocolError."""
        try:
            remote_id = raw.get("endpointId") or raw.get("id") or key
            if not isinstance(remote_id, str):
                raise _unreadable("an endpoint", "has no id")
            credentials, hints = {}, {}
            for credential in raw["credentials"]:
                key_id = credential["keyId"]
                credentials[key_id] = self._rank(credential["priority"])
                hints[f"/spec/credentials/{key_id}/apiKey"] = hint(credential.get("apiKey"))
            spec = {
                "displayName": raw["name"],
                "provider": raw["provider"],
                "model": raw["model"],
                "credentials": credentials,
                "rateLimits": self._shared_limits(raw["rateLimits"]),
                "fallbackStrategy": raw["fallbackStrategy"],
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise _unreadable("an endpoint", f"has no usable {error}") from error
        return Live(Address(self._gateway, ENDPOINT, remote_id), remote_id, spec, raw, hints, _revision(raw))

    def _rank(self, priority: Any) -> Wire:
        if priority not in self._ranks:
            self._ranks[priority] = {"priority": priority}
        return self._ranks[priority]

    def _shared_limits(self, raw: Wire) -> Wire:
        found = tuple(raw.get(name) for name in LIMITS)
        if found not in self._limits:
            pairs = zip(LIMITS, found, strict=True)
            self._limits[found] = {name: value for name, value in pairs if value is not None}
        return self._limits[found]

    def webhook(self, raw: Wire) -> Live:
        """One webhook. Raises ProtocolError."""
        try:
            spec = {"name": raw["name"], "url": raw["url"], "events": sorted(raw["events"])}
            remote_id = raw["id"]
        except (KeyError, TypeError) as error:
            raise _unreadable("a webhook", f"has no usable {error}") from error
        address = Address(self._gateway, WEBHOOK, str(raw["name"]))
        return Live(address, str(remote_id), spec, raw, {}, _revision(raw))


def hint(masked: Any) -> str:
    """What a mask reveals: the characters behind its stars, empty where there are none."""
    if not isinstance(masked, str) or not masked.startswith("*"):
        return ""
    return masked.lstrip("*")


def _revision(raw: Wire) -> str | None:
    version = raw.get("version")
    return None if version is None else str(version)


def _unreadable(what: str, why: str) -> ProtocolError:
    return ProtocolError(f"the gateway answered with {what} that {why}")
