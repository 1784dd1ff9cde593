"""The published contract of an adapter: laws that every platform keeps, against a live HTTP counterpart.

A platform's own tests give a `Bench` and run each of the laws for what the platform declares with a fresh one::

    @pytest.mark.parametrize("law", laws_for(PLATFORM.capabilities), ids=lambda law: law.__name__)
    def test_law(law, tmp_path):
        asyncio.run(with_bench(law, tmp_path))
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, Unsupported
from reconciler.model.capability import Capabilities
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Ask, Material, Platform
from reconciler.model.resource import Gateway, Guard, Resource
from reconciler.model.run import Check, Verdict
from reconciler.planning import observed_digest


class Bench(Protocol):
    """One fresh gateway with nothing on it, and what the laws need to try an adapter on it."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        """Resources of every kind that the platform has, normalized, with their secrets."""

    def altered(self, resource: Resource) -> Resource:
        """The same resource with one field changed."""

    async def meddle(self, live: Live) -> None:
        """Change the object behind the adapter's back, so that its revision moves."""

    async def written(self) -> int:
        """How many requests that change something have reached the gateway."""

    async def lose_answer(self) -> None:
        """From here on, let the next write be carried out and its answer be lost."""

    async def refuse_echoing(self) -> None:
        """From here on, let the next write be refused with a message that repeats the request's body."""


Law = Callable[[Bench], Awaitable[None]]


async def observe_never_writes(bench: Bench) -> None:
    """Planning must be safe to run anywhere, at any time."""
    await _make_all(bench)
    before = await bench.written()
    seen = await bench.adapter.observe()
    assert seen.complete
    assert await bench.written() == before


async def normalize_is_idempotent(bench: Bench) -> None:
    """Otherwise the second plan would differ from the first."""
    for resource, _ in bench.samples():
        once = bench.platform.normalize(resource)
        assert bench.platform.normalize(once) == once


async def create_then_observe_gives_what_was_wanted(bench: Bench) -> None:
    """Apply, then plan, is empty only if a read gives back what was written, in canonical form."""
    await _make_all(bench)
    found = {live.address: live for live in (await bench.adapter.observe()).objects}
    for resource, _ in bench.samples():
        assert found[resource.address].spec == resource.spec


async def a_single_read_equals_the_listed_one(bench: Bench) -> None:
    """An approved change is held against a list, and carried out against a single read."""
    await _make_all(bench)
    for live in (await bench.adapter.observe()).objects:
        again = await bench.adapter.read(live.address, live.remote_id)
        assert again is not None
        assert observed_digest(again) == observed_digest(live)


async def update_gives_what_was_wanted(bench: Bench) -> None:
    """A full replacement ends in exactly the new spec."""
    for resource, material in bench.samples():
        await bench.adapter.create(resource, material)
        fresh = await _read(bench, resource)
        changed = bench.altered(resource)
        await bench.adapter.update(changed, fresh, material)
        assert (await _read(bench, resource)).spec == changed.spec


async def a_stale_revision_is_refused(bench: Bench) -> None:
    """Where a guard is claimed, a write on what has moved since the read must not get through."""
    for resource, material in bench.samples():
        if bench.platform.capabilities.kinds[resource.address.kind].guard is not Guard.ETAG:
            continue
        await bench.adapter.create(resource, material)
        stale = await _read(bench, resource)
        await bench.meddle(stale)
        await _raises(Conflict, bench.adapter.update(bench.altered(resource), stale, material))
        await _raises(Conflict, bench.adapter.delete(stale))


async def a_creation_does_not_overwrite(bench: Bench) -> None:
    """A creation that was planned for nothing must fail on something, where the platform lets us choose the id."""
    resource, material = bench.samples()[0]
    await bench.adapter.create(resource, material)
    await _raises(Conflict, bench.adapter.create(bench.altered(resource), material))
    assert (await _read(bench, resource)).spec == resource.spec


async def deleting_the_absent_succeeds(bench: Bench) -> None:
    """A second run after a kill must not stumble over what the first one finished."""
    for resource, material in bench.samples():
        await bench.adapter.create(resource, material)
        live = await _read(bench, resource)
        await bench.adapter.delete(live)
        await bench.adapter.delete(live)
        assert await bench.adapter.read(resource.address, live.remote_id) is None


