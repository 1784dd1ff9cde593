"""Where one tool shows what it does: a real proxy, a person with the master key, and what was seen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beside_tools import Declared, Ours, Tool, ours, theirs
from litellm_bench import ASKING
from litellm_person import Person
from relay import Relay, passes, relaying
from scenario_bench import Finished

YES, PARTLY, NO = "yes", "partly", "no"

KEY_A, KEY_B, KEY_C = "sk-canary-aaaa-4f1d", "sk-canary-bbbb-9e2c", "sk-canary-cccc-7b3a"
REFUSED = "sk-bad-canary-typo-5d8e"

ORGANIZATIONS = "/organization/list"
WITHOUT_LICENCE: Mapping[str, Any] = {}
AS_BEFORE: Mapping[str, Any] = {ORGANIZATIONS: []}
"""What the relay answers in the proxy's place: `litellm-as-code` cannot end well where organizations need a licence."""

TOOLS: Mapping[str, Callable[[Path, str, str], Tool]] = {"reconciler": ours, "litellm-as-code": theirs}


@dataclass(frozen=True)
class Seen:
    """What one tool was seen to do; exit code, reads and writes are those of the command that the row is about."""

    mark: str
    text: str
    code: int
    reads: int
    writes: int


@dataclass
class Stage:
    """One tool in an empty folder, before an empty proxy."""

    tool: Tool
    person: Person
    relay: Relay
    upstream: str
    last: Seen = Seen(NO, "nothing was run", 0, 0, 0)

    def name(self, word: str) -> str:
        """A name that the other tool does not use: the proxy remembers failures of a deployment by its id."""
        return f"{word}-{'ours' if isinstance(self.tool, Ours) else 'theirs'}"

    def run(self, words: Sequence[str]) -> Finished:
        """A command, and what it asked and wrote."""
        reads, writes = len(self.relay.reads), len(self.relay.writes)
        done = self.tool.shell.run(*words)
        self.last = Seen(NO, "", done.code, len(self.relay.reads) - reads, len(self.relay.writes) - writes)
        return done

    def apply(self) -> Finished:
        """Carry out what is declared."""
        return self.run(self.tool.apply_words)

    def plan(self) -> Finished:
        """Show what would be done."""
        return self.run(self.tool.plan_words)

    def look(self) -> Finished:
        """Show what somebody else did."""
        return self.run(self.tool.look_words)

    def made(self, *wanted: Declared) -> None:
        """Begin with this, carried out well."""
        self.tool.declare(*wanted)
        done = self.apply()
        assert done.code == 0, done.out + done.err

    def forget(self) -> None:
        """Nothing of earlier runs is left on this machine."""
        shutil.rmtree(self.tool.shell.folder / ".reconciler", ignore_errors=True)

    def answered(self, wanted: Declared, key_id: str = "a") -> str:
        """The key that a call was served with, or the status of its refusal."""
        body = {"model": self.tool.called(wanted, key_id), "messages": [{"role": "user", "content": "hello"}]}
        status, answer, _ = self.person.call("POST", "/v1/chat/completions", body)
        if status != 200:
            return f"HTTP {status}"
        said: str = answer["choices"][0]["message"]["content"]
        return said.removeprefix("Bearer ")

    def param(self, wanted: Declared, name: str, key_id: str = "a") -> Any:
        """One parameter of a deployment as the proxy lists it."""
        return self.person.deployments()[f"{wanted.name}:{key_id}"].get(name)

    def seen(self, mark: str, text: str) -> Seen:
        """The row's cell, with the figures of the last command."""
        return Seen(mark, text, self.last.code, self.last.reads, self.last.writes)

    def exactly(self, wanted: Declared) -> bool:
        """Whether its deployments and credentials live, each once, and nothing else does."""
        deployments, credentials = self.person.deployments(), self.person.credentials()
        names = {self.tool.called(wanted, key_id) for key_id in wanted.keys}
        right = set(deployments) == wanted.ids() and sorted(wanted.ids()) == credentials
        return right and {each["model_name"] for each in deployments.values()} == names


@dataclass(frozen=True)
class Row:
    """One thing to see; `look` does the same deeds to both tools. `stand_ins` are those of the relay."""

    what: str
    look: Callable[[Stage], Seen]
    stand_ins: Mapping[str, Any]


def row(what: str, look: Callable[[Stage], Seen]) -> Row:
    """As nearly all are: with the stand-in that `litellm-as-code` needs to end well."""
    return Row(what, look, AS_BEFORE)


@contextmanager
def staged(tool: str, person: Person, upstream: str, folder: Path, stand_ins: Mapping[str, Any]) -> Iterator[Stage]:
    """One tool, an empty folder, an empty proxy, a relay between."""
    person.wipe()
    with relaying(person.url, ASKING) as relay:
        relay.stand_ins = stand_ins
        try:
            yield Stage(TOOLS[tool](folder, relay.url, upstream), person, relay, upstream)
        finally:
            relay.rule = passes
            shutil.rmtree(folder, ignore_errors=True)
