"""Jinja2 as far as a prompt needs it: conditions, tests and filters that cannot blow up. No loops, calls or sums.

A template comes from whoever may open a pull request, and is rendered where credentials are. So what a template may
hold is listed in `model.templates`; all else is refused before anything runs, and the output is cut off at a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.errors import PromptError
from reconciler.model.templates import FILTERS, NODES, TESTS

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.nodes import Node
    from jinja2.sandbox import ImmutableSandboxedEnvironment

CACHED_TEMPLATES = 256


@lru_cache(maxsize=CACHED_TEMPLATES)
def variables_of(text: str) -> frozenset[str]:
    """Names that a template reads. PromptError when it is no template, or holds what a prompt may not."""
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415 - loaded by the first prompt

    try:
        return _names(text)
    except TemplateSyntaxError as error:
        raise PromptError("template-invalid", f"line {error.lineno} of the template is no Jinja2") from error
    except RecursionError:  # of the parser, or of any walk over what it made
        raise PromptError("template-invalid", "the template is nested too deep") from None
    except ValueError:
        raise PromptError("template-invalid", "the template has a number of too many digits") from None


def _names(text: str) -> frozenset[str]:
    from jinja2 import meta  # noqa: PLC0415 - loaded by the first prompt

    tree = _environment().parse(text)
    _require_listed(tree)
    return frozenset(meta.find_undeclared_variables(tree))


def render(text: str, values: Mapping[str, str], limit: int) -> str:
    """Fill a template. A value is data: braces within it stay as they are. PromptError beyond `limit` characters."""
    from jinja2 import TemplateError, UndefinedError  # noqa: PLC0415 - loaded by the first prompt

    parts: list[str] = []
    length = 0
    try:
        for part in _compiled(text).generate(dict(values)):
            length += len(part)
            if length > limit:
                raise PromptError("prompt-too-long", f"the prompt is over {limit} characters")
            parts.append(part)
    except UndefinedError as error:
        raise PromptError("variable-missing", "the template prints a variable that has no value") from error
    except (TemplateError, TypeError, ValueError) as error:
        raise PromptError("template-invalid", "the template cannot be rendered with these values") from error
    return "".join(parts)


def _require_listed(tree: Node) -> None:
    from jinja2 import nodes  # noqa: PLC0415 - loaded by the first prompt

    for node in tree.find_all(nodes.Node):
        if type(node).__name__ not in NODES:
            raise _refused(node, type(node).__name__.lower())
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise _refused(node, f"the filter {node.name}")
        if isinstance(node, nodes.Filter) and node.name == "tojson" and _quotes_again(node):
            raise _refused(node, "tojson of tojson, which doubles its text each time")
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            raise _refused(node, f"the test {node.name}")
        if isinstance(node, nodes.Name) and node.name == "self":
            raise _refused(node, "self")


def _quotes_again(node: Node) -> bool:
    from jinja2 import nodes  # noqa: PLC0415 - loaded by the first prompt

    return any(inner.name == "tojson" for inner in node.find_all(nodes.Filter))


def _refused(node: Node, what: str) -> PromptError:
    return PromptError("template-invalid", f"line {node.lineno} of the template: a prompt cannot hold {what}")


@lru_cache(maxsize=CACHED_TEMPLATES)
def _compiled(text: str) -> Template:
    variables_of(text)
    try:
        return _environment().from_string(text)
    except (RecursionError, SyntaxError):  # Python's own compiler gives up earlier than the parser
        raise PromptError("template-invalid", "the template is nested too deep") from None


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 - loaded by the first prompt
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - the same

    made = ImmutableSandboxedEnvironment(  # a prompt is no HTML: escaping would change what is said
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, optimized=False, cache_size=0
    )
    made.globals.clear()
    return made
