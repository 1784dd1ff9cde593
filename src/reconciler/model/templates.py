"""What a Jinja2 template of a prompt may hold. A template comes from whoever may open a pull request.

With these parts, the time of rendering and the size of the result are bounded by the length of the template times the
length of a value: there are no loops, calls, sums or attributes.
"""

from __future__ import annotations

NODES = frozenset(
    {"And", "Compare", "CondExpr", "Const", "Filter", "If", "Name", "Not", "Operand", "Or", "Output"}
    | {"Template", "TemplateData", "Test"}
)
"""Names of Jinja2's node classes."""

FILTERS = frozenset({"capitalize", "d", "default", "length", "lower", "striptags", "title", "tojson", "trim", "upper"})
"""`tojson` only once: within itself it doubles its text."""

TESTS = frozenset({"defined", "eq", "equalto", "in", "lower", "ne", "none", "string", "undefined", "upper"})

LONGEST_TEMPLATE = 64_000
"""Characters of one message of a template."""
