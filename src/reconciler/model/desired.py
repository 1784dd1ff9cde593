"""What the manifests want, all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import InferenceDeclarations
from reconciler.model.resource import EMPTY, Gateway, Policy, Resource


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a fleet that a run is about: what lies below `paths` and has the `labels`; empty: any.

    `paths` are names of files and folders as positions give them. `elsewhere` holds what the rest of the manifests
    declares, and `unread` says where an error keeps the rest from being known; empty where none does.
    """

    paths: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    elsewhere: Mapping[Address, Resource] = field(default_factory=dict)
    unread: str = ""

    def covers(self, origin: str, labels: Mapping[str, str]) -> bool:
        """Whether what was declared in a file, with labels, belongs to this part."""
        return self.lies_within(origin) and all(labels.get(key) == value for key, value in self.labels.items())

    def lies_within(self, file: str) -> bool:
        """Whether a file lies below one of the paths; every file does where there are none."""
        return not self.paths or any(not path or file == path or file.startswith(f"{path}/") for path in self.paths)

    def __str__(self) -> str:
        return " ".join([*self.paths, *(f"{key}={value}" for key, value in self.labels.items())])


@dataclass(frozen=True, slots=True)
class Desired:
    """All that the manifests want. `digest` (``sha256:…``) is over the bytes of the files read.

    `scope` is None for a whole fleet; otherwise these are the resources of that part of it. `consequences` are findings
    that are left unsaid, since they may only be there because another document cannot be read.
    `chosen` are the gateways that a run was narrowed to; None: all that there are. `other_gateways` are declared, and
    not among `gateways`, for this part has nothing on them. `fleet` tells these manifests from others that may share
    the ledger.
    """

    gateways: Mapping[str, Gateway]
    resources: Mapping[Address, Resource]
    policies: tuple[Policy, ...] = ()
    digest: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    inference: InferenceDeclarations = field(default_factory=InferenceDeclarations)
    scope: Scope | None = None
    chosen: frozenset[str] | None = None
    other_gateways: frozenset[str] = frozenset()
    fleet: str = ""
    consequences: tuple[Diagnostic, ...] = ()

    @property
    def everywhere(self) -> Mapping[Address, Resource]:
        """Everything that is declared, also outside of the part that a run is about."""
        return self.resources if self.scope is None else {**self.scope.elsewhere, **self.resources}
