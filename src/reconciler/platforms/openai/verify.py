"""What health and models say. Pure.

| check      | ready                           | rejected                  | unknown                              |
|------------|---------------------------------|---------------------------|--------------------------------------|
| reachable  | either call was answered        |                           | neither was                          |
| healthy    | 2xx                             |                           | 5xx, or anything that is no answer   |
| authorized | the models were listed          | 401, 403                  | 429, 5xx, no answer                  |
| model      | it is among them                | it is not                 | the list could not be had            |

A gateway without a health call is not judged by it: a 401 or 403 there is left to `authorized`. A gateway that has one,
and no list of models, may be ready: `model` is unknown then, which is said and decides nothing. Where it has neither,
nothing was told, and only a question can tell: a Probe. After a refusal `model` is left out: it could not be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Forbidden, GatewayError, Unauthorized, Unsupported
from reconciler.model.run import Check, Verdict
from reconciler.platforms.verdicts import authorized, reachable

SHOWN = 5
"""How many models a message lists."""


def checks(health: GatewayError | None, models: frozenset[str] | GatewayError, wanted: str) -> Sequence[Check]:
    """Judge the answers to both calls: None and the models where they went well."""
    error = models if isinstance(models, GatewayError) else None
    found = [reachable(health, error)]
    if found[0].verdict is not Verdict.READY:
        return found
    if isinstance(error, Unsupported):
        return [*found, *_healthy(health), _unlisted(health, wanted)]
    allowed = authorized(error)
    told = () if allowed.verdict is Verdict.REJECTED else (_model(models, wanted),)
    return [*found, *_healthy(health), allowed, *told]


def _unlisted(health: GatewayError | None, wanted: str) -> Check:
    """A gateway that lists no models, and is well or has no call for that either."""
    if isinstance(health, Unauthorized | Forbidden):
        return authorized(health)
    message = "the gateway lists no models; a Probe would tell"
    return Check("model", Verdict.UNKNOWN, message, None, wanted, advisory=health is None, unoffered=True)


def _healthy(health: GatewayError | None) -> Sequence[Check]:
    if isinstance(health, Unsupported | Unauthorized | Forbidden):
        return ()
    verdict = Verdict.READY if health is None else Verdict.UNKNOWN
    return (Check("healthy", verdict, "" if health is None else str(health)),)


def _model(models: frozenset[str] | GatewayError, wanted: str) -> Check:
    if isinstance(models, GatewayError):
        return Check("model", Verdict.UNKNOWN, "the models could not be listed", None, wanted)
    if wanted in models:
        return Check("model", Verdict.READY, "", wanted, wanted)
    some = ", ".join(sorted(models)[:SHOWN]) or "none"
    return Check("model", Verdict.REJECTED, f"{wanted} is not among its models; it has {some}", None, wanted)
