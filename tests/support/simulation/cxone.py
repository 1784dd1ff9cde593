"""A CXone gateway as the contract describes it, in memory: what it stores, guards, masks and answers.

It keeps what it was sent (keys in full), so that a test can ask which keys really arrived.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

ROOT = "/api/v1/llm/gateway"
PAGE = 3
TOKEN_SECONDS = 600


@dataclass(frozen=True)
class Request:
    """One call, already taken apart. `runner` is who sent it, for the record only."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    runner: str = "world"


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Stored:
    """One object with its keys in the clear, and who last wrote it."""

    body: dict[str, Any]
    version: int
    writer: str


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}})


@dataclass
class CxoneGateway:
    """`bad_keys` are refused by their provider; `limit` is how many endpoints the tenant holds."""

    bad_keys: set[str] = field(default_factory=set)
    client_secrets: set[str] = field(default_factory=set)
    limit: int = 50
    endpoints: dict[str, Stored] = field(default_factory=dict)
    webhooks: dict[str, Stored] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    written: list[tuple[str, str, str]] = field(default_factory=list)
    counter: int = 0
    earlier: tuple[dict[str, Stored], dict[str, Stored]] | None = None

    def remember(self) -> None:
        """Keep a copy for stale reads."""
        self.earlier = (copy.deepcopy(self.endpoints), copy.deepcopy(self.webhooks))

    def handle(self, request: Request, now: float, *, stale: bool = False, partial: bool = False) -> Reply:
        """Answer one request, now. `stale` reads from an earlier moment, `partial` leaves out the end of a list."""
        if request.path == "/oauth/token":
            return self._token(request, now)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, -1.0) < now:
            return _error(401, "unauthorized", "the token is not valid")
        parts = [unquote(part) for part in request.path.removeprefix(ROOT).strip("/").split("/")]
        kinds = {"endpoints": self.endpoints, "webhooks": self.webhooks}
        if parts[0] not in kinds:
            return _error(404, "no_such_path", "there is no such call")
        table = kinds[parts[0]]
        if stale and request.method == "GET" and self.earlier is not None:
            table = self.earlier[0 if parts[0] == "endpoints" else 1]
        if len(parts) == 1:
            return self._collection(request, parts[0], table, partial=partial)
        if len(parts) == 3:
            return self._validate(table, parts[1])
        return self._single(request, parts[0], table, parts[1])

    def _token(self, request: Request, now: float) -> Reply:
        form = parse_qs(request.body.decode())
        if form.get("client_secret", [""])[0] not in self.client_secrets:
            return _error(401, "invalid_client", "unknown client")
        self.counter += 1
        token = f"token-{self.counter}"
        self.tokens[token] = now + TOKEN_SECONDS
        return Reply(200, {"access_token": token, "expires_in": TOKEN_SECONDS})

    def _collection(self, request: Request, kind: str, table: dict[str, Stored], *, partial: bool) -> Reply:
        if request.method == "POST" and kind == "webhooks":
            return self._post(request)
        if request.method != "GET":
            return _error(405, "method", "not here")
        names = sorted(table)
        if partial and names:
            names.pop()
        query = parse_qs(request.query)
        start = int(query.get("nextPageToken", ["0"])[0])
        page = names[start : start + PAGE]
        following = str(start + PAGE) if start + PAGE < len(names) else None
        return Reply(
            200, {"items": [self._shown(kind, name, table[name]) for name in page], "nextPageToken": following}
        )

    def _post(self, request: Request) -> Reply:
        self.counter += 1
        name = f"wh-{self.counter}"
        self.webhooks[name] = Stored({**json.loads(request.body), "id": name}, 1, request.runner)
        self.written.append(("webhooks", name, request.runner))
        return self._reply(201, "webhooks", name)

    def _validate(self, table: dict[str, Stored], name: str) -> Reply:
        if name not in table:
            return _error(404, "not_found", "no such endpoint")
        keys = [one["apiKey"] for one in table[name].body["credentials"]]
        reachable = any(key not in self.bad_keys for key in keys)
        status = "ok" if reachable else "failed"
        return Reply(
            200, {"status": status, "latencyMs": 20, "quotaRemaining": 100_000, "providerReachable": reachable}
        )

    def _single(  # noqa: PLR0911 - one status after the other, as the contract lists them
        self, request: Request, kind: str, table: dict[str, Stored], name: str
    ) -> Reply:
        found = table.get(name)
        if request.method == "GET":
            return _error(404, "not_found", f"no {name}") if found is None else self._reply(200, kind, name, table)
        guard = request.headers.get("if-match")
        if guard is not None and (found is None or guard != _etag(found)):
            return _error(412, "precondition", "someone else wrote")
        if request.method == "DELETE":
            if found is None:
                return _error(404, "not_found", f"no {name}")
            del table[name]
            self.deleted.append((kind, name, request.runner))
            return Reply(204)
        if request.method != "PUT":
            return _error(405, "method", "not here")
        if request.headers.get("if-none-match") == "*" and found is not None:
            return _error(412, "precondition", "it exists")
        return self._put(request, kind, table, name)

    def _put(self, request: Request, kind: str, table: dict[str, Stored], name: str) -> Reply:
        body, found = json.loads(request.body), table.get(name)
        if kind == "webhooks" and found is None:
            return _error(404, "not_found", f"no {name}")
        if kind == "endpoints" and found is None and len(table) >= self.limit:
            return _error(409, "limit", "the tenant's endpoint limit is reached")
        twin = (body.get("name"), body.get("provider"))
        if kind == "endpoints" and any(
            (other.body["name"], other.body["provider"]) == twin for key, other in table.items() if key != name
        ):
            return _error(409, "duplicate_name", "the name is taken within the provider")
        if kind == "webhooks" and found is not None:
            body.setdefault("secret", found.body.get("secret"))
        table[name] = Stored(body, 1 if found is None else found.version + 1, request.runner)
        self.written.append((kind, name, request.runner))
        return self._reply(201 if found is None else 200, kind, name)

    def _reply(self, status: int, kind: str, name: str, table: dict[str, Stored] | None = None) -> Reply:
        source = table if table is not None else (self.endpoints if kind == "endpoints" else self.webhooks)
        return Reply(status, self._shown(kind, name, source[name]), {"etag": _etag(source[name])})

    def _shown(self, kind: str, name: str, stored: Stored) -> dict[str, Any]:
        body = copy.deepcopy(stored.body)
        if kind == "webhooks":
            body.pop("secret", None)
            return {**body, "id": name}
        for credential in body["credentials"]:
            credential["apiKey"] = "****" + credential["apiKey"][-4:]
        return {**body, "endpointId": name, "version": stored.version}


def _etag(stored: Stored) -> str:
    return f'"{stored.version}"'
