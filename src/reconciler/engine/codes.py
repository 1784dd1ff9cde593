"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "ENGINE001": (
        "A gateway could not be read at all: it is unreachable, refuses the credential, or answers "
        "something that the contract does not know. The plan is incomplete: what was not seen may "
        "neither be created nor forgotten, so it can be looked at but never applied. Other gateways go "
        "on. Check the URL, the credential and the gateway itself, then plan again."
    ),
    "ENGINE002": (
        "Between the plan that was approved and the moment of writing, manifests, ledger or gateway "
        "moved, and planning again gives something else. Look at the new plan and approve that. What moves on "
        "the gateway after that is caught by the guard of each write."
    ),
    "ENGINE003": (
        "An earlier run was interrupted while it wrote these objects. The gateway was looked at and the "
        "ledger will be completed by the next apply; nothing needs to be done."
    ),
    "ENGINE010": (
        "To try a change, a run makes an object beside the live one and removes it again. This one is of an earlier "
        "run of this ledger: that run was killed, or the gateway made the object after the run had given it up. The "
        "next apply removes it, and nothing needs to be done. An object that only looks like one is left alone."
    ),
    "ADOPT001": (
        "Objects were adopted by `reconciler import` or `reconciler adopt`: the ledger knows the references of their "
        "secrets, no value was ever sent, and some references lead to no value yet. As long as nothing of these "
        "objects is written that is fine. A write replaces a whole object with its secrets, so a plan that writes one "
        "of them is blocked until its secrets are set."
    ),
    "ENGINE004": (
        "An address was given that no manifest declares for the selected gateways. Addresses read gateway/Kind/name."
    ),
    "ENGINE009": (
        "PATHs or --selector name a part of the fleet, and nothing belongs to it: nothing that the manifests declare, "
        "and nothing that the ledger knows. A typing error looks like this, and a green run over nothing would hide it."
    ),
    "ENGINE006": (
        "Three changes of one run were rejected with the same words and the same secrets, so that the cause is not in "
        "the single object: a revoked key, an account without quota. What was under way has ended, the rest was not "
        "begun and counts as skipped. Mend the cause and apply again."
    ),
    "ENGINE005": (
        "`drift --verify` asked whether this object works, and got no verdict: a rate limit, a server fault or a "
        "time-out. That is neither drift nor its absence, so the report is incomplete and the command exits with 1."
    ),
}
