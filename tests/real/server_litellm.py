"""LiteLLM's proxy with its database, and a model server behind it.

| part            | version            | from                                       |
|-----------------|--------------------|--------------------------------------------|
| litellm         | 1.106.2            | PyPI                                       |
| prisma (client) | 0.15.0             | PyPI; its engine: npm, by query_engine.cjs |
| mock-llm        | 0.1.29             | npm                                        |
| PostgreSQL      | any of the system  | the system's packages                      |
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import HOME, Server, free_port, npm, require, run, running, venv

MASTER = "sk-master-made-up-0123456789"

PYTHON = ("litellm[proxy]==1.106.2", "litellm-proxy-extras==0.4.108", "prisma==0.15.0")
NODE = (
    "prisma@5.17.0",
    "@prisma/client@5.17.0",
    "@prisma/adapter-pg@5.17.0",
    "pg@8.23.1",
    "graphql@16.15.0",
    "@dwmkerr/mock-llm@0.1.29",
)
PLACE = HOME / "litellm"
ENGINE = Path(__file__).with_name("query_engine.cjs")
POSTGRES = "/usr/lib/postgresql/*/bin"

CONFIG = f"""\
model_list: []
general_settings: {{master_key: {MASTER}, store_model_in_db: true, disable_prisma_schema_update: true}}
router_settings: {{optional_pre_call_checks: [enforce_model_rate_limits], num_retries: 0}}
"""

REVOKED = "sk-bad"
"""What a key begins with that the model server refuses."""

MOCK = """\
rules:
  - path: "/v1/chat/completions"
    method: "POST"
    match: "@"
    response:
      status: 200
      content: '{"id":"c-1","object":"chat.completion","created":1,"model":"{{jmes request body.model}}",\
"choices":[{"index":0,"message":{"role":"assistant","content":"{{jmes request headers.authorization}}"},\
"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
  - path: "/v1/.*"
    match: "starts_with(headers.authorization, 'Bearer sk-bad')"
    response:
      status: 401
      content: '{"error":{"message":"Incorrect API key provided: {{jmes request headers.authorization}}",\
"type":"invalid_request_error","code":"invalid_api_key"}}'
  - path: "/v1/.*"
    match: "starts_with(headers.authorization, 'Bearer sk-busy')"
    response: {status: 503, content: '{"error":{"message":"overloaded","type":"server_error"}}'}
"""
"""Answers repeat the key that they were asked with, so that a test sees whose it was; of matches the last counts."""


def install() -> None:
    """Everything that comes from registries, and LiteLLM's database client made for the engine that there is."""
    require(["node", "npm", "psql"])
    binaries, modules = venv(PLACE / "venv", PYTHON), npm(PLACE / "npm", NODE)
    generated = PLACE / ".generated"
    if generated.exists():
        return
    run(
        ["node", modules / "prisma/build/index.js", "generate", f"--schema={_package('litellm')}/proxy/schema.prisma"],
        PLACE,
        {"PATH": f"{binaries}:{os.environ['PATH']}", "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary", **_engine()}
        | {"PRISMA_QUERY_ENGINE_LIBRARY": str(ENGINE), "PRISMA_SCHEMA_ENGINE_BINARY": str(ENGINE)},
    )
    generated.touch()


def _package(name: str) -> Path:
    return next((PLACE / "venv/lib").glob(f"python3*/site-packages/{name}"))


def _engine() -> dict[str, str]:
    return {"PRISMA_QUERY_ENGINE_BINARY": str(ENGINE), "QUERY_ENGINE_MODULES": str(PLACE / "npm")}


@dataclass(frozen=True)
class Stack:
    """What a test speaks to: the proxy and the model server behind it."""

    url: str
    upstream: str
    proxy: Server


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """A proxy with a fresh database."""
    install()
    with _database() as database, _upstream(folder) as upstream, _proxy(folder, database) as proxy:
        yield Stack(proxy.ready.rsplit("/", 2)[0], upstream, proxy)


@contextmanager
def _database() -> Iterator[str]:
    """A PostgreSQL cluster of its own, which refuses to run as root: then it runs as the system's user for it."""
    binaries, port = _postgres(), free_port()
    data = Path(tempfile.mkdtemp(prefix="litellm-pg-"))  # the tests' own folders are closed to other users
    become: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    run([*become, binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"], data)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data} -c fsync=off"
    control = [*become, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    run([*control, "-o", options, "-l", str(data / "log"), "start"], data)
    try:
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _migrate(address)
        yield address
    finally:
        run([*control, "-m", "immediate", "stop"], data)
        shutil.rmtree(data, ignore_errors=True)


def _postgres() -> Path:
    found = sorted(Path("/").glob(POSTGRES.lstrip("/")))
    there = shutil.which("postgres")
    if not found and there is None:
        raise RuntimeError("PostgreSQL is needed for LiteLLM; install the system's package")
    return found[-1] if found else Path(str(there)).parent


def _migrate(address: str) -> None:
    """LiteLLM's own migrations, in order and in one go: Prisma's tool for it is a native program as well."""
    files = sorted((_package("litellm_proxy_extras") / "migrations").glob("*/migration.sql"))
    words = [word for file in files for word in ("-f", file)]
    run(["psql", "-q", "-v", "ON_ERROR_STOP=0", address, *words], PLACE, {"PGOPTIONS": "-c client_min_messages=error"})


@contextmanager
def _upstream(folder: Path) -> Iterator[str]:
    """A model server that refuses keys which begin with `sk-bad`, and is too busy for those with `sk-busy`."""
    port, place = free_port(), folder / "upstream"
    place.mkdir()
    (place / "mock-llm.yaml").write_text(MOCK)
    program = PLACE / "npm/node_modules/.bin/mock-llm"
    environ = {"HOST": "127.0.0.1", "PORT": str(port)}
    with running(Server("mock-llm", [program], f"http://127.0.0.1:{port}/health", place, environ, 60)):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _proxy(folder: Path, database: str) -> Iterator[Server]:
    environ = {
        "DATABASE_URL": database,
        "LITELLM_SALT_KEY": "sk-salt-made-up",
        "STORE_MODEL_IN_DB": "True",
        "DISABLE_SCHEMA_UPDATE": "true",
        **_engine(),
    }
    with configured(folder / "proxy", CONFIG, environ) as server:
        yield server


@contextmanager
def configured(place: Path, config: str, environ: Mapping[str, str]) -> Iterator[Server]:
    """A proxy that is told by a file what it serves; without a database in `environ` it serves nothing else."""
    port = free_port()
    place.mkdir(parents=True)
    (place / "config.yaml").write_text(config)
    binaries = venv(PLACE / "venv", PYTHON)
    settings = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "DISABLE_ADMIN_UI": "True",
        "PYTHONPATH": "",
        **environ,
    }
    words = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    ready = f"http://127.0.0.1:{port}/health/liveliness"
    with running(Server("litellm", [binaries / "litellm", *words], ready, place, settings)) as server:
        yield server
