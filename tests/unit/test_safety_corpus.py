"""How well each detector does, in figures, on made-up lines of eight countries."""

from __future__ import annotations

import pytest
from pii_lines import KINDS, USUAL, built_in, developed, unseen, usual

LINES = developed()

FLOORS = {
    "credit-card": (1.0, 1.0),
    "date-of-birth": (1.0, 1.0),
    "email": (1.0, 1.0),
    "iban": (1.0, 1.0),
    "ip-address": (1.0, 1.0),
    "phone": (0.95, 0.95),
    "ssn": (1.0, 1.0),
}
"""Precision and recall that may not be lost again."""


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    """A figure over ten lines is an anecdote."""
    assert len(LINES) >= 150
    assert len({line.region for line in LINES}) >= 8
    for kind in KINDS:
        assert sum(marked == kind for line in LINES for marked, _, _ in line.marks) >= 8, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_keeps_its_precision_and_recall(kind: str) -> None:
    """A missed number leaks; a find that is none garbles an answer: neither may get worse unseen."""
    result = built_in(kind, LINES)
    precision, recall = FLOORS[kind]
    assert result.precision >= precision, result.wrong
    assert result.recall >= recall, result.missed


@pytest.mark.parametrize("kind", sorted(USUAL))
def test_a_detector_is_ahead_of_the_usual_expression(kind: str) -> None:
    """What a short expression does as well needs no detector."""
    detector, expression = built_in(kind, LINES), usual(kind, LINES)
    assert detector.recall > expression.recall + 0.05
    assert detector.precision > expression.precision or expression.precision == 1.0


@pytest.mark.parametrize("kind", sorted(USUAL))
def test_a_detector_is_ahead_on_lines_that_it_was_not_made_for(kind: str) -> None:
    """Whoever writes the detector and its examples sees in both what he thought of."""
    detector, expression = built_in(kind, unseen()), usual(kind, unseen())
    assert detector.recall >= expression.recall
    assert detector.precision > expression.precision + 0.2
