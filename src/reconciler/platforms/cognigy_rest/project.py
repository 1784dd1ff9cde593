"""A project as it was read, and the endpoints in it. Pure.

One endpoint is a model, its Connections, perhaps a fallback model, and what the settings say of it. What an
interrupted run left is never lost from sight:

| what is there                                        | is shown as                                           |
|------------------------------------------------------|-------------------------------------------------------|
| a Connection ``<name>--<keyId>`` that nobody uses    | a key of priority 0, all others one step up           |
| ``<name>--fallback``, which the model does not name  | fallbackModels ``["… (not in use)"]``                 |
| ``<name>--fallback``, set up unlike the model        | fallbackModels ``["… (differs)"]``                    |
| a fallback that is a model of its own                | options.fallback, which no manifest can ask for       |
| ``<name>--new`` or ``<name>--gone`` beside the model  | fallbackModels ``["… (left over)"]``                  |
| ``<name>--new``, or parts without any model          | nothing: the creation never landed, and is repeated   |
| ``<name>--gone`` without the model                   | the endpoint under its old id: the deletion goes on   |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.planning.pointer import join
from reconciler.platforms.cognigy_rest.capabilities import DRAFT, ENDPOINT, FALLBACK, PARTS, REMNANT, SEPARATOR
from reconciler.platforms.cognigy_rest.convert import Wire, fallback_ids, model_of, options_of, provider_of

_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_STRANGE = re.compile(r"[^A-Za-z0-9._-]+")


def ids(raw: Wire) -> frozenset[str]:
    """What others may call an object: its `referenceId`, and its `_id`."""
    return frozenset(str(raw[name]) for name in ("referenceId", "_id") if raw.get(name))


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an endpoint. `connection` is None where the model names one that is gone."""

    key_id: str
    connection: Wire | None
    used: bool


