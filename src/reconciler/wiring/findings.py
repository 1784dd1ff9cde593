"""Findings about gateways, and when they stop a command."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.model.resource import Gateway


def finding(code: str, summary: str, detail: str, gateway: Gateway, path: str) -> Diagnostic:
    """An error at a field of a Gateway's manifest."""
    return Diagnostic(Severity.ERROR, code, summary, detail, gateway.source.position(path), path=path)


def require(findings: Sequence[Diagnostic]) -> None:
    """Raise InputError when there is an error among the findings."""
    if has_errors(findings):
        raise InputError(ordered(findings))
