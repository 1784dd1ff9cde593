"""Telling others what was found. Whatever goes wrong here is a warning: it never hides what was found."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler.cli.exits import DIFFERENCES, OK
from reconciler.cli.session import Command, say
from reconciler.cli.subject import fleet_of, source_of
from reconciler.cli.targets import IssueTarget
from reconciler.errors import GatewayError, InputError
from reconciler.model.plan import Plan
from reconciler.model.run import Run
from reconciler.planning import Standing, standing_of_drift
from reconciler.render import json as documents
from reconciler.render import markdown, overview, view
from reconciler.render.subject import Subject
from reconciler.settings import Webhook

if TYPE_CHECKING:
    from reconciler.forge import Finding

TITLE = "Gateways differ from what was applied"
PATIENCE = 60.0
"""Seconds that all targets together may take."""

LARGEST = 256 * 1024
"""Bytes of a webhook's body; above that only the first entries of each list are sent."""

KEPT = 25
_LISTS = ("drift", "pending", "defaults", "diagnostics")
_RUN_LISTS = ("outcomes", "residue", "diagnostics")
_TYPES = {OK: "reconciler.drift.none", DIFFERENCES: "reconciler.drift.found"}
_UNKNOWN = "reconciler.drift.unknown"


async def tell(run: Command, targets: Sequence[IssueTarget | Webhook], plan: Plan, code: int) -> None:
    """Tell every target what a drift run found, side by side."""
    kind = _TYPES.get(code, _UNKNOWN)
    await asyncio.gather(
        *(
            _told("FORGE001", f"github-issue:{target.label}", _issue(run, target, plan, code))
            if isinstance(target, IssueTarget)
            else _told_webhook(run, target, kind, payload(plan, code))
            for target in targets
        )
    )


async def tell_failed(run: Command, targets: Sequence[Webhook], ended: Run) -> None:
    """Tell webhooks of an apply that did not do all that it was to do."""
    data = documents.run_document(ended)
    await asyncio.gather(
        *(_told_webhook(run, one, "reconciler.apply.failed", _cut(data, _RUN_LISTS)) for one in targets)
    )


async def _told_webhook(run: Command, target: Webhook, kind: str, data: Mapping[str, Any]) -> None:
    await _told("NOTIFY001", f"webhook at {urlsplit(target.url).hostname}", _webhook(run, target, kind, data))


async def _told(finding: str, name: str, telling: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await telling
    except Exception as error:  # noqa: BLE001 - a message is never worth a report
        say(view.clean(f"warning[{finding}]: {name} was not told: {words(error, named=finding == 'FORGE001')}"))


def words(error: Exception, *, named: bool) -> str:
    """An error on one line. `named` is false where the path of a request may itself be a secret."""
    if isinstance(error, InputError):
        return "; ".join(item.detail for item in error.diagnostics)
    if isinstance(error, TimeoutError):
        return "no end in time"
    if isinstance(error, GatewayError) and not named:
        return f"{type(error).__name__}{f' ({error.status})' if error.status else ''}"
    return f"{type(error).__name__}: {error}"


async def _webhook(run: Command, target: Webhook, kind: str, data: Mapping[str, Any]) -> None:
    from reconciler import notify, wiring  # noqa: PLC0415 - start-up of other commands

    async with wiring.open_webhook(run.settings, target) as (client, path, secret, clock):
        now = clock.now()
        seconds = int(datetime.fromisoformat(now).timestamp())
        body = {"type": kind, "timestamp": now, "data": data}
        await notify.deliver(client, path, secret, notify.Message(f"msg_{uuid.uuid4().hex}", seconds, body))


def payload(plan: Plan, code: int) -> Mapping[str, Any]:
    """The drift document; of one that is too large the first entries of each list, and the counts of all."""
    return _cut(documents.drift_document(plan, code), _LISTS)


def _cut(document: Mapping[str, Any], lists: Sequence[str]) -> Mapping[str, Any]:
    for keep in (None, KEPT, 0):
        cut = {name: document[name][:keep] for name in lists}
        made = {**document, **cut, "truncated": any(len(cut[name]) < len(document[name]) for name in lists)}
        if len(json.dumps(made, ensure_ascii=False).encode("utf-8", "backslashreplace")) <= LARGEST:
            return made
    return made


async def _issue(run: Command, target: IssueTarget, plan: Plan, code: int) -> None:
    from reconciler import forge, wiring  # noqa: PLC0415 - start-up of other commands

    fleet, source = fleet_of(run), source_of(os.environ, run.settings.root)
    subject = Subject("drift", code, plan, diagnostics=plan.diagnostics, source=source, fleet=fleet)
    tracked = forge.Tracked(
        label=target.label,
        title=f"{TITLE} ({fleet})" if fleet else TITLE,
        marker=markdown.marker("drift", fleet),
        text=markdown.text(subject, limit=markdown.LIMIT - 2 * forge.TAIL),
        substance=substance(plan),
        headline=overview.headline(subject),
        finding=_finding(plan),
    )
    async with wiring.open_forge(os.environ) as found:
        await forge.keep_issue(found, tracked)


def _finding(plan: Plan) -> Finding:
    """What was found counts also where not all was seen; what was not found, only where all was."""
    from reconciler.forge import Finding  # noqa: PLC0415 - see above

    if plan.drift or view.pending(plan):
        return Finding.DIFFERENCES
    return Finding.NOTHING if standing_of_drift(plan) is Standing.IN_STEP else Finding.NOT_ALL_SEEN


def substance(plan: Plan) -> str:
    """A digest of what differs and why: equal as long as a reader would learn nothing new."""
    document = documents.drift_document(plan, 0)
    matter = [
        [change["address"], change["action"], change["causes"], [_matter(field) for field in change["fields"]]]
        for name in ("drift", "pending")
        for change in document[name]
    ]
    text = json.dumps(matter, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()


def _matter(field: Mapping[str, Any]) -> list[Any]:
    """The labels of secrets are numbered anew in each plan, so they tell nothing between two."""
    sides = [] if field["sensitive"] else [field["before"], field["after"]]
    return [field["path"], field["cause"], *sides]
