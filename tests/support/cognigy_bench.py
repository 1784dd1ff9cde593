"""A Cognigy project in the gateway in a box, over a real socket, with the adapter before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from reconciler.embedded import FaultPlan, serve
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import HeaderCredential, Target, connect

ID = "5f0c1e0a9b3d4c2e8a7f6b5d"
PATHS = {"project": f"/projects/{ID}"}
SECRETS = {"A": "sk-first-0123456789abcd", "B": "second+0123456789/fgh=="}
SIMPLE: Mapping[str, Any] = {"provider": "openai", "model": "gpt-4o", "credentials": {"k1": {"priority": 7}}}
RICH: Mapping[str, Any] = {
    "provider": "openai-compatible",
    "model": "qwen-3",
    "credentials": {"k1": {"priority": 7}, "k2": {"priority": 3}},
    "options": {
        "baseCustomUrl": "https://llm.example.com/v1",
        "default": True,
        "useCases": ["knowledgeSearch", "aiAgent"],
    },
}


def resource(name: str = "ep-one", spec: Mapping[str, Any] = SIMPLE, **more: Any) -> Resource:
    """A normalized endpoint, its keys from A, B and so on, in their order."""
    secrets = {
        f"/spec/credentials/{key}/apiKey": SecretRef("env", (variable,))
        for key, variable in zip(spec["credentials"], "ABABAB", strict=False)
    }
    return find("cognigy-rest").normalize(Resource(Address("prod", "Endpoint", name), spec, secrets, **more))


def changed(given: Resource, **members: Any) -> Resource:
    """The same endpoint with other members, still normalized."""
    return find("cognigy-rest").normalize(replace(given, spec={**given.spec, **members}))


def material(given: Resource) -> Material:
    """Its keys."""
    return {path: SecretValue(SECRETS[ref.locator[0]]) for path, ref in given.secrets.items()}


@dataclass
class CognigyBench:
    """One project; implements the contract suite's Bench."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    http: httpx.AsyncClient
    spec: Mapping[str, Any] = field(default_factory=lambda: SIMPLE)
    root: str = "/v2.0"

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        made = resource(spec=self.spec)
        return [(made, material(made))]

    def altered(self, resource: Resource) -> Resource:
        return changed(resource, model="gpt-4.1")

    async def meddle(self, live: Live) -> None:
        await self.patch_model(live.remote_id, modelType="gpt-3.5")

    async def patch_model(self, key: str, **members: Any) -> None:
        """A colleague edits a model."""
        answer = await self.http.patch(f"{self.root}/largelanguagemodels/{key}", json=members)
        assert answer.status_code == 204, answer.text

    async def lose_answer(self) -> None:
        """Of the call that makes an endpoint visible, changes it, or lets it go from sight."""
        path = f"{self.root}/largelanguagemodels*"
        models, _ = await self.names()
        matches: list[dict[str, Any]] = (
            [{"method": "PATCH"}, {"method": "DELETE", "after": 1}] if models else [{"method": "POST"}]
        )
        await self.faults(*({"match": {**m, "path": path, "times": 1}, "do": {"drop": "after"}} for m in matches))

    async def refuse_echoing(self) -> None:
        rule = {"match": {"method": "P*", "path": "*", "times": 1}, "do": {"status": 400, "echo": True}}
        await self.faults(rule)

    async def faults(self, *rules: Mapping[str, Any], **more: Any) -> None:
        """From here on the gateway misbehaves like this."""
        answer = await self.http.put("/_embedded/faults", json={"rules": list(rules), **more})
        assert answer.status_code == 200, answer.text

    async def sent(self) -> Sequence[str]:
        """Requests that change something, as method and path."""
        said = (await self.http.get("/_embedded/requests")).json()["last"]
        return [
            f"{r['method']} {r['path']}"
            for r in said
            if r["method"] != "GET" and "_embedded" not in r["path"] and not r["path"].endswith("/test")
        ]

    async def forget(self) -> None:
        """Count requests from here."""
        await self.http.delete("/_embedded/requests")

    async def written(self) -> int:
        return len(await self.sent())

    async def listed(self, kind: str) -> dict[str, Any]:
        """Everything of ``connections`` or ``largelanguagemodels``, by name; names must differ."""
        items = (await self.http.get(f"{self.root}/{kind}", params={"projectId": ID, "limit": "100"})).json()["items"]
        assert len({item["name"] for item in items}) == len(items), items
        return {item["name"]: item for item in items}

    async def names(self) -> tuple[list[str], list[str]]:
        """Names of models and of Connections, all of them, doubles included."""
        found = []
        for kind in ("largelanguagemodels", "connections"):
            answer = await self.http.get(f"{self.root}/{kind}", params={"projectId": ID, "limit": "100"})
            found.append(sorted(item["name"] for item in answer.json()["items"]))
        return found[0], found[1]

    async def cases(self) -> dict[str, Any]:
        """Use cases as the settings have them, those that point at something."""
        settings = (await self.http.get(f"{self.root}/projects/{ID}/settings")).json()
        held = settings["generativeAISettings"]["useCasesSettings"]
        return {case: said["largeLanguageModelId"] for case, said in held.items() if said["largeLanguageModelId"]}


@asynccontextmanager
async def project_at(folder: Path, spec: Mapping[str, Any] = SIMPLE, **faults: Any) -> AsyncIterator[CognigyBench]:
    """A fresh project."""
    async with (
        serve(folder / "gateway.sqlite", admin=True, faults=FaultPlan.read(faults)) as url,
        httpx.AsyncClient(base_url=url, headers={"x-api-key": "a colleague's"}) as http,
    ):
        gateway = Gateway("prod", "cognigy-rest", url, paths=PATHS)
        credential = HeaderCredential("X-API-Key", SecretValue("ours-0123456789"))
        client = connect(Target("prod", url, credential), FakeClock(), RecordingProgress())
        platform = find("cognigy-rest")
        try:
            yield CognigyBench(platform, gateway, platform.open(gateway, client), http, spec)
        finally:
            await client.close()
