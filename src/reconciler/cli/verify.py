"""``reconciler verify``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from reconciler.cli.exits import BLOCKED, FAILED, OK, UNHEALTHY
from reconciler.cli.failure import Failure
from reconciler.cli.options import gateways, reporting, selector, traces
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with
from reconciler.cli.subject import edges_of, subject
from reconciler.cli.watch import Watch
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, has_errors
from reconciler.model.run import Outcome
from reconciler.planning import needs_decision
from reconciler.render import json as documents
from reconciler.render import terminal


def _amount(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """As it was typed: 0.1 is a tenth."""
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no amount, such as 0.25", ctx, param) from None
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter("an amount is 0 or more", ctx, param)
    return amount


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@selector
@gateways
@click.option("--no-probes", is_flag=True, help="Ask the gateways only; put no question to a model.")
@click.option(
    "--budget",
    metavar="AMOUNT",
    callback=_amount,
    help="What all probes of this run may spend together, in the currency of their prices.",
)
@traces
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Ask the gateways now whether endpoints work, and put their probes: all of them, or gateway/Kind/name."""
    run = Command.begin(ctx, _failed)
    try:
        addresses = [Address.parse(text) for text in given["addresses"]]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    watch = Watch(run, "verify")
    run.run(lambda: _verify(run, watch, given, addresses), _failed, watch.told)


def _failed(failure: Failure) -> Ending:
    return failed_with(failure, documents.verify_document(failure.code, (), failure.diagnostics), command="verify")


async def _verify(run: Command, watch: Watch, given: Mapping[str, Any], addresses: list[Address]) -> Ending:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    chosen, heard = given["gateways"], watch.beside(run.progress)
    desired = run.load((), chosen, given["selector"])
    which = wiring.Probing.NONE if given["no_probes"] else wiring.Probing.ALL
    probes = wiring.Probes(which, given["budget"])
    async with wiring.open_session(run.settings, desired, gateways=chosen, progress=heard, probes=probes) as session:
        outcomes, found = await engine.verify(session, addresses)
    code = _exit_code(outcomes, found)
    report = Report(
        lambda: _lines(run, outcomes, found),
        lambda: documents.verify_document(code, outcomes, found),
        lambda: subject("verify", code, run, outcomes=outcomes, diagnostics=found, edges=edges_of(desired)),
    )
    return Ending(code, report)


def _exit_code(outcomes: Sequence[Outcome], found: Sequence[Diagnostic]) -> int:
    """What could not be looked at, or is for a person to decide, comes before what was found not to work."""
    if has_errors(found):
        return BLOCKED if needs_decision(found) else FAILED
    return OK if all(outcome.healthy for outcome in outcomes) else UNHEALTHY


def _lines(run: Command, outcomes: Sequence[Outcome], found: Sequence[Diagnostic]) -> Iterator[terminal.Line]:
    yield from terminal.diagnostic_lines(found, run.source)
    yield from terminal.outcome_lines(outcomes)
