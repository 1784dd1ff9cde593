"""Names become things: the only room that knows every plug."""

from __future__ import annotations

from reconciler.wiring.checkout import branch_of, commit_of, commits_of, holder, place_of, uncommitted
from reconciler.wiring.codes import CODES
from reconciler.wiring.inference import Probes, Probing, open_inference
from reconciler.wiring.offline import plan_against, validate
from reconciler.wiring.outside import open_forge, open_webhook
from reconciler.wiring.routing import check_serve_extra, gateways_of, open_interactions, open_routes
from reconciler.wiring.session import Machine, audited, open_ledger, open_session

__all__ = [
    "CODES",
    "Machine",
    "Probes",
    "Probing",
    "audited",
    "branch_of",
    "check_serve_extra",
    "commit_of",
    "commits_of",
    "gateways_of",
    "holder",
    "open_forge",
    "open_inference",
    "open_interactions",
    "open_ledger",
    "open_routes",
    "open_session",
    "open_webhook",
    "place_of",
    "plan_against",
    "uncommitted",
    "validate",
]
