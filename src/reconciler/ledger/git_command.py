"""Run the user's own git: no prompt, no hook, no signature, no word of the surrounding repository, and not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import LedgerError

SECONDS = 60.0

_KEPT = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_EXEC_PATH",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
)
"""Variables of git's that say how to reach a remote; all the others say where to work, or how to be noisy."""

_FIXED: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "reconciler",
    "GIT_AUTHOR_EMAIL": "reconciler@localhost",
    "GIT_COMMITTER_NAME": "reconciler",
    "GIT_COMMITTER_EMAIL": "reconciler@localhost",
    "LC_ALL": "C",
    "TZ": "UTC",
}

_OPTIONS = ("core.hooksPath=/dev/null", "gc.auto=0", "maintenance.auto=false", "push.gpgSign=false")

_USER = re.compile(r"(?<=://)[^/\s]*@")
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]+")
_FINAL = re.compile(
    r"denied|not authori[sz]ed|authentication failed|could not read (username|password)|error: 40[13]|"
    r"protected|not found|does not appear to be a git repository|host key verification",
    re.IGNORECASE,
)

Pairs = Sequence[tuple[str, str]]


class GitFailed(Exception):
    """Git said no, or nothing. The text is its own, without credentials. Does not leave this room."""

    @property
    def final(self) -> bool:
        """Whether asking again is useless: it is about permissions, names and places."""
        return _FINAL.search(str(self)) is not None

    @property
    def stale(self) -> bool:
        """Whether nothing was sent, for the ref had moved already."""
        return "stale info" in str(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended. `said` is what it wrote beside its output, masked."""

    code: int
    out: bytes
    said: str


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one repository. `options` stand before every command, `config` is added to the environment's."""

    cwd: Path
    options: tuple[str, ...] = ()
    config: Pairs = ()
    seconds: float = SECONDS

    async def out(self, *words: str, stdin: bytes = b"") -> bytes:
        """What the command prints. Raises GitFailed when it fails, LedgerError when there is no git."""
        answer = await self.ask(*words, stdin=stdin)
        if answer.code:
            raise GitFailed(answer.said or f"git {words[0]} ended with {answer.code}")
        return answer.out

    async def line(self, *words: str, stdin: bytes = b"") -> str:
        """The one line that the command prints. Raises as `out` does."""
        return os.fsdecode(await self.out(*words, stdin=stdin)).rstrip("\n")

    async def ask(self, *words: str, stdin: bytes = b"") -> Answer:
        """Run it to its end; a failure is an answer. Raises GitFailed when its time runs out."""
        process = await self._start(words)
        try:
            async with asyncio.timeout(self.seconds):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            raise GitFailed(f"git {words[0]} did not end within {self.seconds:.0f} s") from None
        finally:
            await _end(process)
        return Answer(process.returncode or 0, out, masked(err.decode("utf-8", "replace").strip()))

    async def _start(self, words: Sequence[str]) -> asyncio.subprocess.Process:
        """In a session of its own: a key pressed for us does not end a push, and nothing can ask at the terminal."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        try:
            return await asyncio.create_subprocess_exec(
                "git",
                *options,
                *self.options,
                *words,
                cwd=self.cwd,
                env=environment(os.environ, self.config),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            what = f"the folder {self.cwd} does not exist" if not self.cwd.is_dir() else "git is not installed"
            raise LedgerError(f"the ledger in git cannot be used: {what}. (LEDGER005)") from error
        except OSError as error:
            raise LedgerError(f"git cannot be started: {error.strerror}. (LEDGER005)") from error


def environment(given: Mapping[str, str], config: Pairs = ()) -> dict[str, str]:
    """The variables for git: ours, what leads to remotes, and `config` behind what the variables configure."""
    kept = {name: value for name, value in given.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    begin = int(kept["GIT_CONFIG_COUNT"]) if kept.get("GIT_CONFIG_COUNT", "").isdigit() else 0
    for number, (key, value) in enumerate(config, begin):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**kept, "GIT_CONFIG_COUNT": str(begin + len(config)), **_FIXED}


def masked(text: str) -> str:
    """The text without what URLs in it carry besides their place."""
    return _QUERY.sub(r"\1?***", _USER.sub("***@", text))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it and all that it began, unless it has ended by itself."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
