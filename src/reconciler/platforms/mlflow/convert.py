"""To the wire and from the wire. Pure.

| manifest                  | wire                                                                         |
|---------------------------|------------------------------------------------------------------------------|
| Endpoint, metadata.name   | endpoint `name`                                                              |
| each credential           | a secret and a model definition, both named reconciler/ENDPOINT/KEYID        |
| priorities                | the order of model_configs: one PRIMARY, then FALLBACK 1, 2, …; read as ranks |
| provider, model           | each definition's provider, model_name                                       |
| apiBase                   | each secret's auth_config.api_base                                           |
| fallbackStrategy failover | fallback_config SEQUENTIAL with as many attempts as there are keys           |
| Webhook                   | a webhook; event entity.action in small letters                              |

What the parts of one endpoint should have in common and do not, reads as a text that names each (`key: value | …`):
it equals nothing that a manifest can say, so that it is shown, and mended where the endpoint is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.planning.pointer import join
from reconciler.platforms.body import rest, revealed, revealed_key
from reconciler.platforms.mlflow.capabilities import ENDPOINT, PART, STRATEGY, WEBHOOK

Wire = Mapping[str, Any]

_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DOTS = "..."


def part_name(endpoint: str, key_id: str) -> str:
    """The name of the secret and of the definition of one key. Neither part can hold a slash."""
    return f"{PART}{endpoint}/{key_id}"


def ranked(credentials: Mapping[str, Wire]) -> Sequence[str]:
    """Key ids in the order in which they are tried."""
    return sorted(credentials, key=lambda key_id: (-credentials[key_id]["priority"], key_id))


def ranks(credentials: Mapping[str, Wire]) -> Mapping[str, Wire]:
    """The same order as whole numbers down to 1, which is all that the gateway keeps of it."""
    order = ranked(credentials)
    return {key_id: {**credentials[key_id], "priority": len(order) - n} for n, key_id in enumerate(order)}


def linked(definitions: Sequence[str]) -> Wire:
    """The members of an endpoint that say what it calls. Always both: without the second, the server drops it."""
    configs = [
        {"model_definition_id": key, "linkage_type": "FALLBACK", "fallback_order": order}
        if order
        else {"model_definition_id": key, "linkage_type": "PRIMARY", "weight": 1.0}
        for order, key in enumerate(definitions)
    ]
    return {
        "model_configs": configs,
        "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": len(definitions)},
    }


def auth_config(resource: Resource, live: Wire) -> Mapping[str, Any]:
    """Where the provider is, beside what else somebody set on the secret."""
    kept = rest(_mapping(live.get("auth_config")), ("api_base",))
    base = resource.spec.get("apiBase")
    return kept if base is None else {**kept, "api_base": base}


def api_key(key_id: str, material: Material) -> str:
    """One key in clear. Raises SecretMissing: the server would take a secret without a value."""
    return revealed_key(material, key_id)


def webhook_body(resource: Resource, material: Material) -> Wire:
    """The body of a POST or PATCH. A secret that the manifest does not name stays what it is."""
    spec = resource.spec
    secret = {"secret": revealed(material, "/spec/secret")} if "/spec/secret" in resource.secrets else {}
    events = [dict(zip(("entity", "action"), event.upper().split("."), strict=True)) for event in spec["events"]]
    return {"name": spec["name"], "url": spec["url"], "events": events, **secret}


def read_endpoint(gateway: str, raw: Wire, secrets: Mapping[str, Wire]) -> Live:
    """One endpoint with the secrets behind it, by their ids. Raises ProtocolError for one without a name."""
    name = _text(gateway, raw, "name", "an endpoint")
    links = _links(raw, name)
    held = [(key_id, secrets[link["secret_id"]]) for key_id, link in links if link.get("secret_id") in secrets]
    spec = {
        "provider": _agreed((key_id, link.get("provider")) for key_id, link in links),
        "model": _agreed((key_id, link.get("model_name")) for key_id, link in links),
        "apiBase": _agreed((key_id, _mapping(secret.get("auth_config")).get("api_base")) for key_id, secret in held),
        "credentials": {key_id: {"priority": len(held) - n} for n, (key_id, _) in enumerate(held)},
        "fallbackStrategy": _strategy(raw, len(links)),
    }
    hints = {join("/spec", ("credentials", key_id, "apiKey")): _hint(secret) for key_id, secret in held}
    shown = {key: value for key, value in spec.items() if value is not None}
    return Live(Address(gateway, ENDPOINT, name), name, shown, raw, hints, _revision(raw, "last_updated_at"))


def _links(raw: Wire, endpoint: str) -> Sequence[tuple[str, Wire]]:
    """Definitions in the order in which they are tried, each under its key id."""
    mappings = [m for m in raw.get("model_mappings") or () if isinstance(m, dict)]
    mappings.sort(key=lambda m: (m.get("linkage_type") != "PRIMARY", m.get("fallback_order", 0)))
    found: dict[str, Wire] = {}
    for mapping in mappings:
        link = _mapping(mapping.get("model_definition"))
        key_id = key_of(str(link.get("name", "")), endpoint)
        if key_id is None or key_id in found:
            key_id = str(mapping.get("model_definition_id"))
        found[key_id] = link
    return list(found.items())


def key_of(name: str, endpoint: str) -> str | None:
    """The key id that a part's name stands for; None for a name that somebody else gave and that is no key id."""
    own = name.removeprefix(part_name(endpoint, ""))
    return own if _KEY_ID.fullmatch(own) else None


