"""The HTML report as people meet it: in a browser, from a file, without a network."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import render_samples as samples
from browser import Page, browser

from reconciler.model.address import Address
from reconciler.model.change import Action, Change, FieldChange, Origin
from reconciler.model.diagnostic import Position
from reconciler.model.plan import Plan, Summary
from reconciler.render import html
from reconciler.render.subject import Subject

pytestmark = pytest.mark.browser

EDGES = {samples.TWO: (samples.ONE,), samples.HOOK: (samples.ONE, samples.TWO)}
PLANNED = Subject(
    "plan", 2, plan=samples.PLAN, diagnostics=samples.FINDINGS, edges=EDGES, source="https://git.example.com"
)
APPLIED = replace(PLANNED, command="apply", run=samples.RUN)

Show = Callable[[Subject], Page]

TILES = """Object.fromEntries([...document.querySelectorAll(".tile")]
    .map(tile => [tile.lastChild.textContent, Number(tile.firstChild.textContent)]))"""
SHOWN = """[...document.querySelectorAll("#main .item")].filter(item => item.checkVisibility())
    .map(item => item.querySelector(".addr b")?.textContent ?? item.querySelector(".code").textContent)"""
PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture
def show(tab: Page, tmp_path: Path) -> Iterator[Show]:
    """Shows a report; afterwards the browser must have had nothing to complain of and nothing to fetch."""
    file = tmp_path / "report.html"
    tab.events.clear()

    def shown(subject: Subject) -> Page:
        file.write_text(html.text(subject), encoding="utf-8")
        tab.open(file)
        return tab

    yield shown
    requested = {params["request"]["url"] for params in tab.named("Network.requestWillBeSent")}
    assert requested == {file.as_uri()}
    for complaint in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Audits.issueAdded"):
        assert tab.named(complaint) == []
    tab.call("Emulation.setEmulatedMedia", features=[])
    tab.run("localStorage.clear()")


def choose(page: Page, facet: str, value: str) -> None:
    """Pick one word of a select."""
    box = f"document.querySelector('select[data-facet={facet}]')"
    page.run(f"{box}.value = {value!r}; {box}.dispatchEvent(new Event('change'))")


def test_the_counts_shown_are_those_of_the_plan(show: Show) -> None:
    """Whoever approves by looking at tiles must look at the truth."""
    summary = samples.PLAN.summary
    assert show(PLANNED).run(TILES) == {
        "create": summary.create,
        "update": summary.update,
        "replace": summary.replace,
        "delete": summary.delete,
        "adopt": summary.adopt,
        "forget": summary.forget,
        "drifted": summary.drifted,
        "unchanged": summary.unchanged,
        "unmanaged": summary.unmanaged,
        "errors": 2,
        "warning": 1,
        "info": 1,
    }


def test_a_filter_narrows_lists_counts_and_picture(show: Show) -> None:
    """A count that does not follow the filter is taken for the filtered one."""
    page = show(PLANNED)
    choose(page, "kind", "Webhook")
    assert page.run(SHOWN) == ["costs", "old", "old"]
    tiles = page.run(TILES)
    assert (tiles["replace"], tiles["forget"], tiles["create"], tiles["errors"], tiles["drifted"]) == (1, 1, 0, 0, 1)
    assert page.run("document.querySelector('#h-changes .n').textContent") == "2 of 6"
    assert page.run("document.querySelector('nav a[href=\"#changes\"] .n').textContent") == "2 of 6"
    assert page.run("document.querySelector('#said').textContent") == "Showing 3 of 12."
    assert page.run("document.querySelectorAll('.node:not(.off)').length") == 2
    page.press("Escape")
    assert len(page.run(SHOWN)) == 12
    assert page.run("document.querySelector('#h-changes .n').textContent") == "6"


@pytest.mark.parametrize(
    ("facet", "value", "expected"),
    [
        ("action", "delete", ["ep-gone"]),
        ("action", "drifted", ["ep-two", "old"]),
        ("severity", "warning", ["ep-two"]),
        (
            "gateway",
            "prod",
            ["ep-one", "ep-two", "ep-one", "ep-two", "costs", "ep-gone", "ep-taken", "old", "ep-two", "old"],
        ),
    ],
)
def test_each_filter_shows_what_it_names(show: Show, facet: str, value: str, expected: list[str]) -> None:
    """A filter that hides one thing too many hides the change that mattered."""
    page = show(PLANNED)
    choose(page, facet, value)
    assert page.run(SHOWN) == expected


def test_a_tile_filters_and_lets_go_again(show: Show) -> None:
    """The number that catches the eye is the first thing people click."""
    page = show(APPLIED)
    click = "document.querySelector('.tile[data-value=rolled_back]').click()"
    page.run(click)
    assert page.run(SHOWN) == ["ep-two"]
    assert page.run("document.querySelector('.tile[data-value=rolled_back]').ariaPressed") == "true"
    page.run(click)
    assert len(page.run(SHOWN)) == 17


def test_search_finds_values_fields_and_places_by_keyboard(show: Show) -> None:
    """Somebody with a model's name or a line of a file wants the change, not the page."""
    page = show(PLANNED)
    for words, expected in {
        "gpt-4-turbo": ["ep-one"],
        "requestsperminute 600": ["ep-two"],
        "endpoints.yaml:99": ["ep-two"],
        "<b>": [],
    }.items():
        page.press("/")
        page.write(words)
        assert page.run(SHOWN) == expected, words
        page.press("Escape")


