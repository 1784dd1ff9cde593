"""Text changed in place, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.manifest.splice import CannotSplice, appended, with_value, without


@pytest.mark.parametrize(
    ("text", "keys", "value", "expected"),
    [
        ("a: 1 # x\nb: 2\n", "a", 10, "a: 10 # x\nb: 2\n"),
        ("a: 'x'  # y", "a", "it's", "a: 'it''s'  # y"),
        ('a: "x"', "a", 'a "b" \\', 'a: "a \\"b\\" \\\\"'),
        ("a: 'x'", "a", 5, "a: 5"),
        ("a: 'x'\n", "a", "two\nlines", 'a: "two\\nlines"\n'),
        ("a: x\n", "a", "0012345", 'a: "0012345"\n'),
        ("{a: x, b: y}", "a", "p, q", "{a: 'p, q', b: y}"),
        ("a:\nb: 1\n", "a", "x", "a: x\nb: 1\n"),
        ("a: |\n  text\n  more\nb: 1\n", "a", "short", "a: short\nb: 1\n"),
        ("a: 1\r\nb: 2\r\n", "b", 3, "a: 1\r\nb: 3\r\n"),
        ("a: 1\r\nb: 2", "c", 3, "a: 1\r\nb: 2\r\nc: 3"),
        ("a:\n  b: 1  # last\n\n# next\nc: 2\n", "a.new", "x", "a:\n  b: 1  # last\n  new: x\n\n# next\nc: 2\n"),
        ("a: {b: 1,}\n", "a.new", 2, "a: {b: 1, new: 2}\n"),
        ("a: {}\n", "a.new.more", 2, "a: {new: {more: 2}}\n"),
        ("a: {b: 1}  # z\n", "a.new", [1, 2], "a: {b: 1, new: [1, 2]}  # z\n"),
        ("--- # doc\na: 1\n", "a", 2, "--- # doc\na: 2\n"),
        (
            "l:\n- {keyId: k, p: 1} # k\n- {keyId: j, p: 2}\n",
            "l.j.p",
            3,
            "l:\n- {keyId: k, p: 1} # k\n- {keyId: j, p: 3}\n",
        ),
        ("l:\n  - keyId: k\n    p: 1\n", "l.k.p", 3, "l:\n  - keyId: k\n    p: 3\n"),
        ("l: [a,  b]  # c\n", "l", ["b", "c"], "l: [b, c]  # c\n"),
        ("l:\n  - a # 1\n  - b # 2\nz: 1\n", "l", ["b", "c", "d"], "l:\n  - b # 2\n  - c\n  - d\nz: 1\n"),
        ("l:\n  - a\n  - b # 2", "l", ["a"], "l:\n  - a"),
        ("ü: 😀 # é\nb: 2\n", "b", "ß", "ü: 😀 # é\nb: ß\n"),
    ],
)
def test_a_value(text: str, keys: str, value: Any, expected: str) -> None:
    """Comments, quotes, blanks, line ends and the rest of the file are their owner's."""
    assert with_value(text, keys.split("."), value) == expected


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("a: 1\nb: 2 # gone too\nc: 3\n", "b", "a: 1\nc: 3\n"),
        ("a: 1\nb:\n  c: 2\n  d: 3\ne: 4\n", "b", "a: 1\ne: 4\n"),
        ("a: 1\r\nb: 2", "b", "a: 1"),
        ("a: {b: 1, c: 2,  d: 3}\n", "a.b", "a: {c: 2,  d: 3}\n"),
        ("a: {b: 1, c: 2,  d: 3}\n", "a.d", "a: {b: 1, c: 2}\n"),
        ("a: {b: 1}\n", "a.b", "a: {}\n"),
        ("l:\n  - keyId: k\n    p: 1\n  - {keyId: j, p: 1}\n", "l.k", "l:\n  - {keyId: j, p: 1}\n"),
        ("l: [{keyId: k}, {keyId: j}]\n", "l.j", "l: [{keyId: k}]\n"),
        ("a: 1\n", "b.c", "a: 1\n"),
    ],
)
def test_a_member_that_goes(text: str, keys: str, expected: str) -> None:
    """The lines of the member, and no other."""
    assert without(text, keys.split(".")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l:\n  - {keyId: k}  # k\nz: 1\n", "l:\n  - {keyId: k}  # k\n  - {keyId: new}\nz: 1\n"),
        ("l:\n- keyId: k\n  p: 1", "l:\n- keyId: k\n  p: 1\n- {keyId: new}"),
        ("l: [{keyId: k}]\n", "l: [{keyId: k}, {keyId: new}]\n"),
    ],
)
def test_an_item_that_comes(text: str, expected: str) -> None:
    """A new item is written as its neighbours are."""
    assert appended(text, ["l"], {"keyId": "new"}) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda: without("l:\n  - keyId: k\n    p: 1\n", ["l", "k", "keyId"]),
        lambda: with_value("l:\n  - {a: 1}\n", ["l"], ["x"]),
        lambda: with_value("l:\n  - a\n", ["l"], ["x"]),
        lambda: with_value("a: text\n", ["a", "b"], 1),
        lambda: appended("a: 1\n", ["l"], {}),
        lambda: with_value("# nothing\n", ["a"], 1),
    ],
)
def test_what_cannot_be_changed_by_itself_is_refused(change: Any) -> None:
    """A guess at somebody's layout is worse than a line for them to change."""
    with pytest.raises(CannotSplice):
        change()
