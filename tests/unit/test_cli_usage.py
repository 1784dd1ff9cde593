"""The command line before it does anything: words, options, help, completion, and the end of a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler import __version__
from reconciler.cli.main import COMMANDS, root, run
from reconciler.cli.report import FORMATS

PYTHON = sys.executable
RECONCILER = Path(PYTHON).with_name("reconciler")
HEAVY = ("asyncio", "httpx", "pydantic", "rich", "structlog", "yaml", "jsonschema", "starlette", "deepdiff", "sqlite3")


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and none of the surroundings' variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_OUTPUT", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["vaildate"],
        ["frobnicate"],
        ["--nonsense"],
        ["plan", "--nonsense"],
        ["plan", "--format", "pdf"],
        ["plan", "--timeout", "0"],
        ["plan", "--timeout", "soon"],
        ["plan", "--out", "no/such/folder/plan.json"],
        ["plan", "--report", "json"],
        ["plan", "--report", "pdf:file"],
        ["plan", "--report", "json:no/such/folder/file.json"],
        ["apply", "--on-failure", "panic"],
        ["apply", "--report", "json:"],
        ["show"],
        ["history", "--limit", "0"],
        ["ledger"],
        ["ledger", "forget", "nonsense"],
        ["verify", "nonsense"],
        ["schema", "Endpoitn"],
        ["schema", "Endpoint", "--write", "here"],
        ["explain", "Endpoint.spec.nonsense"],
        ["explain", "PLAN999"],
        ["completion", "tcsh"],
        ["gateway", "serve", "--faults", "missing.json"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64_and_says_what_is_wrong(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in a cron job must never read as drift (2), nor as a failure of a gateway (1)."""
    assert run(arguments) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["vaildate"], "Did you mean 'validate'?"),
        (["explain", "Endpiont"], "Did you mean Endpoint?"),
        (["explain", "SAFTEY001"], "Did you mean SAFETY001?"),
        (["plan", "--detailed-exitcodes"], "--detailed-exitcode"),
    ],
)
def test_a_near_miss_is_answered_with_what_was_meant(
    arguments: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One letter is not worth a look into the manual."""
    assert run(arguments) == 64
    assert suggestion in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--ledger", "a.sqlite", "ledger", "unlock", "g"], ["ledger", "unlock", "g", "--ledger", "a.sqlite"]]
)
def test_global_options_stand_before_or_after_the_command(arguments: list[str], tmp_path: Path) -> None:
    """People write them where they think of them."""
    assert run(arguments) == 0
    assert (tmp_path / "a.sqlite").exists()


def test_what_stands_after_the_command_wins(tmp_path: Path) -> None:
    """An alias brings its own options, and the person at the keyboard is right."""
    assert run(["--ledger", "alias.sqlite", "ledger", "unlock", "g", "--ledger", "mine.sqlite"]) == 0
    assert (tmp_path / "mine.sqlite").exists()
    assert not (tmp_path / "alias.sqlite").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help that fails is met by whoever already has a problem."""
    assert run([name, "--help"]) == 0
    assert "Usage: reconciler " + name in capsys.readouterr().out


def test_every_listed_text_is_that_of_its_command() -> None:
    """The list is a copy, so that nothing need be loaded for it: it must not promise what the command does not."""
    context = click.Context(root)
    for name, (_, listed) in COMMANDS.items():
        command = root.get_command(context, name)
        assert command is not None
        assert command.help
        assert listed.endswith(".")
        for parameter in command.params:
            if parameter.name == "format":
                assert isinstance(parameter.type, click.Choice)
                assert list(parameter.type.choices) == list(FORMATS)


def test_help_loads_nothing_heavy() -> None:
    """Completion and help run on every keystroke, and must not wait for libraries that a plan needs."""
    script = (
        "import sys\nfrom reconciler.cli.main import run\nrun(['--help'])\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_version_is_said_by_the_command_and_by_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    """People try either first."""
    assert run(["version"]) == run(["--version"]) == 0
    assert capsys.readouterr().out.split() == [__version__, __version__]


@pytest.mark.parametrize(
    ("words", "expected"), [("reconciler va", "validate"), ("reconciler plan --det", "--detailed-exitcode")]
)
def test_completion_completes(words: str, expected: str) -> None:
    """A completion script that asks a tool which does not answer is worse than none."""
    environ = {**os.environ, "_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": words}
    environ["COMP_CWORD"] = str(len(words.split()) - 1)
    done = subprocess.run([RECONCILER], capture_output=True, text=True, env=environ, check=False)
    assert done.stderr == ""
    assert expected in done.stdout


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    """`reconciler schema | head` must not end in a traceback."""
    writer = subprocess.Popen([RECONCILER, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.read(10)
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.stderr.close()
    writer.wait(timeout=300)


@pytest.mark.parametrize("kind", ["plan", "run", "validate", "drift", "Endpoint"])
def test_schemas_of_outputs_and_kinds_are_printed_offline(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever builds on an output needs its schema in the version that is installed."""
    assert run(["schema", kind]) == 0
    assert f':{kind}"' in capsys.readouterr().out


def test_a_terminal_that_knows_ascii_only_is_served(tmp_path: Path) -> None:
    """An arrow must not be what ends a nightly job on an old machine."""
    (tmp_path / "a.yaml").write_text("apiVersion: reconciler/v1\nkind: Ünbekannt\n", encoding="utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([RECONCILER, "validate", "a.yaml"], capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 1
    assert "\\xdc" in done.stdout
    assert done.stderr == ""
