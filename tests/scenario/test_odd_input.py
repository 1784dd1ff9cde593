"""Input that nobody should write: each is answered in words, at its place, with an exit code of the table."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from git_bench import git
from odd_bench import boxed, run_with, sane
from scenario_bench import Bench, endpoint

DIGITS = "9" * 4301
"""One more than Python turns into a number."""


@pytest.fixture
def fleet(tmp_path: Path) -> Bench:
    bench = boxed(tmp_path / "checkout")
    bench.manifests(endpoint("one"))
    return bench


def loop(path: Path) -> Path:
    """A link that leads to itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)
    return path


def test_folders_may_lie_as_deep_as_the_system_lets_them(fleet: Bench) -> None:
    """The depth of a tree is not Python's stack."""
    inner = os.open(fleet.root / "manifests", os.O_RDONLY)
    for _ in range(1900):
        os.mkdir("d", dir_fd=inner)
        below = os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = below
    file = os.open("deep.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=inner)
    os.write(file, b"kind: Nope\n")
    os.close(file)
    os.close(inner)
    try:
        found, planned = fleet.run("validate"), fleet.run("plan")
    finally:  # what removes the folders of tests goes down by recursion
        subprocess.run(["rm", "-rf", fleet.root / "manifests"], check=True)
    assert "deep.yaml:1:7: error[KIND002]" in sane(found).out
    assert (found.code, sane(planned).code) == (1, 1)


@pytest.mark.parametrize(
    ("where", "arguments", "said"),
    [
        ("manifests/loop.yaml", ["plan"], "manifests/loop.yaml:1:1: error[FILE003]"),
        ("manifests/loop", ["plan"], "manifests/loop:1:1: error[FILE003]"),
        ("folder", ["plan", "folder"], "folder:1:1: error[FILE003]"),
        ("reconciler.yaml", ["plan"], "reconciler.yaml:1:1: error[FILE003]"),
        (".reconciler/ledger.sqlite", ["plan"], "ledger.sqlite is a symbolic link"),
        (".reconciler/ledger.sqlite", ["apply", "--auto-approve"], "ledger.sqlite is a symbolic link"),
        (".reconciler", ["apply", "--auto-approve"], ".reconciler is a symbolic link"),
        (".reconciler/audit.jsonl", ["audit", "verify"], "audit.jsonl is a symbolic link"),
        ("p.json", ["show", "p.json"], "CLI001"),
        ("p.json", ["plan", "--report", "json:p.json"], "p.json is a symbolic link"),
        ("d", ["import", "-o", "d"], "d"),
        ("d", ["gateway", "serve", "--store", "d", "--port", "0"], "d is a symbolic link"),
    ],
)
def test_a_link_to_itself_is_named(fleet: Bench, where: str, arguments: list[str], said: str) -> None:
    """Whoever made such a link by accident has to be told which one."""
    loop(fleet.root / where)
    done = sane(fleet.run(*arguments))
    assert done.code not in {0, 2}, done
    assert said in done.err, done


def test_a_secret_that_is_a_link_to_itself_is_missing(fleet: Bench) -> None:
    """A secret that cannot be read stops before the first write, at its line."""
    loop(fleet.root / "keys/one")
    fleet.write("reconciler.yaml", "secrets: {root: keys}\n")
    fleet.manifests(endpoint("one").replace("{env: KEY_A}", "{file: one}"))
    done = sane(fleet.apply())
    assert done.code == 1
    assert "manifests/fleet.yaml:9:" in done.err
    assert "Too many levels" in done.err


@pytest.mark.parametrize("broken", ["kind: Nope\n", "a: yes\n", "a: 1\na: 1\n", "x\n", "kind: Pricing\nspec: {x: 1}\n"])
def test_ten_thousands_of_mistakes_are_told_in_a_report_that_can_be_read(fleet: Bench, broken: str) -> None:
    """A generator that went wrong must not keep a job busy for an hour, nor fill its log."""
    for part in range(4):
        fleet.write(f"manifests/many-{part}.yaml", "---\n".join([broken] * 8000))
    done = sane(fleet.run("validate"))
    assert done.code == 1
    assert len(done.out) < 500_000
    assert "more findings are not shown" in done.out
    found = sane(fleet.run("validate", "--format", "json"))
    assert found.code == 1
    assert found.json["valid"] is False
    assert len(found.json["diagnostics"]) == 1001


@pytest.mark.parametrize("name", ["timeout", "lockTimeout", "retry", "root"])
def test_a_setting_of_thousands_of_digits_is_refused_at_its_line(fleet: Bench, name: str) -> None:
    """A number that Python itself refuses to read is still a mistake in a file."""
    fleet.write("reconciler.yaml", f"color: never\n{name}: {DIGITS}\n")
    done = sane(fleet.plan())
    assert done.code == 1
    assert "reconciler.yaml:2:" in done.err
    assert len(done.err) < 2000


def test_a_snapshot_without_a_time_zone_is_none(fleet: Bench) -> None:
    """Its age would be a guess."""
    assert fleet.run("snapshot", "-o", "s.json").code == 0
    path = fleet.root / "s.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"taken_at": "2026-01-01T00:00:00"}))
    done = sane(fleet.run("plan", "--against", "s.json"))
    assert done.code == 1
    assert "time zone" in done.err


def test_a_file_without_end_is_refused(fleet: Bench) -> None:
    """A device where a plan is expected must not take the machine's memory."""
    for arguments in (["show", "/dev/zero"], ["plan", "--settings", "/dev/zero"], ["validate", "/dev/zero"]):
        done = sane(fleet.run(*arguments))
        assert done.code == 1, done
        assert "/dev/zero" in done.err + done.out


@pytest.mark.parametrize(
    "line", ["[]", "null", '{"seq": 1, "prev": "\\ud800", "hash": []}', "[" * 5000, DIGITS, "\xff"]
)
def test_lines_of_the_audit_file_may_be_anything(fleet: Bench, line: str) -> None:
    """Whoever tampered with it is answered with the line that is wrong."""
    assert fleet.apply().code == 0
    with (fleet.root / ".reconciler/audit.jsonl").open("a", encoding="latin-1") as file:
        file.write(f"{line}\n")
    done = sane(fleet.run("audit", "verify"))
    assert done.code == 1
    assert "audit.jsonl:" in done.out


@pytest.mark.parametrize("odd", [DIGITS, "1e400", "NaN", "[" * 5000, '"' + "x" * 10, "\udcff"])
def test_files_of_our_own_are_read_with_suspicion(fleet: Bench, odd: str) -> None:
    """Plan files and snapshots come from other jobs, and what came is told in our words."""
    for name in ("p.json", "s.json"):
        (fleet.root / name).write_bytes(f'{{"format_version": {odd}}}'.encode("utf-8", "surrogateescape"))
    for arguments in (
        ["show", "p.json"],
        ["apply", "p.json"],
        ["plan", "--against", "s.json"],
        ["gateway", "serve", "--port", "0", "--faults", "p.json"],
    ):
        done = sane(fleet.run(*arguments))
        assert done.code in {1, 64}, done
        assert "set_int_max_str_digits" not in done.err


def test_a_fingerprint_key_that_is_missing_is_said_by_its_setting(fleet: Bench) -> None:
    """The key of the settings belongs to no line of a manifest."""
    fleet.write("reconciler.yaml", "secrets: {fingerprintKey: {env: NOT_SET}}\n")
    done = sane(fleet.plan())
    assert done.code == 1
    assert "secrets.fingerprintKey" in done.err
    assert "NOT_SET" in done.err


def test_a_working_folder_that_is_gone_is_said(fleet: Bench) -> None:
    """A job that removed its own checkout sees no traceback."""
    gone = fleet.root / "gone"
    gone.mkdir()

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    done = sane(run_with(fleet, ["plan"], before=leave))
    assert done.code == 1
    assert "the working folder is not there any more" in done.err


ENTRY = "UPDATE entries SET body = json_set(body, ?, json(?))"
INTENT = """INSERT INTO intents SELECT address, json_set(json_object('v', 1, 'run_id', 'r', 'address',
    json_extract(body, '$.address'), 'action', 'update', 'after', json(body), 'remote_id', 'one', 'before_revision',
    null, 'before_observed', null, 'scratch', null), ?, json(?)) FROM entries"""
RUN = "UPDATE runs SET body = json_set(body, ?, json(?))"


@pytest.mark.parametrize(
    ("statement", "places"),
    [
        (ENTRY, "address remote_id spec fingerprints refs hints revision protect depends_on manage origin labels v"),
        (ENTRY, "unproved"),
        (INTENT, "address action after after.spec remote_id before_revision before_observed scratch run_id v"),
        (RUN, "run_id started ended status gateways gateways[0] holder counts outcomes v"),
    ],
)
def test_rows_of_the_ledger_with_wrong_types_are_damage(fleet: Bench, statement: str, places: str) -> None:
    """What the tool remembers decides what it deletes: a note that cannot be one is never worked with."""
    assert fleet.apply().code == 0
    path = fleet.root / ".reconciler/ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    before = path.read_bytes()
    command = ["history"] if statement is RUN else ["ledger", "list"]
    for place in places.split():
        for wrong in ('{"x": [1]}', "-1.5") if "counts" not in place else ("[1]", '"x"'):
            for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
                (path.parent / name).unlink(missing_ok=True)
            path.write_bytes(before)
            with sqlite3.connect(path) as db:
                db.execute(statement, (f"$.{place}", wrong))
            db.close()
            if place in {"spec", "after.spec", "fingerprints", "refs", "hints", "labels"} and wrong.startswith("{"):
                continue  # an object may stand there, and what is in it is not the codec's
            done = sane(fleet.run(*command))
            assert done.code == 1, (place, wrong, done)
            assert "LEDGER001" in done.err, (place, wrong, done)


def test_a_git_ledger_with_wrong_types_is_damage(fleet: Bench) -> None:
    """People can read that ledger, and so they edit it."""
    git(fleet.root, "init", "-q")
    fleet.environ["RECONCILER_LEDGER"] = "git:."
    assert fleet.apply().code == 0, fleet.apply()
    ref = git(fleet.root, "for-each-ref", "--format=%(refname)", "refs/reconciler").split()[0]
    good = git(fleet.root, "rev-parse", ref).strip()
    for name, change in (
        ("ledger.json", lambda d: d | {"serial": "1"}),
        ("ledger.json", lambda d: d | {"writes": None}),
        ("gateways/prod/entries.json", lambda d: {key: value | {"spec": 5} for key, value in d.items()}),
        ("gateways/prod/entries.json", lambda d: {key: value | {"address": ["prod", 1]} for key, value in d.items()}),
        ("gateways/prod/entries.json", lambda d: renamed(d, "other/Endpoint/one")),
        ("gateways/prod/entries.json", lambda d: renamed(d, "prod/Endpoint/two")),
        ("gateways/prod/lease.json", lambda d: d | {"v": 1, "holder": 1, "token": [], "writer": {}, "expires": "x"}),
    ):
        rewritten(fleet.root, ref, good, name, change)
        done = sane(fleet.run("ledger", "list"))
        assert done.code == 1, (name, done)
        assert "LEDGER001" in done.err, (name, done)


def renamed(notes: dict[str, Any], name: str) -> dict[str, Any]:
    """The one endpoint's note under another name."""
    return {name if "/Endpoint/" in known else known: note for known, note in notes.items()}


def rewritten(root: Path, ref: str, good: str, name: str, change: Callable[[Any], Any]) -> None:
    """Let the ref hold a commit like `good`, but for one file."""
    git(root, "read-tree", good)
    held = git(root, "ls-tree", "-r", "--name-only", good).split()
    text = git(root, "show", f"{good}:{name}") if name in held else "{}"
    (root / "odd.json").write_text(json.dumps(change(json.loads(text))))
    blob = git(root, "hash-object", "-w", "odd.json").strip()
    git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    tree = git(root, "write-tree").strip()
    git(root, "update-ref", ref, git(root, "commit-tree", "-m", "by hand", "-p", good, tree).strip())


@pytest.fixture
def answering() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A gateway that answers a path with whatever bytes it is told to, else with 404."""
    answers: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.partition("?")[0]
            self.send_response(200 if path in answers else 404)
            body = answers.get(path, b"{}")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of the base class

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


TOKEN = b'{"access_token": "t", "expires_in": 3600}'
PAGE = b'{"items": [], "nextPageToken": null}'


def pointed(fleet: Bench, url: str) -> None:
    """Let the fleet's gateway be at `url`."""
    path = fleet.root / "manifests/gateway.yaml"
    path.write_text(path.read_text().replace("embedded:", url) + "  timeouts: {connect: 60, total: 60}\n")


@pytest.mark.parametrize(
    ("expires", "code"),
    [
        ("3600", 0),
        ('"3600"', 0),
        ("3599.5", 0),
        ("null", 0),
        ("9" * 400, 1),
        ("9" * 4301, 1),
        ("-5", 1),
        ("NaN", 1),
        ("1e400", 1),
        ("true", 1),
        ('"soon"', 1),
        ('"٣"', 1),
        ("[]", 1),
    ],
)
def test_how_long_a_token_lasts_is_read_or_refused(
    fleet: Bench, answering: tuple[str, dict[str, bytes]], expires: str, code: int
) -> None:
    """Token endpoints say it as a number, as text or not at all; anything else is not a time."""
    url, answers = answering
    pointed(fleet, url)
    answers["/oauth/token"] = f'{{"access_token": "t", "expires_in": {expires}}}'.encode()
    answers["/api/v1/llm/gateway/endpoints"] = answers["/api/v1/llm/gateway/webhooks"] = PAGE
    done = sane(fleet.run("plan"))
    assert done.code == code, done
    assert ("token endpoint" in done.out + done.err) is (code == 1), done


@pytest.mark.parametrize("token", ["t\\u20ac", "t\\u00e9", "a\\nb", "\\ud800", " t", ""])
def test_a_token_that_no_header_can_carry_is_refused(
    fleet: Bench, answering: tuple[str, dict[str, bytes]], token: str
) -> None:
    """It is the token endpoint that is wrong, and that is what has to be said."""
    url, answers = answering
    pointed(fleet, url)
    answers["/oauth/token"] = f'{{"access_token": "{token}", "expires_in": 60}}'.encode()
    done = sane(fleet.run("plan"))
    assert done.code == 1
    assert "the token endpoint answered" in done.out + done.err


@pytest.mark.parametrize("auth", ["{bearer: {env: ODD}}", "{header: {name: X-Key, value: {env: ODD}}}"])
@pytest.mark.parametrize("odd", ["t€", "té", "a\nb", "\udcff", " t"])
def test_a_credential_that_no_header_can_carry_is_refused_at_its_line(fleet: Bench, auth: str, odd: str) -> None:
    """Nothing is sent with half a credential."""
    fleet.environ["ODD"] = odd
    fleet.write("manifests/fleet.yaml", "")
    fleet.write(
        "manifests/gateway.yaml",
        "apiVersion: reconciler/v1\nkind: Gateway\nmetadata: {name: prod}\n"
        f"spec:\n  platform: litellm\n  url: http://127.0.0.1:9\n  auth: {auth}\n",
    )
    done = sane(fleet.run("plan"))
    assert done.code == 1
    assert "manifests/gateway.yaml:7:" in done.err, done


ODD_BODIES = [
    b"[" * 5000,
    b'{"items": ' + b"[" * 90 + b"]" * 90 + b"}",
    DIGITS.encode(),
    b'{"items": [{"endpointId": ' + DIGITS.encode() + b"}]}",
    b"1e400",
    b"NaN",
    b'"\\ud800"',
    b"\xff\xfe{}",
    b"null",
    b'{"items": [{}]}',
    b'{"items": [null]}',
    b'{"items": [{"endpointId": "a\\nb\\u202e", "name": "\\ud800", "provider": [], "credentials": {}}]}',
    b'{"items": [' + b",".join(b'{"endpointId": "e%d"}' % n for n in range(100_000)) + b"]}",
]


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
@pytest.mark.parametrize("command", ["plan", "import"])
def test_a_gateway_that_answers_nonsense_is_told(
    fleet: Bench, answering: tuple[str, dict[str, bytes]], command: str, body: bytes
) -> None:
    """Another machine's answer is no defect of ours, and no plan is made of it."""
    url, answers = answering
    pointed(fleet, url)
    answers["/oauth/token"], answers["/api/v1/llm/gateway/webhooks"] = TOKEN, PAGE
    answers["/api/v1/llm/gateway/endpoints"] = body
    done = sane(fleet.run(command))
    assert done.code in {1, 3}, done


MLFLOW = {
    "/api/3.0/mlflow/gateway/secrets/list": b'{"secrets": []}',
    "/api/3.0/mlflow/gateway/model-definitions/list": b'{"model_definitions": []}',
    "/api/3.0/mlflow/gateway/endpoints/list": b'{"endpoints": []}',
    "/api/2.0/mlflow/webhooks": b'{"webhooks": []}',
}
LITELLM = {
    "/v2/model/info": b'{"data": [], "total_pages": 1}',
    "/credentials": b'{"credentials": []}',
    "/router/settings": b'{"current_values": {}}',
    "/config/field/info": b'{"field_value": null}',
}
WRONG_TYPES = [
    ("smg", {}, "/workers", b'{"workers": [{"id": "w", "url": "http://w", "status": []}]}'),
    ("smg", {}, "/workers", b'{"workers": [{"id": "w", "url": {}, "status": {}, "labels": [1], "models": [[]]}]}'),
    ("mlflow", MLFLOW, "/api/2.0/mlflow/webhooks", b'{"webhooks": "w"}'),
    ("mlflow", MLFLOW, "/api/2.0/mlflow/webhooks", b'{"webhooks": [], "next_page_token": {"a": 1}}'),
    (
        "mlflow",
        MLFLOW,
        "/api/2.0/mlflow/webhooks",
        b'{"webhooks": [{"webhook_id": "w", "name": "w", "events": ["x"]}]}',
    ),
    (
        "mlflow",
        MLFLOW,
        "/api/3.0/mlflow/gateway/endpoints/list",
        b'{"endpoints": [{"endpoint_id": "e", "name": "one", "model_mappings": "m"}]}',
    ),
    ("litellm", LITELLM, "/v2/model/info", b'{"data": [], "total_pages": {}}'),
    ("litellm", LITELLM, "/v2/model/info", b'{"data": [], "total_pages": "2"}'),
]


@pytest.mark.parametrize(("platform", "good", "path", "body"), WRONG_TYPES, ids=range(len(WRONG_TYPES)))
@pytest.mark.parametrize("command", ["plan", "drift"])
def test_wrong_types_in_an_answer_are_told_by_every_platform(
    fleet: Bench,
    answering: tuple[str, dict[str, bytes]],
    command: str,
    platform: str,
    good: dict[str, bytes],
    path: str,
    body: bytes,
) -> None:
    """What no platform foresaw is the gateway's failure: it can be told from a mistake of ours, and ends no run."""
    url, answers = answering
    fleet.write("manifests/fleet.yaml", "")
    fleet.write(
        "manifests/gateway.yaml",
        "apiVersion: reconciler/v1\nkind: Gateway\nmetadata: {name: prod}\n"
        f"spec:\n  platform: {platform}\n  url: {url}\n  auth: {{bearer: {{env: CLIENT_SECRET}}}}\n",
    )
    answers |= good
    assert sane(fleet.run(command)).code in ({1} if platform == "smg" else {0, 2})
    answers[path] = body
    done = sane(fleet.run(command))
    assert done.code == 1, done
    for calm in ("No changes", "No drift"):
        assert calm not in done.out
