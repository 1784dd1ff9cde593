"""Measure what the bot router adds to a turn: the gateway in a box asked directly, and through the router.

Gateway and router run in processes of their own, and all three share the machine. Both ways send one question and read
its whole answer; through the router the call is signed, screened in both directions, priced and logged nowhere.
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
RECONCILER = str(Path(sys.executable).with_name("reconciler"))
SECRET = "benchmark-webhook-secret-0123456789"  # noqa: S105 - made up
ENVIRON = {"BENCH_ID": "id", "BENCH_KEY": "sk-benchmark-0123456789", "BENCH_HOOK": SECRET}
TURNS = {1: 300, 32: 1600, 256: 2048}
ROUNDS = 5
STEPS = 10

MANIFESTS = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec: {{platform: cxone, url: "{url}", auth: {{bearer: {{env: BENCH_KEY}}}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: ep}}
spec:
  provider: openai
  model: gpt-4o
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
spec: {{pii: [email, phone, ssn, credit-card], blockedTerms: [bypass security], maxInputCharacters: 4000}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{env: BENCH_HOOK}}]}}
  prompt: talk
  endpoint: ep
  safety: safe
  deadlineMs: 60000
"""


@dataclass(frozen=True)
class Row:
    """Milliseconds of one answer, directly and through the router, and answers in a second.

    `cpu_ms` is what one turn takes of a processor in the router, in milliseconds.
    """

    concurrent: int
    turns: int
    bare_p50: float
    bare_p99: float
    p50: float
    p99: float
    bare_per_second: float
    per_second: float
    cpu_ms: float

    @property
    def overhead(self) -> float:
        """Added at the median."""
        return self.p50 - self.bare_p50


class Program:
    """A process whose first line is its URL."""

    def __init__(self, folder: Path, *command: str) -> None:
        environ = {**os.environ, **ENVIRON}
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, cwd=folder, env=environ)
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        self.url = self.process.stdout.readline().strip()

    @property
    def memory_mb(self) -> float:
        """What it holds now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    @property
    def cpu_seconds(self) -> float:
        """What it has taken of the processors."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def request(url: str, path: str, body: bytes, *headers: str) -> bytes:
    """One HTTP request."""
    lines = (f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", "Content-Type: application/json", *headers)
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body


def asked(url: str) -> bytes:
    """The question as the router puts it."""
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is my order 1234?"}]
    body = {"model": "gpt-4o", "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    return request(
        url, "/v1/chat/completions", json.dumps(body).encode(), f"Authorization: Bearer {ENVIRON['BENCH_KEY']}"
    )


def called(url: str) -> bytes:
    """The event as a bot platform sends it."""
    body = json.dumps({"botId": "b", "sessionId": "s", "lastMessage": "Where is my order 1234?"}).encode()
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return request(url, "/webhook/cxone", body, f"X-Webhook-Signature: {signed}")


async def talk(url: str, content: bytes, turns: int) -> Sequence[float]:
    """One connection, one answer after the other; milliseconds of each."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    took = []
    for _ in range(turns):
        began = time.perf_counter()
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        if b"chunked" in head:
            await reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if b'"llm_gateway"' not in await reader.readexactly(length):
                raise SystemExit("a turn had no answer of a model")
        took.append((time.perf_counter() - began) * 1000)
    writer.close()
    return took


async def measured(url: str, content: bytes, concurrent: int, turns: int) -> tuple[float, float, float]:
    """Median and 99th percentile in ms, and answers in a second."""
    began = time.perf_counter()
    each = await asyncio.gather(*(talk(url, content, max(1, turns // concurrent)) for _ in range(concurrent)))
    seconds = time.perf_counter() - began
    ordered = sorted(milliseconds for one in each for milliseconds in one)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)], len(ordered) / seconds


def row(gateway: str, router: Program, concurrent: int) -> Row:
    """One level, the two ways in turns; of each figure the median of the rounds."""
    turns = TURNS[concurrent]
    bare, ours = [], []
    before = router.cpu_seconds
    for _ in range(ROUNDS):
        bare.append(asyncio.run(measured(gateway, asked(gateway), concurrent, turns)))
        ours.append(asyncio.run(measured(router.url, called(router.url), concurrent, turns)))
    cpu_ms = (router.cpu_seconds - before) / (ROUNDS * turns) * 1000
    b50, b99, bare_rate = (statistics.median(figures) for figures in zip(*bare, strict=True))
    o50, o99, rate = (statistics.median(figures) for figures in zip(*ours, strict=True))
    return Row(concurrent, turns, b50, b99, o50, o99, bare_rate, rate, round(cpu_ms, 2))


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
    each, held = turns // STEPS, [router.memory_mb]
    for _ in range(STEPS):
        asyncio.run(measured(router.url, called(router.url), 32, each))
        held.append(router.memory_mb)
    return Memory(each, [round(mb, 1) for mb in held])


def table(rows: Sequence[Row], memory: Memory) -> str:
    """The table in Markdown."""
    head = (
        "| turns at once | gateway p50 ms | p99 ms | through the router p50 ms | p99 ms | added p50 ms | turns/s "
        "| router CPU ms a turn |\n"
        "|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    lines = "".join(
        f"| {r.concurrent} | {r.bare_p50:.1f} | {r.bare_p99:.1f} | {r.p50:.1f} | {r.p99:.1f} | {r.overhead:.1f} "
        f"| {r.per_second:.0f} | {r.cpu_ms:.1f} |\n"
        for r in rows
    )
    return f"{head}{lines}\n{memory.said()}"


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-turns", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, default=HERE / "router.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-router-") as place:
        folder = Path(place)
        gateway = Program(folder, sys.executable, "-m", "reconciler.embedded", "--store", str(folder / "box.sqlite"))
        (folder / "manifests").mkdir()
        (folder / "manifests" / "fleet.yaml").write_text(MANIFESTS.format(url=gateway.url), encoding="utf-8")
        router = Program(folder, RECONCILER, "-q", "serve", "--port", "0")
        try:
            asyncio.run(measured(router.url, called(router.url), 8, 200))
            rows = [row(gateway.url, router, concurrent) for concurrent in TURNS]
            memory = remembered(router, given.memory_turns)
        finally:
            router.stop()
            gateway.stop()
    machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
    kept = {"machine": machine, "rows": [asdict(r) for r in rows], "memory": asdict(memory)}
    given.keep.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(table(rows, memory))


if __name__ == "__main__":
    main()
