"""What looks on while a command works, where it was asked for: metrics and traces. It never changes how it ends."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler import storage
from reconciler.cli.failure import Failure
from reconciler.cli.report import Ending
from reconciler.cli.session import Command, say
from reconciler.cli.tracing import open_tracing
from reconciler.model.plan import Plan
from reconciler.model.ports import Progress
from reconciler.model.run import Outcome


class Watch:
    """One command, watched from its beginning."""

    def __init__(self, run: Command, command: str, metrics: Path | None = None) -> None:
        self._command = command
        self._metrics = metrics
        self._begun = time.monotonic()
        self._requests: Counter[str] = Counter()
        self._tracing = open_tracing(command, asked=bool(run.given.get("otel")))

    def beside(self, first: Progress) -> Progress:
        """Hears what `first` hears."""

        def heard(event: str, fields: Mapping[str, Any]) -> None:
            if event == "request_finished":
                self._requests[str(fields["gateway"])] += 1
            if self._tracing is not None:
                self._tracing(event, fields)
            first(event, fields)

        return heard

    async def told(self, end: Ending | Failure) -> None:
        """For a command of which there is no more to know than how it ended."""
        await self.ended(end.code, None)

    async def ended(self, code: int, plan: Plan | None, outcomes: Sequence[Outcome] = ()) -> None:
        """Write the metrics and hand over the spans; what fails here is a warning."""
        try:
            if self._metrics is not None:
                self._write(self._metrics, code, plan, outcomes)
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.end, code)
        except Exception as error:  # noqa: BLE001 - a metric is never worth a run
            say(f"warning: metrics or traces were not written ({type(error).__name__}: {error})")

    def _write(self, path: Path, code: int, plan: Plan | None, outcomes: Sequence[Outcome]) -> None:
        """Whole or not at all: the collector may read at any time, and knows files by their ending."""
        from reconciler.render import metrics  # noqa: PLC0415 - only where they are asked for

        took = time.monotonic() - self._begun
        measured = metrics.Measured(self._command, code, time.time(), took, plan, outcomes, self._requests)
        storage.write_whole(path, metrics.text(measured))
