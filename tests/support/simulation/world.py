"""Plays a story: real planning, engine, ledger and adapter over a simulated gateway, network, disk and clock.

Each run stands for a process of its own. What must hold is checked at every request that leaves, at every object that
a gateway loses, and after every run; `Broken` says which promise, in the story's own time.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from reconciler import engine, wiring
from reconciler.cli.failure import failure_of
from reconciler.cli.session import part_of
from reconciler.engine import ApplyOptions, OnFailure
from reconciler.errors import ReconcilerError
from reconciler.ledger.lease import Host
from reconciler.ledger.process import Process
from reconciler.ledger.sqlite import SqliteLedger
from reconciler.manifest import LoadOptions, load
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Scope
from reconciler.model.diagnostic import has_errors
from reconciler.model.ports import Clock, Ledger
from reconciler.model.resource import Resource
from reconciler.model.run import Run, Status
from reconciler.planning import ALLOWANCES, PlanOptions
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.settings import Settings, load_settings
from simulation.cxone import CxoneGateway, Request, Stored
from simulation.disk import SimulatedCommitter, renewing_by
from simulation.fleet import Fleet
from simulation.loop import SimulatedLoop
from simulation.network import SimulatedTransport, Weather
from simulation.reach import Reach
from simulation.story import Act

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_RUN = 3600.0
API = "/api/v1/llm/gateway/"
LIMIT = "/spec/rateLimits/requestsPerMinute"
ALL_ALLOWED = frozenset(ALLOWANCES)
_MADE = frozenset({Status.APPLIED, Status.UNCHANGED})


class Broken(Exception):
    """A promise that did not hold. `promise` is its short name, by which a shrunk story is still the same failure."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise = promise