def test_the_keys_walk_and_fold(show: Show) -> None:
    """A reviewer of forty changes keeps the hands on the keyboard."""
    page = show(PLANNED)
    page.press("c")
    assert page.run("document.querySelectorAll('details[open]').length") == 0
    page.press("j")
    page.press("j")
    assert page.run("document.activeElement.closest('.item') === document.querySelectorAll('.item')[1]") is True
    page.press("e")
    assert page.run("document.querySelectorAll('details:not([open])').length") == 0


@pytest.mark.parametrize(
    "subject",
    [
        Subject("plan", 0, plan=samples.EMPTY),
        Subject("validate", 0),
        Subject("drift", 2, plan=samples.PLAN),
        Subject("verify", 4, outcomes=samples.RUN.outcomes),
    ],
    ids=lambda subject: subject.command,
)
def test_every_kind_of_report_bears_every_key(show: Show, subject: Subject) -> None:
    """A report of nothing is the usual one, and must not be the broken one."""
    page = show(subject)
    for key in ("/", "Escape", "j", "k", "e", "c", "t", "Escape"):
        page.press(key)
    page.run("document.querySelectorAll('button').forEach(button => button.checkVisibility() && button.click())")


def test_a_link_to_a_filtered_change_shows_it(show: Show) -> None:
    """A link that leads to something hidden looks broken."""
    page = show(APPLIED)
    choose(page, "status", "applied")
    page.run("location.hash = '#change-2'")
    page.painted()
    assert page.run("document.querySelector('#change-2').open && document.querySelector('#change-2').checkVisibility()")


def test_light_and_dark_differ_and_the_button_wins(show: Show) -> None:
    """Half of the readers work in the dark, and some of them have a system that says otherwise."""
    page, papers = show(PLANNED), []
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        papers.append(page.run(PAPER))
    page.press("t")
    assert papers[0] != papers[1]
    assert page.run(PAPER) == papers[0]


CONTRAST = """(() => {
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  return [...document.querySelectorAll("body *:not(svg *)")]
    .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.localName !== "mark")
    .map(e => [light(rgb(getComputedStyle(e).color)), light(behind(e)), e.className + " " + e.textContent.slice(0, 30)])
    .map(([a, b, what]) => [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), what])
    .filter(([ratio]) => ratio < 4.5);
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(show: Show, scheme: str) -> None:
    """4.5 to 1 is what people with weak eyes, and everybody on a bad projector, need."""
    page = show(APPLIED)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert page.run(CONTRAST) == []


def test_it_fits_a_telephone(show: Show) -> None:
    """An approval is often given on the way; a page that scrolls sideways is not read."""
    page = show(APPLIED)
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.call("Emulation.clearDeviceMetricsOverride")


def test_it_prints(show: Show) -> None:
    """Some approvals are filed on paper."""
    printed = show(PLANNED).call("Page.printToPDF")["data"]
    assert base64.b64decode(printed).startswith(b"%PDF")


def test_text_of_others_runs_nothing(show: Show) -> None:
    """A name in a manifest of a pull request is written by whoever sent it."""
    text = "</details></script><img src=x onerror=alert(1)><svg/onload=alert(2)>`${alert(3)}`<!--\u2028"
    address = Address("prod", "Endpoint", text)
    place = Position(text, 1, 1)
    change = Change(
        address, Action.UPDATE, text, (FieldChange(f"/spec/{text}", text, [text], Origin.CONFIG, place=place),)
    )
    plan = replace(samples.PLAN, changes=(change,), drift=(change,), basis=replace(samples.PLAN.basis, commit=text))
    page = show(Subject("plan", 2, plan=plan, edges={address: (samples.ONE,)}, source="https://git.example.com/<b>"))
    assert page.run("document.querySelectorAll('img, [onerror], [onload], main script').length") == 0
    assert page.run("document.querySelectorAll('#changes > .item, #drift > .item').length") == 2


def many(count: int) -> Plan:
    """As many updates, of three fields each."""
    addresses = [Address("prod", "Endpoint", f"ep-{number:05}") for number in range(count)]
    place = Position("manifests/endpoints.yaml", 1234, 5)
    fields = tuple(
        FieldChange(f"/spec/rateLimits/limit{n}", "gpt-4o-mini", "gpt-4-turbo", Origin.BOTH, place=place)
        for n in range(3)
    )
    changes = tuple(
        Change(address, Action.UPDATE, "changed", fields, depends_on=tuple(addresses[at - 1 : at]), position=place)
        for at, address in enumerate(addresses)
    )
    return replace(samples.PLAN, changes=changes, drift=(), summary=Summary(update=count))


@pytest.mark.slow
def test_five_thousand_changes_stay_usable(show: Show) -> None:
    """The one report that nobody can do without is the one of the day on which everything changes."""
    subject = Subject("plan", 2, plan=many(5000), source="https://git.example.com/owner/name/blob/0123abc")
    assert len(html.text(subject).encode()) < 10_000_000
    page = show(subject)
    took = page.run("""(async () => {
        const start = performance.now();
        document.querySelector("#q").value = "ep-04999";
        document.querySelector("#q").dispatchEvent(new Event("input"));
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        return performance.now() - start;
    })()""")
    assert page.run(SHOWN) == ["ep-04999"]
    assert took < 3000
