"""What the health check says. Pure.

| check       | ready                                        | rejected                | unknown         |
|-------------|----------------------------------------------|-------------------------|-----------------|
| reachable   | anything was answered                        |                         | no answer       |
| authorized  | 200                                          | 401, 403                | 429, 5xx        |
| permissions | `X-Permissions` has `llm-gateway:manage`     | it has not              |                 |

A key that only configures needs no permission for inference; what it lacks is said all the same. A gateway that does
not send the header is not judged by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import GatewayError
from reconciler.model.run import Check, Verdict
from reconciler.platforms.cognigy.capabilities import INFERENCE, MANAGE
from reconciler.platforms.verdicts import answered, authorized, reachable, summed


def checks(permissions: str | None) -> Sequence[Check]:
    """Judge a health check that went well."""
    found = [reachable(None), authorized(None)]
    return found if permissions is None else [*found, _permissions(permissions)]


def _permissions(listed: str) -> Check:
    has = set(listed.replace(",", " ").split())
    if MANAGE not in has:
        return Check("permissions", Verdict.REJECTED, f"the key lacks {MANAGE}", ", ".join(sorted(has)), MANAGE)
    lacking = [permission for permission in INFERENCE if permission not in has]
    message = f"for inference it lacks {', '.join(lacking)}" if lacking else ""
    return Check("permissions", Verdict.READY, message, ", ".join(sorted(has)), MANAGE)


def refusal(error: GatewayError) -> Sequence[Check]:
    """Judge a health check that failed."""
    return summed(reachable(error), authorized(error), answered("healthy", error))
