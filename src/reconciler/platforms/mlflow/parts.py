"""The objects that one Endpoint consists of, in the order that survives a kill at any moment.

| what          | order                                                                                 |
|---------------|---------------------------------------------------------------------------------------|
| make, change  | secrets, definitions, **the endpoint**, then parts that are no longer wanted          |
| remove        | secrets, links and definitions but one, **the endpoint**, the last definition         |

The endpoint decides: as long as there is none, the creation has not happened, and the next run finds the parts by
their names and goes on with them; as long as there is one, the removal has not happened. Its time of change moves
with every write of ours, and not before all secrets and definitions are in place.

An endpoint that calls nothing is in no list, so it must keep a link until it goes itself. What a kill can leave then
is one definition without a secret: it is recognized by that, and the next write to the gateway takes it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.platforms.mlflow import convert
from reconciler.platforms.mlflow.api import Api
from reconciler.platforms.mlflow.convert import Wire


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of secrets and definitions, and what endpoints call."""

    secrets: Mapping[str, Wire]
    definitions: Mapping[str, Wire]
    endpoints: Sequence[Wire]

    def names(self, endpoint: str) -> Sequence[str]:
        """Names of the parts of ours that belong to an endpoint."""
        found = {*self.secrets, *self.definitions}
        return sorted(name for name in found if convert.endpoint_of(name) == endpoint)

    def called_by_others(self, definition: str, endpoint: str | None) -> bool:
        """Whether somebody linked a definition of ours to another endpoint."""
        return any(definition in called(each) for each in self.endpoints if each.get("name") != endpoint)

    def used_by_others(self, secret: str, name: str) -> bool:
        """Whether somebody gave a secret of ours to a definition of his, or calls the definition that it is for."""
        if any(each.get("secret_id") == secret for other, each in self.definitions.items() if other != name):
            return True
        endpoint, definition = convert.endpoint_of(name), self.definitions.get(name)
        return definition is not None and self.called_by_others(definition["model_definition_id"], endpoint)

    def hollow(self) -> Iterator[str]:
        """Names of definitions of ours that have no secret and that nothing calls."""
        calls = frozenset[str]().union(*map(called, self.endpoints))
        for name, each in sorted(self.definitions.items()):
            ours = convert.endpoint_of(name) is not None
            if ours and "secret_id" not in each and each.get("model_definition_id") not in calls:
                yield name

    def stray(self) -> Iterator[str]:
        """Names of parts of ours that no endpoint of theirs calls."""
        calls = {str(each.get("name")): called(each) for each in self.endpoints}
        for name in sorted({*self.secrets, *self.definitions}):
            endpoint = convert.endpoint_of(name)
            definition = self.definitions.get(name, {}).get("model_definition_id")
            if endpoint is not None and definition not in calls.get(endpoint, ()):
                yield name


def called(endpoint: Wire) -> frozenset[str]:
    """Ids of the definitions that an endpoint calls."""
    return frozenset(str(m.get("model_definition_id")) for m in endpoint.get("model_mappings") or ())


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes, changes and removes the parts of an endpoint."""

    api: Api

    async def stock(self) -> Stock:
        """Everything that is there, freshly."""
        secrets, definitions, endpoints = (
            await self.api.secrets(),
            await self.api.definitions(),
            await self.api.endpoints(),
        )
        return Stock(
            {str(each.get("secret_name")): each for each in secrets},
            {str(each.get("name")): each for each in definitions},
            endpoints,
        )

    async def ensure(self, name: str, resource: Resource, material: Material, stock: Stock) -> Sequence[str]:
        """All secrets and definitions of the endpoint `name`; ids of the definitions in the order of use."""
        found = []
        for key_id in convert.ranked(resource.spec["credentials"]):
            part = convert.part_name(name, key_id)
            secret = await self._secret(part, key_id, resource, material, stock)
            found.append(await self._definition(part, secret, resource, stock))
        return found

    async def _secret(self, part: str, key_id: str, resource: Resource, material: Material, stock: Stock) -> str:
        """A secret cannot change its provider, nor lose its auth_config: then it is made anew."""
        live, provider = stock.secrets.get(part), resource.spec["provider"]
        config = convert.auth_config(resource, live or {})
        value = {"secret_value": {"api_key": convert.api_key(key_id, material)}}
        told = {**value, "auth_config": config} if config else value
        if live is not None and live.get("provider") == provider and (config or not live.get("auth_config")):
            body = {"secret_id": live["secret_id"], **told}
            return str((await self.api.write("secrets/update", "secret", body, material))["secret_id"])
        if live is not None:
            await self.api.delete("secrets", {"secret_id": live["secret_id"]})
        body = {"secret_name": part, "provider": provider, **told}
        return str((await self.api.write("secrets/create", "secret", body, material))["secret_id"])

    async def _definition(self, part: str, secret: str, resource: Resource, stock: Stock) -> str:
        live = stock.definitions.get(part)
        wanted = {"secret_id": secret, "provider": resource.spec["provider"], "model_name": resource.spec["model"]}
        if live is None:
            made = await self.api.write("model-definitions/create", "model_definition", {"name": part, **wanted})
            return str(made["model_definition_id"])
        key = str(live["model_definition_id"])
        if any(live.get(member) != value for member, value in wanted.items()):
            body = {"model_definition_id": key, **wanted}
            await self.api.write("model-definitions/update", "model_definition", body)
        return key

    async def sweep(self, name: str, kept: Sequence[str], stock: Stock) -> None:
        """Remove parts of the endpoint `name` that it no longer calls, and what is hollow; `kept` are names."""
        gone = {*stock.names(name), *stock.hollow()} - {*kept}
        for part in sorted(gone):
            await self._remove_definition(part, name, stock)
            await self._remove_secret(part, stock)

    async def clear(self, name: str, endpoint: Wire | None, stock: Stock) -> None:
        """Remove all parts of the endpoint `name` and the endpoint, in the order of the table."""
        ours = stock.names(name)
        for part in ours:
            await self._remove_secret(part, stock)
        linked = [part for part in ours if endpoint is not None and _calls(endpoint, part, stock)]
        for part in ours:
            if part not in linked[-1:]:
                await self._unlink(part, endpoint, stock)
                await self._remove_definition(part, name, stock)
        if endpoint is not None:
            await self.api.delete("endpoints", {"endpoint_id": endpoint["endpoint_id"]})
        for part in {*linked[-1:], *stock.hollow()}:
            await self._remove_definition(part, name, stock)

    async def _unlink(self, part: str, endpoint: Wire | None, stock: Stock) -> None:
        if endpoint is not None and _calls(endpoint, part, stock):
            definition = stock.definitions[part]["model_definition_id"]
            await self.api.detach(endpoint["endpoint_id"], definition)

    async def _remove_definition(self, part: str, endpoint: str, stock: Stock) -> None:
        """What somebody else's endpoint calls stays."""
        found = stock.definitions.get(part)
        if found is not None and not stock.called_by_others(found["model_definition_id"], endpoint):
            await self.api.delete("model-definitions", {"model_definition_id": found["model_definition_id"]})

    async def _remove_secret(self, part: str, stock: Stock) -> None:
        """What somebody else has come to use stays: the server would let it go, and his calls would fail."""
        found = stock.secrets.get(part)
        if found is not None and not stock.used_by_others(found["secret_id"], part):
            await self.api.delete("secrets", {"secret_id": found["secret_id"]})


def _calls(endpoint: Wire, part: str, stock: Stock) -> bool:
    return stock.definitions.get(part, {}).get("model_definition_id") in called(endpoint)
