"""What a probe found, as checks. Nothing that a model was asked or said is in any of them.

| check       | value                | ready           | rejected         | unknown                             |
|-------------|----------------------|-----------------|------------------|-------------------------------------|
| answer      |                      | there is one    | none, or endless | see `refusals.py`                   |
| finish      | the reason           | as expected     | another          |                                     |
| schema      | repairs              | satisfied       | not satisfied    | the budget allows no repair         |
| safety      | kinds and counts     | nothing found   | something found  |                                     |
| latency     | ms, repairs included | within its limit| over it          | over it, failed attempts included   |
| first token | ms, the same         | the same        | the same         | the same; none came                 |
| tokens      | of the answer        | as many at least| fewer            | fewer by an estimate that is close  |
| cost        | of all questions     | within its limit| over it          | the same; no price is known         |

Where nothing is expected, what was measured is told all the same. An estimate within a factor of `CLOSE` of its limit
is a doubt. Beside a rejection, a doubt of the same probe decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.inference.chat import Usage
from reconciler.inference.cost import Cost
from reconciler.model.inference import Probe
from reconciler.model.run import Check, Verdict

CLOSE = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """An answer without its text. Times in ms from the first question; `attempts` counts all that were sent.

    `fault` says why the answer is none at all. `usage` is that of the last answer, `cost` of all.
    `problems` are those of the last answer with the schema, `repairs` how often it was asked again, `stinted` whether
    another repair was due that the budget did not allow. `found` counts by kind what safety found.
    """

    finish_reason: str
    latency_ms: int
    time_to_first_token_ms: int | None
    usage: Usage
    cost: Cost | None
    attempts: int
    questions: int
    fault: str = ""
    problems: Sequence[str] = ()
    repairs: int = 0
    allowed_repairs: int = 0
    stinted: bool = False
    found: Mapping[str, int] | None = None


def checks(probe: Probe, measured: Measured) -> tuple[Check, ...]:
    """Every expectation as a check, and what was measured besides."""
    found = [replace(check, name=named(probe, check.name), probe=probe.name) for check in _checks(probe, measured)]
    return settled(found)


def settled(found: Sequence[Check]) -> tuple[Check, ...]:
    """Where something was rejected, doubts beside it decide nothing: the fact stands whatever becomes of them."""
    if not any(check.verdict is Verdict.REJECTED and not check.advisory for check in found):
        return tuple(found)
    return tuple(replace(check, advisory=True) if check.verdict is Verdict.UNKNOWN else check for check in found)


def single(probe: Probe, verdict: Verdict, message: str) -> tuple[Check, ...]:
    """A probe that has no answer to measure."""
    return (Check(named(probe, "answer"), verdict, message, probe=probe.name),)


def named(probe: Probe, what: str) -> str:
    """The name of a check among those of other probes."""
    return f"probe {probe.name} {what}"


def _checks(probe: Probe, measured: Measured) -> Iterator[Check]:
    yield _answer(measured)
    yield from _finish(probe, measured)
    yield from _schema(probe, measured)
    yield from _safety(measured)
    yield from _times(probe, measured)
    yield _tokens(probe, measured)
    yield from _cost(probe, measured)


def _answer(measured: Measured) -> Check:
    if measured.fault:
        return Check("answer", Verdict.REJECTED, measured.fault)
    return Check("answer", Verdict.READY)


def _finish(probe: Probe, measured: Measured) -> Iterator[Check]:
    wanted = probe.expect.finish_reason
    if wanted is None:
        return
    if measured.finish_reason == wanted:
        yield Check("finish", Verdict.READY, "", wanted, wanted)
        return
    shown = measured.finish_reason if measured.finish_reason in _REASONS else "another"
    yield Check("finish", Verdict.REJECTED, "the answer ended for another reason", shown, wanted)


_REASONS = frozenset({"stop", "length", "content_filter", "tool_calls", "end_turn", "max_tokens"})
"""Those that are shown: the word is the gateway's, and might hold anything."""


def _schema(probe: Probe, measured: Measured) -> Iterator[Check]:
    if probe.expect.schema is None:
        return
    counts = (measured.repairs, measured.allowed_repairs)
    if not measured.problems:
        yield Check("schema", Verdict.READY, "", *counts)
        return
    why = "; ".join(measured.problems)
    if measured.stinted:
        yield Check("schema", Verdict.UNKNOWN, f"the budget does not allow to have it mended: {why}", *counts)
        return
    yield Check("schema", Verdict.REJECTED, why, *counts)


def _safety(measured: Measured) -> Iterator[Check]:
    if measured.found is None:
        return
    if not measured.found:
        yield Check("safety", Verdict.READY)
        return
    kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(measured.found.items()))
    yield Check("safety", Verdict.REJECTED, "the answer holds what the policy forbids", kinds)


def _times(probe: Probe, measured: Measured) -> Iterator[Check]:
    repeated = measured.attempts > measured.questions
    yield _time("latency", measured.latency_ms, probe.expect.max_latency_ms, repeated=repeated)
    first, most = measured.time_to_first_token_ms, probe.expect.max_time_to_first_token_ms
    if first is not None:
        yield _time("first token", first, most, repeated=repeated)
    elif most is not None:
        yield Check("first token", Verdict.UNKNOWN, "none came", None, most)


def _time(name: str, took: int, most: int | None, *, repeated: bool) -> Check:
    if most is None or took <= most:
        return Check(name, Verdict.READY, "ms", took, most)
    if repeated:
        return Check(name, Verdict.UNKNOWN, "ms, failed attempts and pauses included", took, most)
    return Check(name, Verdict.REJECTED, "ms is too slow", took, most)


def _tokens(probe: Probe, measured: Measured) -> Check:
    usage, least = measured.usage, probe.expect.min_tokens
    said = f"after {usage.prompt_tokens} in the prompt{', estimated' if usage.estimated else ''}"
    if least is None or usage.completion_tokens >= least:
        return Check("tokens", Verdict.READY, said, usage.completion_tokens, least)
    close = usage.estimated and usage.completion_tokens * CLOSE >= least
    return Check("tokens", Verdict.UNKNOWN if close else Verdict.REJECTED, said, usage.completion_tokens, least)


def _cost(probe: Probe, measured: Measured) -> Iterator[Check]:
    cost, most = measured.cost, probe.expect.max_cost
    if cost is None:
        if most is not None:
            yield Check("cost", Verdict.UNKNOWN, "no price of this model is known", None, most)
        return
    amount = float(cost.rounded())
    said = cost.currency + (", estimated" if cost.estimated else "")
    if most is None or amount <= most:
        yield Check("cost", Verdict.READY, said, amount, most)
        return
    close = cost.estimated and amount <= most * CLOSE
    yield Check("cost", Verdict.UNKNOWN if close else Verdict.REJECTED, said, amount, most)
