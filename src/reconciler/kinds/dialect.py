"""Whether a mapping is a JSON Schema, and where not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def schema_fault(schema: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str] | None:
    """Keys that lead to what its meta-schema refuses, and why; None for a JSON Schema."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - only where there are schemas
    from jsonschema.validators import validator_for  # noqa: PLC0415 - the same

    chosen = validator_for(schema)
    error = best_match(chosen(chosen.META_SCHEMA).iter_errors(schema))
    return None if error is None else (tuple(error.absolute_path), error.message)