@dataclass(frozen=True, slots=True)
class Project:
    """Models, Connections and use cases of one project; Connections without their fields."""

    gateway: str
    models: Sequence[Wire]
    connections: Sequence[Wire]
    use_cases: Mapping[str, Wire]

    def named(self, name: str) -> Wire | None:
        """The model of a name. Raises ProtocolError for several: which is meant cannot be told."""
        found = [model for model in self.models if model.get("name") == name]
        if len(found) > 1:
            raise ProtocolError(f"{len(found)} models are called {name!r}; rename the others", gateway=self.gateway)
        return found[0] if found else None

    def model(self, key: str) -> Wire | None:
        """The model of an id."""
        return next((model for model in self.models if key in ids(model)), None)

    def own(self, name: str) -> Sequence[Wire]:
        """Connections that are parts of an endpoint of this name."""
        return [c for c in self.connections if str(c.get("name", "")).startswith(name + SEPARATOR)]

    def users(self, connection: Wire) -> Sequence[Wire]:
        """Models that a Connection serves."""
        return [model for model in self.models if model.get("connectionId") in ids(connection)]

    def serves_others(self, connection: Wire, name: str) -> bool:
        """Whether a model that is no part of this endpoint needs a Connection."""
        parts = {name, *(name + part for part in PARTS)}
        return any(model.get("name") not in parts for model in self.users(connection))

    def cases_of(self, model: Wire) -> frozenset[str]:
        """Use cases that name a model."""
        known = ids(model)
        return frozenset(case for case, said in self.use_cases.items() if said.get("largeLanguageModelId") in known)

    def fallback(self, model: Wire) -> Wire | None:
        """The model that the first of `fallbacks` names."""
        return next((found for key in fallback_ids(model) if (found := self.model(key)) is not None), None)

    def keys(self, model: Wire, name: str) -> Sequence[Key]:
        """Keys of an endpoint in the order of use, as they are called under this name; those in use come first."""
        fallback = self.named(name + FALLBACK)
        used = [str(each.get("connectionId", "")) for each in (model, fallback) if each is not None]
        found: dict[str, Key] = {}
        for reference in dict.fromkeys(used):
            connection = next((c for c in self.connections if reference in ids(c)), None)
            self._add(found, reference, connection, name)
        for connection in self.own(name):
            if not self.users(connection):
                self._add(found, str(connection["referenceId"]), connection, name, used=False)
        return tuple(found.values())

    def _add(
        self, found: dict[str, Key], reference: str, connection: Wire | None, name: str, *, used: bool = True
    ) -> None:
        said = str(connection.get("name", "")) if connection else ""
        own = said.startswith(name + SEPARATOR)
        key_id = said.removeprefix(name + SEPARATOR) if own else _STRANGE.sub("-", said).strip("-._")
        if not _KEY_ID.fullmatch(key_id) or key_id in found:
            key_id = reference
        found[key_id] = Key(key_id, connection, used)

    def lives(self) -> Iterator[Live]:
        """All endpoints."""
        for model in self.models:
            name = str(model["name"])
            if not name.endswith(PARTS):
                yield self.live(model)
            elif name.endswith(REMNANT) and self.named(name.removesuffix(REMNANT)) is None:
                yield self._remnant(model, name.removesuffix(REMNANT))

    def leftovers(self) -> Sequence[str]:
        """Names of parts whose endpoint is not there."""
        there = {str(model["name"]) for model in self.models}
        named = [str(part.get("name", "")) for part in (*self.models, *self.connections)]
        parts = [name for name in named if SEPARATOR in name]
        return sorted({n for n in parts if n.rpartition(SEPARATOR)[0] not in there and not self._claimed(n)})

    def _claimed(self, name: str) -> bool:
        """Whether a model that is being deleted still has this part."""
        base = name.partition(SEPARATOR)[0]
        return any(model["name"] == base + REMNANT for model in self.models)

    def _remnant(self, model: Wire, name: str) -> Live:
        """An endpoint whose model is gone, and whose keys may not be."""
        spec = {"displayName": name, "model": "(half deleted)", "provider": provider_of(model), "credentials": {}}
        described = str(model.get("description") or model["_id"])
        return Live(Address(self.gateway, ENDPOINT, name), described, spec, model)

    def live(self, model: Wire) -> Live:
        """One endpoint."""
        name = str(model["name"])
        keys = self.keys(model, name)
        step, used = sum(not key.used for key in keys), sum(key.used for key in keys)
        ranks = (used + step - index if key.used else 0 for index, key in enumerate(keys))
        spec: dict[str, Any] = {
            "displayName": name,
            "provider": provider_of(model),
            "model": model_of(model),
            "credentials": {key.key_id: {"priority": rank} for key, rank in zip(keys, ranks, strict=True)},
            "fallbackModels": self._fallback_models(model, name),
            "options": self._options(model, name),
        }
        hints = {join("/spec", ("credentials", key.key_id, "apiKey")): "" for key in keys}
        return Live(Address(self.gateway, ENDPOINT, name), str(model["_id"]), spec, model, hints)

    def _fallback_models(self, model: Wire, name: str) -> Sequence[str]:
        beside = [name + part for part in (DRAFT, REMNANT) if self.named(name + part) is not None]
        if beside:
            return [f"{part} (left over)" for part in beside]
        own = self.named(name + FALLBACK)
        if own is None:
            return []
        if self.fallback(model) is not own:
            return [f"{model_of(own)} (not in use)"]
        if (provider_of(own), options_of(own)) != (provider_of(model), options_of(model)):
            return [f"{model_of(own)} (differs)"]
        same_key = own.get("connectionId") == model.get("connectionId")
        return [model_of(own)] if same_key or model_of(own) != model_of(model) else []

    def _options(self, model: Wire, name: str) -> Wire:
        fallback, foreign = self.fallback(model), {}
        named = fallback_ids(model)
        if len(named) > 1 or (named and (fallback is None or fallback["name"] != name + FALLBACK)):
            foreign = {"fallback": ", ".join(named) if fallback is None else str(fallback["name"])}
        return {
            "default": model.get("isDefault") is True,
            "useCases": sorted(self.cases_of(model)),
            **options_of(model),
            **foreign,
        }
