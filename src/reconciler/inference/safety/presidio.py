"""Presidio behind the port Detector: names, places and other kinds that need a language model.

The extra ``reconciler[presidio]`` brings the library; its language model is the operator's to install. A policy asks
for ``presidio`` (all that its analyzer finds) or for one kind, ``presidio:PERSON``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast

from reconciler.errors import InferenceError
from reconciler.inference.safety.spans import Span

PREFIX = "presidio"
LANGUAGE = "en"
THRESHOLD = 0.5


class Result(Protocol):
    """What an analyzer says of one find: offsets, never the text."""

    entity_type: str
    start: int
    end: int
    score: float


class Analyzer(Protocol):
    """The part of ``presidio_analyzer.AnalyzerEngine`` that is used."""

    def analyze(
        self, *, text: str, language: str, entities: list[str] | None, score_threshold: float | None
    ) -> Sequence[Result]:
        """Find entities."""


class PresidioDetector:
    """Implements Detector. Its time is the language model's: bound the input by `maxInputCharacters`."""

    def __init__(self, name: str = PREFIX, analyzer: Analyzer | None = None) -> None:
        self._name = name
        self._entities = [entity] if (entity := name.partition(":")[2].upper()) else None
        self._analyzer = analyzer

    @property
    def name(self) -> str:
        """As the policy asked for it."""
        return self._name

    def find(self, text: str) -> Sequence[Span]:
        """What the analyzer found. InferenceError when the extra is not installed."""
        analyzer = self._analyzer or _engine()
        results = analyzer.analyze(text=text, language=LANGUAGE, entities=self._entities, score_threshold=THRESHOLD)
        return [Span(each.start, each.end, each.entity_type.lower().replace("_", "-")) for each in results]


@lru_cache(maxsize=1)
def _engine() -> Analyzer:
    try:
        from presidio_analyzer import AnalyzerEngine  # noqa: PLC0415 - an extra, and seconds to load
    except ImportError as error:
        raise InferenceError("the policy asks for presidio: install reconciler[presidio] and its model") from error
    return cast("Analyzer", AnalyzerEngine())
