"""A declarative GitOps reconciler for LLM gateways.

`load`, `plan` and `apply` are the tool as a library (see `reconciler.facade`); `Plan` and `Run` are what they give.
What can go wrong is in `reconciler.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.facade import apply, load, plan
    from reconciler.model.plan import Plan
    from reconciler.model.run import Run

__version__ = "0.1.0"

__all__ = ["Plan", "Run", "__version__", "apply", "load", "plan"]

_HOMES = {
    "load": "reconciler.facade",
    "plan": "reconciler.facade",
    "apply": "reconciler.facade",
    "Plan": "reconciler.model.plan",
    "Run": "reconciler.model.run",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: every command imports this package, few need all of it."""
    from importlib import import_module  # noqa: PLC0415 - the same

    if name not in _HOMES:
        raise AttributeError(f"module 'reconciler' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
