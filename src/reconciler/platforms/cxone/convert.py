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
from math import isfinite
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.planning.pointer import join
from reconciler.platforms.body import Wire, hint, rest, revealed, revealed_key, revision
from reconciler.platforms.cxone.capabilities import ASSIGNED, ENDPOINT, EVENTS, FIELDS, LIMITS, RANGES, WEBHOOK

_CREDENTIAL = frozenset({"keyId", "apiKey", "priority"})
_ENDPOINT = (FIELDS[ENDPOINT] - {"displayName"}) | {"name"} | ASSIGNED[ENDPOINT]
_WEBHOOK = FIELDS[WEBHOOK] | {"secret"} | ASSIGNED[WEBHOOK]


def endpoint_body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a PUT: our fields in full, every key in clear, and beside them what else lives there.

    `resource` is normalized; `raw` is the live document, empty for a creation. Members that nobody modelled are
    kept: on the endpoint, its limits and each credential. **Credentials that the manifest does not name are
    dropped**: the matrix is replaced as a whole. Raises SecretMissing when `material` holds no real key for a
    credential, and Unsupported when something that would have to be sent back is masked: a mask is never sent.
    """
    spec = resource.spec
    return {
        "name": spec["displayName"],
        "provider": spec["provider"],
        "model": spec["model"],
        "credentials": _credentials(spec["credentials"], material, raw),
        **_limits(spec, raw),
        **{name: spec[name] for name in ("fallbackStrategy",) if name in spec},
        **rest(raw, _ENDPOINT),
    }


def _limits(spec: Wire, raw: Wire) -> Wire:
    """None where the live document has none and the manifest leaves that alone."""
    found = {**spec.get("rateLimits", {}), **rest(_mapping(raw.get("rateLimits")), RANGES.keys())}
    return {"rateLimits": found} if found else {}


def _credentials(wanted: Mapping[str, Any], material: Material, raw: Wire) -> Sequence[Wire]:
    known = {c.get("keyId"): c for c in raw.get("credentials") or () if isinstance(c, dict)}
    ranked = sorted(wanted.items(), key=lambda item: -item[1]["priority"])
    return [
        {
            "keyId": key_id,
            "apiKey": revealed_key(material, key_id),
            "priority": credential["priority"],
            **rest(known.get(key_id, {}), _CREDENTIAL),
        }
        for key_id, credential in ranked
    ]


def webhook_body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a POST or PUT of a webhook, on the same terms as an endpoint's."""
    spec = resource.spec
    return {
        "name": spec["name"],
        "url": spec["url"],
        "events": sorted(spec["events"], key=_contract_order),
        "secret": revealed(material, "/spec/secret"),
        **rest(raw, _WEBHOOK),
    }


def _contract_order(event: str) -> int:
    """Events stand on the wire in the order of the contract, wherever the manifest has them."""
    return EVENTS.index(event) if event in EVENTS else len(EVENTS)


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}


class Reader:
    """From the wire, for one gateway. Equal parts are shared, for fleets repeat their limits and key ids."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._limits: dict[tuple[tuple[str, float], ...], Wire] = {}
        self._ranks: dict[float, Wire] = {}
        self._paths: dict[str, str] = {}

    def endpoint(self, raw: Wire, key: str | None = None) -> Live:
        """One endpoint; `key` is the id it was asked for under, None in a list. Raises ProtocolError."""
        remote_id = self._endpoint_id(raw, key)
        try:
            spec: dict[str, Any] = {name: _text(raw, member) for name, member in _TEXTS}
            spec["credentials"], hints = self._credentials(raw.get("credentials"))
            if raw.get("rateLimits") is not None:
                spec["rateLimits"] = self._shared_limits(raw["rateLimits"])
            if raw.get("fallbackStrategy") is not None:
                spec["fallbackStrategy"] = _text(raw, "fallbackStrategy")
        except _WrongShape as error:
            raise self._unreadable(f"endpoint {_cut(remote_id)}", error) from error
        return Live(Address(self._gateway, ENDPOINT, remote_id), remote_id, spec, raw, hints, revision(raw))

    def _endpoint_id(self, raw: Wire, key: str | None) -> str:
        """A tenant may have ids of its own besides: only `endpointId` can contradict the path."""
        found = raw.get("endpointId") or key or raw.get("id")
        if not isinstance(found, str) or not found:
            raise self._unreadable("an endpoint", "no id")
        if key is not None and found != key:
            raise self._unreadable(f"endpoint {_cut(found)}", f"not the id {_cut(key)} that was asked for")
        return found

    def _credentials(self, raw: Any) -> tuple[Mapping[str, Wire], Mapping[str, str]]:
        if not isinstance(raw, list):
            raise _WrongShape("no list of credentials")
        credentials, hints = {}, {}
        for credential in raw:
            if not isinstance(credential, dict):
                raise _WrongShape("a credential that is no object")
            key_id = _text(credential, "keyId")
            credentials[key_id] = self._rank(_number(credential, "priority"))
            hints[self._path(key_id)] = hint(credential.get("apiKey"))
        if len(credentials) != len(raw):
            raise _WrongShape("a keyId that stands twice")
        return credentials, hints

    def _path(self, key_id: str) -> str:
        if key_id not in self._paths:
            self._paths[key_id] = join("/spec", ("credentials", key_id, "apiKey"))
        return self._paths[key_id]

    def _rank(self, priority: float) -> Wire:
        return self._ranks.setdefault(priority, {"priority": priority})

    def _shared_limits(self, raw: Any) -> Wire:
        if not isinstance(raw, dict):
            raise _WrongShape("rateLimits that are no object")
        found = tuple((name, _number(raw, name)) for name in LIMITS if raw.get(name) is not None)
        return self._limits.setdefault(found, dict(found))

    def webhook(self, raw: Wire) -> Live:
        """One webhook. Raises ProtocolError."""
        remote_id = raw.get("id")
        if isinstance(remote_id, bool) or not isinstance(remote_id, str | int) or remote_id == "":
            raise self._unreadable("a webhook", "no id")
        try:
            name = _text(raw, "name")
            spec = {"name": name, "url": _text(raw, "url"), "events": _events(raw.get("events"))}
        except _WrongShape as error:
            raise self._unreadable(f"webhook {_cut(str(remote_id))}", error) from error
        return Live(Address(self._gateway, WEBHOOK, name), str(remote_id), spec, raw, {}, revision(raw))

    def _unreadable(self, what: str, why: object) -> ProtocolError:
        return ProtocolError(f"the gateway answered with {what} that has {why}", gateway=self._gateway)


_TEXTS = (("displayName", "name"), ("provider", "provider"), ("model", "model"))


class _WrongShape(Exception):
    """A member that the contract has otherwise; says what is there instead, never a value."""


def _text(raw: Wire, name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise _WrongShape(f"no text for {name}")
    return value


def _number(raw: Wire, name: str) -> float:
    value = raw.get(name)
    if type(value) is int or (type(value) is float and isfinite(value)):
        return value
    raise _WrongShape(f"no number for {name}")


def _events(raw: Any) -> Sequence[str]:
    if not isinstance(raw, list) or not all(isinstance(event, str) for event in raw):
        raise _WrongShape("no list of events")
    return sorted(set(raw))


def _cut(text: str) -> str:
    return repr(text[:80])
