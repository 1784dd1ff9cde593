"""A value that cannot be the secret that is meant is refused before anything is written, wherever it is referred to."""

from __future__ import annotations

import pytest
from scenario_bench import Bench, endpoint, webhook

UNFIT = ["sk-1111\r", "sk-2222\n", "sk-33\n33", " sk-3333", "sk-3333\t", '"sk-4444"', "'sk-4444'", "sk-5555\u200b",
         "sk-66\x1b66", "sk-77\u201377", "\ufeffsk-8888", "***", "****abcd", "sk-****abcd", "REDACTED", "sk-...1111",
         "sk-99\u00a099", " ", "(secret)"]  # fmt: skip


@pytest.mark.parametrize("name", ["KEY_A", "HOOK_SECRET", "CLIENT_SECRET", "CLIENT_ID"])
def test_an_unfit_secret_is_refused_at_its_line(bench: Bench, name: str) -> None:
    """A key with a line break is stored as it is, and every call of every customer fails from then on."""
    bench.manifests(endpoint("one"), webhook("hook"))
    files = [path for path in (bench.root / "manifests").glob("*.yaml") if f"env: {name}" in path.read_text("utf-8")]
    text = files[0].read_text("utf-8")
    line = text[: text.index(f"env: {name}")].count("\n") + 1
    bench.forget_requests()
    for value in UNFIT:
        bench.environ[name] = value
        finished = bench.apply()
        assert finished.code == 1, value
        found = [each for each in finished.json["diagnostics"] if each["severity"] == "error"]
        assert [(each["code"], each["line"]) for each in found] == [("SECRET003", line)], value
        assert len(value.strip()) < 3 or value.strip() not in finished.out + finished.err
    assert bench.endpoints() == {}


def test_one_final_newline_of_a_file_is_dropped(bench: Bench) -> None:
    """Every editor and every mounted secret ends with one; a second one is a mistake."""
    bench.write("reconciler.yaml", "secrets: {root: secrets}\n")
    bench.manifests(endpoint("one").replace("{env: KEY_A}", "{file: key}"))
    bench.write("secrets/key", "sk-file-0000\n\n")
    assert [each["code"] for each in bench.apply().json["diagnostics"]] == ["SECRET003"]
    bench.write("secrets/key", "sk-file-0000\n")
    assert bench.apply().code == 0


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve"), ("verify",), ("drift",)])
def test_a_key_that_is_too_short_is_a_warning_at_its_line(bench: Bench, command: tuple[str, ...]) -> None:
    """It was cut off when it was copied, or is the tutorial's: that is better known before customers ask."""
    bench.manifests(endpoint("one"))
    if command[0] in {"verify", "drift"}:
        assert bench.apply().code == 0
    bench.environ["KEY_A"] = "sk-qqz17x"
    finished = bench.run(*command, "--format", "json")
    found = [each for each in finished.json["diagnostics"] if each["code"] == "POLICY016"]
    assert [each["severity"] for each in found] == ["warning"], finished.out
    lines = (bench.root / found[0]["file"]).read_text("utf-8").splitlines()
    assert "KEY_A" in lines[found[0]["line"] - 1]
    assert "qqz17x" not in finished.out + finished.err
