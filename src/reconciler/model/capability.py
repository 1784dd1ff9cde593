"""What a platform can do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.model.resource import EMPTY, Guard


@dataclass(frozen=True, slots=True)
class KindCapability:
    """What a platform offers for one kind.

    `guard` is the strongest guard of its writes. `preflight` means that a change can be proven
    beside the live object; `verify` that a live object can be asked whether it works. `clears` is
    False where a field that is no longer wanted cannot be removed. `write_only` names the secret
    leaves that a read never returns, as path patterns with ``*`` for one segment. `read` is False where
    objects can be neither listed nor read: they are made at most once, and never known to be in step.

    `named` is True where the name that the manifest gives is the object's id; otherwise the gateway chooses one, and
    `identity` names the members of the spec that an object is recognized by as long as its id is not known. `unique`
    names those that no two objects of the kind may share; empty: the gateway has room for one; None: nothing is.
    """

    create: bool = True
    update: bool = True
    delete: bool = True
    read: bool = True
    guard: Guard = Guard.COMPARE
    preflight: bool = False
    verify: bool = False
    clears: bool = True
    write_only: tuple[str, ...] = ()
    named: bool = False
    identity: tuple[str, ...] = ()
    unique: tuple[str, ...] | None = None


class Called(Enum):
    """How a question names the endpoint that it is put to."""

    BY_MODEL = "by its model"
    BY_NAME = "by its id"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Per kind; a kind that is not here does not exist on the platform.

    `permissions` are what its credential needs, for messages. `scopes` are asked for where a manifest names none,
    and `token_early_seconds` before its end a token is renewed. `dialect` names the dialect of inference that the
    platform speaks, None where it answers no questions; `dialects` those by the Gateway's `transport`. `hands_on` is
    True where a question's credential goes on to the provider: then questions are put without the gateway's own.
    `history` is True where earlier turns of a conversation can be read.
    `called` says how a question names an endpoint. `domains` are those that the vendor's own hosts lie in; empty for
    software that runs on anybody's.
    """

    kinds: Mapping[str, KindCapability]
    permissions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    token_early_seconds: float = 60.0
    dialect: str | None = None
    dialects: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    hands_on: bool = False
    called: Called = Called.BY_MODEL
    domains: tuple[str, ...] = ()
    history: bool = False

    def dialect_over(self, transport: str | None) -> str | None:
        """The dialect that a Gateway with this `transport` speaks; None where there is none."""
        return self.dialect if transport is None else self.dialects.get(transport)
