"""Measure what a turn of the bot router takes of a processor, beside the code of the source documents.

Each turn is a webhook call whose conversation is read at the bot platform with an OAuth token and answered by a model
that streams. Both routers run as processes of their own before the same upstream, in turns, and what each took of the
processors is what the system counted for it: on a machine that others use, that is what can be compared.

The router verifies a signature besides, screens what goes in and what comes out by seven kinds of personal data and
blocked terms, prices tokens as the model counted them and keeps figures for Prometheus.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
RECONCILER = str(Path(sys.executable).with_name("reconciler"))
SECRET = "benchmark-webhook-secret-0123456789"  # noqa: S105 - made up
ENVIRON = {"BENCH_ID": "benchmark-client", "BENCH_KEY": "sk-benchmark-0123456789", "BENCH_HOOK": SECRET}
TRANSPORTS = ("sse", "websocket")
TURNS: Mapping[tuple[int, int], int] = {(50, 1): 200, (50, 32): 384, (1000, 1): 60, (1000, 32): 96}
"""Turns of a round, by frames of an answer and turns at once."""

ROUNDS = 5
STEPS = 10
MOST = {50: 1.0, 1000: 1.5}
"""What a turn may take at most, as a multiple of the documents' code, by frames."""

MOST_A_FRAME = 0.02
"""Milliseconds of a processor."""

MANIFESTS = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: cxone
  url: "{url}"
  auth: {{oauth: {{clientId: {{env: BENCH_ID}}, clientSecret: {{env: BENCH_KEY}}}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: ep}}
spec:
  provider: openai
  model: gpt-4o-mini
  credentials: [{{keyId: k, priority: 1, apiKey: {{env: BENCH_KEY}}}}]
  rateLimits: {{requestsPerMinute: 600, concurrentConnections: 5, maxTokensPerRequest: 8000}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: talk}}
spec: {{engine: braces, system: Be kind., user: "{{{{last_message}}}}", variables: {{last_message: {{}}}}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: safe}}
spec:
  pii: [email, phone, ssn, credit-card, iban, ip-address, date-of-birth]
  blockedTerms: [bypass security, self-harm, exploit]
  maxInputCharacters: 4000
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: prices}}
spec: {{currency: USD, models: {{gpt-4o-mini: {{prompt: 0.15, completion: 0.6}}}}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{env: BENCH_HOOK}}]}}
  history: {{turns: 10, timeoutMs: 5000}}
  prompt: talk
  endpoint: ep
  safety: safe
  pricing: prices
  deadlineMs: 60000
"""
DIALECTS = {"sse": "openai", "websocket": "openai-websocket"}


@dataclass(frozen=True)
class Row:
    """Milliseconds of a processor for one turn, by the documents' code and by the router."""

    transport: str
    frames: int
    concurrent: int
    documents_ms: float
    router_ms: float

    @property
    def times(self) -> float:
        """The router's as a multiple of the documents'."""
        return self.router_ms / self.documents_ms


