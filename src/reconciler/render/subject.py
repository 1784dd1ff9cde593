"""What a report is about, whatever the format it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome, Run


@dataclass(frozen=True, slots=True)
class Subject:
    """What one command found or did; parts that it has nothing to do with are None or empty.

    `command` is ``validate``, ``plan``, ``drift``, ``apply`` or ``verify``. `diagnostics` are those of the whole
    command, the plan's among them, each once. `outcomes` are the run's, or those of verify. `edges` leads from
    each declared resource to those it depends on. `source` is an address that a file's path and line can be added
    to, such as ``https://host/owner/name/blob/COMMIT``; empty where the files are nowhere to be linked to.
    `fleet` tells the manifests from others of one repository; empty where they are the only ones.
    """

    command: str
    exit_code: int
    plan: Plan | None = None
    run: Run | None = None
    outcomes: tuple[Outcome, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    edges: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    source: str = ""
    fleet: str = ""
