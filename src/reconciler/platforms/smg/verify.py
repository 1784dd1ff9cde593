"""What can be asked of a worker without spending a token. Pure.

| check   | ready                              | rejected            | unknown                  |
|---------|------------------------------------|---------------------|--------------------------|
| healthy | the gateway calls it healthy       | it does not         | it comes or goes         |
| model   | discovered at the provider         | others were, not it | nothing was discovered   |

smg asks the provider for its models with the key when a worker is added or replaced, and never again: a key that is
changed later is not proven by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.errors import GatewayError, is_refusal
from reconciler.model.run import Check, Verdict
from reconciler.platforms.smg.convert import Wire, model_ids, present, writes

ADDED = 1
"""How many writes of ours a worker has seen that was added and never changed: its models were read with its key."""


def checks(model: str, raw: Wire) -> Sequence[Check]:
    """Judge one read of a worker."""
    return (_healthy(raw), replace(_model(model, model_ids(raw)), proves=None if writes(raw) <= ADDED else ()))


def doubt(error: GatewayError) -> Sequence[Check]:
    """The worker could not be read."""
    return (Check("healthy", Verdict.UNKNOWN, str(error), lasting=is_refusal(error)),)


def _healthy(raw: Wire) -> Check:
    if not present(raw):
        return Check("healthy", Verdict.UNKNOWN, f"the worker is {raw.get('status')}")
    if raw.get("is_healthy") is True:
        return Check("healthy", Verdict.READY, "", value=True, proves=())
    return Check("healthy", Verdict.REJECTED, "the gateway calls the worker unhealthy", value=False, settling=True)


def _model(model: str, found: frozenset[str]) -> Check:
    if model in found:
        return Check("model", Verdict.READY, "", model)
    if not found:
        return Check("model", Verdict.UNKNOWN, "the gateway has found no models at the provider yet")
    return Check("model", Verdict.REJECTED, f"the provider has {', '.join(sorted(found)[:5])}, and no {model}")
