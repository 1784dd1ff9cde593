"""Secrets: fetched where it is allowed, and never shown."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.secrets import SecretRules, SecretVault, open_vault

CANARY = "canary-Zm9vYmFy=="


def vault(
    folder: Path, environ: Mapping[str, str] | None = None, *, key: SecretRef | None = None, **rules: object
) -> SecretVault:
    root = {"g": SecretRef("env", ("ROOT",))}
    return open_vault(
        SecretRules(**rules),  # type: ignore[arg-type]  # each test gives the rules it is about
        {"ROOT": "the gateway's own", **(environ or {})},
        key=key,
        roots=root,
        key_file=folder / "fingerprint.key",
    )


def fetched(made: SecretVault, ref: SecretRef) -> str | Diagnostic:
    """The value, or the finding in its place."""
    failed = asyncio.run(made.prepare([ref, SecretRef("env", ("ROOT",))]))
    return failed[ref] if ref in failed else made.reveal(ref).reveal()


def code(made: SecretVault, ref: SecretRef) -> str:
    found = fetched(made, ref)
    assert isinstance(found, Diagnostic)
    assert CANARY not in found.detail
    return found.code


@pytest.mark.parametrize("value", [CANARY, "0012345", "ünï", "in ner  spaces"])
def test_a_value_arrives_as_it_is(tmp_path: Path, value: str) -> None:
    """A key that is trimmed, split or read as a number is a wrong key."""
    assert fetched(vault(tmp_path, {"K": value}), SecretRef("env", ("K",))) == value


def test_missing_and_empty_variables_are_missing(tmp_path: Path) -> None:
    """An empty key would be written, and would stop an endpoint."""
    assert code(vault(tmp_path), SecretRef("env", ("K",))) == "SECRET001"
    assert code(vault(tmp_path, {"K": ""}), SecretRef("env", ("K",))) == "SECRET001"


def test_only_allowed_names_are_read(tmp_path: Path) -> None:
    """A pull request must not be able to send the runner's own token to a gateway of its choice."""
    made = vault(tmp_path, {"GITHUB_TOKEN": CANARY, "LLM_A": "x"}, env_names=("LLM_*", "ROOT"))
    assert code(made, SecretRef("env", ("GITHUB_TOKEN",))) == "SECRET002"
    assert fetched(made, SecretRef("env", ("LLM_A",))) == "x"


def test_files_below_the_root_and_nowhere_else(tmp_path: Path) -> None:
    """A path with dots, or a link, is how a manifest would read the runner's files."""
    root = tmp_path / "secrets"
    root.mkdir()
    (root / "a").write_text("value\n")
    (root / "two").write_text("value\n\n")
    (tmp_path / "outside").write_text(CANARY)
    (root / "link").symlink_to(tmp_path / "outside")
    made = vault(tmp_path, file_root=root)
    assert fetched(made, SecretRef("file", ("a",))) == "value"
    assert code(made, SecretRef("file", ("two",))) == "SECRET003"
    assert code(made, SecretRef("file", ("../outside",))) == "SECRET002"
    assert code(made, SecretRef("file", ("link",))) == "SECRET002"
    assert code(made, SecretRef("file", ("none",))) == "SECRET001"
    assert code(vault(tmp_path), SecretRef("file", ("a",))) == "SECRET002"


def test_commands_run_only_if_allowed_and_say_little(tmp_path: Path) -> None:
    """What a password store prints on standard error may hold what it was asked for."""
    script = "import sys; print('value'); print('{0}'[::-1], file=sys.stderr); sys.exit({1})"
    fine = SecretRef("command", (sys.executable, "-c", script.format(CANARY[::-1], 0)))
    broken = SecretRef("command", (sys.executable, "-c", script.format(CANARY[::-1], 3)))
    slow = SecretRef("command", (sys.executable, "-c", "import time; time.sleep(3600)"))
    assert code(vault(tmp_path), fine) == "SECRET002"
    impatient = vault(tmp_path, commands=(sys.executable, "/does/not/exist"), command_seconds=0.5)
    patient = vault(tmp_path, commands=(sys.executable, "/does/not/exist"), command_seconds=300)
    failed = asyncio.run(patient.prepare([broken, SecretRef("command", ("/does/not/exist",))]))
    failed = {**failed, **asyncio.run(impatient.prepare([slow]))}
    assert {finding.code for finding in failed.values()} == {"SECRET001"}
    assert "exit code 3" in failed[broken].detail
    assert fetched(patient, fine) == "value"


