"""Every key by itself: an endpoint with two keys works as long as one of them does, which proves neither.

| the key                                                | is proved by                                        |
|--------------------------------------------------------|-----------------------------------------------------|
| the only one of its endpoint                           | the verification of the endpoint                    |
| one of several, where verification tells them apart    | its own check                                       |
| one of several, where the platform takes candidates    | a candidate that holds this key alone               |
| the same, while the tenant has no room for a candidate | nothing yet: unknown, and the change is not healthy |
| one that this gateway offers no way to try             | nothing ever: unknown, said, and deciding nothing   |

A key that several objects share is tried once in a run for each provider, model and other content that matters to it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from reconciler.engine.assembly import Assembly, Site
from reconciler.engine.verify import Verification, capability_of, until_ready, waiting_for
from reconciler.errors import Conflict, GatewayError, Unsupported
from reconciler.model.address import Address
from reconciler.model.memory import Entry
from reconciler.model.ports import Ask
from reconciler.model.resource import Resource
from reconciler.model.run import Check, Verdict

CANDIDATE = "candidate"
"""What the check is called that a candidate could be made at all."""

KEYS = "/spec/credentials/"
_OF_NO_KEY = frozenset({"displayName", "name", "rateLimits", "credentials"})
"""Members of a spec that do not bear on whether a key works."""

NO_ROOM = "the tenant has no room for a candidate with this key alone. Make room for one endpoint, and apply again"
NO_WAY = "asked together with others, which may have served in its place; this gateway offers no way to try one key"
NEVER_PROVED = "written, and never proved by itself: another key may serve in its place. Apply, which tries it alone"
TOGETHER = "asked together with others; it was proved by itself when it was written"
ADOPTED = "asked together with others; it was not sent from here, so that nothing is known of it alone"


def keys_of(resource: Resource) -> tuple[str, ...]:
    """The paths of an endpoint's keys."""
    return tuple(sorted(path for path in resource.secrets if path.startswith(KEYS)))


def key_id(path: str) -> str:
    """What a manifest calls the key whose secret stands at this path."""
    return path.removeprefix(KEYS).partition("/")[0].replace("~1", "/").replace("~0", "~")


def alone(resource: Resource, path: str) -> Resource:
    """The same object with one of its keys."""
    name = key_id(path)
    spec = {**resource.spec, "credentials": {name: resource.spec["credentials"][name]}}
    return replace(resource, spec=spec, secrets={path: resource.secrets[path]})


def proved_by(resource: Resource, checks: Iterable[Check]) -> frozenset[str]:
    """The keys that the checks of an object prove to work."""
    keys = keys_of(resource)
    only = keys if len(keys) == 1 else ()
    told = (only if check.proves is None else check.proves for check in checks if check.verdict is Verdict.READY)
    return frozenset(path for paths in told for path in paths)