async def a_lost_answer_never_makes_two(bench: Bench) -> None:
    """A creation in doubt must say so, and be found by a read: whoever sends it again unseen makes a second one."""
    for resource, material in bench.samples():
        await bench.lose_answer()
        await _raises(OutcomeUnknown, bench.adapter.create(resource, material))
        assert (await _read(bench, resource)).spec == resource.spec
    addresses = [live.address for live in (await bench.adapter.observe()).objects]
    assert sorted(addresses) == sorted(resource.address for resource, _ in bench.samples())


async def a_lost_answer_to_a_later_write_is_found_by_a_read(bench: Bench) -> None:
    """A replacement and a removal in doubt must say so too, and a read must tell that they landed."""
    for resource, material in bench.samples():
        await bench.adapter.create(resource, material)
        changed, before = bench.altered(resource), await _read(bench, resource)
        await bench.lose_answer()
        await _raises(OutcomeUnknown, bench.adapter.update(changed, before, material))
        after = await _read(bench, resource)
        assert after.spec == changed.spec
        await bench.lose_answer()
        await _raises(OutcomeUnknown, bench.adapter.delete(after))
        assert await bench.adapter.read(resource.address, after.remote_id) is None


async def verify_answers_with_checks(bench: Bench) -> None:
    """A fresh object with good credentials is ready; a platform that cannot tell says nothing at all."""
    for resource, material in bench.samples():
        live = await bench.adapter.create(resource, material)
        checks = await bench.adapter.verify(resource, live)
        assert {check.verdict for check in checks} <= {Verdict.READY}
        if bench.platform.capabilities.kinds[resource.address.kind].verify:
            assert checks


async def preflight_leaves_nothing(bench: Bench) -> None:
    """A candidate must be gone afterwards, and the live object untouched."""
    for resource, material in bench.samples():
        if not bench.platform.capabilities.kinds[resource.address.kind].preflight:
            continue
        await bench.adapter.create(resource, material)
        before = await bench.adapter.observe()
        seen: list[Verdict] = []

        async def judge(ask: Ask, seen: list[Verdict] = seen) -> Sequence[Check]:
            answer = await ask()
            seen += [check.verdict for check in answer]
            return answer

        await bench.adapter.preflight(bench.altered(resource), material, "suite-candidate", judge)
        assert set(seen) == {Verdict.READY}
        after = await bench.adapter.observe()
        assert _contents(before.objects) == _contents(after.objects)


async def no_secret_in_anything_returned(bench: Bench) -> None:
    """What comes back from a gateway is printed, stored and compared: no key may be in it."""
    for resource, material in bench.samples():
        live = await bench.adapter.create(resource, material)
        text = f"{live!r} {live.spec} {live.hints} {await bench.adapter.observe()!r} {dict(live.raw)}"
        for value in material.values():
            assert value.reveal() not in text


async def no_secret_in_anything_raised(bench: Bench) -> None:
    """A gateway may repeat what it was sent: its words end up in logs, comments and tracebacks."""
    for resource, material in bench.samples():
        await bench.refuse_echoing()
        error = await _raises(GatewayError, bench.adapter.create(resource, material))
        text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + repr(bench.adapter)
        for value in material.values():
            assert value.reveal() not in text


async def what_unsupported_accepts_the_gateway_accepts(bench: Bench) -> None:
    """An error that could have been found offline must not appear in the middle of an apply."""
    for resource, material in bench.samples():
        assert not list(bench.platform.unsupported(resource, bench.gateway))
        await bench.adapter.create(resource, material)


LAWS: tuple[Law, ...] = (
    observe_never_writes,
    normalize_is_idempotent,
    create_then_observe_gives_what_was_wanted,
    a_single_read_equals_the_listed_one,
    update_gives_what_was_wanted,
    a_stale_revision_is_refused,
    a_creation_does_not_overwrite,
    deleting_the_absent_succeeds,
    a_lost_answer_never_makes_two,
    a_lost_answer_to_a_later_write_is_found_by_a_read,
    verify_answers_with_checks,
    preflight_leaves_nothing,
    no_secret_in_anything_returned,
    no_secret_in_anything_raised,
    what_unsupported_accepts_the_gateway_accepts,
)


