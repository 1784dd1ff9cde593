"""What a platform can do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.resource import Guard


@dataclass(frozen=True, slots=True)
class KindCapability:
    """What a platform offers for one kind.

    `guard` is the strongest guard of its writes. `preflight` means that a change can be proven
    beside the live object; `verify` that a live object can be asked whether it works. `clears` is
    False where a field that is no longer wanted cannot be removed. `write_only` names the secret
    leaves that a read never returns, as path patterns with ``*`` for one segment.
    """

    create: bool = True
    update: bool = True
    delete: bool = True
    guard: Guard = Guard.COMPARE
    preflight: bool = False
    verify: bool = False
    clears: bool = True
    write_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Per kind; a kind that is not here does not exist on the platform."""

    kinds: Mapping[str, KindCapability]
    permissions: tuple[str, ...] = ()
