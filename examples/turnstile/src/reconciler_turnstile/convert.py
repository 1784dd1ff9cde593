"""An Endpoint as a bot, and back. Pure.

| manifest                   | bot                                             |
|----------------------------|-------------------------------------------------|
| metadata.name, or remoteId | its name, which is its id                       |
| provider, model            | provider, model                                 |
| credentials, one           | key: id and value; a read shows id and `ending` |
| its priority               | rank                                            |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import ProtocolError, SecretMissing
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Resource

Wire = Mapping[str, Any]


def body(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a PUT. It replaces all, so it begins with what was read: `raw` may hold what nobody modelled."""
    ((key_id, credential),) = resource.spec["credentials"].items()
    path = f"/spec/credentials/{key_id}/apiKey"
    value = material[path].reveal() if path in material else ""
    if not value:
        raise SecretMissing(f"no value for {path}: nothing was sent")
    return {
        **{name: found for name, found in raw.items() if name not in {"name", "version"}},
        "provider": resource.spec["provider"],
        "model": resource.spec["model"],
        "rank": credential["priority"],
        "key": {"id": key_id, "value": value},
    }


def live(gateway: str, raw: Any, etag: str | None = None) -> Live:
    """One bot as it was read. Raises ProtocolError for what is none."""
    key = raw.get("key") if isinstance(raw, dict) else None
    if not isinstance(key, dict) or not isinstance(key.get("id"), str) or not isinstance(raw.get("name"), str):
        raise ProtocolError("the gateway answered with something that is no bot", gateway=gateway)
    spec = {"provider": raw.get("provider"), "model": raw.get("model")}
    spec["credentials"] = {key["id"]: {"priority": raw.get("rank")}}
    hints = {f"/spec/credentials/{key['id']}/apiKey": str(key.get("ending", ""))}
    address = Address(gateway, "Endpoint", raw["name"])
    return Live(address, raw["name"], spec, raw, hints, str(raw.get("version")), etag)
