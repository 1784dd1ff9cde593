"""What a run did: outcomes with their timings and checks, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model.address import Address
from reconciler.model.run import Check, Outcome, Residue, Verdict
from reconciler.render import view
from reconciler.render.page.changes import address, item
from reconciler.render.page.markup import NOTHING, Markup, join, tag


def outcome_items(outcomes: Sequence[Outcome], ids: Mapping[Address, str]) -> list[Markup]:
    """Outcomes in the order of execution, each with a bar as long as it took beside the longest."""
    longest = max((outcome.duration_ms for outcome in outcomes), default=0.0)
    return [_outcome(outcome, longest or 1.0, ids) for outcome in outcomes]


def _outcome(outcome: Outcome, longest: float, ids: Mapping[Address, str]) -> Markup:
    status = outcome.status.value
    head = join(
        (
            tag("span", status.replace("_", " "), class_=f"act {status}"),
            address(outcome.address),
            tag("span", outcome.action.value, class_="why"),
            NOTHING if outcome.healthy else tag("span", "not healthy", class_="note"),
            _bar(outcome.duration_ms / longest, status),
            tag("span", duration(outcome.duration_ms), class_="ms"),
        )
    )
    facets = {"action": outcome.action.value, "status": status}
    return item(head, _body(outcome, ids.get(outcome.address)), outcome.address, open_="", **facets)


def _bar(share: float, status: str) -> Markup:
    long = f"{max(share * 100, 0.5):.1f}%"
    return tag("svg", tag("rect", width=long, height="100%", rx=2), class_=f"time {status}", aria_hidden="true")


def duration(milliseconds: float) -> str:
    """A duration as people say it."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"  # noqa: PLR2004 - a second


def _body(outcome: Outcome, target: str | None) -> Markup:
    counts = [_times(outcome.attempts, "write"), _times(outcome.verifications, "verification")]
    said = [tag("li", count) for count in counts if count]
    said += [tag("li", tag("a", "planned change", href=f"#{target}"))] if target else []
    return join(
        (
            tag("p", outcome.error, class_="error") if outcome.error else NOTHING,
            _checks(outcome.checks),
            tag("ul", *said, class_="about") if said else NOTHING,
        )
    )


def _times(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}" if count else ""


def _checks(checks: Sequence[Check]) -> Markup:
    if not checks:
        return NOTHING
    heads = tag("tr", *(tag("th", head, scope="col") for head in ("Check", "Result", "Measured", "Limit", "Message")))
    return tag("table", tag("thead", heads), tag("tbody", *map(_check, checks)))


def _check(check: Check) -> Markup:
    style = "applied" if check.verdict is Verdict.READY else "failed"
    return tag(
        "tr",
        tag("th", check.name, scope="row"),
        tag("td", tag("span", check.verdict.value, class_=f"act {style}")),
        tag("td", "" if check.value is None else view.value(check.value)),
        tag("td", "" if check.limit is None else view.value(check.limit)),
        tag("td", check.message),
    )


def residue_items(residue: Sequence[Residue]) -> list[Markup]:
    """What still differs after an apply."""
    return [_residue(one) for one in residue]


def _residue(one: Residue) -> Markup:
    head = join(
        (
            tag("span", "left over", class_="act drift"),
            address(one.address),
            tag("code", view.field_path(one.path)),
            tag("span", one.cause.value, class_="why"),
        )
    )
    return item(head, NOTHING, one.address)
