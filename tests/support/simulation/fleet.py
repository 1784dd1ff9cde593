"""The manifests of a story: what a team declares, as files."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulation.story import FILES, HOOKS, KEYS, NAMES

EVENTS = ("endpoint.created", "endpoint.updated", "endpoint.rateLimited")


@dataclass
class Endpoint:
    """One declared endpoint."""

    display: str
    keys: list[str]
    requests: int = 100
    file: str = FILES[0]
    remote_id: str | None = None
    moved_from: str | None = None
    lifecycle: dict[str, Any] = field(default_factory=dict)


@dataclass
class Hook:
    """One declared webhook."""

    events: list[str]
    file: str = FILES[0]


@dataclass
class Fleet:
    """All that is declared."""

    url: str = "https://prod.sim"
    limit: int | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)

    def edit(self, what: str, chance: random.Random) -> str:
        """Change something; returns what, for the timeline."""
        return getattr(self, "_" + what.replace("-", "_"))(chance) or "nothing to change"

    def write(self, folder: Path) -> None:
        """The files, anew."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        (folder / "gateway.yaml").write_text(_gateway(self.url, self.limit))
        for file in FILES:
            documents = [_endpoint(name, one) for name, one in self.endpoints.items() if one.file == file]
            documents += [_hook(name, one) for name, one in self.hooks.items() if one.file == file]
            if documents:
                (folder / file).write_text("---\n".join(documents))

    def _any(self, chance: random.Random) -> tuple[str, Endpoint] | None:
        if not self.endpoints:
            return None
        name = chance.choice(sorted(self.endpoints))
        return name, self.endpoints[name]

    def _free(self, chance: random.Random) -> str | None:
        taken = set(self.endpoints) | {one.remote_id for one in self.endpoints.values()}
        free = [name for name in NAMES if name not in taken]
        return chance.choice(free) if free else None

    def _add(self, chance: random.Random) -> str | None:
        name = self._free(chance)
        if name is None:
            return None
        file = chance.choice(FILES)
        self.endpoints[name] = Endpoint(f"{name} line", [chance.choice(KEYS)], file=file)
        return f"declare {name} in {file}"

    def _remove(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None or len(self.endpoints) == 1:
            return None
        del self.endpoints[found[0]]
        return f"withdraw {found[0]}"

    def _remove_all_but_one(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        self.endpoints = {found[0]: found[1]}
        return f"withdraw all but {found[0]}"

    def _renamed(self, chance: random.Random) -> tuple[str, str, Endpoint] | None:
        found, free = self._any(chance), self._free(chance)
        if found is None or free is None:
            return None
        del self.endpoints[found[0]]
        self.endpoints[free] = found[1]
        found[1].moved_from = None
        return found[0], free, found[1]

    def _rename(self, chance: random.Random) -> str | None:
        done = self._renamed(chance)
        return None if done is None else f"rename {done[0]} to {done[1]}, and say nothing of it"

    def _rename_moved(self, chance: random.Random) -> str | None:
        done = self._renamed(chance)
        if done is None:
            return None
        done[2].moved_from = done[0]
        return f"rename {done[0]} to {done[1]} with movedFrom"

    def _rename_keeping_id(self, chance: random.Random) -> str | None:
        done = self._renamed(chance)
        if done is None:
            return None
        done[2].remote_id = done[2].remote_id or done[0]
        return f"rename {done[0]} to {done[1]}, remoteId {done[2].remote_id}"

    def _swap_ids(self, chance: random.Random) -> str | None:
        if len(self.endpoints) < 2:
            return None
        (a, one), (b, two) = chance.sample(sorted(self.endpoints.items(), key=lambda item: item[0]), 2)
        one.remote_id, two.remote_id = two.remote_id or b, one.remote_id or a
        return f"{a} and {b} exchange their remoteIds"

    def _limits(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].requests = chance.randrange(1, 900)
        return f"{found[0]}: {found[1].requests} requests a minute"

    def _display(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].display = f"{found[0]} line {chance.randrange(1000)}"
        return f"{found[0]}: display name {found[1].display}"

    def _swap_display(self, chance: random.Random) -> str | None:
        if len(self.endpoints) < 2:
            return None
        a, b = chance.sample(sorted(self.endpoints), 2)
        one, two = self.endpoints[a], self.endpoints[b]
        one.display, two.display = two.display, one.display
        return f"{a} and {b} exchange their display names"

    def _move_file(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].file = FILES[1 - FILES.index(found[1].file)]
        return f"{found[0]} moves to {found[1].file}"

    def _protect(self, chance: random.Random) -> str | None:
        return self._lifecycle(chance, "protect", chance.random() < 0.5)

    def _no_delete(self, chance: random.Random) -> str | None:
        return self._lifecycle(chance, "manage", chance.choice(("no-delete", "full")))

    def _observe(self, chance: random.Random) -> str | None:
        return self._lifecycle(chance, "manage", chance.choice(("observe", "create-only", "full")))

    def _ignore(self, chance: random.Random) -> str | None:
        return self._lifecycle(chance, "ignore", chance.choice((["/spec/rateLimits/requestsPerMinute"], [])))

    def _lifecycle(self, chance: random.Random, key: str, value: Any) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].lifecycle[key] = value
        return f"{found[0]}: lifecycle {key} {value}"

    def _second_key(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].keys = list(chance.sample(KEYS, 2))
        return f"{found[0]}: keys {found[1].keys}"

    def _other_key(self, chance: random.Random) -> str | None:
        found = self._any(chance)
        if found is None:
            return None
        found[1].keys = [chance.choice(KEYS)]
        return f"{found[0]}: key {found[1].keys}"

    def _hook(self, chance: random.Random) -> str | None:
        name = chance.choice(HOOKS)
        self.hooks[name] = Hook(sorted(chance.sample(EVENTS, chance.randrange(1, 3))), chance.choice(FILES))
        return f"declare webhook {name}"

    def _unhook(self, chance: random.Random) -> str | None:
        if not self.hooks:
            return None
        name = chance.choice(sorted(self.hooks))
        del self.hooks[name]
        return f"withdraw webhook {name}"

    def _hook_events(self, chance: random.Random) -> str | None:
        if not self.hooks:
            return None
        name = chance.choice(sorted(self.hooks))
        self.hooks[name].events = sorted(chance.sample(EVENTS, chance.randrange(1, 3)))
        return f"webhook {name}: {self.hooks[name].events}"


def _document(kind: str, metadata: dict[str, Any], spec: dict[str, Any], lifecycle: dict[str, Any]) -> str:
    document = {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, "spec": spec}
    if lifecycle:
        document["lifecycle"] = lifecycle
    return json.dumps(document, indent=1) + "\n"  # JSON is YAML


def _gateway(url: str, limit: int | None) -> str:
    oauth = {"clientId": {"env": "CLIENT_ID"}, "clientSecret": {"env": "CLIENT_SECRET"}}
    limits: dict[str, Any] = {"concurrency": 3} | ({} if limit is None else {"endpoints": limit})
    spec = {"platform": "cxone", "url": url, "auth": {"oauth": oauth}, "limits": limits}
    return _document("Gateway", {"name": "prod"}, spec, {})


def _endpoint(name: str, one: Endpoint) -> str:
    metadata: dict[str, Any] = {"name": name, "labels": {"team": one.file.removesuffix(".yaml")}}
    if one.remote_id is not None:
        metadata["remoteId"] = one.remote_id
    if one.moved_from is not None:
        metadata["movedFrom"] = one.moved_from
    credentials = [
        {"keyId": f"key-{key.lower().replace('_', '-')}", "priority": len(one.keys) - n, "apiKey": {"env": key}}
        for n, key in enumerate(one.keys)
    ]
    spec = {
        "displayName": one.display,
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": credentials,
        "rateLimits": {
            "requestsPerMinute": one.requests,
            "concurrentConnections": 5,
            "maxTokensPerRequest": 1000,
        },
        "readiness": {"deadlineSeconds": 5},
    }
    return _document("Endpoint", metadata, spec, {key: value for key, value in one.lifecycle.items() if value})


def _hook(name: str, one: Hook) -> str:
    spec = {"url": f"https://hooks.sim/{name}", "events": one.events, "secret": {"env": "HOOK_SECRET"}}
    return _document("Webhook", {"name": name}, spec, {})
