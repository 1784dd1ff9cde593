"""The manifest language: one pydantic model per kind, one table of kinds."""

from __future__ import annotations

from reconciler.kinds.schema import file_name, schema_text, schemas, union_schema, values
from reconciler.kinds.table import Problem, model_of, names, problems

__all__ = ["Problem", "file_name", "model_of", "names", "problems", "schema_text", "schemas", "union_schema", "values"]
