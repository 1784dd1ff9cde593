"""Step 1, load: files to valid documents, with every problem of every file collected."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler import kinds
from reconciler.manifest import files
from reconciler.manifest.cache import Cache, key_of
from reconciler.manifest.document import Document, SourceFile
from reconciler.manifest.parse import Parsed, parse
from reconciler.manifest.problems import described, diagnostic, foreign
from reconciler.model.diagnostic import Diagnostic, Position


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`root`: nothing outside is read. `cache`: a folder for parsed documents, None for no cache."""

    root: Path
    max_file_bytes: int = 1_048_576
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A file that was not in the cache; `clean` when parsing it found nothing wrong."""

    key: str
    documents: list[Document]
    clean: bool


@dataclass(slots=True)
class Documents:
    """All documents that can be used, in the order of files; the digest of what was read; what was found."""

    valid: list[Document] = field(default_factory=list)
    digest: str = ""
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read(paths: Sequence[Path], options: LoadOptions) -> Documents:
    """Read, parse and validate. A file whose bytes were read before comes from the cache."""
    result = Documents()
    cache = Cache(options.cache, language())
    digest = hashlib.sha256()
    fresh: list[_Fresh] = []

    def report(code: str, detail: str, name: str) -> None:
        position = Position(files.shown(name, options.root), 1, 1)
        result.diagnostics.append(diagnostic(code, detail, position))

    for name in files.found(paths, options.root, report):
        content = files.content(name, options.max_file_bytes, report)
        if content is None:
            continue
        key = key_of(content)
        shown = files.shown(name, options.root)
        digest.update(f"{shown}\0{key}\n".encode(errors="surrogateescape"))
        text = _decoded(content, shown, result.diagnostics)
        if text is None:
            continue
        source = SourceFile(shown, text)
        kept = cache.get(key)
        if kept is not None:
            result.valid += [Document(source, d.data, d.start, d.end, d.line) for d in kept]
            continue
        before = len(result.diagnostics)
        documents = _parsed(source, result.diagnostics)
        result.valid += documents
        fresh.append(_Fresh(key, documents, clean=len(result.diagnostics) == before))
    _validate(result, fresh, cache)
    cache.save()
    result.digest = f"sha256:{digest.hexdigest()}"
    return result


def language() -> str:
    """Changes whenever the language does, so that a cache of another one is not used."""
    return hashlib.sha256("".join(map(kinds.schema_text, kinds.names())).encode()).hexdigest()[:16]


def _decoded(content: bytes, shown: str, diagnostics: list[Diagnostic]) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        detail = "this byte is not UTF-8; save the file in that encoding."
        diagnostics.append(diagnostic("FILE005", detail, Position(shown, line, column)))
        return None
    if text.startswith("\ufeff"):
        detail = "the file begins with a byte order mark; save it without one."
        diagnostics.append(diagnostic("FILE005", detail, Position(shown, 1, 1)))
        return None
    return text


def _parsed(source: SourceFile, diagnostics: list[Diagnostic]) -> list[Document]:
    def report(code: str, detail: str, line: int, column: int) -> None:
        diagnostics.append(diagnostic(code, detail, Position(source.name, line, column)))

    documents = []
    for parsed in parse(source.text, report):
        document = _document(source, parsed)
        problem = _not_ours(source, parsed) if document is None else foreign(document)
        if problem is not None:
            diagnostics.append(problem)
        elif document is not None:
            documents.append(document)
    return documents


def _document(source: SourceFile, parsed: Parsed) -> Document | None:
    if not isinstance(parsed.data, dict):
        return None
    return Document(source, parsed.data, parsed.start, parsed.end, parsed.line)


def _not_ours(source: SourceFile, parsed: Parsed) -> Diagnostic:
    detail = "a document must be a mapping with apiVersion, kind, metadata and spec."
    return diagnostic("KIND001", detail, Position(source.name, parsed.line + 1, 1))


def _validate(result: Documents, fresh: list[_Fresh], cache: Cache) -> None:
    """One pass over everything that is new; only files without any problem are remembered."""
    untried = [document for file in fresh for document in file.documents]
    broken: set[int] = set()
    for index, problem in kinds.problems([document.data for document in untried]):
        result.diagnostics.append(described(untried[index], problem))
        broken.add(id(untried[index]))
    result.valid = [document for document in result.valid if id(document) not in broken]
    for file in fresh:
        if file.clean and not any(id(document) in broken for document in file.documents):
            cache.put(file.key, [Parsed(d.data, d.start, d.end, d.line) for d in file.documents])
