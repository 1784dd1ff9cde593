"""When live endpoints share a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.live import Live


def matrix_of(live: Live) -> tuple[Any, ...] | None:
    """What makes two endpoints' credentials the same; None where the gateway does not show enough to tell."""
    held = live.spec["credentials"]
    hints = {key_id: live.hints.get(f"/spec/credentials/{key_id}/apiKey") for key_id in held}
    if not all(hints.values()):
        return None
    members = sorted((key_id, member["priority"], hints[key_id]) for key_id, member in held.items())
    return (live.spec.get("rotationStrategy"), *members)


def limits_of(live: Live) -> tuple[Any, ...] | None:
    """What makes two endpoints' limits the same; None where there are none."""
    return tuple(live.spec.get("rateLimits", {}).items()) or None


def limits_name(limits: Mapping[str, Any]) -> str:
    """A name that says what the limits are, such as 600rpm-5conn-8000tok."""
    short = {"requestsPerMinute": "rpm", "concurrentConnections": "conn", "maxTokensPerRequest": "tok"}
    return "-".join(f"{value}{short.get(key, key)}" for key, value in limits.items())
