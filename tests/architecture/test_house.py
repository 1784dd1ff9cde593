"""The tree is the architecture: what keeps it so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.explain import all_codes

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "reconciler"
MODULES = sorted(SRC.rglob("*.py"))
BIN = Path(sys.executable).parent

HOMES = {
    "httpx": {"transport"},
    "websockets": {"transport"},
    "yaml": {"manifest"},
    "starlette": {"embedded", "router"},  # fastapi does not pass on the exception of a caller who is gone
    "fastapi": {"router"},
    "uvicorn": {"embedded", "router", "transport"},  # the door that both servers have stands in transport
    "sqlite3": {"ledger", "embedded"},
    "click": {"cli"},
    "rich": {"cli", "render"},
    "structlog": {"cli"},
    "cryptography": {"secrets"},
    "opentelemetry": {"cli"},
    "prometheus_client": {"render", "router"},
    "deepdiff": {"planning"},
    "jsonschema": {"schemas", "inference"},
    "re2": {"schemas"},
    "jinja2": {"manifest", "inference"},
    "phonenumbers": {"inference"},
    "bpe_openai": {"inference"},
    "presidio_analyzer": {"inference"},
    "pydantic": {"kinds", "settings", "embedded", "router"},
}
"""Where a library may be imported. A second home has to be argued for here."""

PURE = {"httpx", "yaml", "pydantic", "asyncio", "os", "structlog", "time", "random", "socket", "subprocess"}

BLOCKING = {"requests", "urllib3", "websocket"}


def room_of(path: Path) -> str:
    """The room that a module lies in."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Top-level names of what a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_a_room_imports_only_rooms_below_it() -> None:
    """The import law is what lets a newcomer read one room without reading all of them."""
    done = subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_has_one_home(library: str) -> None:
    """A library that is used everywhere cannot be replaced anywhere."""
    used = {room_of(path) for path in MODULES if library in set(imports(path))}
    assert used <= HOMES[library]
    assert used, f"{library} is not used at all"


@pytest.mark.parametrize("room", ["model", "planning"])
def test_the_core_knows_no_effects(room: str) -> None:
    """Planning that could read a clock or a file could not be trusted to give the same plan twice."""
    used = {name for path in MODULES if room_of(path) == room for name in imports(path)}
    assert not used & PURE


def test_nobody_speaks_http_in_a_way_that_blocks() -> None:
    """One blocking call in an event loop holds up every bot that waits for an answer."""
    assert not [path for path in MODULES if BLOCKING & set(imports(path))]
    assert not [path for path in MODULES if "urllib.request" in path.read_text(encoding="utf-8")]


def test_no_room_is_called_by_a_word_that_says_nothing() -> None:
    """A room of helpers hides that a thing has no place yet."""
    rooms = {part for path in MODULES for part in path.relative_to(SRC).with_suffix("").parts}
    assert not rooms & {"util", "utils", "common", "helper", "helpers"}


def test_every_code_is_explained_and_every_explanation_used() -> None:
    """A code that `explain` does not know is worse than none; one that nothing raises misleads."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "codes.py")
    raised = set(re.findall(r'"([A-Z]{3,12}\d{3})"', text)) | set(re.findall(r"\b((?:LEDGER|AUDIT)\d{3})\b", text))
    assert raised == set(all_codes())


def test_every_test_says_why() -> None:
    """A test whose reason nobody knows is kept out of fear, or deleted by mistake."""
    silent = [
        f"{path.name}:{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent


def test_dependencies_are_pinned_with_hashes_and_name_no_index() -> None:
    """An unpinned dependency is code that nobody has looked at."""
    for name in ("runtime", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        pinned = re.findall(r"^([a-z0-9._-]+)==\S+", text, re.MULTILINE)
        hashed = re.findall(r"^([a-z0-9._-]+)==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
        assert pinned == hashed
        assert len(pinned) > 20
        assert "://" not in text
        assert "index" not in text
        assert "find-links" not in text


def test_workflows_pass_their_linters(tmp_path: Path) -> None:
    """A workflow is code that runs with credentials."""
    given = ["--action", f"acme/reconciler@{'0123456789' * 4}"]
    subprocess.run([BIN / "reconciler", "init", tmp_path, *given], capture_output=True, check=True)
    flows = [path for root in (ROOT, tmp_path) for path in sorted((root / ".github" / "workflows").glob("*.yml"))]
    assert len(flows) >= 4
    audited = [*flows, ROOT / "action.yml"]
    # GitHub lets all runs of a group wait in line by `queue: max`; this actionlint is older than that.
    newer = ["-ignore", 'unexpected key "queue" for "concurrency" section']
    commands: list[list[str | Path]] = [
        ["actionlint", *newer, *flows],
        ["zizmor", "--offline", "--no-progress", *audited],
    ]
    for command in commands:
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_schemas_are_fresh(tmp_path: Path) -> None:
    """Editors check manifests against the published schemas: those must be the ones the tool uses."""
    done = subprocess.run([BIN / "reconciler", "schema", "--write", tmp_path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in tmp_path.iterdir():
        assert path.read_text(encoding="utf-8") == (ROOT / "schemas" / path.name).read_text(encoding="utf-8"), path.name


def test_the_support_table_is_fresh() -> None:
    """A table of what platforms can do is read before a purchase: it must be what the code declares."""
    script = "import support_table; print(support_table.text(), end='')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "docs" / "reference" / "platforms.md").read_text(encoding="utf-8")


def test_links_in_documents_lead_somewhere() -> None:
    """A dead link in a README is the first thing that a newcomer meets."""
    dead = [
        f"{path.name}: {target}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert not dead


def test_the_readme_names_commands_that_exist() -> None:
    """The two commands are the promise of the first page."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text(encoding="utf-8"))) - {"are"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints() -> None:
    """A transcript that the tool no longer prints is a promise that it no longer keeps."""
    script = "import fill_readme; print(fill_readme.transcript())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    assert done.stdout.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_the_figures_that_were_measured() -> None:
    """A figure that was typed or has gone stale is a figure that nobody measured."""
    script = "import fill_readme; print(fill_readme.figures(), fill_readme.turns(), sep='|||')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for table in done.stdout.strip().split("|||"):
        assert table in readme, "make readme"


def test_help_starts_without_the_heavy_libraries() -> None:
    """Start-up is paid for by every key press of completion."""
    code = "import sys, reconciler.cli.main; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for library in (
        "pydantic",
        "httpx",
        "yaml",
        "structlog",
        "rich",
        "jinja2",
        "jsonschema",
        "deepdiff",
        "uvicorn",
        "sqlite3",
        "opentelemetry",
        "prometheus_client",
        "fastapi",
    ):
        assert f"'{library}'" not in done.stdout