def test_a_value_cannot_be_shown_or_carried_off() -> None:
    """Whoever logs, prints, copies or serialises by mistake must get a mask or an error, never the secret."""
    value = SecretValue(CANARY)
    shown = [repr(value), str(value), f"{value}", f"{value!r}", f"{value:>40}", "%s" % value, repr({"k": value})]  # noqa: UP031 - one more way
    assert all(CANARY not in text for text in shown)
    for carry in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, hash):
        with pytest.raises(TypeError):
            carry(value)
    with pytest.raises(TypeError) as raised:
        raise TypeError(value)
    assert CANARY not in str(raised.value)


def test_fingerprints_tell_equal_from_different_and_nothing_else(tmp_path: Path) -> None:
    """They stand in the ledger: equal secrets must be found, guesses must not be testable without the key."""
    a, b, c = (SecretRef("env", (name,)) for name in "ABC")
    made = vault(tmp_path, {"A": CANARY, "B": CANARY, "C": "other"})
    asyncio.run(made.prepare([a, b, c, SecretRef("env", ("ROOT",))]))
    assert made.fingerprint("g", a) == made.fingerprint("g", b) != made.fingerprint("g", c)
    found = made.fingerprint("g", a)
    assert found is not None
    other = vault(tmp_path, {"A": CANARY, "ROOT": "rotated"})
    asyncio.run(other.prepare([a, SecretRef("env", ("ROOT",))]))
    again = other.fingerprint("g", a)
    assert again is not None
    assert again.key_id != found.key_id
    assert again.digest != found.digest


def test_a_key_of_the_settings_outlives_a_rotated_gateway_credential(tmp_path: Path) -> None:
    """Otherwise every rotation of the gateway's own credential would blind the next plan once."""
    a, key = SecretRef("env", ("A",)), SecretRef("env", ("KEY",))
    found = []
    for root in ("before", "after"):
        made = vault(tmp_path, {"A": CANARY, "KEY": "fixed", "ROOT": root}, key=key)
        asyncio.run(made.prepare([a]))
        found.append(made.fingerprint("g", a))
    assert found[0] == found[1] is not None


def test_without_any_credential_a_random_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """A fixed key in the program would be no key."""
    a = SecretRef("env", ("A",))
    made = vault(tmp_path, {"A": CANARY})
    asyncio.run(made.prepare([a]))
    first = made.fingerprint("without", a)
    path = tmp_path / "fingerprint.key"
    assert path.stat().st_mode & 0o077 == 0
    again = vault(tmp_path, {"A": CANARY})
    asyncio.run(again.prepare([a]))
    assert again.fingerprint("without", a) == first


def test_forgotten_values_are_gone(tmp_path: Path) -> None:
    """After a run nothing may be left to be dumped."""
    made = vault(tmp_path, {"A": CANARY})
    ref = SecretRef("env", ("A",))
    asyncio.run(made.prepare([ref]))
    made.forget()
    assert made.fingerprint("g", ref) is None


def test_a_pipe_is_no_secret_file(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to waits for ever."""
    root = tmp_path / "secrets"
    root.mkdir()
    os.mkfifo(root / "pipe")
    assert code(vault(tmp_path, file_root=root), SecretRef("file", ("pipe",))) == "SECRET001"


def test_bytes_that_are_no_text_are_a_finding(tmp_path: Path) -> None:
    """The system hands them over as half characters, which can be neither hashed nor sent."""
    assert code(vault(tmp_path, {"K": "\udcff"}), SecretRef("env", ("K",))) == "SECRET001"


def test_a_command_that_takes_too_long_leaves_nobody_behind(tmp_path: Path) -> None:
    """A shell's child holds the pipe open and lives on; each plan would add one."""
    mark = tmp_path / "pid"
    command = ("sh", "-c", f"sleep 60 & echo $! > {mark}; wait")
    made = vault(tmp_path, commands=("sh", "yes"), command_seconds=0.5)
    assert code(made, SecretRef("command", command)) == "SECRET001"
    child = int(mark.read_text())
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1]


def test_a_command_that_never_stops_printing_is_stopped(tmp_path: Path) -> None:
    """A wrong command would fill the memory of the runner."""
    made = vault(tmp_path, commands=("sh", "yes"))
    assert code(made, SecretRef("command", ("yes",))) == "SECRET001"
