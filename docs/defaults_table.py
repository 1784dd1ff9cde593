"""Write docs/reference/defaults.md from the models: `make reference`."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler import kinds
from reconciler.inference import attempt, defaults
from reconciler.model import channels
from reconciler.settings import Settings

PAGE = Path(__file__).parent / "reference" / "defaults.md"

DEEPEST = 5
"""How far down fields are followed; references may lead round in circles."""

HEAD = """# What holds where nothing is said

Generated from the models by `make reference`; a test compares. Every field that has a default is here.

"""


def text() -> str:
    """The whole page."""
    return HEAD + "\n".join([*_manifests(), *_channels(), *_constants(), *_settings()])


def _manifests() -> Iterator[str]:
    yield "## Manifests\n"
    yield "| kind | field | default |\n|---|---|---|"
    for kind, schema in kinds.schemas().items():
        for path, default in _fields(schema, schema, ()):
            yield f"| {kind} | `{'.'.join(path)}` | `{_shown(default)}` |"
    yield ""


def _fields(
    schema: dict[str, Any], node: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if "$ref" in node:
        node = {**schema["definitions"][node["$ref"].rsplit("/", 1)[1]], **node}
    for name, child in node.get("properties", {}).items():
        here = (*path, name)
        if child.get("default") not in (None, "", {}, []):
            yield here, child["default"]
        for option in (child, *child.get("anyOf", ()), *child.get("allOf", ())):
            if len(here) < DEEPEST:
                yield from _fields(schema, option, here)


def _channels() -> Iterator[str]:
    yield "## Routes, by the channel that calls them\n"
    names = [name for name in channels.ChannelDefaults.__dataclass_fields__ if name not in {"members", "variables"}]
    yield f"| channel | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
    for channel, given in channels.CHANNELS.items():
        yield f"| {channel.value} | {' | '.join(f'`{_shown(getattr(given, name))}`' for name in names)} |"
    yield ""


def _constants() -> Iterator[str]:
    yield "## Inference\n"
    yield "| what | default |\n|---|---|"
    for name, value in inspect.getmembers(defaults):
        if name.isupper() and isinstance(value, int | float | str):
            yield f"| {name.lower().replace('_', ' ')} | `{_shown(value)}` |"
    for name, field in attempt.Limits.__dataclass_fields__.items():
        yield f"| {name.replace('_', ' ')} of a question, in seconds | `{_shown(field.default)}` |"
    yield ""


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield "| setting | default |\n|---|---|"
    for name, value in vars_of(Settings(Path())).items():
        if isinstance(value, bool | int | float | str):
            yield f"| {name.replace('_', ' ')} | `{_shown(value)}` |"
    yield ""


def vars_of(value: Any) -> dict[str, Any]:
    """Fields of a frozen value."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _shown(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
