"""Apply, then plan, is empty: for any manifests, edits, drift, faults and crashes, in any order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reconciler import engine, wiring
from reconciler.embedded import serve
from reconciler.engine import ApplyOptions, Verification
from reconciler.errors import ReconcilerError
from reconciler.manifest import LoadOptions, load
from reconciler.model.plan import Plan
from reconciler.model.ports import Ledger
from reconciler.planning import PlanOptions
from reconciler.settings import Settings, load_settings

API = "/api/v1/llm/gateway"
NAMES = st.sampled_from(["ep-a", "ep-b", "ep-c", "ep-d"])
HOOKS = st.sampled_from(["hook-a", "hook-b"])
EVENTS = ["endpoint.created", "endpoint.updated", "endpoint.rateLimited"]
KEYS = ("CONVERGE_A", "CONVERGE_B", "CONVERGE_HOOK", "CONVERGE_ID", "CONVERGE_SECRET")
ALLOWED = PlanOptions(allow=frozenset({"mass-change", "empty", "last-endpoint"}))
ENDPOINTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-4o", "gpt-4"]),
        "rpm": st.integers(1, 4),
        "keys": st.sampled_from([["CONVERGE_A"], ["CONVERGE_B"], ["CONVERGE_A", "CONVERGE_B"]]),
        "rollout": st.sampled_from(["candidate", "in-place"]),
    }
)
FAULTS = st.sampled_from(
    [
        {"drop": "before"},
        {"drop": "after"},
        {"status": 429, "retry_after": 0.01},
        {"status": 500},
        {"conflict": True},
        {"bad_json": "truncated"},
    ]
)


class Crash(BaseException):
    """The process dies here, as far as the run can tell."""


class DyingLedger:
    """A ledger whose process dies at the n-th write, before or after it was written down."""

    def __init__(self, inner: Ledger, at: int, when: str) -> None:
        self._inner, self._left, self._when = inner, at, when

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"intend", "settle"}:
            return found

        async def dying(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._when == "before":
                raise Crash
            result = await found(*arguments)
            if self._left == 0:
                raise Crash
            return result

        return dying


class Fleet(RuleBasedStateMachine):
    """A team, its colleagues with consoles, and a gateway that has bad days."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="converge-"))
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.hooks: dict[str, list[str]] = {}
        self.strangers: dict[str, Any] = {}
        self.residency: dict[str, str] = {}
        self.unsure: set[str] = set()
        self.faults: list[dict[str, Any]] = []
        self.serial = 0
        os.environ.update({name: f"sk-{name.lower()}-0123456789" for name in KEYS})

    @property
    def settings(self) -> Settings:
        (self.root / "faults.json").write_text(json.dumps({"rules": self.faults}))
        return replace(load_settings({}, {}, self.root), embedded_faults=self.root / "faults.json")

    @initialize(fleet=st.dictionaries(NAMES, ENDPOINTS, min_size=2), hook=HOOKS)
    def begin(self, fleet: dict[str, Any], hook: str) -> None:
        self.endpoints = dict(fleet)
        self.hooks = {hook: EVENTS[:1]}
        asyncio.run(self._apply(None))

    @rule(name=NAMES, spec=ENDPOINTS)
    def declare(self, name: str, spec: dict[str, Any]) -> None:
        self.endpoints[name] = spec

    @precondition(lambda self: self.endpoints)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.endpoints)))
        del self.endpoints[name]
        if self.residency.pop(name, None):
            self.unsure.add(name)  # declared again before it was removed, it still has what was added to it

    @rule(name=HOOKS, events=st.lists(st.sampled_from(EVENTS), min_size=1, unique=True))
    def declare_hook(self, name: str, events: list[str]) -> None:
        self.hooks[name] = events

    @precondition(lambda self: self.hooks)
    @rule(data=st.data())
    def withdraw_hook(self, data: st.DataObject) -> None:
        del self.hooks[data.draw(st.sampled_from(sorted(self.hooks)))]

    @rule(name=st.sampled_from(KEYS[:3]))
    def rotate(self, name: str) -> None:
        self.serial += 1
        os.environ[name] = f"sk-rotated-{self.serial:012}"

    @precondition(lambda self: len(self.faults) < 3)
    @rule(deed=FAULTS, method=st.sampled_from(["PUT", "POST", "DELETE"]), after=st.integers(0, 3))
    def bad_day(self, deed: dict[str, Any], method: str, after: int) -> None:
        path = "*/webhooks*" if method == "POST" else "/api/*"  # a validation may be repeated, which only takes time
        self.faults.append({"match": {"method": method, "path": path, "after": after, "times": 1}, "do": deed})

    @rule()
    def apply(self) -> None:
        asyncio.run(self._apply(None))
        self.faults = []

    @rule(at=st.integers(1, 8), when=st.sampled_from(["before", "after"]))
    def die(self, at: int, when: str) -> None:
        with contextlib.suppress(Crash):
            asyncio.run(self._apply((at, when)))
        self.faults = []

    @rule(data=st.data(), deed=st.sampled_from(["edit", "delete", "extend", "extend", "key"]))
    def meddle(self, data: st.DataObject, deed: str) -> None:
        asyncio.run(self._console(lambda http: self._meddle(http, data, deed)))

    @rule(number=st.integers(0, 2))
    def stranger(self, number: int) -> None:
        asyncio.run(self._console(lambda http: self._stranger(http, f"stranger-{number}")))

    def write(self) -> None:
        folder = self.root / "manifests"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        auth = "{oauth: {clientId: {env: CONVERGE_ID}, clientSecret: {env: CONVERGE_SECRET}}}"
        spec = f'{{platform: cxone, url: "embedded:", auth: {auth}, timeouts: {{total: 3}}}}'
        documents = [f"apiVersion: reconciler/v1\nkind: Gateway\nmetadata: {{name: prod}}\nspec: {spec}\n"]
        documents += [_endpoint(name, spec) for name, spec in self.endpoints.items()]
        documents += [_hook(name, events) for name, events in self.hooks.items()]
        (folder / "all.yaml").write_text("---\n".join(documents))

    async def _apply(self, dies: tuple[int, str] | None) -> None:
        """One run; what the gateway refuses ends in its outcomes, what blocks it in an exception."""
        self.write()
        settings = self.settings
        desired = load([Path("manifests")], LoadOptions(settings.root))
        assert not desired.diagnostics
        async with wiring.open_session(settings, desired, progress=lambda *_: None) as opened:
            session = opened
            if dies is not None:
                session = replace(opened, ledger=DyingLedger(opened.ledger, *dies))
            planned = await engine.plan(session, ALLOWED)
            try:
                await engine.apply(session, planned, ALLOWED, ApplyOptions(verification=Verification.LIVE))
            except ReconcilerError:
                assert self.faults or dies, planned.plan.diagnostics

    async def _plan(self) -> Plan:
        settings = self.settings
        desired = load([Path("manifests")], LoadOptions(settings.root))
        async with wiring.open_session(settings, desired, progress=lambda *_: None) as session:
            snapshot = await session.ledger.load()
            assert not snapshot.intents
            assert {a.name for a in snapshot.entries if a.kind != "Gateway"} == {*self.endpoints, *self.hooks}
            return (await engine.plan(session, ALLOWED)).plan

    async def _console(self, work: Any) -> Any:
        async with (
            serve(self.root / ".reconciler" / "embedded" / "prod.sqlite") as url,
            httpx.AsyncClient(base_url=url + API) as http,
        ):
            form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
            token = (await http.post(url + "/oauth/token", data=form)).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            return await work(http)

    async def _meddle(self, http: httpx.AsyncClient, data: st.DataObject, deed: str) -> None:
        there = (await http.get("/endpoints")).json()["items"]
        ours = [item for item in there if item["endpointId"] in self.endpoints]
        if not ours:
            return
        item = data.draw(st.sampled_from(ours))
        name = item["endpointId"]
        if deed == "delete":
            await http.delete(f"/endpoints/{name}")
            self.residency.pop(name, None)
            return
        body = {**item, "credentials": [{**c, "apiKey": "sk-console-0123456789zzzz"} for c in item["credentials"]]}
        if deed == "edit":
            body["model"] = "changed-in-console"
        if deed == "extend":
            body["residency"] = self.residency[name] = "eu"
            self.unsure.discard(name)
        assert (await http.put(f"/endpoints/{name}", json=body)).status_code == 200

    async def _stranger(self, http: httpx.AsyncClient, name: str) -> None:
        body = {
            "name": f"shown {name}",
            "provider": "bedrock",
            "model": "x.y",
            "credentials": [{"keyId": "k", "apiKey": "sk-stranger-01234567", "priority": 1}],
            "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
            "fallbackStrategy": "failover",
        }
        self.strangers[name] = (await http.put(f"/endpoints/{name}", json=body)).json()

    async def _everything(self, http: httpx.AsyncClient) -> tuple[list[Any], list[Any]]:
        return (await http.get("/endpoints")).json()["items"], (await http.get("/webhooks")).json()["items"]

    def teardown(self) -> None:
        """After the last apply without faults everything declared is there, once, and nothing else has moved."""
        try:
            self._converged()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)
            for name in KEYS:
                os.environ.pop(name, None)

    def _converged(self) -> None:
        self.faults = []
        asyncio.run(self._apply(None))
        plan = asyncio.run(self._plan())
        assert plan.changes == ()
        assert plan.drift == ()
        assert not plan.blocked
        endpoints, hooks = asyncio.run(self._console(self._everything))
        found = {item["endpointId"]: item for item in endpoints}
        assert len(found) == len(endpoints)
        assert set(found) == {*self.endpoints, *self.strangers}
        assert {name: found[name] for name in self.strangers} == self.strangers
        for name, spec in self.endpoints.items():
            item = found[name]
            assert (item["model"], item["rateLimits"]["requestsPerMinute"]) == (spec["model"], spec["rpm"])
            assert [c["keyId"] for c in item["credentials"]] == [f"k{n}" for n in range(len(spec["keys"]))]
            assert item["credentials"][0]["apiKey"][-4:] == os.environ[spec["keys"][0]][-4:]
            assert name in self.unsure or item.get("residency") == self.residency.get(name)
        assert sorted((h["name"], sorted(h["events"])) for h in hooks) == sorted(
            (name, sorted(events)) for name, events in self.hooks.items()
        )


