"""LiteLLM's calls, one method each.

| call                           | may it be sent again?                                                  |
|--------------------------------|------------------------------------------------------------------------|
| lists, health, connection test | always                                                                 |
| PATCH, DELETE, settings        | always: twice is as once                                               |
| POST /model/new                | once the id is free: a duplicate is answered with 500, and so is       |
|                                | what was stored and cannot be loaded, which no list ever shows         |
| the last call of a write       | never: whoever began the write has to know that its end is in doubt    |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import NotFound, OutcomeUnknown, ProtocolError, Rejected, ServerFault
from reconciler.model.secret import SecretValue
from reconciler.platforms.litellm.convert import Wire
from reconciler.platforms.litellm.turns import Turns
from reconciler.transport import Client, Repeat, segment

PAGE = 200
MOST_PAGES = 10_000
SERVER_FAULT = 500
NONE_SERVED = frozenset({503})


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError.

    Deployments are changed one at a time: each change makes LiteLLM load what its database held a moment ago, and
    forget what was added in between.
    """

    client: Client
    _settings: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False, compare=False)
    _turns: Turns = field(default_factory=Turns, repr=False, compare=False)
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False, compare=False)

    async def deployments(self, group: str | None = None) -> Sequence[Any]:
        """Deployments of one group, or all, page by page; what moves while pages are turned counts once."""
        found: dict[str, Any] = {}
        query = {"size": str(PAGE)} if group is None else {"size": str(PAGE), "model": group}
        for page in range(1, MOST_PAGES):
            body = await self._get("/v2/model/info", {**query, "page": str(page)})
            listed = body.get("data") if isinstance(body, dict) else None
            if not isinstance(listed, list):
                raise ProtocolError("the proxy answered without a list of deployments", gateway=self.client.gateway)
            found.update((_id(raw, len(found)), raw) for raw in listed)
            pages = body.get("total_pages", 0)
            if pages is not None and not isinstance(pages, int):
                raise ProtocolError("the proxy does not say how many pages there are", gateway=self.client.gateway)
            if page >= (pages or 0):
                return list(found.values())
        raise ProtocolError(f"the proxy's list has more than {MOST_PAGES} pages", gateway=self.client.gateway)

    async def credentials(self) -> Any:
        """All credentials, masked."""
        return await self._get("/credentials")

    async def router(self) -> Any:
        """The router's settings, fallbacks among them. LiteLLM loads all its settings anew for that."""
        async with self._turns.of("router"):
            return await self._get("/router/settings")

    async def setting(self, name: str) -> Any:
        """One of general_settings: its value and whose it is; empty where it is not set, or just being loaded."""
        try:
            async with self._turns.of("settings"):
                return await self._get("/config/field/info", {"field_name": name})
        except Rejected as error:
            if "is not set" not in str(error):
                raise
            return {}

    async def configure(self, body: Wire) -> None:
        """Merge into the proxy's settings, member by member."""
        async with self._settings:
            await self._always("POST", "/config/update", body)

    async def send_test(self) -> None:
        """Have the alert of a budget sent to the webhook. Raises ServerFault when it was not taken."""
        await self._get("/health/services", {"service": "webhook"})

    async def health(self, group: str) -> Any:
        """One real call through each deployment of a group, past limits: 503 with the same body where none served."""
        query = {"model": group}
        return (await self.client.request("GET", "/health", query=query, answers=NONE_SERVED)).body

    async def _get(self, path: str, query: dict[str, str] | None = None) -> Any:
        return (await self.client.request("GET", path, query=query)).body

    async def connection(self, params: Wire, key: SecretValue) -> Any:
        """One real call with `params`, whether or not a deployment has them."""
        body = {"litellm_params": params}
        path = "/health/test_connection"
        return (await self.client.request("POST", path, body=body, repeat=Repeat.ALWAYS, conceal=(key,))).body

    async def add_credential(self, body: Wire, key: SecretValue | None = None) -> None:
        """Raises Conflict where the name is taken."""
        await self._always("POST", "/credentials", body, key)

    async def change_credential(self, body: Wire, key: SecretValue | None = None) -> None:
        """Merge into one credential. Raises NotFound."""
        await self._always("PATCH", _credential(body["credential_name"]), body, key)

    async def finish(self, body: Wire, key: SecretValue | None = None) -> None:
        """The end of a creation or an update. Raises OutcomeUnknown when its answer is lost."""
        conceal = () if key is None else (key,)
        await self.client.request("PATCH", _credential(body["credential_name"]), body=body, conceal=conceal)

    async def drop_credential(self, name: str) -> None:
        """What is gone already counts."""
        try:
            await self._always("DELETE", _credential(name))
        except NotFound:
            return

    async def drop_last_credential(self, name: str) -> None:
        """The end of a removal. Raises OutcomeUnknown when its answer is lost."""
        try:
            await self.client.request("DELETE", _credential(name))
        except NotFound:
            return

    async def add_deployment(self, body: Wire) -> None:
        """Make one under the id that we chose; what an earlier attempt left under it is replaced.

        Raises Rejected for one that LiteLLM stores and cannot load: it is removed again, for no list would show it.
        """
        try:
            await self._new(body)
        except OutcomeUnknown:
            await self.drop_deployment(body["model_info"]["id"])
            await self._anew(body)

    async def _anew(self, body: Wire) -> None:
        try:
            await self._new(body)
        except OutcomeUnknown as error:
            await self.drop_deployment(body["model_info"]["id"])
            if error.status != SERVER_FAULT:
                raise
            raise Rejected(f"the proxy cannot load this deployment: {error}", gateway=self.client.gateway) from error

    async def _new(self, body: Wire) -> None:
        async with self._loading:
            await self.client.request("POST", "/model/new", body=body)

    async def change_deployment(self, remote_id: str, params: Wire) -> None:
        """Merge `params` into one deployment: what is not named stays, and null clears nothing."""
        async with self._loading:
            await self._always("PATCH", f"/model/{segment(remote_id)}/update", {"litellm_params": params})

    async def drop_deployment(self, remote_id: str) -> None:
        """What is gone already counts, and so does what no list shows."""
        try:
            async with self._loading:
                await self._always("POST", "/model/delete", {"id": remote_id})
        except Rejected as error:
            if not _is_gone(error):
                raise

    async def drop_last(self, remote_id: str) -> None:
        """The end of a removal. Raises OutcomeUnknown when its answer is lost."""
        try:
            async with self._loading:
                await self.client.request("POST", "/model/delete", body={"id": remote_id})
        except Rejected as error:
            if not _is_gone(error):
                raise

    async def set_fallbacks(self, group: str, models: Sequence[str]) -> None:
        """Set or remove a group's fallbacks, one at a time: LiteLLM reads and writes the entries of all together."""
        async with self._settings, self._turns.of("router"):
            if models:
                body = {"model": group, "fallback_models": list(models), "fallback_type": "general"}
                await self._always("POST", "/fallback", body)
                return
            try:
                await self._always("DELETE", f"/fallback/{segment(group)}")
            except NotFound:
                return

    async def _always(self, method: str, path: str, body: Wire | None = None, key: SecretValue | None = None) -> None:
        """A write that may be sent again. Raises OutcomeUnknown where no attempt was answered."""
        conceal = () if key is None else (key,)
        try:
            await self.client.request(method, path, body=body, repeat=Repeat.ALWAYS, conceal=conceal)
        except (ServerFault, ProtocolError) as error:
            raise OutcomeUnknown(f"{error}; the write has to be read back", gateway=self.client.gateway) from error


def _credential(name: str) -> str:
    return f"/credentials/{segment(name)}"


def _id(raw: Any, index: int) -> str:
    info = raw.get("model_info") if isinstance(raw, dict) else None
    return str(info.get("id")) if isinstance(info, dict) else f"?{index}"


def _is_gone(error: Rejected) -> bool:
    return "not found" in str(error)
