"""A platform of a third party: installed as a distribution, held against the published laws, and used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import turnstile
from console import applied, checkout
from scenario_bench import Bench

from reconciler.testing.adapter_suite import LAWS

EXAMPLE = Path(__file__).parents[2] / "examples" / "turnstile"

AUTH = "  auth: {bearer: {env: TURNSTILE_TOKEN}}\n"
ENDPOINT = """\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: chat}
spec:
  provider: openai
  model: gpt-4o
  credentials:
    - {keyId: main, priority: 1, apiKey: {env: KEY_A}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the example, and a folder that pip has installed it into: offline, with the tools that are there."""
    folder = tmp_path_factory.mktemp("plug-in")
    source, site = folder / "turnstile", folder / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", site, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return source, site


@pytest.fixture
def there() -> Iterator[turnstile.Turnstile]:
    """The gateway."""
    with turnstile.serving() as found:
        yield found


@pytest.fixture
def team(there: turnstile.Turnstile, tmp_path: Path) -> Bench:
    """A checkout whose gateway is of a platform that is not built in."""
    secrets = {"TURNSTILE_TOKEN": turnstile.TOKEN, "KEY_A": "sk-first-0123456789"}
    return checkout(tmp_path, "turnstile", there.url, secrets, AUTH)


@pytest.fixture
def equipped(team: Bench, installed: tuple[Path, Path]) -> Bench:
    """The same, where the distribution is installed."""
    team.environ["PYTHONPATH"] = str(installed[1])
    return team


def test_the_published_laws_hold_for_the_example_as_its_maker_runs_them(installed: tuple[Path, Path]) -> None:
    """Third parties copy this distribution: its tests have to be found, run and pass outside of this repository."""
    source, site = installed
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=source,
        env={**environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == len(LAWS) + 1


def test_without_the_distribution_its_platform_is_unknown(team: Bench) -> None:
    """Otherwise the tests below would prove nothing."""
    team.manifests(ENDPOINT)
    run = team.run("validate", "--format", "json")
    assert run.code == 1
    assert [each["code"] for each in run.json["diagnostics"]] == ["WIRING001"]


def test_a_platform_of_a_third_party_is_used_like_any_other(equipped: Bench, there: turnstile.Turnstile) -> None:
    """Nothing but the entry point may be needed: apply, an empty plan, a drift found and repaired, removal."""
    equipped.manifests(ENDPOINT)
    applied(equipped)
    assert there.bots["chat"]["key"] == {"id": "main", "value": "sk-first-0123456789"}
    there.changed("chat", model="gpt-3.5-turbo", note="kept")
    drift = equipped.run("drift", "--format", "json")
    assert drift.code == 2, drift.out + drift.err
    applied(equipped)
    assert (there.bots["chat"]["model"], there.bots["chat"]["note"]) == ("gpt-4o", "kept")
    equipped.manifests()
    applied(equipped, "--allow-empty", "--allow-last-endpoint")
    assert there.bots == {}


def test_what_its_platform_cannot_express_is_found_at_its_line(equipped: Bench) -> None:
    """The pure half of a plug-in works offline, as that of a built-in platform does."""
    equipped.manifests(ENDPOINT + "  timeoutMs: 5000\n")
    run = equipped.run("validate", "--format", "json")
    assert run.code == 1
    found = [(each["code"], each["file"], each["line"]) for each in run.json["diagnostics"]]
    assert found == [("PLATFORM001", "manifests/fleet.yaml", 9)]
