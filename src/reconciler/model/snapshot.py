"""What gateways and ledger held at one moment, without anything secret, for planning where there are no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.live import Observed
from reconciler.model.memory import LedgerSnapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Live objects by gateway, and the ledger's entries.

    `taken_at` is ISO 8601, UTC. `origins` says where each gateway was read. Fingerprints, raw documents and
    what platforms reveal of keys are not in it: `hints` are labels that only tell equal from different.
    """

    taken_at: str
    tool_version: str
    commit: str | None
    origins: Mapping[str, str]
    observed: Mapping[str, Observed]
    ledger: LedgerSnapshot