@dataclass
class SimulatedClock:
    """The port Clock over the loop's time. `wall` is what the wall clock is off by, in seconds."""

    loop: SimulatedLoop
    wall: Callable[[], float]

    def now(self) -> str:
        """ISO 8601, UTC, milliseconds."""
        moment = BEGINNING + timedelta(seconds=self.loop.time() + self.wall())
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in simulated time."""
        await asyncio.sleep(seconds)


NOTHING = Desired({}, {})


@dataclass
class Attempt:
    """One run of the tool: what it was told, what it wants, and how it ended."""

    name: str
    desired: Desired = NOTHING
    declared: Mapping[Address, Resource] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    replaces: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    ignoring: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    disturbed: bool = False
    committers: list[SimulatedCommitter] = field(default_factory=list)
    code: int | None = None
    run: Run | None = None
    plan: Any = None
    words: str = ""


class World:
    """One story's universe. `timeline` tells it in order."""

    def __init__(self, root: Path, reach: Reach) -> None:
        self.root = root
        self.reach = reach
        self.loop = SimulatedLoop(random.Random(0))
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self.chance = random.Random(0)
        self.fleet = Fleet()
        self.gateway = CxoneGateway()
        self.elsewhere = CxoneGateway()
        self.weather = Weather()
        self.wall = 0.0
        self.full = False
        self.serial = 0
        self.environ = {
            "CLIENT_ID": "id-canary-0001",
            "CLIENT_SECRET": "cs-canary-0001",
            "HOOK_SECRET": "hs-canary-0001",
        }
        self.environ |= {name: f"sk-canary-{name[-1].lower()}-0001" for name in ("KEY_A", "KEY_B", "KEY_C")}
        self.secrets = set(self.environ.values())
        self.gateway.client_secrets = {self.environ["CLIENT_SECRET"]}
        self.elsewhere.client_secrets = {self.environ["CLIENT_SECRET"]}
        self.ours: set[str] = set()
        self.proved: set[str] = set()
        self.attempts: dict[str, Attempt] = {}
        self.timeline: list[str] = []
        self.broken: Broken | None = None

    # -- telling -----------------------------------------------------------------------------------------------

    def tell(self, words: str) -> None:
        """One line of the timeline."""
        self.timeline.append(f"{self.loop.time():9.3f}  {words}")

    def _break(self, promise: str, detail: str) -> None:
        if self.broken is None:
            self.broken = Broken(promise, detail)
            self.tell(f"BROKEN {promise}: {detail}")

    def require(self) -> None:
        """Raise what was found broken."""
        if self.broken is not None:
            raise self.broken

    # -- playing -----------------------------------------------------------------------------------------------

    def play(self, story: tuple[Act, ...]) -> None:
        """All acts, and then the quiet end in which everything must come right. Raises Broken."""
        for act in story:
            self.chance.seed(act.seed)
            self.tell(f"-- {act}")
            self._act(act)
            self.require()
        self._end_quietly()
        self.require()

    def _act(self, act: Act) -> None:  # noqa: C901 - a table
        match act.kind:
            case "edit":
                self.tell("   " + self.fleet.edit(act.given["what"], self.chance))
            case "secret":
                self._secret(act.given["what"])
            case "people":
                self._people(act.given["what"])
            case "weather":
                self.weather.chances = act.given["chances"]
            case "disk":
                self.full = act.given["full"]
            case "clock":
                self.wall += act.given["seconds"]
            case "gateway":
                self._move(act.given["what"])
            case "look":
                self._play_runs([self._look()], [None])
            case "run":
                self._run(act)

    def _secret(self, what: str) -> None:
        key = self.chance.choice(("KEY_A", "KEY_B", "KEY_C"))
        self.serial += 1
        if what in {"rotate", "rotate-both"}:
            self.environ[key] = f"sk-canary-{key[-1].lower()}-{self.serial:04}x"
        if what in {"rotate-client", "rotate-both"}:
            self.environ["CLIENT_SECRET"] = f"cs-canary-{self.serial:04}x"
            self.gateway.client_secrets = {self.environ["CLIENT_SECRET"]}
            self.gateway.tokens.clear()
        if what == "turn-bad":
            self.gateway.bad_keys.add(self.environ[key])
        if what == "turn-good":
            self.gateway.bad_keys.clear()
        self.secrets |= set(self.environ.values())
        self.tell(f"   {what} {key}")

    def _move(self, what: str) -> None:
        match what:
            case "away":
                self.fleet.url = "https://elsewhere.sim"
            case "back":
                self.fleet.url = "https://prod.sim"
            case "limit":
                self.gateway.limit = self.fleet.limit = max(2, len(self.gateway.endpoints))
            case "no-limit":
                self.gateway.limit, self.fleet.limit = 50, None

    def _people(self, what: str) -> None:
        table = self.gateway.webhooks if "hook" in what else self.gateway.endpoints
        self.gateway.remember()
        if what == "create":
            self.serial += 1
            name = f"foreign-{self.serial}"
            self.gateway.endpoints[name] = _foreign(name)
            self.tell(f"   a colleague makes {name}")
            return
        if not table:
            return
        name = self.chance.choice(sorted(table))
        found = table[name]
        if what.startswith("delete"):
            del table[name]
        elif what == "replace-key":
            found.body["credentials"][0]["apiKey"] = "sk-foreign-9999"
        elif what == "edit-other-field":
            found.body["residency"] = f"eu-{self.chance.randrange(9)}"
        elif "hook" in what:
            found.body["events"] = ["endpoint.created"]
        else:
            found.body["rateLimits"]["requestsPerMinute"] = self.chance.randrange(1, 900)
        found.version, found.writer = found.version + 1, "colleague"
        self.tell(f"   a colleague: {what} {name}")

    def meddle(self, request: Request) -> None:
        """The colleague who writes in the very moment between a read and a write."""
        name = request.path.rpartition("/")[2]
        found = self.gateway.endpoints.get(name)
        if found is not None:
            found.body["rateLimits"]["requestsPerMinute"] = self.chance.randrange(1, 900)
            found.version, found.writer = found.version + 1, "colleague"
            for attempt in self.attempts.values():
                attempt.disturbed = True

    # -- runs --------------------------------------------------------------------------------------------------

    def _run(self, act: Act) -> None:
        works, kills = [self._apply(act)], [act.given.get("kill")]
        if act.given.get("partner"):
            works.append(self._apply(act))
            kills.append(act.given.get("partner_kill"))
        self._play_runs(works, kills)

    def _play_runs(self, works: list[Callable[[Attempt], Any]], kills: list[int | None]) -> None:
        """Side by side, until each has ended or was killed."""
        self.fleet.write(self.root / "manifests")
        self.loop.run_until_complete(self.loop.spawn("world", self._watched(works, kills)))

    async def _watched(self, works: list[Callable[[Attempt], Any]], kills: list[int | None]) -> None:
        ends = []
        budget: dict[str, int] = {}
        waiting: dict[str, asyncio.Future[None]] = {}
        self.attempts.clear()
        for work, kill in zip(works, kills, strict=True):
            self.serial += 1
            attempt = Attempt(f"run-{self.serial}")
            self.attempts[attempt.name] = attempt
            waiting[attempt.name] = self.loop.create_future()
            if kill is not None:
                budget[attempt.name] = kill
            ends.append(waiting[attempt.name])
            self.loop.spawn(attempt.name, self._to_the_end(work, attempt, waiting[attempt.name]))

        def on_step(runner: str) -> None:
            if runner in budget and not waiting[runner].done():
                budget[runner] -= 1
                if budget[runner] < 0:
                    del budget[runner]
                    self._kill(runner, waiting[runner])

        self.loop.on_step = on_step if budget else None
        try:
            async with asyncio.timeout(LONGEST_RUN):
                await asyncio.gather(*ends)
        except TimeoutError:
            self._break("hangs", f"not done after {LONGEST_RUN:g} s")
        finally:
            self.loop.on_step = None
        for attempt in self.attempts.values():
            self._check_ended(attempt)

    def _kill(self, runner: str, waiting: asyncio.Future[None]) -> None:
        places = self.loop.kill(runner)
        self.reach.killed(places)
        for committer in self.attempts[runner].committers:
            committer.abandon()
        self.tell(f"   {runner} is killed")
        if not waiting.done():
            waiting.set_result(None)

    async def _to_the_end(
        self, work: Callable[[Attempt], Any], attempt: Attempt, waiting: asyncio.Future[None]
    ) -> None:
        try:
            await work(attempt)
        except (ReconcilerError, OSError) as error:
            failure = failure_of(error, self.root / "defects")
            attempt.code, attempt.words = failure.code, failure.words + "\n".join(d.detail for d in failure.diagnostics)
            if any(d.code == "CLI007" for d in failure.diagnostics):
                self._break("defect", repr(error))
        except Exception as error:  # noqa: BLE001 - what a user would see as a traceback
            self._break("traceback", f"{type(error).__name__}: {error}")
        self.tell(f"   {attempt.name} ends with {attempt.code} {_line(attempt)}")
        if not waiting.done():
            waiting.set_result(None)

    def _apply(self, act: Act) -> Callable[[Attempt], Any]:
        async def work(attempt: Attempt) -> None:
            whole = self._loaded()
            attempt.declared = whole.resources
            scoped = act.given.get("scope") is not None
            attempt.desired = desired = part_of(whole, Scope(("manifests/team-a.yaml",))) if scoped else whole
            options = PlanOptions(allow=ALL_ALLOWED if act.given.get("allow") else frozenset())
            async with self._session(attempt, desired) as session:
                planned = await engine.plan(session, options)
                attempt.plan = planned.plan
                self._note_plan(attempt, planned)
                how = OnFailure.ROLLBACK if act.given.get("rollback") else OnFailure.HALT
                attempt.run = await engine.apply(session, planned, options, ApplyOptions(on_failure=how))
            attempt.code = attempt.run.exit_code

        return work

    def _look(self) -> Callable[[Attempt], Any]:
        async def work(attempt: Attempt) -> None:
            attempt.desired = desired = self._loaded()
            async with self._session(attempt, desired) as session:
                planned = await engine.plan(session, PlanOptions())
                attempt.plan = planned.plan
                self._note_plan(attempt, planned)
            attempt.code = 0 if planned.plan.complete and not planned.plan.blocked else 3

        return work

    def _loaded(self) -> Desired:
        desired = load([self.root / "manifests"], LoadOptions(self.root))
        if has_errors(desired.diagnostics):
            from reconciler.errors import InputError  # noqa: PLC0415 - as the command line raises it

            raise InputError(desired.diagnostics)
        return desired

    def _session(self, attempt: Attempt, desired: Desired) -> Any:
        chance = random.Random(self.chance.getrandbits(32))
        clock = SimulatedClock(self.loop, lambda: self.wall)
        machine = wiring.Machine(
            clock=clock,
            chance=chance,
            environ=dict(self.environ),
            holder=lambda: attempt.name,
            open_ledger=partial(self._ledger, attempt, chance),
            transport=partial(self._transport, chance),
        )
        return wiring.open_session(self.settings(), desired, progress=self._progress, machine=machine)

    def settings(self) -> Settings:
        """Those of the root folder, whoever asks."""
        return load_settings({}, {}, self.root)

    def _ledger(self, attempt: Attempt, chance: random.Random, settings: Settings, clock: Clock) -> Ledger:
        path = settings.directory / "ledger.sqlite"
        committer = SimulatedCommitter(path, chance, lambda: self.full)
        attempt.committers.append(committer)
        host = Host(lambda: BEGINNING.timestamp() + self.loop.time() + self.wall, self._alive, renewing_by(self.loop))
        process = Process("sim", int(attempt.name.partition("-")[2]), "0")
        token = partial(_token, chance)
        return SqliteLedger(path, clock, process=process, committer=committer, host=host, new_token=token)

    def _alive(self, process: Process) -> bool:
        name = f"run-{process.pid}"
        return name in self.attempts and name not in self.loop.dead and self.attempts[name].code is None

    def _transport(self, chance: random.Random, base_url: str) -> SimulatedTransport:
        server = self.gateway if "prod.sim" in base_url else self.elsewhere
        return SimulatedTransport(server, base_url, self.loop, chance, self.weather, self._leaving, self.meddle)

    def _progress(self, event: str, fields: Mapping[str, Any]) -> None:
        self._no_secret("progress", json.dumps([event, dict(fields)], default=str))

    # -- what must hold ------------------------------------------------------------------------------------------

    def _note_plan(  # noqa: C901 - one look at each resource and each entry
        self, attempt: Attempt, planned: Any
    ) -> None:
        """Which live objects the declared resources claim, and which of them the plan says it will replace."""
        entries = planned.world.ledger.entries
        for address, resource in {**attempt.declared, **attempt.desired.resources}.items():
            entry = entries.get(address)
            named = resource.remote_id or (entry.remote_id if entry else address.name)
            if resource.lifecycle.ignore:
                attempt.ignoring.add(named)
            attempt.claims.add(named)
            live = planned.live.get(address)
            self.reach.object_row(desired=True, ledger=entry is not None, live=live is not None)
            if live is not None:
                attempt.found.add(live.remote_id)
                self.reach.field_rows(resource.spec, None if entry is None else entry.spec, live.spec)
        for address, entry in entries.items():
            self.ours.add(entry.remote_id)
            if entry.manage.value == "no-delete":
                attempt.kept.add(entry.remote_id)
            if address not in attempt.desired.resources:
                self.reach.object_row(desired=False, ledger=True, live=address in planned.live)
        attempt.replaces = {c.remote_id for c in planned.plan.changes if c.action.value == "replace" and c.remote_id}
        for change in planned.plan.changes:
            if any(one.path == LIMIT for one in change.fields):  # a change that the plan shows is written all the same
                attempt.ignoring -= {change.remote_id, change.address.name}
            self.reach.actions[change.action.value] += 1
            for one in change.fields:
                self.reach.origins[one.origin.value] += 1

    def _leaving(self, request: Request, host: str) -> None:
        """One request leaves a runner: is it allowed to?"""
        self.reach.checked["request"] += 1
        text = request.body.decode(errors="replace") + json.dumps(dict(request.headers))
        if "****" in text:
            self._break("mask-sent", f"{request.method} {request.path} carries a mask")
        if host == "elsewhere.sim" and any(secret in text for secret in self.secrets):
            self._break("secret-to-unapproved-host", f"{request.method} {request.path} to {host}")
        if request.method == "GET" or "/oauth" in request.path or request.path.endswith("/validate"):
            return
        self._require_intent(request)

    def _require_intent(self, request: Request) -> None:
        """No write without an intent that is on disk and a lease that is ours."""
        path = self.root / ".reconciler" / "ledger.sqlite"
        self.reach.checked["write"] += 1
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            rows = [json.loads(body) for (body,) in db.execute("SELECT body FROM intents")]
            holders = [holder for (holder,) in db.execute("SELECT holder FROM leases WHERE gateway = 'prod'")]
        db.close()
        if holders != [request.runner]:
            self._break(
                "write-without-lease", f"{request.method} {request.path} by {request.runner}, lease of {holders}"
            )
        name = request.path.removeprefix(API).partition("/")[2]
        if request.method == "POST":
            name = json.loads(request.body)["name"]
        before = self.gateway.endpoints.get(name)
        if before is not None and request.method == "PUT" and name in self._ignored(request.runner):
            self.reach.checked["ignored"] += 1
            wanted = json.loads(request.body)["rateLimits"]["requestsPerMinute"]
            if wanted != before.body["rateLimits"]["requestsPerMinute"] and not self.attempts[request.runner].disturbed:
                self._break("ignored-overwritten", f"{name} by {request.runner}")
        if "-candidate-" in name:
            return  # removed again by whoever finds it; a probe of the way to remove it comes before its own intent
        if not any(name in _names_of(row) for row in rows):
            self._break("write-without-intent", f"{request.method} {request.path} by {request.runner}")

    def _ignored(self, runner: str) -> set[str]:
        return self.attempts[runner].ignoring if runner in self.attempts else set()

    def _check_lost(self) -> None:
        """Objects that a gateway lost by a runner's hand."""
        for kind, name, runner in self.gateway.deleted + self.elsewhere.deleted:
            attempt = self.attempts.get(runner)
            if attempt is None or "-candidate-" in name:
                continue
            self.reach.checked["deletion"] += 1
            attempt.deleted.add(name)
            if name in attempt.kept:
                self._break("kept-deleted", f"{kind} {name} by {runner}, in spite of no-delete")
            made_here = (kind, name, runner) in self.gateway.written and name not in attempt.found
            if name in attempt.claims and name not in attempt.replaces and not made_here:
                self._break("claimed-deleted", f"{kind} {name} by {runner}")
            if name not in self.ours:
                self._break("foreign-deleted", f"{kind} {name} by {runner}")
        self.gateway.deleted.clear()
        self.elsewhere.deleted.clear()

    def _check_ended(self, attempt: Attempt) -> None:
        for kind, name, runner in self.gateway.written:
            if runner.startswith("run-") and name.startswith("foreign-"):
                self._break("foreign-overwritten", f"{kind} {name} by {runner}")
            if runner.startswith("run-"):
                self.ours.add(name)
        self._check_lost()
        self.gateway.written.clear()
        self._check_once()
        self._check_secrets(attempt)
        self._check_agreement(attempt)
        self._check_green(attempt)
        self.require()

    def _check_once(self) -> None:
        """No object twice."""
        self.reach.checked["once"] += 1
        ours = [hook for hook in self.gateway.webhooks.values() if hook.writer != "colleague"]
        names = Counter(hook.body["name"] for hook in ours)
        if twice := [name for name, count in names.items() if count > 1]:
            self._break("made-twice", f"webhooks {twice}")

    def _check_secrets(self, attempt: Attempt) -> None:
        self.reach.checked["secrets"] += 1
        for path in (self.root / ".reconciler").rglob("*"):
            if path.is_file():
                self._no_secret(path.name, path.read_bytes().decode("latin-1"))
        stream = io.StringIO()
        if attempt.plan is not None:
            terminal.write(terminal.plan_lines(attempt.plan, lambda _: None), stream, color=False)
            stream.write(documents.text(documents.plan_document(attempt.plan)))
        if attempt.run is not None:
            terminal.write(terminal.run_lines(attempt.run), stream, color=False)
            stream.write(documents.text(documents.run_document(attempt.run)))
        self._no_secret("output", stream.getvalue() + attempt.words)

    def _no_secret(self, where: str, text: str) -> None:
        if "canary" in text and any(secret in text for secret in self.secrets):
            self._break("secret-leaked", where)

    def _check_agreement(self, attempt: Attempt) -> None:
        """Exit code, JSON and words tell one story."""
        run = attempt.run
        if run is None:
            return
        self.reach.checked["agreement"] += 1
        document = documents.run_document(run)
        if document["exit_code"] != run.exit_code or document["status"] != run.status.value:
            self._break("documents-disagree", f"{document['exit_code']} and {run.exit_code}")
        failed = [o for o in run.outcomes if o.action.value == "create" and o.status not in _MADE]
        if failed and any(o.action.value == "delete" and o.status is Status.APPLIED for o in run.outcomes):
            self._break("deleted-unreplaced", f"{failed[0].address} {failed[0].status.value}")
        bad = [o for o in run.outcomes if o.status in {Status.FAILED, Status.UNKNOWN, Status.BLOCKED} or not o.healthy]
        if run.exit_code == 0 and (bad or has_errors(run.diagnostics)):
            self._break("green-with-failures", str([str(o.address) for o in bad]))

    def _check_green(self, attempt: Attempt) -> None:
        """Exit 0 only when all that is declared stands there, with keys that were proved."""
        if attempt.code != 0 or attempt.run is None:
            return
        if attempt.disturbed or self._others():
            self._note_proved()
            return
        self.reach.checked["green"] += 1
        for address, resource in attempt.desired.resources.items():
            if address.kind != "Endpoint" or resource.lifecycle.manage.value in {"observe", "create-only"}:
                continue
            self._check_endpoint(str(address), self._live(resource.remote_id, address.name), resource)

    def _live(self, remote_id: str | None, name: str) -> Stored | None:
        entry = self._entry(f"prod/Endpoint/{name}")
        return self.gateway.endpoints.get(remote_id or (entry or {}).get("remote_id") or name)

    def _entry(self, address: str) -> dict[str, Any] | None:
        path = self.root / ".reconciler" / "ledger.sqlite"
        if not path.exists():
            return None
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        row = db.execute("SELECT body FROM entries WHERE address = ?", (address,)).fetchone()
        db.close()
        return None if row is None else json.loads(row[0])

    def _check_endpoint(self, name: str, stored: Stored | None, resource: Any) -> None:
        if stored is None:
            self._break("green-without-object", name)
            return
        if LIMIT not in resource.lifecycle.ignore:
            wanted = resource.spec["rateLimits"]["requestsPerMinute"]
            if stored.body["rateLimits"]["requestsPerMinute"] != wanted:
                self._break("green-with-difference", f"{name}: requestsPerMinute")
        live = {one["keyId"]: one["apiKey"] for one in stored.body["credentials"]}
        for path, ref in resource.secrets.items():
            if self.environ[ref.locator[0]] != live.get(path.split("/")[3]):
                self._break("green-with-another-key", f"{name} {path}")
        for key in live.values():
            if key in self.gateway.bad_keys and key not in self.proved:
                self._break("green-unproved", f"{name}: a key that never worked")
        self._note_proved()

    def _note_proved(self) -> None:
        """Keys that stand on the gateway and work while a run calls all of it good."""
        live = {one["apiKey"] for stored in self.gateway.endpoints.values() for one in stored.body["credentials"]}
        self.proved |= live - self.gateway.bad_keys

    def _others(self) -> bool:
        return len(self.attempts) > 1 or bool(self.weather.chances)

    # -- the quiet end -------------------------------------------------------------------------------------------

    def _end_quietly(self) -> None:
        """No fault any more: a few applies, and the plan after them is empty and right."""
        self.tell("-- the weather clears, keys work, and the team applies until nothing is left")
        self.weather.chances, self.full = {}, False
        self.fleet.url, self.gateway.limit, self.fleet.limit = "https://prod.sim", 50, None
        self.gateway.bad_keys.clear()
        self.chance.seed(1)
        self.loop.run_until_complete(self.loop.spawn("world", asyncio.sleep(400)))
        calm = Act("run", 1, {"rollback": False, "kill": None, "partner": False, "partner_kill": None, "allow": True})
        for _ in range(4):
            self._run(calm)
            attempt = next(iter(self.attempts.values()))
            if attempt.plan is not None and attempt.plan.blocked:
                self.reach.refused.update(d.code for d in attempt.plan.diagnostics if d.severity.value == "error")
                return
            if attempt.plan is None:
                self.reach.refused["invalid"] += 1
                return
            if attempt.code == 0 and attempt.plan.empty:
                break
        else:
            self._break("never-settles", _line(attempt))
        left = [name for name in self.gateway.endpoints if "-candidate-" in name]
        if left:
            self._break("candidate-left", str(left))
        self.reach.converged += 1


def _foreign(name: str) -> Stored:
    limits = {"requestsPerMinute": 7, "concurrentConnections": 1, "maxTokensPerRequest": 9}
    credentials = [{"keyId": "key-f", "apiKey": "sk-foreign-0001", "priority": 1}]
    body = {"name": f"{name} line", "provider": "openai", "model": "gpt-4o", "credentials": credentials}
    return Stored({**body, "rateLimits": limits, "fallbackStrategy": "failover"}, 1, "colleague")


def _names_of(row: Mapping[str, Any]) -> set[str]:
    after = row.get("after") or {}
    return {
        row["address"][2],
        row.get("remote_id"),
        row.get("scratch"),
        after.get("remote_id"),
        (after.get("spec") or {}).get("name"),
    } - {None}


def _token(chance: random.Random) -> str:
    return f"{chance.getrandbits(64):016x}"


def _line(attempt: Attempt) -> str:
    if attempt.run is None:
        return attempt.words[:300].replace("\n", " ")
    told = [
        f"{o.status.value} {o.action.value} {o.address.name}" + (f" ({o.error})" if o.error else "")
        for o in attempt.run.outcomes
    ]
    return "; ".join(told) or attempt.run.status.value