def _endpoint(name: str, spec: dict[str, Any]) -> str:
    keys = [f"{{keyId: k{n}, priority: {9 - n}, apiKey: {{env: {key}}}}}" for n, key in enumerate(spec["keys"])]
    limits = f"{{requestsPerMinute: {spec['rpm']}, concurrentConnections: 1, maxTokensPerRequest: 1}}"
    return (
        f"apiVersion: reconciler/v1\nkind: Endpoint\nmetadata: {{name: {name}}}\n"
        f"spec:\n  provider: openai\n  model: {spec['model']}\n  credentials: [{', '.join(keys)}]\n"
        f"  rateLimits: {limits}\n  rollout: {spec['rollout']}\n  readiness: {{deadlineSeconds: 0}}\n"
    )


def _hook(name: str, events: list[str]) -> str:
    return (
        f"apiVersion: reconciler/v1\nkind: Webhook\nmetadata: {{name: {name}}}\n"
        f"spec:\n  url: https://hooks.example.com/{name}\n  events: [{', '.join(events)}]\n"
        "  secret: {env: CONVERGE_HOOK}\n"
    )


@pytest.mark.slow
def test_apply_then_plan_is_empty_whatever_came_before() -> None:
    """The promise of the tool: whatever people, gateways and kills did, the next clean run ends in the manifests."""
    run_state_machine_as_test(
        Fleet,
        settings=settings(
            max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
