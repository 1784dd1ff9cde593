"""Options that stand before or after a command alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler import storage
from reconciler.cli.report import FORMATS, Destination

F = TypeVar("F", bound=Callable[..., Any])


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Whoever says it last, says it: the command's own word beats the one before it."""
    if param.name and value is not None and value is not False:
        ctx.ensure_object(dict)[param.name] = value


def _keep_reports(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    """A report that cannot be written is said now, and not after an apply."""
    try:
        reports = [Destination.parse(text) for text in value]
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    _keep(ctx, param, reports)


def shared(function: F) -> F:
    """Add the global options to a command; their values are gathered in the context's object."""
    for option in reversed(_SHARED):
        function = option(function)
    return function


# fmt: off
_SHARED = (
    click.option("--settings", type=click.Path(path_type=Path), expose_value=False, callback=_keep,
                 help="Settings file. [default: reconciler.yaml, found upwards]"),
    click.option("--ledger", metavar="URL", expose_value=False, callback=_keep, help="Ledger: a path, or sqlite:PATH."),
    click.option("--log-format", type=click.Choice(["console", "json"]),
                 expose_value=False, callback=_keep, help="How log lines on standard error look."),
    click.option("--no-color", is_flag=True, expose_value=False, callback=_keep, help="No colour, as with NO_COLOR."),
    click.option("--no-input", is_flag=True, expose_value=False, callback=_keep, help="Never ask."),
    click.option("--timeout", type=click.FloatRange(min=0, min_open=True),
                 expose_value=False, callback=_keep, help="Seconds for the whole command."),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_keep, help="Errors and reports only."),
    click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_keep, help="Say more."),
)
_REPORTING = (
    click.option("--format", type=click.Choice(list(FORMATS)), default="terminal", show_default=True,
                 expose_value=False, callback=_keep, help="Of the report."),
    click.option("--report", "reports", multiple=True, metavar="FORMAT:FILE",
                 expose_value=False, callback=_keep_reports, help="Write a report as well; repeatable."),
)
# fmt: on


def reporting(function: F) -> F:
    """Add the global options and those of a command that prints a report."""
    for option in reversed(_REPORTING):
        function = option(function)
    return shared(function)


def beside_a_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A file in a folder that is there, and that no link of a proposal leads to."""
    if value is not None and not value.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(value.parent)!r}", ctx, param)
    if value is not None:
        try:
            storage.require_no_link(value)
        except storage.LinkInTheWay as error:
            raise click.BadParameter(str(error), ctx, param) from None
    return value


def _labels(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """LABEL=VALUE pairs; a word without a sign is wrong usage."""
    found = {}
    for word in value:
        label, sign, wanted = word.partition("=")
        if not sign or not label:
            raise click.BadParameter(f"{word!r} is no LABEL=VALUE", ctx, param)
        found[label] = wanted
    return found


paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
selector = click.option(
    "--selector",
    "selector",
    multiple=True,
    metavar="LABEL=VALUE",
    callback=_labels,
    help="Only what has this label, and removals only of what was applied with it; repeatable.",
)
gateways = click.option(
    "-g", "--gateway", "gateways", multiple=True, metavar="NAME", help="Only this gateway; repeatable."
)
out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=beside_a_folder,
    help="Write the plan file, which holds no secret.",
)


traces = click.option(
    "--otel",
    is_flag=True,
    expose_value=False,
    callback=_keep,
    help="Send traces by OTLP; needs reconciler[otel].",
)
metrics = click.option(
    "--metrics",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=beside_a_folder,
    help="Write gauges for the textfile collector of node_exporter.",
)


_OF_ONE = {"protected": "ADDRESS", "destination": "GATEWAY"}
"""What is allowed for one thing alone, and how it is named."""


def allowances(function: F) -> F:
    """Add an option for everything that a person may allow by name."""
    from reconciler.planning.world import ALLOWANCES  # noqa: PLC0415 - the table, only when a command needs it

    for name, text in reversed(list(ALLOWANCES.items())):
        if name in _OF_ONE:
            option = click.option(
                f"--allow-{name}", name, multiple=True, metavar=_OF_ONE[name], help=f"Allow: {text}; repeatable."
            )
        else:
            option = click.option(f"--allow-{name}", name.replace("-", "_"), is_flag=True, help=f"Allow: {text}.")
        function = option(function)
    return function


def allowed(given: dict[str, Any]) -> frozenset[str]:
    """What was allowed, as planning names it."""
    from reconciler.planning.world import ALLOWANCES  # noqa: PLC0415 - see above

    names = {name for name in ALLOWANCES if name not in _OF_ONE and given.get(name.replace("-", "_"))}
    return frozenset(names | {f"{name}:{one}" for name in _OF_ONE for one in given.get(name, ())})
