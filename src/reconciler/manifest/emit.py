"""Documents to YAML text that reads as if written by hand, and that the strict reader takes back unchanged.

| where                                    | layout                                |
|------------------------------------------|---------------------------------------|
| a document, its `spec`, `credentials`    | one member a line                     |
| anything deeper, `metadata`, `lifecycle` | in braces                             |
| the `spec` of a RateLimit                | in braces                             |
| text that could be read as anything else | in quotes; everything else without    |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from reconciler.manifest.scalars import resolve

_ENDLESS = 2**30
"""The width after which a line would be folded: never, so that a diff of a value is a diff of its line."""

_RISKY = re.compile(r"[^ -~\u00a1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|^\s|\s$|: |:$| #")


class _Braces(dict[str, Any]):
    """A mapping in braces."""


class _Brackets(list[Any]):
    """A list in brackets."""


class _Dumper(yaml.SafeDumper):
    """pyyaml's, with lists indented below their key and no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - pyyaml's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - pyyaml's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = isinstance(resolve(text), str) and not _RISKY.search(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _braces(dumper: yaml.SafeDumper, members: _Braces) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", members, flow_style=True)


def _brackets(dumper: yaml.SafeDumper, items: _Brackets) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Braces, _braces)
_Dumper.add_representer(_Brackets, _brackets)


def text_of(documents: Iterable[Mapping[str, Any]]) -> str:
    """The text of a file with these documents."""
    return "---\n".join(_dumped(_laid_out(document), flow=False) for document in documents)


def inline(value: Any) -> str:
    """One value on one line, as it can stand anywhere, also within braces."""
    return _dumped(_Brackets([_flow(value)]), flow=True).removesuffix("\n")[1:-1]


def _dumped(value: Any, *, flow: bool) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=_ENDLESS
    )
    return text


def _laid_out(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: _spec(document["kind"], value) if key == "spec" else _flow(value) for key, value in document.items()}


def _spec(kind: str, spec: Mapping[str, Any]) -> Any:
    if kind == "RateLimit":
        return _flow(spec)
    return {key: _credentials(value) if key == "credentials" else _flow(value) for key, value in spec.items()}


def _credentials(value: Any) -> Any:
    return [_flow(item) for item in value] if isinstance(value, list) else value


def _flow(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Braces({key: _flow(member) for key, member in value.items()})
    if isinstance(value, list | tuple):
        return _Brackets(_flow(item) for item in value)
    return value
