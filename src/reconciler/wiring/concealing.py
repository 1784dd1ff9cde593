"""An adapter from which no secret that the run knows comes back, in whatever field a gateway shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Adapter, Judge, Material, Vault
from reconciler.model.resource import Resource
from reconciler.model.run import Check


@dataclass(frozen=True, slots=True)
class ConcealingAdapter:
    """Implements the port Adapter by another. What was read is rid of secrets, all but the raw document.

    A text that stands in a manifest (`written`) is no secret, whatever it holds.
    """

    inner: Adapter
    vault: Vault
    written: frozenset[str] = frozenset()

    async def observe(self) -> Observed:
        """Read everything."""
        seen = await self.inner.observe()
        return replace(
            seen,
            objects=self._objects(seen.objects),
            diagnostics=tuple(self._finding(finding) for finding in seen.diagnostics),
        )

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """Read one object."""
        found = await self.inner.read(address, remote_id)
        return None if found is None else self._live(found)

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make the object."""
        return self._live(await self.inner.create(resource, material))

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Replace it."""
        return self._live(await self.inner.update(resource, live, material))

    async def delete(self, live: Live) -> None:
        """Remove it."""
        await self.inner.delete(live)

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Prove the change beside the live object."""

        async def judged(ask: Callable[[], Any]) -> Sequence[Check]:
            async def asked() -> Sequence[Check]:
                return self._checks(await ask())

            return await judge(asked)

        await self.inner.preflight(resource, material, scratch, judged)

    async def discard(self, scratch: str) -> None:
        """Remove what an interrupted preflight left."""
        await self.inner.discard(scratch)

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Ask whether the object works."""
        return self._checks(await self.inner.verify(resource, live))

    async def close(self) -> None:
        """Give back connections."""
        await self.inner.close()

    def _objects(self, objects: tuple[Live, ...]) -> tuple[Live, ...]:
        """Looked through as one text: in a fleet there are thousands, and hardly ever anything to conceal."""
        texts = "\0".join({text for live in objects for text in _texts([live.address.name, live.spec])} - self.written)
        return objects if self.vault.mask(texts) == texts else tuple(map(self._live, objects))

    def _live(self, live: Live) -> Live:
        address = live.address._replace(name=self._masked(live.address.name))
        return replace(live, address=address, spec=self._masked(live.spec))

    def _masked(self, value: Any) -> Any:
        match value:
            case str():
                return value if value in self.written else self.vault.mask(value)
            case Mapping():
                return {self.vault.mask(name): self._masked(member) for name, member in value.items()}
            case list() | tuple():
                return [self._masked(item) for item in value]
            case _:
                return value

    def _finding(self, finding: Diagnostic) -> Diagnostic:
        return replace(finding, detail=self.vault.mask(finding.detail))

    def _checks(self, checks: Sequence[Check]) -> Sequence[Check]:
        return tuple(
            replace(
                check,
                message=self.vault.conceal(check.message),
                value=self.vault.mask(check.value) if isinstance(check.value, str) else check.value,
            )
            for check in checks
        )


def _texts(value: Any) -> set[str]:
    match value:
        case str():
            return {value}
        case Mapping():
            return {text for pair in value.items() for item in pair for text in _texts(item)}
        case list() | tuple():
            return {text for item in value for text in _texts(item)}
        case _:
            return set()


def written_in(resources: Mapping[Address, Resource]) -> frozenset[str]:
    """All texts of the manifests' objects, which anybody can read there."""
    return frozenset(
        text for resource in resources.values() for text in (resource.address.name, *_texts(resource.spec))
    )
