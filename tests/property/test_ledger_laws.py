"""Laws of the ledger: nothing is lost on the way to text and back, and a file remembers like a dictionary."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import LedgerCorrupt, LedgerTooNew
from reconciler.ledger import codec, open_ledger
from reconciler.ledger.chain import START, Link, chained, follow
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.memory import Entry, Intent, LedgerSnapshot, Settlement
from reconciler.model.ports import Ledger
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint
from reconciler.testing.fakes import FakeClock, MemoryLedger
from reconciler.testing.ledger_suite import GATEWAY, address, creation, entry

# Half surrogate pairs included: the JSON of a gateway may hold them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NAME = st.text(min_size=1, max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
DOCUMENT = st.dictionaries(TEXT, JSON, max_size=5)
ADDRESS = st.builds(Address, NAME, NAME, NAME)
OPTIONAL = st.none() | TEXT
ENTRY = st.builds(
    Entry,
    ADDRESS,
    TEXT,
    DOCUMENT,
    st.dictionaries(TEXT, st.builds(Fingerprint, TEXT, TEXT), max_size=3),
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.dictionaries(TEXT, TEXT, max_size=3),
    OPTIONAL,
    st.booleans(),
    st.lists(ADDRESS, max_size=3).map(tuple),
)
INTENT = st.builds(
    Intent, TEXT, ADDRESS, st.sampled_from(Action), st.none() | ENTRY, OPTIONAL, OPTIONAL, OPTIONAL, OPTIONAL
)
RUN = st.builds(
    RunRecord,
    TEXT,
    TEXT,
    OPTIONAL,
    TEXT,
    st.lists(TEXT, max_size=3).map(tuple),
    TEXT,
    st.dictionaries(TEXT, st.integers(), max_size=3),
    st.lists(DOCUMENT, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(st.lists(ENTRY, max_size=4), st.lists(INTENT, max_size=4), st.lists(RUN, max_size=4))
def test_text_and_back_is_the_same(entries: list[Entry], intents: list[Intent], runs: list[RunRecord]) -> None:
    """A field that comes back changed would show as a difference that nobody made."""
    assert codec.load_entries([codec.dump_entry(each) for each in entries]) == entries
    assert codec.load_intents([codec.dump_intent(each) for each in intents]) == intents
    assert codec.load_runs([codec.dump_run(each) for each in runs]) == runs


@settings(deadline=None)
@given(ENTRY)
def test_specs_come_back_as_plain_dictionaries(original: Entry) -> None:
    """Read-only views go in; what comes out is compared, and printed, as ordinary JSON."""
    frozen = Entry(original.address, original.remote_id, MappingProxyType({"a": MappingProxyType(dict(original.spec))}))
    (read,) = codec.load_entries([codec.dump_entry(frozen)])
    assert read.spec == {"a": original.spec}
    assert type(read.spec["a"]) is dict


@settings(deadline=None)
@given(ENTRY, DOCUMENT)
def test_unknown_keys_are_passed_over(original: Entry, more: dict[str, Any]) -> None:
    """A later release adds keys; this one must read the rest as if they were not there."""
    known = json.loads(codec.dump_entry(original))
    assert codec.load_entries([json.dumps({**more, **known})]) == [original]


WRONG: st.SearchStrategy[str] = (JSON.map(json.dumps)) | st.sampled_from(
    ["9" * 4301, "1e400", "NaN", "-Infinity", "[" * 2000, '"\\ud800"', "", "}", "\x00"]
)


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to every value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(place for key, each in inner for place in places(each, (*before, key)))]


def spoilt(text: str, draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """A note in which one value, anywhere, is another one, or missing."""
    note = {"note": json.loads(text)}
    way = draw(st.sampled_from(places(note)[1:]))
    holder: Any = note
    for key in way[:-1]:
        holder = holder[key]
    wrong = draw(st.none() | WRONG)
    if wrong is None:
        del holder[way[-1]]
        return json.dumps(note.get("note", {}))
    holder[way[-1]] = "here it stands"
    return json.dumps(note["note"]).replace('"here it stands"', wrong, 1)


@settings(deadline=None)
@given(st.data())
def test_a_note_is_read_as_it_was_written_or_is_damage(data: st.DataObject) -> None:
    """Whatever was written over it by hand, a note becomes values of their types, or a finding; never a traceback."""
    forms: list[tuple[Any, Any, Any]] = [
        (ENTRY, codec.dump_entry, codec.load_entries),
        (INTENT, codec.dump_intent, codec.load_intents),
        (RUN, codec.dump_run, codec.load_runs),
    ]
    kind, dump, load = data.draw(st.sampled_from(forms))
    text = spoilt(dump(data.draw(kind)), data.draw)
    try:
        read = load([text])
    except (LedgerCorrupt, LedgerTooNew):
        return
    assert load([dump(each) for each in read]) == read


NUMBERS = st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)
STEP = st.tuples(st.sampled_from(["intend", "settle", "remove", "keep", "forget"]), NUMBERS)


@settings(deadline=None, max_examples=40)
@given(st.lists(STEP, max_size=12))
def test_a_file_remembers_like_a_dictionary(steps: list[tuple[str, list[int]]]) -> None:
    """Tests elsewhere use the ledger in memory; it must never differ from the one in production."""
    with tempfile.TemporaryDirectory() as directory:
        kept = asyncio.run(_after(open_ledger(Path(directory) / "ledger.sqlite", FakeClock()), steps))
    assert kept == asyncio.run(_after(MemoryLedger(), steps))


async def _after(ledger: Ledger, steps: Sequence[tuple[str, list[int]]]) -> LedgerSnapshot:
    for position, (what, numbers) in enumerate(steps):
        if what == "forget":
            for number in numbers:
                await ledger.forget(address(number))
            continue
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            if what == "intend":
                await ledger.intend(lease, [creation(number) for number in numbers])
            else:
                await ledger.settle(lease, [_settlement(what, number, position) for number in numbers])
    snapshot = await ledger.load()
    await ledger.close()
    return snapshot


def _settlement(what: str, number: int, position: int) -> Settlement:
    stands = entry(number, f"model-{position}") if what == "settle" else None
    return Settlement(address(number), stands, keep=what == "keep")


@settings(deadline=None)
@given(st.lists(DOCUMENT, min_size=1, max_size=4), st.data())
def test_no_byte_of_an_audit_changes_unseen(events: list[dict[str, Any]], data: st.DataObject) -> None:
    """Whatever is changed anywhere in the file, the chain breaks, or the line still means the very same."""
    text = bytearray(_audit(events))
    assert _broken(bytes(text)) is None
    place = data.draw(st.integers(0, len(text) - 1))
    before = _meaning(bytes(text))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    assert _broken(bytes(text)) is not None or _meaning(bytes(text)) == before


def _audit(events: Sequence[dict[str, Any]]) -> bytes:
    lines, link = [], START
    for event in events:
        line, link = chained({f"x{key}": value for key, value in event.items()}, link)
        lines.append(f"{line}\n".encode())
    return b"".join(lines)


def _broken(text: bytes) -> str | None:
    link: Link = START
    for line in text.splitlines(keepends=True):
        fault, link = follow(line, link)
        if fault:
            return fault
    return None


def _meaning(text: bytes) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return None
