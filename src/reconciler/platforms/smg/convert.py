"""An Endpoint as a worker, and back. Pure.

| manifest               | worker                                             | where it is read from         |
|------------------------|----------------------------------------------------|-------------------------------|
| metadata.name          | label ``reconciler.name``                          | the label, else the id        |
| apiBase                | url: what makes a worker unique                    | url                           |
| provider               | provider, and label ``reconciler.provider``        | the label, else its models'   |
| model                  | label ``reconciler.model``: models are discovered  | the label, else the first     |
| credentials, one       | api_key; label ``reconciler.key`` holds the keyId  | the label, else ``key``       |
| its priority           | priority                                           | priority                      |
|                        | label ``reconciler.write`` counts our writes       | the revision                  |

A write is queued and shows nothing of the key; the count, which travels in the same request, tells that it landed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.platforms.body import rest, revealed_key
from reconciler.platforms.smg.capabilities import (
    ENDPOINT,
    OWN_KEY,
    OWN_MODEL,
    OWN_NAME,
    OWN_PROVIDER,
    OWN_WRITE,
    UNNAMED_KEY,
)

Wire = Mapping[str, Any]

GOING = "draining"
COMING = "pending"


def created(resource: Resource, material: Material) -> Wire:
    """The body of a POST."""
    return {
        "url": resource.spec["apiBase"],
        "runtime": "external",
        "provider": resource.spec["provider"],
        **patched(resource, material, {}),
    }


def patched(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a PATCH: it merges, labels too, so that what others set stays."""
    ((key_id, credential),) = resource.spec["credentials"].items()
    return {
        "api_key": revealed_key(material, key_id),
        "priority": credential["priority"],
        "labels": {
            OWN_NAME: resource.address.name,
            OWN_KEY: key_id,
            OWN_MODEL: resource.spec["model"],
            OWN_PROVIDER: resource.spec["provider"],
            OWN_WRITE: str(writes(raw) + 1),
        },
    }


def replaced(resource: Resource, material: Material, raw: Wire) -> Wire:
    """The body of a PUT, which alone changes the provider: what it leaves out is reset, so it carries all."""
    body = created(resource, material)
    ours = patched(resource, material, raw)["labels"]
    kept = {"cost": raw["cost"]} if "cost" in raw else {}
    return {**body, **kept, "labels": {**_labels(raw), **rest(_labels(raw), ours), **ours}}


def writes(raw: Wire) -> int:
    """How many writes of ours a worker has seen."""
    text = str(_labels(raw).get(OWN_WRITE, ""))
    return int(text) if text.isascii() and text.isdecimal() else 0


def landed(raw: Wire, count: int) -> bool:
    """Whether a worker shows our write number `count` and takes requests."""
    return present(raw) and writes(raw) >= count


def present(raw: Wire) -> bool:
    """A worker that is being added is not there yet, one that is being removed is there no more."""
    return raw.get("status") not in {GOING, COMING}


def read(gateway: str, raw: Wire) -> Live:
    """One worker. Raises ProtocolError for one that has no id, url or priority."""
    remote_id, url, priority = raw.get("id"), raw.get("url"), raw.get("priority")
    if not isinstance(remote_id, str) or not isinstance(url, str) or type(priority) is not int:
        raise ProtocolError("the gateway answered with a worker without id, url or priority", gateway=gateway)
    labels = _labels(raw)
    spec = {
        "provider": labels.get(OWN_PROVIDER) or _provider(raw),
        "model": labels.get(OWN_MODEL) or min(model_ids(raw), default=None),
        "apiBase": url,
        "credentials": {labels.get(OWN_KEY) or UNNAMED_KEY: {"priority": priority}},
    }
    address = Address(gateway, ENDPOINT, labels.get(OWN_NAME) or remote_id)
    shown = {name: value for name, value in spec.items() if value is not None}
    return Live(address, remote_id, shown, raw, {}, labels.get(OWN_WRITE))


def model_ids(raw: Wire) -> frozenset[str]:
    """Models that the gateway found at the provider; it lists them in an order of chance."""
    return frozenset(m["id"] for m in _models(raw) if isinstance(m.get("id"), str))


def _provider(raw: Wire) -> str | None:
    return min((m["provider"] for m in _models(raw) if isinstance(m.get("provider"), str)), default=None)


def _models(raw: Wire) -> list[Wire]:
    found = raw.get("models")
    return [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []


def _labels(raw: Wire) -> Mapping[str, str]:
    found = raw.get("labels")
    return found if isinstance(found, dict) else {}
