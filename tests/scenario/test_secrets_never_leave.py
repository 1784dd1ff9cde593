"""Canaries: secrets that must appear nowhere but on the wire to the gateway they belong to."""

from __future__ import annotations

import base64
import json
import urllib.parse

from scenario_bench import Bench, Finished, endpoint, webhook

CANARIES = {
    "KEY_A": "canary-Zm9vYmFyYmF6cXV4==",
    "KEY_B": "00123456789012345",
    "HOOK_SECRET": "canary\"quote'and\\slash-ünïcode",
    "CLIENT_ID": "canary-client-identity",
    "CLIENT_SECRET": "canary-p&ss+wo%rd==",
}
LIVE_ONLY = "sk-colleague-0123456789abcdef"


def forms(secret: str) -> set[bytes]:
    """A secret as it stands, and as an encoder would write it."""
    return {
        secret.encode(),
        json.dumps(secret)[1:-1].encode(),
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret).encode(),
        base64.b64encode(secret.encode()),
    }


def test_no_canary_leaves(bench: Bench) -> None:
    """One secret in a CI log or a plan file is one rotation of everything; none may ever be there."""
    bench.environ |= CANARIES
    bench.manifests(
        endpoint("one", key="KEY_A"),
        endpoint("two", key="KEY_B"),
        webhook("costs"),
    )
    runs: list[Finished] = []

    def run(*arguments: str) -> None:
        runs.append(bench.run(*arguments))

    run("-v", "validate")
    run("-v", "plan", "--out", "plan.json")
    run("-v", "--log-format", "json", "apply", "--auto-approve")
    bench.edit("one", model="gpt-4o")
    run("-v", "drift")
    run("plan", "--format", "json", "--out", "plan2.json", "--report", "json:report.json")
    bench.environ["KEY_A"] = "canary-rotated-Zm9v=="
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"status": 400, "echo": True}})
    run("apply", "--auto-approve", "--format", "json")
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"drop": "after"}})
    run("apply", "--auto-approve")
    bench.faults()
    run("apply", "--auto-approve")
    run("verify")
    run("show", "plan.json")
    run("history", "--format", "json")
    run("ledger", "list")
    run("plan", "--detailed-exitcode")
    assert runs[-1].code == 0, runs[-1].out

    secrets = {**CANARIES, "rotated": "canary-rotated-Zm9v==", "live": LIVE_ONLY}
    needles = {name: forms(secret) for name, secret in secrets.items()}
    texts = [(f"output of run {n}", (r.out + r.err).encode()) for n, r in enumerate(runs)]
    texts += [(str(p), p.read_bytes()) for p in bench.root.rglob("*") if p.is_file()]
    texts += [(p.name, p.read_bytes()) for p in bench.root.parent.glob("gateway.sqlite*")]
    leaks = [(where, name) for where, text in texts for name, each in needles.items() for f in each if f in text]
    assert leaks == []