class Program:
    """A process whose first line is its URL."""

    def __init__(self, folder: Path, *command: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            command, text=True, stdout=subprocess.PIPE, cwd=folder, env={**os.environ, **ENVIRON, **environ}
        )
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        self.url = self.process.stdout.readline().strip()

    @property
    def memory_mb(self) -> float:
        """What it holds now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    @property
    def cpu_seconds(self) -> float:
        """What its threads have taken of the processors."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def called(url: str, frames: int) -> bytes:
    """The event as a bot platform sends it; the session's id says how long the answer shall be."""
    body = json.dumps({"botId": "b", "sessionId": f"frames-{frames}"}).encode()
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    lines = (
        "POST /webhook/cxone HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Content-Type: application/json",
        f"X-Webhook-Signature: {signed}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


async def talk(url: str, content: bytes, turns: int) -> None:
    """One connection, one answer after the other."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for _ in range(turns):
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if b'"llm_gateway"' not in (said := await reader.readexactly(length)):
            raise SystemExit(f"a turn had no answer of a model: {said.decode()}")
    writer.close()


def cpu_ms(router: Program, frames: int, concurrent: int, turns: int) -> float:
    """What one turn takes."""
    content = called(router.url, frames)

    async def all_of_them() -> None:
        await asyncio.gather(*(talk(router.url, content, turns // concurrent) for _ in range(concurrent)))

    before = router.cpu_seconds
    asyncio.run(all_of_them())
    return (router.cpu_seconds - before) / turns * 1000


def rows(transport: str, documents: Program, router: Program, rounds: int) -> Sequence[Row]:
    """One transport, the two in turns; of each figure the median of the rounds."""
    for program in (documents, router):
        cpu_ms(program, 50, 4, 80)
    found = []
    for (frames, concurrent), turns in TURNS.items():
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(cpu_ms(documents, frames, concurrent, turns))
            ours.append(cpu_ms(router, frames, concurrent, turns))
        found.append(
            Row(transport, frames, concurrent, *(round(statistics.median(each), 3) for each in (theirs, ours)))
        )
    return found


@dataclass(frozen=True)
class Memory:
    """MB that the router held after every `each` turns, from the first on that were not measured for time."""

    each: int
    held: Sequence[float]

    def said(self) -> str:
        """One sentence."""
        turns = self.each * (len(self.held) - 1)
        first, last, most = self.held[0], self.held[-1], max(self.held)
        return (
            f"Over {turns:,} turns more, 32 at once, the router held {first:.0f} MB at the beginning, "
            f"{most:.0f} MB at most and {last:.0f} MB at the end."
        )


def remembered(router: Program, turns: int) -> Memory:
    """What the router holds while it answers, in ten steps."""
    each, held = max(32, turns // STEPS), [router.memory_mb]
    for _ in range(STEPS):
        cpu_ms(router, 50, 32, each)
        held.append(router.memory_mb)
    return Memory(each, [round(mb, 1) for mb in held])


def a_frame(found: Sequence[Row], transport: str) -> tuple[float, float]:
    """Milliseconds of one frame more, by the documents' code and by the router, one turn at a time."""
    short, long = (next(r for r in found if (r.transport, r.frames, r.concurrent) == (transport, n, 1)) for n in MOST)
    more = long.frames - short.frames
    return (long.documents_ms - short.documents_ms) / more, (long.router_ms - short.router_ms) / more


def table(found: Sequence[Row], memory: Memory) -> str:
    """The table in Markdown, and what of it is over its bound."""
    head = (
        "| transport | frames an answer | turns at once | documents' code, CPU ms a turn | router, CPU ms a turn "
        "| times | at most |\n"
        "|---|--:|--:|--:|--:|--:|--:|\n"
    )
    lines = "".join(
        f"| {r.transport} | {r.frames:,} | {r.concurrent} | {r.documents_ms:.2f} | {r.router_ms:.2f} | {r.times:.2f} "
        f"| {MOST[r.frames]:.1f}{'' if r.times <= MOST[r.frames] else ' (missed)'} |\n"
        for r in found
    )
    said = [_frame_said(found, transport) for transport in TRANSPORTS]
    return "\n".join((f"{head}{lines}", *said, "", memory.said()))


def _frame_said(found: Sequence[Row], transport: str) -> str:
    theirs, ours = a_frame(found, transport)
    kept = "within" if ours <= MOST_A_FRAME else "over"
    return (
        f"A frame more over {transport} takes {ours:.4f} ms, {theirs:.4f} ms by the documents' code: "
        f"{kept} the bound of {MOST_A_FRAME} ms."
    )


def measured(folder: Path, url: str, transport: str, rounds: int, memory_turns: int) -> tuple[Sequence[Row], Memory]:
    """One transport."""
    documents = Program(
        folder, sys.executable, str(HERE / "documents.py"), BENCH_GATEWAY=url, BENCH_TRANSPORT=transport
    )
    router = Program(folder, RECONCILER, "-q", "serve", "--port", "0", "--dialect", DIALECTS[transport])
    try:
        return rows(transport, documents, router, rounds), remembered(router, memory_turns)
    finally:
        documents.stop()
        router.stop()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-turns", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", type=Path, default=HERE / "router.json")
    given = parser.parse_args()
    began = time.monotonic()
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-router-") as place:
        folder = Path(place)
        upstream = Program(folder, sys.executable, str(HERE / "upstream.py"))
        (folder / "manifests").mkdir()
        (folder / "manifests" / "fleet.yaml").write_text(MANIFESTS.format(url=upstream.url), encoding="utf-8")
        try:
            for transport in TRANSPORTS:
                some, memory = measured(folder, upstream.url, transport, given.rounds, given.memory_turns)
                found += some
        finally:
            upstream.stop()
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "rounds": given.rounds}
    kept = {"machine": machine, "rows": [asdict(r) for r in found], "memory": asdict(memory)}
    given.keep.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(table(found, memory))
    print(f"in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
