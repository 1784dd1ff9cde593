"""mockllm, a model server that knows neither a health call nor `/v1/models`: it answers what stands in its file.

| part    | version | from |
|---------|---------|------|
| mockllm | 0.0.8   | PyPI |

It looks up a streamed answer a second time, by the answer's own text, so its file names each answer as a question too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers import HOME, Server, free_port, running, venv

PYTHON = ("mockllm==0.0.8",)
PLACE = HOME / "mockllm"


@contextmanager
def serving(folder: Path, answers: Mapping[str, str]) -> Iterator[str]:
    """A server that gives each answer to its question, the whole last message of the user; its URL."""
    port, place = free_port(), folder / "mockllm"
    place.mkdir(parents=True)
    said = {**answers, **{answer: answer for answer in answers.values()}}
    file = place / "responses.yml"
    file.write_text(json.dumps({"responses": said}))
    uvicorn = venv(PLACE / "venv", PYTHON) / "uvicorn"
    command: list[str | Path] = [uvicorn, "mockllm.server:app", "--host", "127.0.0.1", "--port", str(port)]
    environ = {"PYTHONPATH": "", "MOCKLLM_RESPONSES_FILE": str(file)}
    with running(Server("mockllm", command, f"http://127.0.0.1:{port}/providers", place, environ, 60)):
        yield f"http://127.0.0.1:{port}"
