"""Every command, with a Gateway that a stranger led elsewhere: what is sent, and where."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from receiver import Ear, listening
from router_process import both
from scenario_bench import GATEWAY, Bench, endpoint

from reconciler.cli.main import COMMANDS

PAGE = Path(__file__).parents[2] / "docs/reference/credentials.md"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
SENDING: dict[str, tuple[str, ...]] = {
    "plan": (),
    "apply": (),
    "drift": ("--verify",),
    "import": (),
    "adopt": ("prod/Endpoint/one",),
    "verify": (),
    "snapshot": ("-o", "other.json"),
    "serve": ("--port", "0"),
}
SILENT: dict[str, tuple[str, ...]] = {
    "init": ("elsewhere",),
    "validate": (),
    "show": ("plan.json",),
    "history": (),
    "audit": ("verify",),
    "ledger": ("list",),
    "schema": (),
    "explain": ("Gateway",),
    "graph": (),
    "completion": ("bash",),
    "version": (),
}
OTHERS = {"comment", "approved", "gateway"}
"""Two that speak to a forge and to nobody else, and a server."""

ROUTE = """\
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: say}
spec: {engine: braces, system: Be kind., user: "{last_message}", variables: {last_message: {maxLength: 4000}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {name: safe}
spec: {pii: [email]}
---
apiVersion: reconciler/v1
kind: Route
metadata: {name: bot}
spec:
  channel: cxone
  signature: {scheme: hmac, secrets: [{env: HOOK_SECRET}]}
  prompt: say
  endpoint: one
  safety: safe
  fallback: Please wait.
  deadlineMs: 3000
"""


def place(bench: Bench, url: str, name: str = "prod", file: str = "gateway") -> None:
    """A Gateway leads there from now on."""
    bench.write(f"manifests/{file}.yaml", GATEWAY.format(url=url, total=10).replace("name: prod", f"name: {name}"))


def test_the_page_says_it_of_every_command() -> None:
    """A command that somebody adds sends something, or nothing: whoever guards the secrets looks here."""
    rows = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert rows.keys() == COMMANDS.keys()
    assert {name for name, sends in rows.items() if "gateways' credentials" in sends} == SENDING.keys()
    assert {name for name, sends in rows.items() if sends.strip() == "nothing"} == SILENT.keys() | {"gateway"}
    assert SENDING.keys() | SILENT.keys() | OTHERS == COMMANDS.keys()


def test_no_command_sends_a_credential_where_it_was_led(bench: Bench) -> None:
    """One line of a proposal must not be enough to have the client secret, whoever runs what."""
    bench.environ["HOOK_SECRET"] = "hook-secret-0123456789abcdef"
    bench.manifests(endpoint("one") + ROUTE)
    assert bench.apply().code == 0
    assert bench.run("plan", "--out", "plan.json").code == 0
    bench.forget_requests()
    with listening() as ear:
        place(bench, ear.url)
        for name, words in SENDING.items():
            blocked = bench.run(name, *words)
            assert blocked.code == 3, (name, blocked)
            assert "SAFETY011" in blocked.out + blocked.err, name
        for name, words in SILENT.items():
            assert bench.run(name, *words).code == 0, name
    assert (ear.knocks, ear.heard) == (0, b"")
    assert bench.requests()["last"] == []


def heard_nothing(ear: Ear) -> None:
    """Not even a connection."""
    assert (ear.knocks, ear.heard) == (0, b"")


@pytest.mark.parametrize("secrets", [{}, {"CLIENT_SECRET": "KEY_A"}, {"CLIENT_ID": "KEY_A", "CLIENT_SECRET": "KEY_A"}])
def test_a_second_gateway_does_not_get_the_secret_of_the_first(bench: Bench, secrets: dict[str, str]) -> None:
    """Nothing is recorded of a new name, and yet the secret is one that belongs to somebody."""
    bench.manifests(endpoint("one").replace("name: one", "name: one, gateways: prod"))
    assert bench.apply().code == 0
    with listening() as ear:
        place(bench, ear.url, "other", "other")
        text = (bench.root / "manifests/other.yaml").read_text()
        for old, new in secrets.items():
            text = text.replace(f"env: {old}", f"env: {new}")
        bench.write("manifests/other.yaml", text)
        for name, words in SENDING.items():
            if name in {"adopt", "serve"}:
                continue
            blocked = bench.run(name, *words)
            assert blocked.code == 3, (name, blocked)
            assert "SAFETY011" in blocked.out + blocked.err, name
            assert "which went elsewhere until now" in (blocked.out + blocked.err).replace("\n", " "), name
    heard_nothing(ear)


def test_a_second_gateway_at_the_same_place_and_one_with_its_own_secret_are_looked_at(bench: Bench) -> None:
    """What nobody is led away by is no question."""
    bench.manifests(endpoint("one").replace("name: one", "name: one, gateways: prod"))
    assert bench.apply().code == 0
    place(bench, bench.url + "/", "other", "other")
    assert bench.plan().code == 2
    with listening() as ear:
        own = GATEWAY.format(url=ear.url, total=10).replace("name: prod", "name: other")
        bench.write(
            "manifests/other.yaml", own.replace("CLIENT_ID", "OTHER_ID").replace("CLIENT_SECRET", "OTHER_SECRET")
        )
        bench.environ |= {"OTHER_ID": "somebody", "OTHER_SECRET": "another-secret-0123456789"}
        assert bench.run("plan").code == 1
    assert ear.knocks
    assert b"teams-secret-value" not in ear.heard


@pytest.mark.slow
def test_a_router_without_a_ledger_holds_to_where_it_began(tmp_path: Path) -> None:
    """A router at work reads whatever is merged: a reload must not hand the credential to another host."""

    async def main() -> None:
        async with both(tmp_path) as it:
            path = it.root / "manifests" / "fleet.yaml"
            good = path.read_text()
            with listening() as ear:
                path.write_text(good.replace(it.box.url, ear.url))
                while (await it.client.get("/readyz")).json()["manifests"]["findings"] != ["SAFETY011"]:  # noqa: ASYNC110 - seen from outside only
                    await asyncio.sleep(0.02)
                assert (await it.turn()).json()["source"] == "llm_gateway"
            heard_nothing(ear)
            path.write_text(good + "\n# as it was\n")
            while not (await it.client.get("/readyz")).json()["manifests"]["fresh"]:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)
            code, err = await it.router.stop()
            assert code == 0
            assert "SAFETY011" in err

    asyncio.run(main())
