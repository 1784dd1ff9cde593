"""The tree is the architecture: what keeps it so."""

from __future__ import annotations

import ast
import re
import statistics
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
    "starlette": {"embedded"},
    "fastapi": {"router"},
    "uvicorn": {"embedded", "router"},
    "sqlite3": {"ledger", "embedded"},
    "click": {"cli"},
    "rich": {"cli", "render"},
    "structlog": {"cli"},
    "cryptography": {"secrets"},
    "opentelemetry": {"cli"},
    "prometheus_client": {"render", "router"},
    "deepdiff": {"planning"},
    "jsonschema": {"planning", "kinds", "inference"},
    "jinja2": {"manifest", "inference"},
    "phonenumbers": {"inference"},
    "bpe_openai": {"inference"},
    "presidio_analyzer": {"inference"},
    "pydantic": {"kinds", "settings", "embedded", "router"},
}
"""Where a library may be imported. A second home has to be argued for here."""

PURE = {"httpx", "yaml", "pydantic", "asyncio", "os", "structlog", "time", "random", "socket", "subprocess"}

BLOCKING = {"requests", "urllib3", "websocket"}

LONG = {
    "ledger/sqlite.py": "one file per database, schema and statements together",
    "testing/fakes.py": "every port once, in memory",
    "testing/adapter_suite.py": "the published contract of an adapter, read as one text",
    "testing/ledger_suite.py": "the published contract of a ledger, read as one text",
    "embedded/app.py": "routing, tokens and faults of one application",
    "planning/policy.py": "the built-in rules, one beside the other",
    "model/ports.py": "all doors of the core on one page",
    "errors.py": "the whole tree, under the drawing of it",
    "engine/write.py": "the guarded write from intent to settlement",
    "planning/decide.py": "one object, from its table to its change",
    "cli/session.py": "what commands have in common",
    "transport/client.py": "one request from door to door",
    "render/schema.py": "each published document, one beside the other",
    "render/json.py": "each document beside its reader",
    "engine/pipeline.py": "the whole of a run, to be read from top to bottom",
}
"""Files over 250 lines, with the reason."""

BANNED = {"manager", "handler", "helper", "util", "utils", "processor", "actual", "existing", "correction", "common"}
ALLOWED_NAMES = {
    "handle_async_request": "the method that httpx calls a transport by",
    "add_signal_handler": "asyncio's name",
    "remove_signal_handler": "asyncio's name",
    "processors": "structlog's name",
    "add_exception_handler": "FastAPI's name",
    "add_span_processor": "OpenTelemetry's name",
    "BatchSpanProcessor": "OpenTelemetry's name",
    "contextmanager": "the standard library's name",
    "asynccontextmanager": "the standard library's name",
    "AbstractAsyncContextManager": "the standard library's name",
}


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


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """All functions of the package."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


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


def test_files_stay_short() -> None:
    """A long file is where a room gets crowded first; exceptions say why, and vanish when they are none any more."""
    long = {str(path.relative_to(SRC)) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 250}
    assert long <= set(LONG), long - set(LONG)


def test_functions_stay_short() -> None:
    """The habit that makes the code readable, as a number."""
    bodies = sorted(
        node.end_lineno - node.body[0].lineno + 1 - (2 if ast.get_docstring(node) else 0)
        for _, node in functions()
        if node.end_lineno is not None
    )
    assert statistics.median(bodies) <= 6
    assert bodies[int(len(bodies) * 0.9)] <= 30


def test_names_use_the_words_of_the_field() -> None:
    """Words that say nothing (a helper of what?) hide that a thing has no place yet."""
    found = set()
    for path in MODULES:
        for part in re.findall(r"[A-Za-z_]+", path.stem):
            found |= {part for word in part.split("_") if word.lower() in BANNED}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "attr", None)
            if isinstance(name, str) and name not in ALLOWED_NAMES:
                words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().split("_")
                found |= {f"{path.name}:{name}" for word in words if word in BANNED}
    assert not found


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
    commands: list[list[str | Path]] = [["actionlint", *flows], ["zizmor", "--offline", "--no-progress", *audited]]
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
