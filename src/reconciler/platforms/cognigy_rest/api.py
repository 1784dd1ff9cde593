"""The calls of the published API, one method each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import NotFound, OutcomeUnknown, ProtocolError
from reconciler.model.secret import SecretValue
from reconciler.platforms.cognigy_rest.convert import Wire
from reconciler.platforms.cognigy_rest.project import Project
from reconciler.transport import Answer, Client, Repeat, segment

PAGE = 100
MOST_PAGES = 10_000
MODELS, CONNECTIONS = "/largelanguagemodels", "/connections"


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError. GETs carry no body: some tenants answer those with 403."""

    client: Client
    root: str
    project_path: str

    @property
    def project(self) -> str:
        """The id of the project."""
        return self.project_path.rpartition("/")[2]

    async def load(self) -> Project:
        """The project, by two lists and its settings. One that fails waits for the others: none outlives the call."""
        models, connections = asyncio.ensure_future(self._models()), asyncio.ensure_future(self._connections())
        cases = asyncio.ensure_future(self._use_cases())
        await asyncio.gather(models, connections, cases, return_exceptions=True)
        return Project(self.client.gateway, models.result(), connections.result(), cases.result())

    async def _models(self) -> Sequence[Wire]:
        """Chat models of the project: global ones and those for embeddings are no endpoints."""
        found = {str(raw["_id"]): raw async for raw in self._listed(MODELS)}
        whole = [raw if "connectionId" in raw else await self._whole(str(raw["_id"])) for raw in found.values()]
        return [raw for raw in whole if raw and _is_endpoint(raw)]

    async def _whole(self, key: str) -> Wire:
        """A list may show an object in short."""
        try:
            return _object(await self.client.request("GET", f"{self.root}{MODELS}/{segment(key)}"), "name", "_id")
        except NotFound:
            return {}

    async def _connections(self) -> Sequence[Wire]:
        """Without their fields: whether a tenant masks those is not published, so they go no further than here."""
        found = {str(raw["_id"]): raw async for raw in self._listed(CONNECTIONS)}
        return [
            {"referenceId": raw["_id"], **{k: v for k, v in raw.items() if k != "fields"}} for raw in found.values()
        ]

    async def _listed(self, path: str) -> AsyncIterator[Wire]:
        query = {"projectId": self.project, "limit": str(PAGE)}
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            items, following = _page(path, (await self.client.request("GET", self.root + path, query=query)).body)
            for item in items:
                yield item
            if not following:
                return
            if following in seen:
                raise ProtocolError(f"GET {path}: the list repeats a cursor and would never end")
            seen.add(following)
            query = {**query, "next": following}
        raise ProtocolError(f"GET {path}: more than {MOST_PAGES} pages")

    @property
    def _settings(self) -> str:
        return f"{self.root}{self.project_path}/settings"

    async def _use_cases(self) -> Mapping[str, Wire]:
        body = _object(await self.client.request("GET", self._settings))
        cases = _member(_member(body, "generativeAISettings"), "useCasesSettings")
        return {name: said for name, said in cases.items() if isinstance(said, dict)}

    async def patch_use_cases(self, cases: Mapping[str, Wire]) -> None:
        """Change some use cases; the others stay."""
        body = {"generativeAISettings": {"useCasesSettings": cases}}
        await self.client.request("PATCH", self._settings, body=body)

    async def post(self, path: str, body: Wire, conceal: Sequence[SecretValue] = ()) -> Wire:
        """Make an object. Raises OutcomeUnknown for an answer that does not name it: the lists will tell."""
        answer = await self.client.request("POST", self.root + path, body=body, conceal=conceal)
        try:
            return _object(answer, "_id", "referenceId")
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error}; it has to be looked for", gateway=self.client.gateway) from error

    async def patch(self, path: str, key: str, body: Wire, conceal: Sequence[SecretValue] = ()) -> None:
        """Change members of an object. The answer may be empty, so it is never looked at."""
        await self.client.request("PATCH", f"{self.root}{path}/{segment(key)}", body=body, conceal=conceal)

    async def delete(self, path: str, key: str) -> None:
        """Remove an object; one that is gone counts as removed."""
        try:
            await self.client.request("DELETE", f"{self.root}{path}/{segment(key)}")
        except NotFound:
            return

    async def test(self, key: str) -> Wire:
        """Have a model's credentials tried; it changes nothing, so it may be repeated."""
        path = f"{self.root}{MODELS}/{segment(key)}/test"
        return _object(await self.client.request("POST", path, repeat=Repeat.ALWAYS), "isCredentialsValid")


def _is_endpoint(raw: Wire) -> bool:
    if raw.get("resourceLevel") == "organisation" or raw.get("modelGroup") == "embedding":
        return False
    return raw.get("modelType") != "custom-embedding-model"


def _page(path: str, body: Any) -> tuple[Sequence[Wire], str | None]:
    items = body if isinstance(body, list) else body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(_has_identity(item) for item in items):
        raise ProtocolError(f"GET {path}: the answer is no list of objects with `_id` and `name`")
    following = body.get("nextCursor") if isinstance(body, dict) else None
    if following is not None and not isinstance(following, str):
        raise ProtocolError(f"GET {path}: nextCursor is neither text nor null")
    return items, following


def _has_identity(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(name), str) for name in ("_id", "name"))


def _object(answer: Answer, *needed: str) -> Wire:
    body = answer.body
    if not isinstance(body, dict) or any(body.get(name) is None for name in needed):
        wanted = f" with {', '.join(needed)}" if needed else ""
        raise ProtocolError(f"the gateway answered {answer.status} without an object{wanted}")
    return body


def _member(body: Wire, name: str) -> Wire:
    value = body.get(name)
    return value if isinstance(value, dict) else {}
