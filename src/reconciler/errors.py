"""Every exception that the project raises on purpose.

::

    ReconcilerError
    ├── InputError                 what the user wrote is wrong; carries diagnostics
    ├── Blocked                    a person must decide: policy, safety, approval, unknown outcome
    ├── SecretError
    │   ├── SecretMissing          the reference leads to no value
    │   └── SecretForbidden        the settings do not allow this reference
    ├── LedgerError
    │   ├── LeaseHeld              another run holds the gateway
    │   ├── StaleLedger            the ledger moved under this run
    │   ├── LedgerTooNew           written by a later version of the tool
    │   └── LedgerCorrupt          the file is damaged or is no ledger
    ├── GatewayError               a gateway said no, or said nothing
    │   ├── Unreachable            no connection; the request certainly did not arrive
    │   ├── Throttled              429, after the waits that the deadline allowed
    │   ├── ServerFault            5xx on a request that is safe to call undone
    │   │   └── TimedOut           nothing came in time: first byte, next byte or the whole answer
    │   ├── Unauthorized           401 after one renewal
    │   ├── Forbidden              403
    │   ├── NotFound               404
    │   ├── Unsupported            404, 405 or 501 on a call that this gateway does not have
    │   ├── Rejected               400, 413, 422
    │   ├── QuotaExhausted         a quota or billing code: waiting does not help
    │   ├── Conflict               409 or 412
    │   ├── OutcomeUnknown         a write left, its answer did not arrive
    │   ├── IncompleteStream       a stream that ended without its terminal marker
    │   └── ProtocolError          not JSON, wrong shape, cut short, over the size cap
    ├── InferenceError             a question cannot be put to a model, or its answer cannot be judged
    │   ├── PromptError            a template and its values do not fit together; `code` says how
    │   ├── OversizeMessage        one message alone is over the context window
    │   └── SchemaUnusable         no answer could be judged by this schema
    └── Defect                     cannot happen; asks for a bug report

Messages never hold a response body in full, a header, or a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic


class ReconcilerError(Exception):
    """The root of all errors of this package."""


class InputError(ReconcilerError):
    """Manifests, settings or arguments are wrong; the diagnostics say where and what to do."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(f"{len(self.diagnostics)} problem(s) in the input")


class Blocked(ReconcilerError):
    """The work is possible, but a person must decide first."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(message)


class SecretError(ReconcilerError):
    """A secret cannot be had. The message names the reference, never a value."""


class SecretMissing(SecretError):
    """The reference is allowed but leads to nothing."""


class SecretForbidden(SecretError):
    """The settings do not allow this reference."""


class LedgerError(ReconcilerError):
    """The ledger cannot be read or written."""


class LeaseHeld(LedgerError):
    """Another run holds the lease of a gateway; `holder` says who."""

    def __init__(self, gateway: str, holder: str, expires_in: float) -> None:
        self.gateway = gateway
        self.holder = holder
        self.expires_in = expires_in
        super().__init__(
            f"gateway {gateway!r} is being changed by {holder}; its lease ends in {expires_in:.0f} s "
            "unless it is renewed. Wait, or run `reconciler ledger unlock` if that run is gone."
        )


class StaleLedger(LedgerError):
    """A compare-and-set on the ledger's serial failed, or the lease was lost to another run."""


class LedgerTooNew(LedgerError):
    """The ledger was written by a later version of the tool."""


class LedgerCorrupt(LedgerError):
    """The ledger is damaged."""


class GatewayError(ReconcilerError):
    """A call to a gateway failed.

    `gateway` is its name, `request_id` the one that the gateway answered with (or None),
    `status` the HTTP status (or None when there was no answer).
    """

    def __init__(
        self,
        message: str,
        *,
        gateway: str = "",
        request_id: str | None = None,
        status: int | None = None,
    ) -> None:
        self.gateway = gateway
        self.request_id = request_id
        self.status = status
        super().__init__(message)


class Unreachable(GatewayError):
    """No connection could be made: the request did not arrive."""


class Throttled(GatewayError):
    """429 for longer than the deadline. `retry_after` is in seconds, None when unknown."""

    def __init__(
        self,
        message: str,
        *,
        gateway: str = "",
        request_id: str | None = None,
        status: int | None = 429,
        retry_after: float | None = None,
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, gateway=gateway, request_id=request_id, status=status)


class ServerFault(GatewayError):
    """The gateway failed (5xx, 408, 529) on a call that changed nothing."""


class TimedOut(ServerFault):
    """An answer, or the next piece of it, did not come in time."""


class Unauthorized(GatewayError):
    """The credential was refused, also after one renewal."""


class Forbidden(GatewayError):
    """The credential lacks a scope or permission; the message names what the platform needs."""


class NotFound(GatewayError):
    """The object does not exist."""


class Unsupported(GatewayError):
    """This gateway does not offer the call."""


class Rejected(GatewayError):
    """The gateway refused the body. Its message is redacted and cut to 300 characters."""


class QuotaExhausted(GatewayError):
    """A quota or a budget is used up: a person must act."""


def is_refusal(error: GatewayError) -> bool:
    """Whether the same request would be refused again, however long anybody waits."""
    return isinstance(error, Unauthorized | Forbidden | NotFound | Unsupported | Rejected)


class Conflict(GatewayError):
    """Someone else wrote in between, or the name is taken."""


class OutcomeUnknown(GatewayError):
    """A write was sent and its answer was lost: read back before sending again."""


class IncompleteStream(GatewayError):
    """A stream ended without its terminal marker: what came of it, in `partial`, is not the answer.

    `clean` is true when the other side closed as if all were well, false when the connection broke.
    """

    def __init__(
        self,
        message: str,
        *,
        gateway: str = "",
        request_id: str | None = None,
        status: int | None = None,
        partial: str = "",
        clean: bool = False,
    ) -> None:
        self.partial = partial
        self.clean = clean
        super().__init__(message, gateway=gateway, request_id=request_id, status=status)


class ProtocolError(GatewayError):
    """The answer is not what the contract says."""


class InferenceError(ReconcilerError):
    """A question cannot be put to a model, or no answer to it could be judged. Messages never hold its text."""


class PromptError(InferenceError):
    """A template and its values do not fit together.

    `code` is one of ``template-invalid``, ``variable-missing``, ``variable-undeclared``, ``variable-too-long``,
    ``variable-in-system`` and ``prompt-too-long``; `variable` names the one that it is about, or is empty.
    """

    def __init__(self, code: str, message: str, variable: str = "") -> None:
        self.code = code
        self.variable = variable
        super().__init__(message)


class OversizeMessage(InferenceError):
    """What must be sent is larger than the context window. `tokens` and `limit` are estimates in tokens."""

    def __init__(self, tokens: int, limit: int) -> None:
        self.tokens = tokens
        self.limit = limit
        super().__init__(
            f"the messages that cannot be left out take about {tokens} tokens, more than the {limit} of the window"
        )


class SchemaUnusable(InferenceError):
    """A response schema is no JSON Schema, refers outside itself, or is over the bounds."""


class Defect(ReconcilerError):
    """An invariant is broken. Please report it; nothing the user typed should lead here."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}. This is a defect of reconciler: please report it.")