async def what_cannot_be_read_is_unseen(bench: Bench) -> None:
    """Absence that proves nothing must not be mistaken for absence: everything would be made again."""
    before = await bench.written()
    seen = await bench.adapter.observe()
    assert not seen.objects
    assert not any(seen.saw(kind) for kind in bench.platform.capabilities.kinds)
    for resource, _ in bench.samples():
        await _raises(Unsupported, bench.adapter.read(resource.address, None))
    assert await bench.written() == before


async def a_second_creation_is_a_conflict(bench: Bench) -> None:
    """Where nothing can be read, the gateway's own refusal is all that keeps one object from becoming two."""
    for resource, material in bench.samples():
        await bench.adapter.create(resource, material)
        await _raises(Conflict, bench.adapter.create(bench.altered(resource), material))


async def a_lost_creation_says_so_and_is_sent_once(bench: Bench) -> None:
    """Without reads nobody but a person can tell whether it landed."""
    for resource, material in bench.samples():
        await bench.lose_answer()
        before = await bench.written()
        await _raises(OutcomeUnknown, bench.adapter.create(resource, material))
        assert await bench.written() == before + 1


async def what_is_not_offered_is_refused_unsent(bench: Bench) -> None:
    """An adapter that guesses a call would write where the contract knows none."""
    for resource, material in bench.samples():
        before = await bench.written()
        live = Live(resource.address, resource.address.name, resource.spec)
        capability = bench.platform.capabilities.kinds[resource.address.kind]
        if not capability.create:
            await _raises(Unsupported, bench.adapter.create(resource, material))
        if not capability.update:
            await _raises(Unsupported, bench.adapter.update(resource, live, material))
        if not capability.delete:
            await _raises(Unsupported, bench.adapter.delete(live))
        assert await bench.written() == before


async def verify_of_what_is_watched_answers_with_checks(bench: Bench) -> None:
    """A platform that only answers must be able to say whether it does."""
    for resource, _ in bench.samples():
        checks = await bench.adapter.verify(resource, Live(resource.address, resource.address.name, resource.spec))
        assert checks
        assert {check.verdict for check in checks} == {Verdict.READY}


async def what_is_watched_is_accepted(bench: Bench) -> None:
    """An error at a manifest that is right stops every run."""
    for resource, _ in bench.samples():
        assert not list(bench.platform.unsupported(resource, bench.gateway))


_UNREAD: tuple[Law, ...] = (
    normalize_is_idempotent,
    what_cannot_be_read_is_unseen,
    what_is_not_offered_is_refused_unsent,
)

BLIND: tuple[Law, ...] = (
    *_UNREAD,
    a_second_creation_is_a_conflict,
    a_lost_creation_says_so_and_is_sent_once,
    verify_answers_with_checks,
    no_secret_in_anything_returned,
    no_secret_in_anything_raised,
    what_unsupported_accepts_the_gateway_accepts,
)
"""For platforms where objects can be made and not read."""

WATCHED: tuple[Law, ...] = (
    *_UNREAD,
    verify_of_what_is_watched_answers_with_checks,
    what_is_watched_is_accepted,
)
"""For platforms where objects can only be asked whether they work."""


def laws_for(capabilities: Capabilities) -> tuple[Law, ...]:
    """The laws for what a platform declares: of platforms that read all kinds, make all unread, or make nothing."""
    kinds = capabilities.kinds.values()
    if all(kind.read for kind in kinds):
        return LAWS
    return BLIND if all(kind.create for kind in kinds) else WATCHED


async def _make_all(bench: Bench) -> None:
    for resource, material in bench.samples():
        await bench.adapter.create(resource, material)


async def _read(bench: Bench, resource: Resource) -> Live:
    found = await bench.adapter.read(resource.address, None)
    assert found is not None
    again = await bench.adapter.read(resource.address, found.remote_id)
    assert again is not None
    return again


async def _raises(expected: type[GatewayError], write: Awaitable[object]) -> GatewayError:
    try:
        await write
    except expected as error:
        return error
    raise AssertionError(f"a write went through that should have ended in {expected.__name__}")


def _contents(objects: Sequence[Live]) -> Mapping[str, str]:
    return {str(live.address): observed_digest(live) for live in objects}
