"""Where credentials may go: said offline, in every plan, and before anything is sent."""

from __future__ import annotations

import pytest
from receiver import listening
from scenario_bench import Bench, endpoint, webhook

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: {platform}
  url: {url}
  auth: {{oauth: {{clientId: {{env: CLIENT_ID}}, clientSecret: {{env: CLIENT_SECRET}}{oauth}}}}}
{more}"""


def gateway(url: str, *, platform: str = "cxone", oauth: str = "", more: str = "") -> str:
    """A Gateway in which every place can be named."""
    return GATEWAY.format(url=url, platform=platform, oauth=oauth, more=more)


def test_a_host_that_is_not_allowed_is_said_by_every_command(bench: Bench) -> None:
    """A pull request that leads a credential away must be red where it is read, and not at the merge."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    bench.write("reconciler.yaml", 'allowedHosts: ["127.0.0.1"]\n')
    assert bench.run("validate").code == 0
    bench.write("manifests/gateway.yaml", gateway("https://attacker.example"))
    for command in (
        ("validate",),
        ("plan",),
        ("plan", "--against", "snapshot.json"),
        ("drift",),
        ("apply", "--auto-approve"),
    ):
        said = bench.run(*command)
        assert said.code == 1, said.out + said.err
        assert "WIRING002" in said.out + said.err
        assert "'attacker.example' is not among the allowed hosts" in said.out + said.err


KEYS = [
    ("smg", endpoint("one", more="  apiBase: https://keys.attacker.example/v1\n"), "", "apiBase"),
    ("cxone", endpoint("one"), "  paths: {endpoints: 'https://attacker.example/e'}\n", "paths"),
    ("cxone", webhook("costs").replace("hooks.example.com", "attacker.example"), "", "url"),
    (
        "cognigy-rest",
        endpoint("one", more="  options: {baseCustomUrl: 'https://attacker.example/v1'}\n"),
        "",
        "baseCustomUrl",
    ),
]
"""Platform, object, gateway, and the place where another receiver of a key is named."""


@pytest.mark.parametrize(("platform", "document", "more", "place"), KEYS)
def test_a_providers_key_goes_to_allowed_hosts_only(
    bench: Bench, platform: str, document: str, more: str, place: str
) -> None:
    """A gateway sends providers' keys where a manifest says: that is a destination like its own."""
    bench.write("reconciler.yaml", 'allowedHosts: ["127.0.0.1"]\n')
    bench.write("manifests/gateway.yaml", gateway(bench.url, platform=platform, more=more))
    bench.manifests(document)
    found = [d for d in bench.run("validate", "--format", "json").json["diagnostics"] if d["code"] == "WIRING002"]
    assert found, place
    assert all("attacker.example" in d["detail"] for d in found)
    assert any(place in d["path"] for d in found)


def test_a_token_url_in_clear_is_said_by_every_plan(bench: Bench) -> None:
    """The same host is not the same way: the client secret would be readable to all in between."""
    bench.write(
        "manifests/gateway.yaml", gateway("https://llm.example.com", oauth=", tokenUrl: 'http://llm.example.com/t'")
    )
    found = bench.run("validate", "--format", "json").json["diagnostics"]
    assert [(d["code"], d["path"]) for d in found] == [("WIRING004", "/spec/auth/oauth/tokenUrl")]


@pytest.mark.parametrize(
    "host", ["127.attacker.example", "localhost.attacker.example", "10.0.0.1", "127.0.0.1.nip.example"]
)
def test_what_only_looks_like_this_machine_is_in_clear(bench: Bench, host: str) -> None:
    """A name is no address, whatever it begins with."""
    bench.write("manifests/gateway.yaml", gateway(f"http://{host}:8080"))
    found = bench.run("validate", "--format", "json").json["diagnostics"]
    assert [(d["code"], d["path"]) for d in found] == [("WIRING004", "/spec/url")]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "LOCALHOST", "localhost.", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_private_in_every_spelling(bench: Bench, host: str) -> None:
    """A warning that cries wolf is read by nobody."""
    bench.write("manifests/gateway.yaml", gateway(f"'http://{host}:8080'"))
    assert bench.run("validate", "--format", "json").json["diagnostics"] == []


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pw@llm.example.com",
        "https://bücher.example",
        "https://ｌｌｍ.example.com",  # noqa: RUF001 - that is the trick
        "https://2130706433",
        "https://0x7f000001",
        "https://127.1",
        "https://0177.0.0.1",
        "https://good.example%2eattacker.example",
        "https://good.example\\\\@attacker.example",
        "https://[::1%25lo]",
    ],
)
def test_a_host_that_can_be_read_in_two_ways_is_refused(bench: Bench, url: str) -> None:
    """What a person reads and what a resolver makes of it must be one thing, or an allow-list allows nothing."""
    bench.write("manifests/gateway.yaml", gateway(f'"{url}"'))
    said = bench.run("validate", "--format", "json")
    assert said.code == 1, said.out
    assert {d["path"] or "/spec/url" for d in said.json["diagnostics"]} == {"/spec/url"}
    assert all(d["line"] for d in said.json["diagnostics"])


@pytest.mark.parametrize("host", ["LLM.Example.COM", "llm.example.com.", "llm.example.com"])
def test_an_allowed_host_is_allowed_in_every_spelling(bench: Bench, host: str) -> None:
    """Names have no case, and a final dot names the same machine."""
    bench.write("reconciler.yaml", 'allowedHosts: ["*.EXAMPLE.com"]\n')
    bench.write("manifests/gateway.yaml", gateway(f"https://{host}"))
    assert bench.run("validate").code == 0


@pytest.mark.parametrize(
    "place",
    ["//attacker.example/t", "/\\\\attacker.example/t", "\\\\\\\\attacker.example", "https:///attacker.example"],
)
@pytest.mark.parametrize("field", ["tokenUrl", "paths"])
def test_a_relative_place_cannot_leave_its_host(bench: Bench, place: str, field: str) -> None:
    """Two slashes begin a host, and some read a backslash as a slash."""
    oauth = f', tokenUrl: "{place}"' if field == "tokenUrl" else ""
    more = f'  paths: {{token: "{place}"}}\n' if field == "paths" else ""
    bench.write("manifests/gateway.yaml", gateway(bench.url, oauth=oauth, more=more))
    said = bench.run("validate")
    assert said.code == 1, said.out + said.err
    assert "one slash" in said.out + said.err


def test_nothing_reaches_a_host_that_is_not_allowed(bench: Bench) -> None:
    """The proof is at the other end: not even a connection is opened."""
    bench.write("reconciler.yaml", 'allowedHosts: ["llm.example.com"]\n')
    bench.manifests(endpoint("one"))
    with listening() as ear:
        bench.write("manifests/gateway.yaml", gateway(ear.url))
        for command in ("plan", "drift", "verify", "import"):
            assert bench.run(command).code == 1
        assert bench.apply().code == 1
    assert ear.knocks == 0
