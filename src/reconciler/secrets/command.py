"""Secrets from a command, such as a password store's own client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from reconciler import storage
from reconciler.errors import SecretForbidden, SecretMissing
from reconciler.model.secret import SecretRef
from reconciler.secrets.file import LARGEST
from reconciler.secrets.rules import SecretRules


class CommandSource:
    """``{command: [...]}``: run without a shell; what it prints on standard error is never shown."""

    def __init__(self, rules: SecretRules) -> None:
        self._rules = rules

    async def fetch(self, ref: SecretRef) -> str:
        """The command's standard output, less one final newline."""
        name, *words = ref.locator
        program = _allowed(name, self._rules)
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise SecretMissing(f"the command {name} cannot be started ({error.strerror})") from None
        output = await self._output(process, name)
        if process.returncode:
            raise SecretMissing(f"the command {name} ended with exit code {process.returncode}")
        return _decoded(output, name)

    async def _output(self, process: asyncio.subprocess.Process, name: str) -> bytes:
        """Whatever ends the wait, nothing that the command started goes on."""
        try:
            async with asyncio.timeout(self._rules.command_seconds):
                return await _limited(process, name)
        except TimeoutError:
            raise SecretMissing(f"the command {name} took longer than {self._rules.command_seconds:g} s") from None
        finally:
            if process.returncode is None:
                await _end(process)


def _allowed(name: str, rules: SecretRules) -> str:
    """The absolute path of a program that may be run. Raises SecretForbidden, and SecretMissing where there is none.

    | the manifest names   | the settings list      | is run                                            |
    |----------------------|------------------------|---------------------------------------------------|
    | vault                | vault                  | the first in PATH that is not of the checkout      |
    | vault                | /usr/bin/vault         | that one, if it is the one that PATH leads to      |
    | /usr/bin/vault       | /usr/bin/vault         | that one                                          |
    | /usr/bin/vault       | vault                  | that one, if it is the one that PATH leads to      |
    | ./vault, bin/vault   | anything               | nothing: it would be a file of the checkout        |
    """
    checkout = None if rules.checkout is None else storage.checkout_around(rules.checkout.resolve())
    program = _found(name, checkout)
    if name in rules.commands or (
        program is not None and program in {_found(listed, checkout) for listed in rules.commands}
    ):
        if program is None:
            raise SecretMissing(f"there is no program {name}")
        return program
    raise SecretForbidden(f"the settings do not allow the command {name} (`secrets.commands`)")


def _found(name: str, checkout: Path | None) -> str | None:
    """Where a program is: nothing in a relative folder of PATH, and nothing of the checkout, is taken for one."""
    if "/" in name:
        return name if name.startswith("/") else None
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = Path(folder) / name
        if not candidate.is_absolute() or not candidate.is_file() or not os.access(candidate, os.X_OK):
            continue
        if checkout is None or not candidate.resolve().is_relative_to(checkout):
            return str(candidate)
    return None


async def _limited(process: asyncio.subprocess.Process, name: str) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    output = await process.stdout.read(LARGEST + 1)
    while len(output) <= LARGEST and (more := await process.stdout.read(LARGEST + 1)):
        output += more
    if len(output) > LARGEST:
        raise SecretMissing(f"the command {name} printed more than {LARGEST} bytes")
    await process.wait()
    return output


async def _end(process: asyncio.subprocess.Process) -> None:
    """The whole group: a shell's children hold the pipe open, and would outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _decoded(output: bytes, name: str) -> str:
    try:
        text = output.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretMissing(f"the command {name} printed no UTF-8 text") from None
    if not text:
        raise SecretMissing(f"the command {name} printed nothing")
    return text
