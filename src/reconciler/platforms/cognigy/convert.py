"""To the wire and from the wire. Pure.

| manifest                                         | wire                                           |
|--------------------------------------------------|------------------------------------------------|
| metadata.remoteId, else displayName, else name   | name, which is the id                          |
| provider                                         | type, in capitals                              |
| model                                            | defaultModel                                   |
| credentials, the highest priority first          | apiKeyRotation.keys, in the order of use       |
| rotationStrategy, default ROUND_ROBIN_ON_FAILURE | apiKeyRotation.rotationStrategy, `enabled` true |
| timeoutMs, default 15000                         | timeoutMs                                      |
| retryOnRateLimit, default true                   | retryOnRateLimit                               |

Keys have no ids on the wire, only places. In canonical form a credential is called by its place, from 1, and its
priority counts down to 1; `placed` renames what a manifest calls otherwise, and finds its lines again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Lifecycle, Resource, Source
from reconciler.planning.pointer import join
from reconciler.platforms.body import Wire, hint, rest, revealed_key, revision
from reconciler.platforms.cognigy.capabilities import ASSIGNED, ENDPOINT

_ROTATION = frozenset({"enabled", "keys", "rotationStrategy"})
_PROVIDER = frozenset({"name", "type", "apiKeyRotation", "defaultModel", "timeoutMs", "retryOnRateLimit"}) | ASSIGNED
_ROOT = "/spec/credentials"


def name_of(resource: Resource) -> str:
    """What the provider is called on the gateway."""
    return resource.remote_id or str(resource.spec.get("displayName") or resource.first_name)


@dataclass(frozen=True, slots=True)
class Renamed:
    """A source that finds a credential by its place where the manifest has it by its key id."""

    source: Source
    names: Mapping[str, str]

    def position(self, path: str) -> Position:
        """Position of what stands under a place."""
        for place, written in self.names.items():
            if path == place or path.startswith(place + "/"):
                return self.source.position(written + path[len(place) :])
        return self.source.position(path)


def placed(resource: Resource) -> Resource:
    """Credentials called by their places; the resource itself where they are already."""
    written = resource.spec.get("credentials") or {}
    ranked = sorted(written, key=lambda key_id: -written[key_id]["priority"])
    members = {
        str(place): {**written[key_id], "priority": len(ranked) + 1 - place} for place, key_id in enumerate(ranked, 1)
    }
    if members == written:
        return resource
    places = {_path(key_id): _path(place) for key_id, place in zip(ranked, members, strict=True)}
    return replace(
        resource,
        spec={**resource.spec, "credentials": members},
        secrets={_moved(path, places): ref for path, ref in resource.secrets.items()},
        lifecycle=_ignoring(resource.lifecycle, places),
        source=Renamed(resource.source, {place: key_id for key_id, place in places.items()}),
    )


def _ignoring(lifecycle: Lifecycle, places: Mapping[str, str]) -> Lifecycle:
    """Paths to be left alone, as they are called by the places."""
    moved = tuple(places.get(path) or _moved(path, places) for path in lifecycle.ignore)
    return lifecycle if moved == lifecycle.ignore else replace(lifecycle, ignore=moved)


def _path(key_id: str) -> str:
    return join(_ROOT, (key_id,))


def _moved(path: str, places: Mapping[str, str]) -> str:
    whole = next((written for written in places if path.startswith(written + "/")), None)
    return path if whole is None else places[whole] + path[len(whole) :]


def provider_body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a registration or replacement: our fields, every key in clear, and beside them what lives there.

    `resource` is normalized; `raw` is the live document, empty for a registration. Raises SecretMissing without a
    real key for a place, and Unsupported where something that nobody modelled would go back masked.
    """
    spec = resource.spec
    rotation = raw.get("apiKeyRotation")
    return {
        "name": name_of(resource),
        "type": spec["provider"].upper(),
        "apiKeyRotation": {
            "enabled": True,
            "keys": _keys(spec["credentials"], material),
            **_given(spec, "rotationStrategy"),
            **rest(rotation if isinstance(rotation, dict) else {}, _ROTATION),
        },
        "defaultModel": spec["model"],
        **_given(spec, "timeoutMs", "retryOnRateLimit"),
        **rest(raw, _PROVIDER),
    }


def _given(spec: Wire, *names: str) -> Wire:
    """What the live document lacks, and the manifest leaves alone, is in no spec."""
    return {name: spec[name] for name in names if name in spec}


def _keys(credentials: Mapping[str, Any], material: Material) -> Sequence[str]:
    ranked = sorted(credentials, key=lambda key_id: -credentials[key_id]["priority"])
    return [revealed_key(material, key_id) for key_id in ranked]


def read_provider(gateway: str, raw: Wire, key: str | None = None) -> Live:
    """One provider; `key` is the name it was asked for under, None in a list. Raises ProtocolError."""
    try:
        spec, keys = _spec(raw), _masked_keys(raw)
    except _WrongShape as error:
        raise ProtocolError(f"the gateway answered with a provider that has {error}", gateway=gateway) from error
    name = str(spec["displayName"])
    if key is not None and name != key:
        said = f"the gateway answered with a provider that has not the name {key[:80]!r} that was asked for"
        raise ProtocolError(said, gateway=gateway)
    hints = {join(_ROOT, (str(place), "apiKey")): hint(shown) for place, shown in enumerate(keys, 1)}
    return Live(Address(gateway, ENDPOINT, name), name, spec, raw, hints, revision(raw))


def _spec(raw: Wire) -> Mapping[str, Any]:
    """A rotation that is switched off is shown as none, so that it differs from what is wanted."""
    keys, rotation = _masked_keys(raw), raw["apiKeyRotation"]
    spec: dict[str, Any] = {
        "displayName": _text(raw, "name"),
        "provider": _text(raw, "type").lower(),
        "model": _text(raw, "defaultModel"),
        "credentials": {str(place): {"priority": len(keys) + 1 - place} for place in range(1, len(keys) + 1)},
    }
    spec |= {field: raw[field] for field in ("timeoutMs", "retryOnRateLimit") if raw.get(field) is not None}
    if rotation.get("enabled") is not False and rotation.get("rotationStrategy") is not None:
        spec["rotationStrategy"] = _text(rotation, "rotationStrategy")
    return spec


def _masked_keys(raw: Wire) -> Sequence[Any]:
    rotation = raw.get("apiKeyRotation")
    keys = rotation.get("keys") if isinstance(rotation, dict) else None
    if not isinstance(keys, list):
        raise _WrongShape("no list of keys")
    return keys


class _WrongShape(Exception):
    """A member that the contract has otherwise; says what is there instead, never a value."""


def _text(raw: Wire, name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise _WrongShape(f"no text for {name}")
    return value