def endpoint_of(name: str) -> str | None:
    """The endpoint that a part of ours belongs to; None for a part that is not ours."""
    words = name.split("/")
    return words[1] if name.startswith(PART) and len(words) == len(("prefix", "endpoint", "key")) else None


def _agreed(values: Iterable[tuple[str, Any]]) -> Any:
    found = dict(values)
    different = set(found.values())
    if len(different) <= 1:
        return next(iter(different), None)
    return " | ".join(f"{key_id}: {value}" for key_id, value in found.items())


def _strategy(raw: Wire, links: int) -> str | None:
    """None where further keys are there and never tried."""
    primaries = sum(m.get("linkage_type") == "PRIMARY" for m in raw.get("model_mappings") or ())
    if primaries > 1:
        return f"split over {primaries}"
    config = _mapping(raw.get("fallback_config"))
    attempts = config.get("max_attempts", links)
    if links <= 1 or (config.get("strategy") == "SEQUENTIAL" and attempts >= links):
        return STRATEGY
    return None if "strategy" not in config else f"{config['strategy']}, {attempts} of {links} keys"


def _hint(secret: Wire) -> str:
    """What a mask such as ``sk-...1111`` reveals; nothing where it is stars alone."""
    masked = _mapping(secret.get("masked_values")).get("api_key")
    return masked.rpartition(_DOTS)[2] if isinstance(masked, str) and _DOTS in masked else ""


def read_webhook(gateway: str, raw: Wire) -> Live:
    """One webhook. Raises ProtocolError for one without an id, a name or a url."""
    remote_id, name, url = (_text(gateway, raw, member, "a webhook") for member in ("webhook_id", "name", "url"))
    spec = {"name": name, "url": url, "events": sorted(set(_events(raw)))}
    return Live(Address(gateway, WEBHOOK, name), remote_id, spec, raw, {}, _revision(raw, "last_updated_timestamp"))


def _events(raw: Wire) -> Iterator[str]:
    for event in raw.get("events") or ():
        yield f"{event.get('entity', '')}.{event.get('action', '')}".lower()


def _revision(raw: Wire, member: str) -> str | None:
    found = raw.get(member)
    return None if found is None else str(found)


def _text(gateway: str, raw: Wire, name: str, what: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise ProtocolError(f"the gateway answered with {what} that has no text for {name}", gateway=gateway)
    return value


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}
