"""Where credentials may go: decided by whoever runs the tool, checked before anything is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.errors import InputError
from reconciler.manifest import LoadOptions, load
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.snapshot import Snapshot
from reconciler.planning import PlanOptions
from reconciler.settings import Settings, load_settings
from reconciler.testing.fakes import RecordingProgress

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: cxone
  {where}
  auth: {auth}
{more}
"""
OAUTH = "{{oauth: {{{token}clientId: {{env: HOME}}, clientSecret: {{env: HOME}}}}}}"


def codes(folder: Path, where: str, auth: str, more: str = "") -> list[tuple[str, str | None]]:
    """What stops a session with this gateway, where only ``*.example.com`` is allowed."""
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "gateway.yaml").write_text(GATEWAY.format(where=where, auth=auth, more=more))
    (folder / "reconciler.yaml").write_text("allowedHosts: ['*.example.com']\n")
    settings = load_settings({}, {}, folder, None)
    desired = load([manifests], LoadOptions(folder))
    assert not desired.diagnostics

    async def main() -> None:
        async with wiring.open_session(settings, desired, progress=RecordingProgress()):
            pass

    try:
        asyncio.run(main())
    except InputError as error:
        return [(finding.code, finding.path) for finding in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("where", "token", "more", "path"),
    [
        ("url: https://llm.example.org", "", "", "/spec/url"),
        ("org: acme", "", "", "/spec/org"),
        (
            "url: https://llm.example.com",
            "tokenUrl: 'https://evil.example.org/token', ",
            "",
            "/spec/auth/oauth/tokenUrl",
        ),
        ("url: https://llm.example.com", "", "  paths: {token: 'https://evil.example.org/t'}", "/spec/paths/token"),
        ("url: 'embedded:'", "tokenUrl: 'https://evil.example.org/token', ", "", "/spec/auth/oauth/tokenUrl"),
        (
            "url: https://llm.example.com",
            "",
            "  transport: websocket\n  webSocketUrl: 'wss://evil.example.org/ws'",
            "/spec/webSocketUrl",
        ),
    ],
)
def test_every_way_to_name_a_host_is_held_to_the_allowed_ones(
    tmp_path: Path, where: str, token: str, more: str, path: str
) -> None:
    """A pull request that may change a manifest must not be able to send the client secret to its own server."""
    assert codes(tmp_path, where, OAUTH.format(token=token), more) == [("WIRING002", path)]


def test_an_allowed_host_passes(tmp_path: Path) -> None:
    """The check must not get in the way of what it allows."""
    token = "tokenUrl: 'https://id.example.com/token', "
    assert codes(tmp_path, "url: https://llm.example.com", OAUTH.format(token=token)) == []


def test_a_credential_that_no_header_can_carry_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The HTTP client's own complaint would quote the value."""
    where = "url: https://llm.example.com"
    monkeypatch.setenv("BROKEN", "canary-ünïcode")
    assert codes(tmp_path, where, "{bearer: {env: BROKEN}}") == [("WIRING005", "/spec/auth/bearer")]
    monkeypatch.setenv("BROKEN", "canary\nX-Injected: 1")
    (tmp_path / "second").mkdir()
    assert codes(tmp_path / "second", where, "{bearer: {env: BROKEN}}") == [("SECRET003", None)]


