"""The calls of MLflow's gateway, one method each: RPC over POST, DELETE with a body, webhooks apart.

A list that is empty lacks its member: `{}` is no objects, and no error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import NotFound, OutcomeUnknown, ProtocolError
from reconciler.model.ports import Material
from reconciler.model.resource import EMPTY
from reconciler.platforms.mlflow.capabilities import INFERENCE, ROOT, WEBHOOKS
from reconciler.platforms.mlflow.convert import Wire
from reconciler.transport import Answer, Client, Repeat, segment

PAGE = 100


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError."""

    client: Client

    async def secrets(self) -> Sequence[Wire]:
        """All secrets, their values masked."""
        return await self._all("secrets/list", "secrets")

    async def definitions(self) -> Sequence[Wire]:
        """All model definitions."""
        return await self._all("model-definitions/list", "model_definitions")

    async def endpoints(self) -> Sequence[Wire]:
        """All endpoints with the definitions that they call."""
        return await self._all("endpoints/list", "endpoints")

    async def _all(self, call: str, member: str) -> Sequence[Wire]:
        return _list(await self.client.request("GET", f"{ROOT}/{call}"), member)

    async def endpoint(self, name: str) -> Wire | None:
        """One endpoint by its name, None if there is none."""
        try:
            answer = await self.client.request("GET", f"{ROOT}/endpoints/get", query={"name": name})
        except NotFound:
            return None
        return _object(answer, "endpoint")

    async def write(self, call: str, member: str, body: Wire, material: Material = EMPTY) -> Wire:
        """POST to a call that makes or changes one object, such as ``secrets/create``."""
        answer = await self.client.request("POST", f"{ROOT}/{call}", body=body, conceal=tuple(material.values()))
        try:
            return _object(answer, member)
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error} to a write; it has to be read back", request_id=answer.request_id) from error

    async def detach(self, endpoint: str, definition: str) -> None:
        """Let an endpoint no longer call a definition; one that it does not call is fine."""
        body = {"endpoint_id": endpoint, "model_definition_id": definition}
        try:
            await self.client.request("POST", f"{ROOT}/endpoints/models/detach", body=body)
        except NotFound:
            return

    async def delete(self, kind: str, body: Wire) -> None:
        """Remove one of ``secrets``, ``model-definitions`` or ``endpoints``; what is gone already is fine."""
        try:
            await self.client.request("DELETE", f"{ROOT}/{kind}/delete", body=body)
        except NotFound:
            return

    async def invoke(self, name: str) -> Wire:
        """Put the shortest of questions through an endpoint. It costs a few tokens and changes nothing."""
        question = {"messages": [{"role": "user", "content": "ping"}], "max_tokens": 1}
        path = INFERENCE.replace("{name}", segment(name))
        answer = await self.client.request("POST", path, body=question, repeat=Repeat.ALWAYS)
        return answer.body if isinstance(answer.body, dict) else {}

    async def webhooks(self) -> AsyncIterator[Wire]:
        """All webhooks, page by page. Raises ProtocolError for a page token that comes back."""
        query, seen = {"max_results": str(PAGE)}, set[str]()
        while True:
            answer = await self.client.request("GET", WEBHOOKS, query=query)
            for raw in _list(answer, "webhooks"):
                yield raw
            following = answer.body.get("next_page_token")
            if not following:
                return
            if following in seen:
                raise ProtocolError(f"GET {WEBHOOKS}: the list repeats a page token and would never end")
            seen.add(following)
            query = {"max_results": str(PAGE), "page_token": following}

    async def webhook(self, key: str) -> Wire | None:
        """One webhook, None if there is none."""
        try:
            return _object(await self.client.request("GET", f"{WEBHOOKS}/{segment(key)}"), "webhook")
        except NotFound:
            return None

    async def post_webhook(self, body: Wire, material: Material) -> Wire:
        """Make a webhook. The server takes a second one that is the same, so this is never sent twice unseen."""
        return await self._hook("POST", WEBHOOKS, body, material)

    async def patch_webhook(self, key: str, body: Wire, material: Material) -> Wire:
        """Change a webhook; what is not sent stays. Raises NotFound."""
        return await self._hook("PATCH", f"{WEBHOOKS}/{segment(key)}", body, material)

    async def _hook(self, method: str, path: str, body: Wire, material: Material) -> Wire:
        answer = await self.client.request(method, path, body=body, conceal=tuple(material.values()))
        try:
            return _object(answer, "webhook")
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error} to a write; it has to be read back", request_id=answer.request_id) from error

    async def delete_webhook(self, key: str) -> None:
        """Remove a webhook; what is gone already is fine."""
        try:
            await self.client.request("DELETE", f"{WEBHOOKS}/{segment(key)}")
        except NotFound:
            return

    async def deliver(self, key: str) -> Wire:
        """Have a webhook deliver a made-up event to its receiver, and say how that went."""
        answer = await self.client.request("POST", f"{WEBHOOKS}/{segment(key)}/test", body={}, repeat=Repeat.ALWAYS)
        return _object(answer, "result")


def _list(answer: Answer, member: str) -> Sequence[Wire]:
    found = answer.body.get(member, []) if isinstance(answer.body, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ProtocolError(f"the answer is no list of {member}", request_id=answer.request_id)
    return found


def _object(answer: Answer, member: str) -> Wire:
    found: Any = answer.body.get(member) if isinstance(answer.body, Mapping) else None
    if not isinstance(found, dict):
        raise ProtocolError(f"the answer holds no {member}", request_id=answer.request_id)
    return found
