"""Files to and from commits, by git's plumbing: no work tree and no index is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reconciler.ledger.git_command import Git, GitFailed


class Blob(NamedTuple):
    """A file: its name in git's store, and its text."""

    id: str
    text: str


Files = Mapping[str, Blob]
"""Path → file."""


async def read_files(git: Git, commit: str, known: Files) -> Files:
    """All files of a commit; those that are known are not read again. Raises GitFailed on anything else than files."""
    texts = {blob.id: blob.text for blob in known.values()}
    ids = _listed(await git.out("ls-tree", "-r", "-z", "--full-tree", commit))
    texts |= await _texts(git, [name for name in dict.fromkeys(ids.values()) if name not in texts])
    return {path: Blob(name, texts[name]) for path, name in ids.items()}


def _listed(out: bytes) -> Mapping[str, str]:
    ids = {}
    for row in out.decode("utf-8", "surrogateescape").split("\0"):
        if not row:
            continue
        about, _, path = row.partition("\t")
        _mode, kind, name = about.split()
        if kind != "blob":
            raise GitFailed(f"{path} is no file")
        ids[path] = name
    return ids


async def _texts(git: Git, names: Sequence[str]) -> Mapping[str, str]:
    if not names:
        return {}
    out, at, texts = await git.out("cat-file", "--batch", stdin="".join(f"{n}\n" for n in names).encode()), 0, {}
    for name in names:
        begin = out.index(b"\n", at) + 1
        words = out[at:begin].split()
        if len(words) != 3:  # noqa: PLR2004 - name, kind, size; "missing" is two words
            raise GitFailed(f"the object {name} is missing")
        size = int(words[2])
        texts[name] = out[begin : begin + size].decode("utf-8", "surrogateescape")
        at = begin + size + 1
    return texts


async def write_files(git: Git, texts: Mapping[str, str], known: Files) -> Files:
    """Store the files; those that are as they were cost nothing."""
    paths = sorted(texts)
    return dict(zip(paths, await asyncio.gather(*(_stored(git, texts[p], known.get(p)) for p in paths)), strict=True))


async def _stored(git: Git, text: str, known: Blob | None) -> Blob:
    if known is not None and known.text == text:
        return known
    content = text.encode("utf-8", "surrogateescape")
    return Blob(await git.line("hash-object", "-w", "--stdin", "--no-filters", stdin=content), text)


async def write_commit(git: Git, files: Files, parent: str | None, message: str) -> str:
    """A commit that holds exactly `files`; returns its name. No ref points to it yet."""
    tree = await _tree(git, {tuple(path.split("/")): blob.id for path, blob in files.items()})
    parents = () if parent is None else ("-p", parent)
    return await git.line("commit-tree", "--no-gpg-sign", *parents, tree, stdin=message.encode())


async def _tree(git: Git, ids: Mapping[tuple[str, ...], str]) -> str:
    """The inner trees first, side by side."""
    inner = sorted({path[0] for path in ids if len(path) > 1})
    parts = [{path[1:]: name for path, name in ids.items() if path[0] == folder} for folder in inner]
    trees = await asyncio.gather(*(_tree(git, part) for part in parts))
    rows = [f"040000 tree {tree}\t{folder}\0" for folder, tree in zip(inner, trees, strict=True)]
    rows += [f"100644 blob {name}\t{path[0]}\0" for path, name in ids.items() if len(path) == 1]
    return await git.line("mktree", "-z", stdin="".join(rows).encode("utf-8", "surrogateescape"))
