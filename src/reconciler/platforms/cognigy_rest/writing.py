"""The order of calls by which an endpoint comes, changes and goes.

Each step can be repeated: its objects have names that follow from the endpoint's. The step that makes the endpoint
visible, or lets it go from sight, is the last one, so that an interrupted run is found by the next.

| making                              | changing                        | removing                                |
|-------------------------------------|---------------------------------|-----------------------------------------|
| Connections                         | Connections                     | use cases and default are given up      |
| the fallback model                  | the fallback model              | a remnant ``<name>--gone`` is made      |
| other defaults are given up         | other defaults are given up     | the model; if refused, the remnant goes |
| with use cases: the model as a draft| the model, with its `fallbacks` | the fallback model                      |
| … and the settings                  | the settings                    | the endpoint's own Connections          |
| parts no longer needed go           | parts no longer needed go       | the remnant                             |
| the model, or its draft is named    |                                 |                                         |

Connections that were made by hand, or serve another model, are never removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import GatewayError, OutcomeUnknown
from reconciler.model.ports import Material
from reconciler.model.secret import SecretValue
from reconciler.platforms.cognigy_rest.api import CONNECTIONS, MODELS, Api
from reconciler.platforms.cognigy_rest.capabilities import DRAFT, FALLBACK, REMNANT, SEPARATOR
from reconciler.platforms.cognigy_rest.convert import (
    Wanted,
    Wire,
    connection_body,
    connection_fields,
    model_body,
)
from reconciler.platforms.cognigy_rest.project import Project, ids

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes on the project as it was read a moment ago."""

    api: Api
    project: Project

    async def make(self, wanted: Wanted, material: Material) -> None:
        """Make an endpoint, or complete what an interrupted run began."""
        begun = self.project.named(wanted.name + DRAFT) or self.project.named(wanted.name + REMNANT)
        connections = await self._connections(wanted, begun, material)
        body = await self._ready_body(wanted, begun, connections)
        if begun is None and not wanted.use_cases:
            await self._clean(wanted, connections, begun)
            await self._post_model(wanted.name, body)
            return
        draft = begun or await self._post_model(wanted.name + DRAFT, body)
        if begun is not None:
            await self.api.patch(MODELS, str(begun["_id"]), body)
        await self._settings(wanted, draft)
        await self._clean(wanted, connections, draft)
        await self.api.patch(MODELS, str(draft["_id"]), {"name": wanted.name})

    async def change(self, wanted: Wanted, model: Wire, material: Material) -> None:
        """Bring an endpoint to what is wanted."""
        connections = await self._connections(wanted, model, material)
        body = await self._ready_body(wanted, model, connections)
        await self.api.patch(MODELS, str(model["_id"]), {"name": wanted.name, **body})
        await self._settings(wanted, model)
        await self._clean(wanted, connections, model)

    async def _ready_body(self, wanted: Wanted, model: Wire | None, connections: Sequence[str]) -> Wire:
        """The model's own members, once everything that they name is there."""
        fallback = await self._fallback(wanted, connections)
        if wanted.default:
            await self._give_up_defaults(model)
        body = model_body(wanted, wanted.model, connections[0], fallback, model or _NOTHING)
        return {**body, "isDefault": wanted.default}

    async def _post_model(self, name: str, body: Wire) -> Wire:
        return await self.api.post(MODELS, {"projectId": self.api.project, "name": name, **body})

    async def _connections(self, wanted: Wanted, model: Wire | None, material: Material) -> Sequence[str]:
        """Every key in its Connection; their references, in the order of use. No call before all keys are fit."""
        fields = {key: connection_fields(wanted.provider, key, material) for key in wanted.keys}
        return [await self._connection(wanted, key, model, material, fields[key]) for key in wanted.keys]

    async def _connection(self, wanted: Wanted, key: str, model: Wire | None, material: Material, fields: Wire) -> str:
        conceal = (*material.values(), *map(SecretValue, fields.values()))
        found = self._reusable(wanted, key, model)
        if found is not None:
            await self.api.patch(CONNECTIONS, str(found["_id"]), {"fields": fields}, conceal)
            return str(found["referenceId"])
        name = f"{wanted.name}{SEPARATOR}{key}"
        body = connection_body(self.api.project, name, wanted.provider, fields)
        return str((await self.api.post(CONNECTIONS, body, conceal))["referenceId"])

    def _reusable(self, wanted: Wanted, key: str, model: Wire | None) -> Wire | None:
        """A Connection cannot be renamed or get another type: one that does not fit is replaced."""
        of_model = self.project.keys(model, wanted.name) if model is not None else ()
        found = [known.connection for known in of_model if known.key_id == key and known.connection is not None]
        name = f"{wanted.name}{SEPARATOR}{key}"
        found += [
            own
            for own in self.project.own(wanted.name)
            if own["name"] == name and not self.project.serves_others(own, wanted.name)
        ]
        return next((each for each in found if each.get("type") == wanted.provider.connection), None)

    async def _fallback(self, wanted: Wanted, connections: Sequence[str]) -> str | None:
        """The second model, where one is wanted; its reference."""
        if not wanted.has_fallback:
            return None
        name = wanted.name + FALLBACK
        known = self.project.named(name)
        body = model_body(wanted, wanted.fallback_model or wanted.model, connections[-1], None, known or _NOTHING)
        if known is None:
            return str((await self._post_model(name, body))["referenceId"])
        await self.api.patch(MODELS, str(known["_id"]), body)
        return str(known["referenceId"])

    async def _give_up_defaults(self, model: Wire | None) -> None:
        for other in self.project.models:
            if other.get("isDefault") is True and other is not model:
                await self.api.patch(MODELS, str(other["_id"]), {"isDefault": False})

    async def _settings(self, wanted: Wanted, model: Wire) -> None:
        """Use cases point at the model; those that no longer should point at nothing."""
        known = ids(model)
        held = {case for case, said in self.project.use_cases.items() if said.get("largeLanguageModelId") in known}
        cases = {case: self._case(case, str(model["referenceId"])) for case in sorted(wanted.use_cases - held)}
        cases |= {case: self._case(case, None) for case in sorted(held - wanted.use_cases)}
        if cases:
            await self.api.patch_use_cases(cases)

    def _case(self, case: str, reference: str | None) -> Wire:
        return {**self.project.use_cases.get(case, _NOTHING), "largeLanguageModelId": reference}

    async def _clean(self, wanted: Wanted, connections: Collection[str], model: Wire | None) -> None:
        """Parts that this endpoint had, and no longer needs."""
        kept = "" if model is None else str(model["_id"])
        before = wanted.name if model is None else str(model["name"]).removesuffix(DRAFT).removesuffix(REMNANT)
        names = tuple(dict.fromkeys((wanted.name, before)))
        parts = [name + part for name in names for part in (DRAFT, REMNANT)]
        parts += [name + FALLBACK for name in names if name != wanted.name or not wanted.has_fallback]
        for part in parts:
            await self._remove_model(part, kept)
        for name in names:
            await self._remove_connections(name, connections)

    async def _remove_model(self, name: str, kept: str = "") -> None:
        found = self.project.named(name)
        if found is not None and found["_id"] != kept:
            await self.api.delete(MODELS, str(found["_id"]))

    async def _remove_connections(self, name: str, kept: Collection[str] = ()) -> None:
        for own in self.project.own(name):
            if own["referenceId"] not in kept and not self.project.serves_others(own, name):
                await self.api.delete(CONNECTIONS, str(own["_id"]))

    async def remove(self, name: str) -> None:
        """Remove an endpoint, or what is left of it."""
        model, remnant = self.project.named(name), self.project.named(name + REMNANT)
        if model is not None:
            await self._let_go(model)
            remnant = remnant or await self._post_remnant(model, name)
            await self._remove_or_restore(model, remnant)
        for part in (FALLBACK, DRAFT):
            await self._remove_model(name + part)
        await self._remove_connections(name)
        if remnant is not None:
            await self.api.delete(MODELS, str(remnant["_id"]))

    async def discard(self, name: str) -> None:
        """Remove a candidate: nobody waits for it, so that it needs no remnant."""
        for part in ("", FALLBACK, DRAFT, REMNANT):
            await self._remove_model(name + part)
        await self._remove_connections(name)

    async def _let_go(self, model: Wire) -> None:
        cases = self.project.cases_of(model)
        if cases:
            await self.api.patch_use_cases({case: self._case(case, None) for case in sorted(cases)})
        if model.get("isDefault") is True:
            await self.api.patch(MODELS, str(model["_id"]), {"isDefault": False})

    async def _post_remnant(self, model: Wire, name: str) -> Wire | None:
        """What keeps the endpoint in sight while its parts go; none is needed where it has none of its own."""
        if not self.project.own(name) and self.project.named(name + FALLBACK) is None:
            return None
        members = ("modelType", "provider", "connectionId", str(model.get("provider")))
        body = {member: model[member] for member in members if member in model}
        return await self._post_model(name + REMNANT, {**body, "description": str(model["_id"])})

    async def _remove_or_restore(self, model: Wire, remnant: Wire | None) -> None:
        """A model that flows still use is not given up by the gateway: then the remnant has no business."""
        try:
            await self.api.delete(MODELS, str(model["_id"]))
        except OutcomeUnknown:
            raise
        except GatewayError:
            if remnant is not None:
                await self.api.delete(MODELS, str(remnant["_id"]))
            raise
