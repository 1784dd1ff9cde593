"""A secret that somebody shows in the wrong place, a manifest's author or a gateway, goes no further."""

from __future__ import annotations

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from scenario_bench import GATEWAY, Bench, Finished, endpoint

KEYS = (
    "sk-live-4f9aQx7Lm2Pz8Rt1",
    "sk_live_4f9aQx7Lm2Pz8Rt1",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "4f9aQx7L-m2Pz8Rt1/key+with=signs",
)

FORMATS = ("terminal", "json", "markdown", "html", "github", "sarif", "junit")


def everything(bench: Bench, *finished: Finished) -> str:
    """All that a run left, but what its author wrote."""
    files = [p for p in bench.root.rglob("*") if p.is_file() and "manifests" not in p.parts]
    texts = [each.out + each.err for each in finished] + [p.read_bytes().decode("latin-1") for p in files]
    return "\n".join(texts)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "place",
    ["{{env: {}}}", "{{env: '{}'}}", "{{\n        env: {}}}", "{{file: {}}}", "{{command: [{}]}}", "{}", "{{{}: x}}"],
)
def test_a_key_typed_where_its_place_belongs_is_shown_nowhere(bench: Bench, key: str, place: str) -> None:
    """A CI log keeps it for years, next to the advice to take it out."""
    if "file" in place or "command" in place or place == "{{{}: x}}":
        key = "sk-live-4f9aQx7Lm2Pz8Rt1" if "/" in key else key
    manifest = endpoint("one").replace("{env: KEY_A}", place.format(key)).replace("displayName", "displayNam")
    bench.manifests(manifest)
    reports = [word for name in FORMATS for word in ("--report", f"{name}:report.{name}")]
    finished = [bench.run("validate", *reports), bench.run("plan", "--format", "json")]
    assert [each.code for each in finished] == [1, 1]
    assert key not in everything(bench, *finished)
    assert "displayNam" in finished[0].out + finished[0].err


def test_a_key_typed_into_the_settings_is_shown_nowhere(bench: Bench) -> None:
    """Settings refer to secrets in the same way, and are read by the same people."""
    bench.manifests(endpoint("one"))
    for key in KEYS:
        bench.write("reconciler.yaml", f"secrets: {{fingerprintKey: {{env: '{key}'}}}}\n")
        finished = bench.run("plan")
        assert finished.code == 1
        assert key not in finished.out + finished.err


def forms(secret: str) -> list[str]:
    """As it stands, and as an encoder writes it."""
    pair = base64.b64encode(f"x:{urllib.parse.quote_plus(secret)}".encode()).decode()
    return [
        secret,
        json.dumps(secret)[1:-1],
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
        pair,
    ]


@contextmanager
def echoing() -> Iterator[str]:
    """A token endpoint that says back what it was told: the form, and the header as it came."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            told = {name: values[0] for name, values in urllib.parse.parse_qs(form).items()}
            said = f"{form} {told} {self.headers.get('authorization')} {[forms(v) for v in told.values()]}"
            body = json.dumps({"error": "invalid_client", "error_description": said[:2_000]}).encode()
            self.send_response(401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("how", ["post", "basic"])
def test_a_client_id_is_concealed_like_a_secret(bench: Bench, how: str) -> None:
    """A proposal may name any variable that is allowed, and would read it in the report of its own pull request."""
    secrets = {"CLIENT_ID": "canary/identity & more=", "CLIENT_SECRET": 'canary"p\\ss+wo%rd=='}
    bench.environ |= secrets
    with echoing() as url:
        bench.write(
            "manifests/gateway.yaml",
            GATEWAY.format(url=url, total=5).replace("oauth:", f"oauth:\n      clientAuth: {how}"),
        )
        bench.manifests(endpoint("one"))
        reports = [word for name in FORMATS for word in ("--report", f"{name}:report.{name}")]
        finished = [
            bench.run("-v", "plan", *reports),
            bench.run("snapshot", "-o", "s.json"),
            bench.run("import"),
            bench.apply(),
        ]
    assert all(each.code for each in finished)
    assert "(secret)" in finished[0].out
    shown = everything(bench, *finished)
    leaks = [form for secret in secrets.values() for form in forms(secret) if form[:16] in shown]
    assert leaks == []


def test_a_key_that_a_gateway_shows_in_another_field_is_masked(bench: Bench) -> None:
    """Consoles let people paste a key into a name; a report would publish it to everybody who reads the repository."""
    key = bench.environ["KEY_A"] = "live-key-4f9aQx7Lm2Pz8Rt1=="
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.edit("one", name=f"shown {key}", model=key)
    reports = [word for name in FORMATS for word in ("--report", f"{name}:report.{name}")]
    finished = [
        bench.run("-v", "plan", "--out", "plan.json", *reports),
        bench.run("drift", "--format", "json"),
        bench.run("snapshot", "-o", "snapshot.json"),
        bench.run("show", "plan.json"),
    ]
    assert [each.code for each in finished] == [0, 2, 0, 0], [each.err for each in finished]
    assert "(secret)" in finished[0].out
    assert key not in everything(bench, *finished)
    assert bench.run("apply", "plan.json").code in {0, 4}
    assert bench.endpoints()["one"]["name"] == "shown-one"
    assert key not in everything(bench)


def test_an_import_does_not_write_a_known_key(bench: Bench) -> None:
    """What is imported is committed next."""
    key = bench.environ["KEY_A"] = "live-key-4f9aQx7Lm2Pz8Rt1=="
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.apply().code == 0
    bench.edit("two", name=f"shown {key}")
    bench.manifests(endpoint("one"))
    assert bench.run("ledger", "forget", "prod/Endpoint/two").code == 0
    finished = bench.run("import", "--format", "json")
    written = "".join(path.read_text() for path in (bench.root / "manifests").rglob("*.yaml"))
    assert key not in written + everything(bench, finished)
    assert Path(bench.root / "manifests").is_dir()


def test_an_everyday_word_that_is_also_a_client_id_changes_no_plan(bench: Bench) -> None:
    """A client id may be called like the team; masking it in data would show a difference that nothing can end."""
    for client in ("team", "shown-one-team"):
        bench.environ["CLIENT_ID"] = client
        bench.manifests(endpoint("one").replace("shown-one", client + "-bot"))
        assert bench.apply().code == 0
        assert bench.plan().code == 0
