"""MLflow AI Gateway: secrets, model definitions and endpoints as one Endpoint, and webhooks. Run against 3.17.2."""

from __future__ import annotations

from reconciler.platforms.mlflow.platform import PLATFORM

__all__ = ["PLATFORM"]
