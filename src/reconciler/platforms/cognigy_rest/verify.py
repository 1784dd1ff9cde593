"""What the answer of ``/test`` says. Pure.

| check       | ready                        | rejected    | unknown                 |
|-------------|------------------------------|-------------|-------------------------|
| credentials | `isCredentialsValid` is true | it is false | no usable answer at all |
"""

from __future__ import annotations

from reconciler.errors import GatewayError, is_refusal
from reconciler.model.run import Check, Verdict
from reconciler.platforms.cognigy_rest.convert import Wire


def judged(name: str, answer: Wire, said: str, key: str) -> Check:
    """Judge one answer; `said` is its message, fit to be shown, `key` the path of the secret that was tested."""
    valid = answer.get("isCredentialsValid")
    if valid is True:
        return Check(name, Verdict.READY, "", valid, proves=(key,))
    if valid is False:
        return Check(name, Verdict.REJECTED, said or "the provider does not take the credentials", valid)
    return Check(name, Verdict.UNKNOWN, "the answer does not say whether the credentials are valid")


def doubt(name: str, error: GatewayError) -> Check:
    """The test could not be had."""
    return Check(name, Verdict.UNKNOWN, str(error), lasting=is_refusal(error))
