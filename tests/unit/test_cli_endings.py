"""However a command ends: one clear line, the document that was asked for, and one exit code in all places."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import render_samples as samples
from jsonschema import Draft7Validator
from scenario_bench import GATEWAY, endpoint

from reconciler.cli import planfile
from reconciler.cli.failure import OutOfTime, failure_of
from reconciler.cli.main import run
from reconciler.errors import Blocked, Defect, InputError, Rejected, SecretMissing, StaleLedger
from reconciler.render import json as documents
from reconciler.render.schema import schema

SECRET = "sk-canary-in-a-message=="


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one endpoint on a gateway in a box, and made-up secrets."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_OUTPUT", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "KEY_A"):
        monkeypatch.setenv(name, f"made-up-{name}")
    manifests(GATEWAY.format(url='"embedded:"', total=10), endpoint("one"))


def manifests(*texts: str) -> None:
    """The whole of the fleet."""
    Path("manifests").mkdir(exist_ok=True)
    Path("manifests/fleet.yaml").write_text("---\n".join(texts), encoding="utf-8")


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Standard output, which holds one document and nothing else."""
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("error", "code", "finding", "line"),
    [
        (InputError(samples.FINDINGS), 1, "PLATFORM003", ""),
        (Blocked("somebody must decide", samples.FINDINGS), 3, "PLATFORM003", "blocked: somebody must decide"),
        (StaleLedger("the ledger moved"), 1, "CLI002", "error: the ledger moved"),
        (Rejected("the gateway refused"), 1, "CLI002", "error: the gateway refused"),
        (SecretMissing("env:X leads to no value"), 1, "CLI002", "error: env:X leads to no value"),
        (OSError(28, "No space left on device"), 1, "CLI002", "error: [Errno 28] No space left on device"),
        (TimeoutError("timed out"), 1, "CLI002", "error: timed out"),
        (OutOfTime("not done within 1 s"), 1, "CLI006", "error: not done within 1 s"),
        (KeyboardInterrupt(), 130, "CLI003", "interrupted"),
        (click.Abort(), 130, "CLI003", "interrupted"),
    ],
)
def test_each_failure_has_its_exit_code_and_its_words(
    error: BaseException, code: int, finding: str, line: str, tmp_path: Path
) -> None:
    """A job decides by the number, a person by the line: the table is what both rely on."""
    found = failure_of(error, tmp_path)
    assert (found.code, found.diagnostics[0].code, found.words) == (code, finding, line)
    assert not (tmp_path / "defect.txt").exists()


def test_a_defect_is_kept_without_any_value(tmp_path: Path) -> None:
    """A report of a defect is sent to strangers: it may say where, and never with what."""

    def deep(key: str) -> None:
        try:
            int(key)
        except ValueError as error:
            raise RuntimeError(f"while reading {key}") from error

    with pytest.raises(RuntimeError) as raised:
        deep(SECRET)
    found = failure_of(raised.value, tmp_path / ".reconciler")
    kept = tmp_path / ".reconciler" / "defect.txt"
    text = kept.read_text(encoding="utf-8")
    assert found.code == 1
    assert str(kept) in found.words
    assert "report" in found.words
    assert SECRET not in found.words + text + found.diagnostics[0].detail
    assert "int(key)" in text
    assert text.index("ValueError") < text.index("RuntimeError")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_defect_in_a_folder_that_cannot_be_written_is_still_said(tmp_path: Path) -> None:
    """The last resort must not fail itself."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = failure_of(Defect("an edge leads nowhere"), tmp_path / "file" / "below")
    assert found.words.startswith("error: an edge leads nowhere")
    assert "Traceback" not in found.words


FAILING = {"plan": "plan", "apply": "run", "drift": "drift", "validate": "validate", "verify": None}


@pytest.mark.parametrize("command", FAILING)
@pytest.mark.parametrize("fault", ["manifest", "settings"])
def test_a_command_that_fails_prints_the_document_it_always_prints(
    command: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that reads the JSON must not find an empty file on the day it matters."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    if fault == "manifest":
        manifests(GATEWAY.format(url='"embedded:"', total=10), endpoint("one", rpm=0))
    else:
        Path("reconciler.yaml").write_text("colour: always\n", encoding="utf-8")
    assert run([command, "--format", "json", "--report", "json:report.json", "--report", "terminal:report.txt"]) == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    if FAILING[command] is not None:
        Draft7Validator(schema(str(FAILING[command]))).validate(document)
    [finding] = document["diagnostics"]
    assert finding["code"] in {"KIND005", "SETTINGS001"}
    assert finding["code"] in (said.out if command == "validate" else said.err)
    assert document.get("exit_code", 1) == 1
    assert not document.get("complete", False)
    assert document == json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert finding["code"] in Path("report.txt").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert told["exitcode"] == "1"
    if command in {"plan", "apply", "drift"}:
        assert told["has-changes"] == told["has-drift"] == told["blocked"] == "false"


def test_the_plan_of_a_failed_command_can_be_shown_and_never_applied(capsys: pytest.CaptureFixture[str]) -> None:
    """What a pull request's comment is made from must also exist when the manifests are wrong."""
    manifests(GATEWAY.format(url='"embedded:"', total=10), endpoint("one", rpm=0))
    assert run(["plan", "--report", "json:plan.json"]) == 1
    assert run(["show", "plan.json"]) == 1
    assert "incomplete and cannot be applied" in capsys.readouterr().out


