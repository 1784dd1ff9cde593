"""Detectors of others: classifiers behind the port that the built-in ones have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.errors import InferenceError
from reconciler.inference.safety import Screen, StreamScreen, Verdict
from reconciler.manifest import LoadOptions, load
from reconciler.model.inference import SafetyAction, SafetyPolicy

CLASSIFIER = """
class Find:
    def __init__(self, start, end, kind):
        self.start, self.end, self.kind = start, end, kind

class Classifier:
    name = "toxicity"
    def __init__(self, region):
        self.region = region
    def find(self, text):
        hostile = "hate" in text and "not hate" not in text
        return [Find(0, len(text), "toxicity-" + self.region.lower())] if hostile else []
"""
POLICY = SafetyPolicy("p", ("plugin:toxicity", "email"), on_output=SafetyAction.BLOCK, region="DE")


def install(folder: Path, code: str, *, module: str = "a_classifier") -> None:
    """A distribution that provides a detector."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        f"[reconciler.detectors]\ntoxicity = {module}:Classifier\n", encoding="utf-8"
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose distributions count as installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in ("a_classifier", "another_classifier"):
        sys.modules.pop(module, None)


def test_a_classifier_is_asked_beside_the_built_in_detectors(site: Path) -> None:
    """A denial is no offence: what words mean is for a model to judge, and the policy names which one."""
    install(site, CLASSIFIER)
    screen = Screen(POLICY)
    assert screen.output("we do not hate returns").verdict is Verdict.CLEAN
    assert screen.output("i hate you").found == {"toxicity-de": 1}
    assert screen.output("i hate you").verdict is Verdict.BLOCKED
    assert screen.input("i hate you, a@example.com").text == "[TOXICITY_DE REDACTED]"


def test_a_classifier_judges_an_answer_while_it_comes(site: Path) -> None:
    """What it has not judged yet waits; what it refuses ends the stream."""
    install(site, CLASSIFIER)
    stream = StreamScreen(POLICY)
    shown = [stream.feed(piece) for piece in ("i ", "ha", "te ", "you")]
    assert ("".join([*shown, stream.finish()]), stream.verdict) == ("", Verdict.BLOCKED)


@pytest.mark.parametrize(
    ("find", "said"),
    [
        ("raise ValueError(text)", "failed (ValueError)"),
        ("return [Find(0, 99, 'x')]", "a place that the text does not have"),
        ("return [Find(-1, 1, 'x')]", "a place that the text does not have"),
        ("return [1]", "failed (AttributeError)"),
    ],
)
def test_a_classifier_that_fails_lets_nothing_through(site: Path, find: str, said: str) -> None:
    """Protection that is out of order is no protection, and its error may quote the customer."""
    head, _, _ = CLASSIFIER.partition("        hostile")
    install(site, f"{head}        {find}\n")
    with pytest.raises(InferenceError) as raised:
        Screen(POLICY).input("my secret")
    assert said in str(raised.value)
    assert "my secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ((), "no package that is installed"),
        (("1 / 0",), "ZeroDivisionError"),
        (("def Classifier(region): return None",), "has no `find`"),
        ((CLASSIFIER, CLASSIFIER), "two packages"),
    ],
)
def test_a_classifier_that_is_not_there_is_found_offline(site: Path, codes: tuple[str, ...], said: str) -> None:
    """A policy that asks for it may not quietly do without."""
    for code, module in zip(codes, ("a_classifier", "another_classifier"), strict=False):
        install(site, code, module=module)
    manifest = "apiVersion: reconciler/v1\nkind: SafetyPolicy\nmetadata: {name: p}\nspec: {pii: ['plugin:toxicity']}\n"
    (site / "policy.yaml").write_text(manifest, encoding="utf-8")
    (found,) = wiring.validate(load([site / "policy.yaml"], LoadOptions(site)))
    assert (found.code, found.path) == ("WIRING007", "/spec/pii")
    assert said in found.detail
