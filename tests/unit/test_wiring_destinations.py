"""Where credentials may go: decided by whoever runs the tool, checked before anything is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.errors import InputError
from reconciler.manifest import LoadOptions, load
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
    monkeypatch.setenv("BROKEN", "canary\nX-Injected: 1")
    where = "url: https://llm.example.com"
    assert codes(tmp_path, where, "{bearer: {env: BROKEN}}") == [("WIRING005", "/spec/auth/bearer")]


def test_a_credential_in_clear_is_pointed_out(tmp_path: Path) -> None:
    """Inside a cluster that may be meant; on the way to a tenant it never is."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    auth = OAUTH.format(token="")
    for name, url in (("away", "http://llm.example.com"), ("here", "http://127.0.0.1:9")):
        text = GATEWAY.format(where=f"url: {url}", auth=auth, more="").replace("name: prod", f"name: {name}")
        (manifests / f"{name}.yaml").write_text(text)
    found = wiring.validate(load([manifests], LoadOptions(tmp_path)))
    assert [(f.code, f.severity.value) for f in found] == [("WIRING004", "warning")]
    assert Settings(tmp_path).allowed_hosts == ()
