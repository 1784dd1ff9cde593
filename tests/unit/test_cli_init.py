"""Where a team begins, and what depends on what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.main import run
from reconciler.model.address import Address
from reconciler.render import diagram

RECONCILER = Path(sys.executable).with_name("reconciler")
ACTION = f"acme/reconciler@{'0123456789' * 4}"


def test_what_init_writes_is_valid_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first step that ends in findings is a last step."""
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--action", ACTION]) == 0
    assert run(["validate"]) == 0
    assert ".reconciler/\n" in (tmp_path / ".gitignore").read_text()


def test_the_first_fleet_can_be_applied_at_once(tmp_path: Path) -> None:
    """The gateway in a box is there so that nobody needs a tenant to see the tool at work."""
    names = ("CXONE_CLIENT_ID", "CXONE_CLIENT_SECRET", "LLM_OPENAI_PRIMARY", "LLM_OPENAI_FALLBACK")
    environ = dict.fromkeys(names, "sk-made-up-0123456789") | {"PATH": "/usr/bin:/bin"}
    for words in (["init"], ["apply", "--auto-approve"], ["plan", "--detailed-exitcode"]):
        done = subprocess.run(
            [RECONCILER, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr


def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it twice, or in the wrong folder, must lose nothing; half a set would be worse than none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reconciler.yaml").write_text("mine")
    assert run(["init"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["reconciler.yaml"]
    assert run(["init", "--force"]) == 0


@pytest.mark.parametrize(
    "action", ["acme/reconciler@v1", "acme/reconciler", "acme@" + "0" * 40, "a/b@" + "0" * 40 + "\nx"]
)
def test_an_action_is_pinned_to_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """A tag can be moved to code that reads the secrets."""
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--action", action]) == 64
    assert not list(tmp_path.iterdir())


def test_without_workflows_there_is_no_trace_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teams on other CI systems need the manifests only."""
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--no-workflows"]) == 0
    assert not (tmp_path / ".github").exists()


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda t: "/" not in t)
addresses = st.builds(Address, st.sampled_from(["prod", "dev"]), st.just("Endpoint"), words)
fleets = st.dictionaries(addresses, st.lists(addresses, max_size=3, unique=True).map(tuple), max_size=6)


@given(fleets)
def test_no_name_breaks_out_of_a_diagram(edges: diagram.Edges) -> None:
    """A name with quotes, brackets or arrows must be shown as it is, and draw nothing."""
    for line in diagram.text(edges, diagram.Language.MERMAID).splitlines()[1:]:
        bare = line.strip()
        inner = bare[bare.find('["') + 2 : -2] if bare.endswith('"]') else ""
        assert not set(inner) & set('"[]<>(){}|`\n'), line
    arrows = sum(len(needs) for needs in edges.values())
    assert diagram.text(edges, diagram.Language.MERMAID).count(" --> ") == arrows


@given(fleets)
def test_dot_names_are_strings_and_nothing_else(edges: diagram.Edges) -> None:
    """Graphviz reads labels as markup unless they are quoted to their end."""
    text = diagram.text(edges, diagram.Language.DOT)
    assert text.count(" -> ") == sum(len(needs) for needs in edges.values())
    for line in text.splitlines():
        if "label=" in line:
            label = line.split("label=", 1)[1].rstrip("];").removesuffix(";")
            assert label.startswith('"')
            assert label.endswith('"')
            assert '"' not in label[1:-1].replace("\\\\", "").replace('\\"', "")
