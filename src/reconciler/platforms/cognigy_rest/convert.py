"""To the wire and from the wire. Pure.

| manifest                         | wire                                                                       |
|----------------------------------|----------------------------------------------------------------------------|
| displayName, default: the name   | name of the large language model                                           |
| a credential                     | a Connection ``<name>--<keyId>``, its key in `fields`                      |
| the credential of top priority   | the model's `connectionId`                                                 |
| a second credential              | a second model ``<name>--fallback`` on its Connection, in `fallbacks`      |
| fallbackModels, one              | the same, on the first Connection                                          |
| model                            | modelType; ``custom-model`` and `customModel` where it is a custom one     |
| options.default                  | isDefault                                                                  |
| options.useCases                 | the project's settings                                                     |
| other options                    | members of the object named like the provider, which is sent even if empty |

Priorities are an order here: the highest becomes the number of keys, the lowest 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import SecretMissing
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.model.secret import unfit
from reconciler.platforms.body import rest, revealed_key
from reconciler.platforms.cognigy_rest.capabilities import (
    ALWAYS_CUSTOM,
    BY_WIRE,
    CUSTOM_MODEL,
    EXTENSION,
    PROVIDERS,
    Provider,
)

Wire = Mapping[str, Any]

FALLBACK_MEMBER = "largeLanguageModelId"
"""How an item of `fallbacks` names its model. The published material does not say; this is our reading of it."""

_FALLBACK_MEMBERS = (FALLBACK_MEMBER, "referenceId", "largeLanguageModelReferenceId", "_id", "id")
_NO_MEMBERS: Wire = {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a normalized resource asks for. `keys` are in the order of use."""

    name: str
    provider: Provider
    model: str
    keys: tuple[str, ...]
    fallback_model: str | None
    default: bool
    use_cases: frozenset[str]
    options: Wire

    @property
    def has_fallback(self) -> bool:
        """Whether a second model is needed."""
        return self.fallback_model is not None or len(self.keys) > 1

    @classmethod
    def of(cls, resource: Resource) -> Wanted:
        """Read a resource that `unsupported` has nothing to say against."""
        spec = resource.spec
        options = dict(spec["options"])
        default, use_cases = options.pop("default"), options.pop("useCases")
        if spec["provider"] == ALWAYS_CUSTOM:
            options["custom"] = True
        return cls(
            spec["displayName"],
            PROVIDERS[spec["provider"]],
            spec["model"],
            ranked(spec["credentials"]),
            next(iter(spec["fallbackModels"]), None),
            default,
            frozenset(use_cases),
            options,
        )


def ranked(credentials: Mapping[str, Any]) -> tuple[str, ...]:
    """Key ids in the order of use."""
    return tuple(sorted(credentials, key=lambda key_id: -credentials[key_id]["priority"]))


def connection_fields(provider: Provider, key_id: str, material: Material) -> Wire:
    """The fields of a Connection, in clear. Raises SecretMissing for a key that is none, or lacks a part."""
    text = revealed_key(material, key_id)
    values = text.split(":", len(provider.fields) - 1) if len(provider.fields) > 1 else [text]
    if len(values) != len(provider.fields) or not all(values):
        joined = ":".join(provider.fields)
        raise SecretMissing(f"the value of key {key_id!r} is not of the form {joined}: nothing was sent")
    why = next(filter(None, map(unfit, values)), None)
    if why is not None:
        raise SecretMissing(f"a part of the value of key {key_id!r} cannot be sent: {why}. Nothing was sent")
    return dict(zip(provider.fields, values, strict=True))


def connection_body(project: str, name: str, provider: Provider, fields: Wire) -> Wire:
    """The body that makes a Connection."""
    return {
        "projectId": project,
        "name": name,
        "type": provider.connection,
        "extension": EXTENSION,
        "fields": fields,
    }


def model_body(wanted: Wanted, model: str, connection: str, fallback: str | None, raw: Wire = _NO_MEMBERS) -> Wire:
    """The members of a model that we own, for a PATCH, or with a name and a project for a POST.

    What `raw` holds beside them in the provider's object goes back as it came.
    """
    provider = wanted.provider
    kept = _members(raw.get(provider.wire))
    ours = {*provider.options, "customModel"}
    custom = wanted.options.get("custom", False)
    given = {name: value for name, value in wanted.options.items() if name in provider.options}
    return {
        "modelType": CUSTOM_MODEL if custom else model,
        "provider": provider.wire,
        "connectionId": connection,
        provider.wire: {
            **rest(kept, ours),
            **given,
            **({"customModel": model} if custom else {}),
        },
        "fallbacks": [] if fallback is None else [{FALLBACK_MEMBER: fallback}],
    }


def model_of(raw: Wire) -> str:
    """The model that a large language model stands for."""
    custom = _members(raw.get(str(raw.get("provider")))).get("customModel")
    kind = raw.get("modelType")
    return custom if kind == CUSTOM_MODEL and isinstance(custom, str) else str(kind or "")


def provider_of(raw: Wire) -> str:
    """The provider as manifests name it; one that they cannot name as it is."""
    wire = str(raw.get("provider") or "")
    return BY_WIRE.get(wire, wire)


def options_of(raw: Wire) -> dict[str, Any]:
    """Options of the provider, as a manifest would give them."""
    name = provider_of(raw)
    members = _members(raw.get(str(raw.get("provider"))))
    known = PROVIDERS[name].options if name in PROVIDERS else ()
    found = {option: members[option] for option in known if members.get(option) not in (None, "")}
    if raw.get("modelType") == CUSTOM_MODEL and name != ALWAYS_CUSTOM:
        found["custom"] = True
    return found


def fallback_ids(raw: Wire) -> Sequence[str]:
    """Which models `fallbacks` names, however its items do."""
    items = raw.get("fallbacks")
    return tuple(_fallback_id(item) for item in items) if isinstance(items, list) else ()


def _fallback_id(item: Any) -> str:
    if isinstance(item, dict):
        return str(next((item[name] for name in _FALLBACK_MEMBERS if item.get(name)), ""))
    return str(item)


def _members(value: Any) -> Wire:
    return value if isinstance(value, dict) else _NO_MEMBERS