def named(resource: Resource, path: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    """Checks of a candidate with one key, by its name where the object has several; each speaks of that key alone."""
    before = f"key {key_id(path)} " if len(keys_of(resource)) > 1 else ""
    told = (check.name if check.name.startswith("key ") else before + check.name for check in checks)
    return tuple(replace(check, name=name, proves=(path,)) for check, name in zip(checks, told, strict=True))


def with_keys(site: Site, resource: Resource, entry: Entry | None, found: Verification) -> Verification:
    """A verification of the whole, with what is known of each key that it does not prove; nothing is tried here."""
    if found.verdict is not Verdict.READY or not found.checks:
        return found
    proved = proved_by(resource, found.checks)
    missing = (path for path in keys_of(resource) if path not in proved)
    return replace(found, checks=(*found.checks, *(_known(site, resource, entry, path) for path in missing)))


def _known(site: Site, resource: Resource, entry: Entry | None, path: str) -> Check:
    name = f"key {key_id(path)}"
    if not capability_of(site, resource).preflight:
        return Check(name, Verdict.UNKNOWN, NO_WAY, advisory=True)
    if entry is not None and path in entry.unproved:
        return Check(name, Verdict.UNKNOWN, NEVER_PROVED)
    sent = entry is not None and path in entry.fingerprints
    return Check(name, Verdict.UNKNOWN, TOGETHER if sent else ADOPTED, advisory=True)


class Left(Exception):
    """A candidate could not be removed: its intent has to stay. `found` is what it told before."""

    def __init__(self, found: Verification) -> None:
        self.found = found
        super().__init__("a candidate was left")


@dataclass(slots=True)
class Prover:
    """Tries single keys beside the live objects, for all changes of one run."""

    assembly: Assembly
    stop: asyncio.Event
    left: Callable[[Address, str, GatewayError], None]
    _found: dict[Hashable, Verification] = field(default_factory=dict)
    _going: dict[Hashable, asyncio.Future[Verification]] = field(default_factory=dict)
    _candidates: Counter[str] = field(default_factory=Counter)
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def prove(self, site: Site, resource: Resource, path: str, scratch: str) -> Verification:
        """Try one key of an object alone, or take over what another object of the run found.

        Raises Conflict where the tenant has no room, Unsupported where the gateway offers no way, and Left.
        """
        subject = self._subject(resource, path)
        if subject in self._found:
            return replace(self._found[subject], attempts=0)
        if subject in self._going:
            shared = await asyncio.shield(self._going[subject])
            if shared.is_final:
                return replace(shared, attempts=0)
        return await self._first(subject, site, alone(resource, path), scratch)

    async def _first(self, subject: Hashable, site: Site, resource: Resource, scratch: str) -> Verification:
        going: asyncio.Future[Verification] = asyncio.get_running_loop().create_future()
        self._going[subject] = going
        found = Verification((Check(CANDIDATE, Verdict.UNKNOWN, "it was not tried to the end"),), 0)
        try:
            found = await self.candidate(site, resource, scratch)
        finally:
            if self._going.get(subject) is going:
                del self._going[subject]
            going.set_result(found)
        if found.is_final:
            self._found[subject] = found
        return found

    def _subject(self, resource: Resource, path: str) -> Hashable:
        gateway, ref = resource.address.gateway, resource.secrets[path]
        rest = {name: value for name, value in resource.spec.items() if name not in _OF_NO_KEY}
        secret = self.assembly.vault.fingerprint(gateway, ref) or str(ref)
        return gateway, secret, json.dumps(rest, sort_keys=True, default=dict), resource.readiness

    async def candidate(self, site: Site, resource: Resource, scratch: str) -> Verification:
        """Try an object beside the live one. Raises as `prove` does."""
        while True:
            try:
                return await self._tried(site, resource, scratch)
            except Conflict:
                if not await self._another_ended(site.gateway.name):
                    raise

    async def _another_ended(self, gateway: str) -> bool:
        """The room may be taken by a candidate of this very run: wait for one to end. False where there is none."""
        async with self._ended:
            before = self._candidates[gateway]
            if not before:
                return False
            await self._ended.wait_for(lambda: self._candidates[gateway] < before)
            return True

    async def _tried(self, site: Site, resource: Resource, scratch: str) -> Verification:
        found = Verification()

        async def settle(ask: Ask) -> Sequence[Check]:
            nonlocal found
            waiting = waiting_for(self.assembly, resource, self.stop)
            found = await until_ready(ask, resource.readiness.deadline_seconds, waiting)
            return found.checks

        material = {path: self.assembly.vault.reveal(ref) for path, ref in resource.secrets.items()}
        gateway = site.gateway.name
        self._candidates[gateway] += 1
        try:
            await site.adapter.preflight(resource, material, scratch, settle)
        except (Conflict, Unsupported):
            raise
        except GatewayError as error:
            doubt = Verification((Check(CANDIDATE, Verdict.UNKNOWN, str(error)),), 1)
            await self._clear(site, resource.address, scratch, doubt)
            return doubt
        finally:
            async with self._ended:
                self._candidates[gateway] -= 1
                self._ended.notify_all()
        return found

    async def _clear(self, site: Site, address: Address, scratch: str, found: Verification) -> None:
        """Take the candidate away. Raises Left where even that is refused: the next run removes it."""
        try:
            await site.adapter.discard(scratch)
        except GatewayError as error:
            self.left(address, scratch, error)
            raise Left(found) from error
