"""Secrets from a command, such as a password store's own client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

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
        if not self._rules.allow_commands:
            raise SecretForbidden("the settings do not allow secrets from commands (`secrets.commands`)")
        name = ref.locator[0]
        try:
            process = await asyncio.create_subprocess_exec(
                *ref.locator,
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
