"""Step 1, load: files to valid documents, with every problem of every file collected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from reconciler.manifest import files
from reconciler.manifest.cache import Cache, key_of
from reconciler.manifest.document import Document, SourceFile
from reconciler.manifest.parse import Parsed
from reconciler.manifest.problems import diagnostic
from reconciler.model.diagnostic import Diagnostic, Position


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`root`: nothing outside is read. `cache`: a folder for parsed documents, None for no cache.

    `meanwhile` is done while a second process reads its share of a large fleet. `instead` holds, by absolute
    name, what files below the given paths are taken to contain, so that a change can be tried before it is written.
    """

    root: Path
    max_file_bytes: int = 1_048_576
    cache: Path | None = None
    meanwhile: Callable[[], object] = lambda: None
    instead: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Documents:
    """All documents that can be used, in the order of files; the digest of what was read; what was found."""

    valid: list[Document] = field(default_factory=list)
    digest: str = ""
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    """One file on its way: its text, the key of its bytes, and its documents once they are known."""

    source: SourceFile
    key: str
    documents: Sequence[Parsed] | None


def read(paths: Sequence[Path], options: LoadOptions) -> Documents:
    """Read, parse and validate. A file whose bytes were read before comes from the cache."""
    result = Documents()
    cache = Cache(options.cache, language())
    found = _files(paths, options, cache, result)
    unknown = [file for file in found if file.documents is None]
    if unknown:
        from reconciler.manifest.examine import examine  # noqa: PLC0415 - the models, 0.1 s, only for what is new

        sources = [file.source for file in unknown]
        for file, examined in zip(unknown, examine(sources, options.meanwhile), strict=True):
            file.documents = examined.documents
            result.diagnostics += examined.diagnostics
            if not examined.diagnostics:
                cache.put(file.key, examined.documents)
    result.valid = [
        Document(file.source, d.data, d.start, d.end, d.line) for file in found for d in file.documents or ()
    ]
    cache.save()
    return result


def _files(paths: Sequence[Path], options: LoadOptions, cache: Cache, result: Documents) -> list[_File]:
    def report(code: str, detail: str, name: str) -> None:
        position = Position(files.shown(name, options.root), 1, 1)
        result.diagnostics.append(diagnostic(code, detail, position))

    digest = hashlib.sha256()
    found = []
    names = dict.fromkeys(
        (*files.found(paths, options.root, report), *files.among(options.instead, paths, options.root))
    )
    for name in names:
        content = options.instead.get(name)
        if content is None:
            content = files.content(name, options.max_file_bytes, report)
        if content is None:
            continue
        key = key_of(content)
        shown = files.shown(name, options.root)
        digest.update(f"{shown}\0{key}\n".encode(errors="surrogateescape"))
        text = decoded(content, shown, result.diagnostics)
        if text is not None:
            found.append(_File(SourceFile(shown, text), key, cache.get(key)))
    result.digest = f"sha256:{digest.hexdigest()}"
    return found


def language() -> str:
    """Changes whenever the code that reads the language does, so that a cache of another one is not used."""
    here = Path(__file__).parent
    folders = (here, here.parent / "kinds", here.parent / "model")
    names = sorted(path for folder in folders for path in folder.glob("*.py"))
    names.append(here.parent / "schemas.py")
    judges = "".join(f"{name}={version(name)}\n" for name in _JUDGES)
    return hashlib.sha256(b"".join(path.read_bytes() for path in names) + judges.encode()).hexdigest()[:16]


_JUDGES = ("pyyaml", "pydantic", "jsonschema", "google-re2")
"""Libraries that say what is valid."""


def decoded(content: bytes, shown: str, diagnostics: list[Diagnostic]) -> str | None:
    """The text of a file; None, with a finding, where it is not plain UTF-8."""
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
