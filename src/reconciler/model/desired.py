"""What the manifests want, all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import InferenceDeclarations
from reconciler.model.resource import Gateway, Policy, Resource


@dataclass(frozen=True, slots=True)
class Desired:
    """All that the manifests want. `digest` (``sha256:…``) is over the bytes of the files read."""

    gateways: Mapping[str, Gateway]
    resources: Mapping[Address, Resource]
    policies: tuple[Policy, ...] = ()
    digest: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    inference: InferenceDeclarations = field(default_factory=InferenceDeclarations)
