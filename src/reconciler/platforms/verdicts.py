"""What an answer, or the lack of one, says of a gateway. Pure.

| answer                          | reachable | authorized |
|---------------------------------|-----------|------------|
| a success                       | ready     | ready      |
| 401, 403                        | ready     | rejected   |
| 429, 5xx                        | ready     | unknown    |
| any other status                | ready     | ready      |
| no answer: connection, time-out | unknown   | unknown    |

Reachable means that anything at all was answered; whether the credential is taken is another question. A doubt
is never turned into a rejection.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Forbidden, GatewayError, NotFound, QuotaExhausted, Rejected, Unauthorized
from reconciler.model.run import Check, Verdict

THROTTLED = 429
SERVER_FAULT = 500
_FINAL = (Rejected, NotFound, QuotaExhausted)


def reachable(*errors: GatewayError | None) -> Check:
    """Whether any of several calls was answered; None stands for a success."""
    if any(error is None or error.status is not None for error in errors):
        return Check("reachable", Verdict.READY)
    return Check("reachable", Verdict.UNKNOWN, next((str(error) for error in errors if error is not None), ""))


def authorized(error: GatewayError | None) -> Check:
    """Whether the credential was taken."""
    if error is None:
        return Check("authorized", Verdict.READY)
    if isinstance(error, Unauthorized | Forbidden):
        return Check("authorized", Verdict.REJECTED, str(error))
    doubtful = error.status is None or error.status == THROTTLED or error.status >= SERVER_FAULT
    return Check("authorized", Verdict.UNKNOWN, str(error)) if doubtful else Check("authorized", Verdict.READY)


def answered(name: str, error: GatewayError | None) -> Check:
    """Whether a call for one thing went well: a refusal of its content rejects, everything else is a doubt."""
    if error is None:
        return Check(name, Verdict.READY)
    return Check(name, Verdict.REJECTED if isinstance(error, _FINAL) else Verdict.UNKNOWN, str(error))


def summed(*checks: Check) -> Sequence[Check]:
    """The checks up to the first that makes the later ones pointless: nothing is said twice."""
    found: list[Check] = []
    for check in checks:
        found.append(check)
        if check.verdict is not Verdict.READY:
            break
    return found
