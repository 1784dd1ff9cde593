"""Parse and validate files that were not read before; many of them on two processors at once."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from reconciler import kinds
from reconciler.manifest.alone import alone
from reconciler.manifest.cache import may_fork
from reconciler.manifest.document import Document, SourceFile
from reconciler.manifest.parse import Parsed, parse
from reconciler.manifest.problems import described, diagnostic, foreign, left_out
from reconciler.model.diagnostic import Diagnostic, Position, has_errors

WORTH_A_PROCESS = 512_000
"""Characters of YAML from which a second process pays for its start, about 20 ms."""

MOST_OF_ONE = 100
"""Findings in one document that are described: each is looked up in the whole of it."""

OWN_SHARE = 0.47
"""Of all characters: this process has other work besides, and must take over what the other one found."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What one file holds: its valid documents, and everything that is wrong with it."""

    documents: Sequence[Parsed]
    diagnostics: Sequence[Diagnostic]


def examine(files: Sequence[SourceFile], meanwhile: Callable[[], object]) -> list[Examined]:
    """Examine each file, in their order; do `meanwhile` where another process is waited for."""
    total = sum(len(file.text) for file in files)
    if total < WORTH_A_PROCESS or len(files) < 2 or not may_fork():  # noqa: PLR2004 - two halves
        return _examine(files)
    middle = _middle(files, total)
    return _both(files[:middle], files[middle:], meanwhile)


def _middle(files: Sequence[SourceFile], total: int) -> int:
    seen = 0
    for index, file in enumerate(files):
        seen += len(file.text)
        if seen >= total * OWN_SHARE:
            return index + 1
    return len(files)


def _both(mine: Sequence[SourceFile], theirs: Sequence[SourceFile], meanwhile: Callable[[], object]) -> list[Examined]:
    """The second part is done by a child; should that come to nothing, it is done here."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(sending, theirs), daemon=True)
    child.start()
    sending.close()
    first = _examine(mine)
    meanwhile()
    try:
        second: list[Examined] = receiving.recv()
    except EOFError:
        second = _examine(theirs)
    finally:
        receiving.close()
        child.join()
        child.close()
    return first + second


def _send(sending: Connection, files: Sequence[SourceFile]) -> None:
    sending.send(_examine(files))
    sending.close()


def _examine(files: Sequence[SourceFile]) -> list[Examined]:
    """Parse all, then validate all in one pass: the models are asked once, not once a file.

    One mistake, one finding: what the parser refused at a place is not said to be of a wrong type as well.
    """
    found = [_parsed(file) for file in files]
    places = [(index, document) for index, (documents, _) in enumerate(found) for document in documents]
    broken = _refused(places, [diagnostics for _, diagnostics in found])
    for index, document in places:
        if id(document) not in broken:
            findings = list(alone(document))
            found[index][1].extend(findings)
            if has_errors(findings):
                broken.add(id(document))
    return [
        Examined([Parsed(d.data, d.start, d.end, d.line) for d in documents if id(d) not in broken], diagnostics)
        for documents, diagnostics in found
    ]


def _refused(places: Sequence[tuple[int, Document]], found: Sequence[list[Diagnostic]]) -> set[int]:
    """Say what the models refuse, beside what was `found` in each file; the ids of the documents that have it."""
    unread = [frozenset(each.position for each in ones if each.code.startswith("YAML")) for ones in found]
    counts: Counter[int] = Counter()
    for number, problem in kinds.problems([document.data for _, document in places]):
        counts[number] += 1
        if counts[number] <= MOST_OF_ONE:
            index, document = places[number]
            finding = described(document, problem)
            if finding.position not in unread[index]:
                found[index].append(finding)
    for number, count in counts.items():
        if count > MOST_OF_ONE:
            index, document = places[number]
            found[index].append(left_out(count - MOST_OF_ONE, document.position(())))
    return {id(places[number][1]) for number in counts}


def _parsed(file: SourceFile) -> tuple[list[Document], list[Diagnostic]]:
    diagnostics: list[Diagnostic] = []

    def report(code: str, detail: str, line: int, column: int) -> None:
        diagnostics.append(diagnostic(code, detail, Position(file.name, line, column)))

    documents = []
    for parsed in parse(file.text, report):
        if not isinstance(parsed.data, dict):
            diagnostics.append(_not_ours(file, parsed))
            continue
        document = Document(file, parsed.data, parsed.start, parsed.end, parsed.line)
        problem = foreign(document)
        if problem is None:
            documents.append(document)
        else:
            diagnostics.append(problem)
    return documents, diagnostics


def _not_ours(file: SourceFile, parsed: Parsed) -> Diagnostic:
    detail = "a document must be a mapping with apiVersion, kind, metadata and spec."
    return diagnostic("KIND001", detail, Position(file.name, parsed.line + 1, 1))