def test_reports_go_to_stdout_and_everything_else_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody pipes it."""
    assert run(["-v", "apply", "--auto-approve", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["status"] == "ok"
    assert "change_finished" in said.err


def test_no_gateway_at_all_is_not_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty checkout that plans "No changes." lets a broken pipeline look healthy for weeks."""
    Path("manifests/fleet.yaml").unlink()
    for command in ("plan", "drift", "apply", "verify"):
        assert run([command]) == 1
        assert "CLI004" in capsys.readouterr().err
    assert not (tmp_path / ".reconciler" / "ledger.sqlite").exists()


def test_a_gateway_that_nobody_declared_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan of no gateways is empty, which would read as "all is well"."""
    assert run(["plan", "-g", "prdo"]) == 64
    assert "did you mean 'prod'?" in capsys.readouterr().err


def test_quiet_leaves_errors_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    """Quiet means less, and never that a job fails without a word."""
    manifests(GATEWAY.format(url='"embedded:"', total=10), endpoint("one", rpm=0))
    assert run(["-q", "plan"]) == 1
    assert "KIND005" in capsys.readouterr().err
    manifests(GATEWAY.format(url='"embedded:"', total=10), endpoint("one"))
    assert run(["-q", "apply", "--auto-approve"]) == 0
    said = capsys.readouterr()
    assert "Plan: 1 to create" in said.out
    assert said.err == ""


def test_a_report_that_cannot_be_written_is_said_before_anything_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an apply it would be too late: the fleet changed, and the job reads as wrong usage."""
    assert run(["apply", "--auto-approve", "--report", "jsn:report.json"]) == 64
    assert not (tmp_path / ".reconciler").exists()
    assert "formats are terminal, json" in capsys.readouterr().err


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_the_time_limit_ends_a_command_with_a_document(silent: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that hangs until the CI system kills it tells nobody why."""
    manifests(GATEWAY.format(url=silent, total=30), endpoint("one"))
    began = asyncio.new_event_loop()
    before = began.time()
    assert run(["--timeout", "0.4", "plan", "--format", "json"]) == 1
    assert began.time() - before < 5
    began.close()
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert [d["code"] for d in document["diagnostics"]] == ["CLI006"]
    assert not document["complete"]
    assert "--timeout" in said.err


def test_colour_is_for_terminals_unless_somebody_says_always(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in a log file are noise; a job whose log shows colours can ask for them."""
    assert run(["plan"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    Path("reconciler.yaml").write_text("color: always\n", encoding="utf-8")
    assert run(["plan"]) == 0
    assert "\x1b[" in capsys.readouterr().out
    assert run(["plan", "--no-color"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def made_plan(path: Path) -> Any:
    """A plan file in `path`, and its document."""
    planfile.write(path, samples.PLAN)
    return json.loads(path.read_text(encoding="utf-8"))


def test_an_edited_plan_file_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever approves by what `show` prints must be shown what the digest stands for."""
    document = made_plan(tmp_path / "plan.json")
    document["basis"]["commit"] = "0000000"
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    assert run(["show", "plan.json", "--format", "json"]) == 3
    capsys.readouterr()
    document["changes"][1]["fields"][0]["after"] = 601
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    assert run(["show", "plan.json"]) == 1
    assert "it was edited" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "null", '{"format_version": NaN}', '{"format_version": "9.0"}', "[" * 100_000, "\udcff"],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_plan_file_is_said_to_be_none(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Artifacts get cut, swapped and renamed on their way between jobs."""
    (tmp_path / "plan.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    for arguments in (["show", "plan.json"], ["apply", "plan.json"]):
        assert run(arguments) == 1
        said = capsys.readouterr().err
        assert "CLI001" in said
        assert "Traceback" not in said


def test_a_plan_file_is_replaced_whole(tmp_path: Path) -> None:
    """A plan file that is half an old plan and half a new one would be approved by somebody."""
    made_plan(tmp_path / "plan.json")
    planfile.write(tmp_path / "plan.json", samples.EMPTY)
    assert planfile.read(tmp_path / "plan.json") == documents.plan_from_document(documents.plan_document(samples.EMPTY))
    assert [path.name for path in tmp_path.glob("*plan*")] == ["plan.json"]


def test_ledger_and_audit_speak_json_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever watches a fleet watches its ledger too."""
    assert run(["apply", "--auto-approve", "-q"]) == 0
    capsys.readouterr()
    assert run(["ledger", "list", "--format", "json"]) == 0
    assert [e["address"] for e in printed(capsys)["entries"]] == ["prod/Endpoint/one", "prod/Gateway/prod"]
    assert run(["audit", "verify", "--format", "json"]) == 0
    assert printed(capsys)["broken_at"] is None
    assert run(["history", "--format", "json"]) == 0
    [record] = printed(capsys)["runs"]
    assert record["counts"] == {"applied": 1}
    assert run(["ledger", "unlock", "prod", "--format", "json"]) == 0
    assert printed(capsys) == {"gateway": "prod", "holder": None}
    assert run(["ledger", "forget", "prod/Endpoint/one"]) == 0
    assert run(["ledger", "forget", "prod/Endpoint/one"]) == 1


def test_a_changed_audit_file_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """An audit that cannot tell that it was edited proves nothing."""
    assert run(["apply", "--auto-approve", "-q"]) == 0
    path = Path(".reconciler/audit.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[1].replace("create", "delete"), *lines[2:]]), encoding="utf-8")
    capsys.readouterr()
    assert run(["audit", "verify", "--format", "json"]) == 1
    assert printed(capsys)["broken_at"] == 2


@pytest.mark.parametrize(
    "written",
    [
        "{keyId: k, priority: 1, apiKey: CANARY}",
        "{keyId: k, priority: 1, apiKey: 'CANARY'}",
        '{"keyId": "k", "priority": 1, "apiKey": "CANARY"}',
        "{keyId: k, priority: 1, apikey: CANARY}",
        "{keyId: k, priority: 1, apiKey: [CANARY]}",
        "{keyId: k, priority: 1, apiKey: {value: CANARY}}",
        "{keyId: k, priority: 1, apiKey: CANARY, apiKey: CANARY}",
        "{keyId: k, priority: x, apiKey: CANARY}",
        "{keyId: k, priority: 1, apiKey: !!binary CANARY}",
        "{keyId: k, priority: 1, apiKey: |\n  CANARY}",
    ],
)
def test_a_secret_in_clear_is_refused_and_not_repeated(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever pastes a key into a manifest has one place to clean up; the job's log must not become the second."""
    credentials = "{keyId: key-1, priority: 1, apiKey: {env: KEY_A}}"
    text = endpoint("one").replace(credentials, written.replace("CANARY", SECRET))
    assert SECRET in text
    manifests(GATEWAY.format(url='"embedded:"', total=10), text)
    for arguments in (["validate"], ["validate", "--format", "json"], ["plan"], ["plan", "--format", "json"]):
        assert run(arguments) == 1
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
