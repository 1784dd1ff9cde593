"""From a template and values to the messages of a question.

::

    value given   declared   required, no default   what happens
    yes           no         -                      variable-undeclared
    no            yes        yes                    variable-missing
    no            yes        no, default            the default
    no            yes        no, no default         undefined: Jinja2 may ask `is defined`; printing it is an error
    too long      yes        -                      variable-too-long

A system message is constant: a variable in it is `variable-in-system`, because a customer's words would become rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.errors import PromptError
from reconciler.inference import sandbox
from reconciler.inference.chat import Message, Role
from reconciler.model.inference import Engine, PromptTemplate
from reconciler.model.templates import LONGEST_TEMPLATE

LONGEST_PROMPT = 200_000
"""Characters of one rendered message."""

_BRACES = re.compile(r"\{\{(?:[ \t]{0,8}([A-Za-z_]\w{0,63})[ \t]{0,8}\}\})?", re.ASCII)
_DOLLAR = re.compile(r"\$(?:([A-Za-z_]\w{0,63})|\{(?:([A-Za-z_]\w{0,63})\})?|(\$))", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Syntax:
    """What an engine can do with a text."""

    names: Callable[[str], frozenset[str]]
    fill: Callable[[str, Mapping[str, str]], str]


def render(template: PromptTemplate, values: Mapping[str, str], history: Sequence[Message] = ()) -> tuple[Message, ...]:
    """The system message where there is one, the conversation so far, and the question.

    PromptError when template and values do not fit. A system message in `history` is left out: only the template
    makes rules.
    """
    check(template)
    syntax = _SYNTAX[template.engine]
    question = syntax.fill(template.user, _complete(template, values))
    return (
        *((Message(Role.SYSTEM, syntax.fill(template.system, {})),) if template.system else ()),
        *(message for message in history if message.role is not Role.SYSTEM),
        Message(Role.USER, question),
    )


def check(template: PromptTemplate) -> None:
    """PromptError when no values could make this template right."""
    names = _SYNTAX[template.engine].names
    for text in (template.system, template.user):
        if len(text) > LONGEST_TEMPLATE:
            raise PromptError("template-invalid", f"a template has at most {LONGEST_TEMPLATE} characters")
    for name in sorted(names(template.system)):
        raise PromptError("variable-in-system", f"the system message is constant: move {name!r} into user", name)
    for name in sorted(names(template.user) - set(template.variables)):
        raise PromptError("variable-undeclared", f"the template reads {name!r}, which variables does not list", name)


def _complete(template: PromptTemplate, values: Mapping[str, str]) -> Mapping[str, str]:
    for name in sorted(set(values) - set(template.variables)):
        raise PromptError("variable-undeclared", f"the template {template.name!r} has no variable {name!r}", name)
    return {name: value for name in template.variables if (value := _value(template, name, values)) is not None}


def _value(template: PromptTemplate, name: str, values: Mapping[str, str]) -> str | None:
    variable = template.variables[name]
    value = values.get(name, variable.default)
    if value is None and variable.required:
        raise PromptError("variable-missing", f"the template {template.name!r} needs a value for {name!r}", name)
    if value is not None and variable.max_length is not None and len(value) > variable.max_length:
        raise PromptError("variable-too-long", f"{name!r} may have {variable.max_length} characters", name)
    return value


def _brace_names(text: str) -> frozenset[str]:
    return frozenset(_name(found[1], "{{") for found in _BRACES.finditer(text))


def _dollar_names(text: str) -> frozenset[str]:
    return frozenset(_name(found[1] or found[2], "${") for found in _DOLLAR.finditer(text) if not found[3])


def _name(name: str | None, opening: str) -> str:
    if name is None:
        raise PromptError("template-invalid", f"{opening!r} opens a variable, but none follows that is closed")
    return name


def _fill_braces(text: str, values: Mapping[str, str]) -> str:
    return _bounded(_pieces(_BRACES, text, values))


def _fill_dollar(text: str, values: Mapping[str, str]) -> str:
    return _bounded(_pieces(_DOLLAR, text, values))


def _pieces(holes: re.Pattern[str], text: str, values: Mapping[str, str]) -> Sequence[str]:
    pieces: list[str] = []
    end = 0
    for found in holes.finditer(text):
        name = found[1] or (found[2] if holes is _DOLLAR else None)
        pieces += (text[end : found.start()], "$" if name is None else _given(values, name))
        end = found.end()
    return (*pieces, text[end:])


def _given(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise PromptError("variable-missing", f"the template prints {name!r}, which has no value", name)
    return values[name]


def _bounded(pieces: Sequence[str]) -> str:
    if sum(map(len, pieces)) > LONGEST_PROMPT:
        raise PromptError("prompt-too-long", f"the prompt is over {LONGEST_PROMPT} characters")
    return "".join(pieces)


def _fill_jinja2(text: str, values: Mapping[str, str]) -> str:
    return sandbox.render(text, values, LONGEST_PROMPT)


_SYNTAX: Mapping[Engine, _Syntax] = {
    Engine.JINJA2: _Syntax(sandbox.variables_of, _fill_jinja2),
    Engine.BRACES: _Syntax(_brace_names, _fill_braces),
    Engine.DOLLAR: _Syntax(_dollar_names, _fill_dollar),
}
