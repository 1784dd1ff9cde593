"""What the call says. Pure.

| check      | ready                      | rejected                              | unknown                 |
|------------|----------------------------|---------------------------------------|-------------------------|
| reachable  | anything was answered      |                                       | no answer               |
| authorized | the token and the call     | 401, 403, the token endpoint refuses  | 429, 5xx                |
| model      | it begins to answer        | 400, 404, 422, a quota is used up     | anything else           |

What comes after the first check that is not ready is left out: it could not be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import GatewayError
from reconciler.model.run import Check
from reconciler.platforms.verdicts import answered, authorized, reachable, summed


def checks(error: GatewayError | None) -> Sequence[Check]:
    """Judge one call; None where it went well."""
    return summed(reachable(error), authorized(error), answered("model", error))
