"""The top of the page: what it is about in one sentence, the counts, the filters; and the basis at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reconciler.model.change import Action
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome, RunStatus
from reconciler.planning import Standing, standing_of_drift, standing_of_plan
from reconciler.render import overview, view
from reconciler.render.page.changes import DRIFTED
from reconciler.render.page.markup import NOTHING, Markup, tag
from reconciler.render.subject import Subject

TITLES = {"validate": "Validation", "plan": "Plan", "drift": "Drift", "apply": "Apply", "verify": "Verification"}


class Verdict(NamedTuple):
    """The outcome in a word or two, its tone (good, warn, bad, plain), and a sentence."""

    word: str
    tone: str
    sentence: str


def title(subject: Subject) -> str:
    """What the page is called."""
    return TITLES.get(subject.command, subject.command)


def outcomes(subject: Subject) -> Sequence[Outcome]:
    """Those of the run, or of verify."""
    return subject.run.outcomes if subject.run else subject.outcomes


def verdict(subject: Subject) -> Verdict:
    """The first that applies: the run, outcomes of verify, the plan, findings alone."""
    if subject.run:
        return _of_run(subject)
    if subject.outcomes:
        well = sum(outcome.healthy for outcome in subject.outcomes)
        sentence = f"{well} of {len(subject.outcomes)} ready."
        ready = well == len(subject.outcomes) and not has_errors(subject.diagnostics)
        return Verdict("Ready", "good", sentence) if ready else Verdict("Not ready", "bad", sentence)
    if subject.plan and subject.command == "drift":
        return _of_drift(subject.plan)
    if subject.plan:
        return _of_plan(subject.plan)
    return _of_findings(subject)


def _of_findings(subject: Subject) -> Verdict:
    count = _severities(subject.diagnostics)
    if count[Severity.ERROR]:
        return Verdict("Invalid", "bad", f"{_counted(count[Severity.ERROR], 'error')} to fix.")
    if subject.exit_code:
        return Verdict("Failed", "bad", f"Exit code {subject.exit_code}.")
    return Verdict("Valid", "good", "No errors.")


def _of_run(subject: Subject) -> Verdict:
    run = subject.run
    if run is None:
        return Verdict("", "plain", "")
    tone = "good" if run.status in {RunStatus.OK, RunStatus.NOTHING} else "bad"
    counts = Counter(outcome.status.value.replace("_", " ") for outcome in run.outcomes)
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    return Verdict(run.status.value.capitalize(), tone, f"{said}." if said else "Nothing was done.")


def _of_plan(plan: Plan) -> Verdict:
    sentence = overview.plan_words(plan)
    match standing_of_plan(plan):
        case Standing.UNSEEN:
            return Verdict("Incomplete", "bad", f"{sentence} Not everything could be read: it cannot be applied.")
        case Standing.BLOCKED:
            errors = _counted(overview.errors_in(plan), "error")
            return Verdict("Blocked", "bad", f"{sentence} {errors} must be resolved first.")
        case Standing.DIFFERS:
            return Verdict("Ready to apply", "plain", sentence)
        case Standing.IN_STEP if plan.unasked:
            return Verdict("Not proved", "warn", sentence)
        case Standing.IN_STEP:
            return Verdict("Nothing to do", "good", sentence)


def _of_drift(plan: Plan) -> Verdict:
    sentence = f"{overview.drift_counts(plan)}."
    match standing_of_drift(plan):
        case Standing.UNSEEN:
            return Verdict("Incomplete", "bad", f"{sentence} Not everything could be read.")
        case Standing.BLOCKED:
            return Verdict("Not compared", "bad", overview.drift_words(plan))
        case Standing.DIFFERS:
            return Verdict("Drift", "warn", sentence)
        case Standing.IN_STEP if plan.unasked:
            return Verdict("Not proved", "warn", overview.drift_words(plan))
        case Standing.IN_STEP:
            return Verdict("No drift", "good", "All is as it was last applied.")


def _severities(found: Iterable[Diagnostic]) -> Counter[Severity]:
    return Counter(one.severity for one in found)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def tiles(subject: Subject) -> Markup:
    """Counts. Those of what is listed below filter it; the others only say."""
    groups = {
        "Run": _run_tiles(outcomes(subject)),
        "Plan": _plan_tiles(subject),
        "Findings": _finding_tiles(subject.diagnostics),
    }
    return tag("div", *(_group(name, made) for name, made in groups.items() if made), class_="groups")


def _group(name: str, made: Sequence[Markup]) -> Markup:
    return tag("div", tag("p", name), tag("div", *made, class_="tiles"), role="group", aria_label=name)


def _tile(count: int, word: str, tone: str, section: str, facet: str, value: str) -> Markup:
    number = tag("b", str(count))
    if not count:
        return tag("div", number, word, class_=f"tile {tone} none")
    targets: dict[str, str | int | None] = {"data_in": section, "data_facet": facet, "data_value": value}
    return tag("button", number, word, type="button", class_=f"tile {tone}", aria_pressed="false", **targets)


def _plan_tiles(subject: Subject) -> list[Markup]:
    if subject.plan is None:
        return []
    plan, drift = subject.plan, subject.command == "drift"
    shown = view.pending(plan) if drift else plan.reviewed
    counts = Counter(change.action for change in shown)
    always = {Action.CREATE, Action.UPDATE, Action.DELETE}
    made = [
        _tile(counts[action], action.value, action.value, "changes", "action", action.value)
        for action in Action
        if action is not Action.NOOP and (counts[action] or (action in always and not drift and subject.run is None))
    ]
    if plan.drift or drift:
        made.append(_tile(len(plan.drift), "drifted", "drift", "drift", "action", DRIFTED))
    quiet = (("unchanged", plan.summary.unchanged), ("unmanaged", plan.summary.unmanaged))
    return made + [tag("div", tag("b", str(count)), word, class_="tile") for word, count in quiet if count]


def _run_tiles(found: Sequence[Outcome]) -> list[Markup]:
    counts = Counter(outcome.status for outcome in found)
    return [
        _tile(count, status.value.replace("_", " "), status.value, "run", "status", status.value)
        for status, count in counts.items()
    ]


def _finding_tiles(found: Sequence[Diagnostic]) -> list[Markup]:
    counts = _severities(found)
    return [
        _tile(
            counts[severity],
            f"{severity.value}{'' if counts[severity] == 1 else 's'}",
            severity.value,
            "findings",
            "severity",
            severity.value,
        )
        for severity in Severity
        if counts[severity]
    ]


def filters(subject: Subject) -> Markup:
    """Selects over what there is, and the search. They are shown where scripts run."""
    changes = [*subject.plan.reviewed, *subject.plan.drift] if subject.plan else []
    about = [change.address for change in changes]
    about += [outcome.address for outcome in outcomes(subject)]
    about += [one.address for one in subject.diagnostics if one.address]
    actions = [change.action.value for change in changes] + [outcome.action.value for outcome in outcomes(subject)]
    facets = {
        "action": [*actions, *([DRIFTED] if subject.plan and subject.plan.drift else [])],
        "kind": [address.kind for address in about],
        "gateway": [address.gateway for address in about],
        "status": [outcome.status.value for outcome in outcomes(subject)],
        "severity": [one.severity.value for one in subject.diagnostics],
    }
    selects = [_select(name, sorted(set(values))) for name, values in facets.items() if values]
    search = tag(
        "label", tag("span", "Search", class_="sr"), tag("input", id="q", type="search", placeholder="Search  /")
    )
    return tag("div", search, *selects, class_="facets") if selects else NOTHING


def _select(facet: str, values: Sequence[str]) -> Markup:
    options = [tag("option", value.replace("_", " "), value=value) for value in values]
    box = tag("select", tag("option", f"any {facet}", value=""), *options, name=facet, data_facet=facet)
    return tag("label", tag("span", facet, class_="sr"), box)


def basis(subject: Subject) -> Markup:
    """What was looked at, and the digest that an approval names."""
    rows = [("Exit code", str(subject.exit_code))]
    if subject.run and subject.run.run_id:
        rows.append(("Run", subject.run.run_id))
    if subject.plan:
        rows += _plan_basis(subject.plan)
    pairs = [part for word, said in rows for part in (tag("dt", word), tag("dd", tag("code", said)))]
    return tag("section", tag("h2", "Basis", id="h-basis"), tag("dl", *pairs), id="basis", aria_labelledby="h-basis")


def _plan_basis(plan: Plan) -> list[tuple[str, str]]:
    found = plan.basis
    rows = [
        ("Digest", plan.digest),
        ("Mode", plan.mode.value),
        ("Complete", "yes" if plan.complete else "no"),
        ("Created", plan.created_at),
        ("Commit", found.commit or ""),
        ("Manifests", found.manifests),
        ("Ledger serial", str(found.ledger_serial)),
        ("Secrets", "compared" if found.secrets_available else "not compared"),
        ("Observed objects", str(len(found.observed))),
        ("Tool version", found.tool_version),
    ]
    return [(word, said) for word, said in rows if said]
