"""Detectors of others behind the same port: a classifier, a moderation model, a list of one's own.

A package names one under the entry point group ``reconciler.detectors``: something that is called with the policy's
region (ISO 3166) and gives a Detector. A policy asks for it as ``plugin:NAME``. What judges a text as a whole gives one
span over all of it.

| what goes wrong                                  | becomes                                      |
|--------------------------------------------------|----------------------------------------------|
| nobody provides it, two do, it cannot be loaded  | InferenceError when the policy is read       |
| it fails while it looks, or points out of a text | InferenceError: the text does not go on      |
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from reconciler.errors import InferenceError
from reconciler.inference.safety.spans import Detector, Span

PREFIX = "plugin"
GROUP = "reconciler.detectors"


class PluggedDetector:
    """Implements Detector with one of somebody else's. Its time is its own: bound the input."""

    def __init__(self, name: str, region: str) -> None:
        self._name = name
        self._detector = _made(name, region)

    @property
    def name(self) -> str:
        """As the policy asked for it."""
        return self._name

    def find(self, text: str) -> Sequence[Span]:
        """What it found. InferenceError where it fails, without its words: they may hold the text."""
        try:
            found = [Span(each.start, each.end, each.kind) for each in self._detector.find(text)]
        except Exception as error:  # noqa: BLE001 - whatever went wrong in there, the text does not go on
            raise InferenceError(f"the detector {self._name} failed ({type(error).__name__})") from None
        if any(not 0 <= span.start < span.end <= len(text) for span in found):
            raise InferenceError(f"the detector {self._name} points to a place that the text does not have")
        return found


def _made(name: str, region: str) -> Detector:
    point = _point(name)
    try:
        made: Detector = point.load()(region)
    except Exception as error:
        raise InferenceError(f"the detector {name} ({point.value}) cannot be made: {type(error).__name__}") from error
    if not callable(getattr(made, "find", None)):
        raise InferenceError(f"the detector {name} ({point.value}) cannot find: it has no `find`")
    return made


def _point(name: str) -> EntryPoint:
    points = {point.value: point for point in entry_points(group=GROUP) if point.name == name.partition(":")[2]}
    if not points:
        raise InferenceError(f"no package that is installed provides the detector {name} (entry points of {GROUP})")
    if len(points) > 1:
        raise InferenceError(f"two packages provide the detector {name} ({', '.join(sorted(points))}): uninstall one")
    return next(iter(points.values()))