def test_a_credential_in_clear_is_pointed_out(tmp_path: Path) -> None:
    """Inside a cluster that may be meant; on the way to a tenant it never is."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    auth = OAUTH.format(token="")
    socket = "  transport: websocket\n  webSocketUrl: ws://{host}"
    for name, url, more in (
        ("away", "http://llm.example.com", ""),
        ("here", "http://127.0.0.1:9", socket.format(host="127.0.0.1:9")),
        ("spoken", "https://llm.example.com", socket.format(host="llm.example.com:8080")),
    ):
        text = GATEWAY.format(where=f"url: {url}", auth=auth, more=more).replace("name: prod", f"name: {name}")
        (manifests / f"{name}.yaml").write_text(text)
    found = wiring.validate(load([manifests], LoadOptions(tmp_path)))
    assert [(f.code, f.severity.value, f.path) for f in found] == [
        ("WIRING004", "warning", "/spec/url"),
        ("WIRING004", "warning", "/spec/webSocketUrl"),
    ]
    assert [f.detail.rpartition(" ")[2] for f in found] == ["https://.", "wss://."]
    assert Settings(tmp_path).allowed_hosts == ()


STRANGERS = [
    ("cxone", "url: https://acme.mypurecloud.com", "", "/spec/url"),
    ("cxone", "url: https://api.usw2.pure.cloud", "", "/spec/url"),
    ("cxone", "url: https://acme.cognigy.ai", "", "/spec/url"),
    ("genesys", "url: https://acme.platform.nicecxone.com", "", "/spec/url"),
    ("cognigy", "url: https://API.MyPureCloud.de", "", "/spec/url"),
    ("cxone", "org: acme", "tokenUrl: 'https://login.mypurecloud.ie/oauth/token', ", "/spec/auth/oauth/tokenUrl"),
    ("genesys", "url: 'embedded:'", "tokenUrl: 'https://api.mynicecx.com/t', ", "/spec/auth/oauth/tokenUrl"),
]
"""Platform, place and token endpoint of a gateway, and the field that leads to another vendor."""


def hosts(folder: Path, platform: str, where: str, token: str, *allowed: str) -> list[tuple[str, str, str | None]]:
    """What `validate` has to say about the hosts of one gateway."""
    (folder / "manifests").mkdir()
    text = GATEWAY.format(where=where, auth=OAUTH.format(token=token), more="").replace("cxone", platform, 1)
    (folder / "manifests" / "gateway.yaml").write_text(text)
    found = wiring.validate(load([folder / "manifests"], LoadOptions(folder)), allowed)
    return [(f.code, f.severity.value, f.path) for f in found]


@pytest.mark.parametrize(("platform", "where", "token", "path"), STRANGERS)
def test_a_host_of_another_vendor_is_pointed_out(
    tmp_path: Path, platform: str, where: str, token: str, path: str
) -> None:
    """Tutorials mix vendors' hosts up, and the token of the one then goes to the other."""
    assert hosts(tmp_path, platform, where, token) == [("WIRING008", "error", path)]


@pytest.mark.parametrize(
    ("platform", "where", "token"),
    [
        ("cxone", "org: acme", "tokenUrl: 'https://cxone.niceincontact.com/auth/token', "),
        ("cxone", "url: https://llm.internal.example.com", "tokenUrl: 'https://login.example.org/token', "),
        ("cxone", "url: https://notmypurecloud.com", ""),
        ("cxone", "url: https://mypurecloud.com.example.org", ""),
        ("cognigy", "url: https://cognigy-api-eu.nicecxone.com", ""),
        ("cognigy-rest", "url: https://api-trial.cognigy.ai", ""),
        ("genesys", "url: https://api.mypurecloud.com.au", "tokenUrl: 'https://login.mypurecloud.com.au/t', "),
        ("openai", "url: https://models.nicecxone.com", ""),
        ("cxone", "url: 'embedded:'", ""),
    ],
)
def test_a_host_of_ones_own_or_of_the_vendor_is_fine(tmp_path: Path, platform: str, where: str, token: str) -> None:
    """Installations of one's own, proxies and identity providers are the usual case, and no mistake."""
    assert hosts(tmp_path, platform, where, token) == []


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (("acme.mypurecloud.com",), []),
        (("*.mypurecloud.com",), []),
        (("*",), [("WIRING008", "error", "/spec/url")]),
        (("*.com", "other.mypurecloud.com"), [("WIRING008", "error", "/spec/url")]),
    ],
)
def test_who_means_another_vendors_host_names_it(
    tmp_path: Path, allowed: tuple[str, ...], found: list[tuple[str, str, str | None]]
) -> None:
    """The exception is stated where no pull request can state it, and a pattern for everything states nothing."""
    assert hosts(tmp_path, "cxone", "url: https://acme.mypurecloud.com", "", *allowed) == found


def test_nothing_is_sent_to_another_vendor(tmp_path: Path) -> None:
    """Whoever skips `validate` must not lose a credential for it."""
    (tmp_path / "gateway.yaml").write_text(
        GATEWAY.format(where="url: https://acme.mypurecloud.com", auth=OAUTH.format(token=""), more="")
    )
    desired = load([tmp_path / "gateway.yaml"], LoadOptions(tmp_path))
    taken = Snapshot("", "", None, {}, {}, LedgerSnapshot(0))

    async def session() -> None:
        async with wiring.open_session(load_settings({}, {}, tmp_path), desired, progress=RecordingProgress()):
            pass

    with pytest.raises(InputError) as opened:
        asyncio.run(session())
    with pytest.raises(InputError) as planned:
        wiring.plan_against(desired, taken, PlanOptions())
    for raised in (opened, planned):
        assert [finding.code for finding in raised.value.diagnostics] == ["WIRING008"]
