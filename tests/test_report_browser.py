"""The report in a headless Chromium, driven as a reader does: no hostile text is executed, nothing is fetched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qgeom.report import write
from tests.browser import MISSING, PROGRAM, Browser
from tests.report_runs import HOSTILE, VERDICTS, a_verdict, add_geometry, save

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

ROWS = "Array.from(document.querySelectorAll('#runs tbody tr'))"
SHOWN = f"{ROWS}.filter(row => row.offsetParent !== null).map(row => row.querySelector('code').textContent)"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("site")
    save(root / "b", "second", seconds=30, verdicts=[a_verdict("circuit", -0.5)])
    save(root / "a", "first", {"label": HOSTILE[0]}, seconds=200, started="2026-03-01T00:00:00+00:00")
    save(root / "c", "third", seconds=4, started="2025-01-01T00:00:00+00:00")
    (root / "broken").mkdir()
    (root / "broken" / "settings.json").write_text("{")
    for k, text in enumerate(HOSTILE):
        name = text.replace("/", "|").replace("\0", "|").encode("utf-8", "replace").decode()
        verdicts = [type(one).from_dict({**one.to_dict(), "claim": text, "statistic": text, "side": text,
                    "notes": [text], "null_model": text}) for one in VERDICTS]  # fmt: skip
        save(
            root / "hostile" / f"{k} {name}", text.replace("\ud83d", ""), {name: name}, verdicts[: 1 + k % 4]
        )
    add_geometry(root / "a")
    write(root)
    return root


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(program: Browser) -> Browser:
    program.screen(1280, 900)
    program.requests.clear()
    program.errors.clear()
    return program


def test_no_page_runs_what_it_shows_or_asks_for_anything_but_files(site: Path, browser: Browser):
    pages = [site / "index.html", *sorted((site / "report").glob("*.html"))]
    for path in pages:
        browser.open(path)
        assert browser.run("window.pwned === undefined && document.scripts.length === 1"), path.name
        assert browser.run("document.querySelectorAll('img[onerror], svg[onload], [onclick]').length") == 0
        assert browser.run(
            "Array.from(document.images).every(i => i.loading === 'lazy' || i.naturalWidth > 0)"
        )
    assert browser.errors == []
    assert {address.partition(":")[0] for address in browser.requests} == {"file"}
    asked = {address for address in browser.requests if address.endswith(".html")}
    assert len(asked) == len(pages) + 1, "every page, and the geometry in its frame"


def test_the_policy_forbids_what_is_not_ours(site: Path, browser: Browser):
    """The escaping must not be all that stands between a name and its execution."""
    browser.open(site / "index.html")
    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
        " document.body.append(s); const i = document.createElement('img'); i.setAttribute('onerror', "
        "'window.pwned = 1'); i.src = 'nowhere.png'; document.body.append(i); })()"
    )
    time.sleep(0.3)
    assert browser.run("window.pwned === undefined")
    assert any("Content Security Policy" in one for one in browser.errors)


def test_clicking_a_heading_sorts_and_clicking_again_turns_the_order(site: Path, browser: Browser):
    browser.open(site / "index.html", "#search=tiny-none-of-these")
    assert browser.run(SHOWN) == []
    browser.open(site / "index.html", "#experiment=first")
    assert browser.run(SHOWN) == ["a"]
    browser.open(site / "index.html")
    button = "document.querySelector('th[data-key={}] button')"
    browser.click(button.format("duration"))
    seconds = f"{ROWS}.map(row => Number(row.cells[5].dataset.value))"
    up = browser.run(seconds)
    assert up == sorted(up)
    assert browser.run("document.querySelector('th[aria-sort]').dataset.key") == "duration"
    browser.click(button.format("duration"))
    assert browser.run(seconds) == sorted(up, reverse=True)
    browser.click(button.format("date"))
    dates = browser.run(f"{ROWS}.map(row => row.cells[4].dataset.value)")
    assert dates == sorted(dates)
    assert dates[0] < dates[-1]


def test_typing_filters_and_the_address_keeps_it(site: Path, browser: Browser):
    browser.open(site / "index.html")
    n = browser.run(f"{ROWS}.length")
    browser.click("document.getElementById('search')")
    browser.type("SECOND")
    assert browser.run(SHOWN) == ["b"]
    assert browser.run("document.getElementById('shown').textContent") == f"1 of {n} runs shown"
    fragment = browser.run("location.hash")
    browser.open(site / "index.html")
    browser.open(site / "index.html", fragment)
    assert browser.run(SHOWN) == ["b"]
    choose = (
        "(() => { const s = document.getElementById('outcome'); s.value = 'refuted';"
        " s.dispatchEvent(new Event('input')); })()"
    )
    browser.open(site / "index.html")
    browser.run(choose)
    shown = browser.run(SHOWN)
    assert "b" in shown
    assert len(shown) < n
    assert browser.run(f"{ROWS}.every(row => row.hidden !== row.dataset.outcomes.includes('refuted'))")


def test_a_hostile_text_is_found_by_its_letters_and_an_address_cannot_inject(site: Path, browser: Browser):
    browser.open(
        site / "index.html", "#search=%3Cscript%3Ewindow.pwned&sort=%3Cimg%20src%3Dx%3E&outcome=constructor"
    )
    assert browser.run(SHOWN) != []
    assert browser.run("document.getElementById('search').value") == "<script>window.pwned"
    assert browser.run("document.getElementById('sort').value") == ""
    assert browser.run("window.pwned === undefined")


def test_without_scripts_the_index_shows_everything_and_offers_nothing_that_does_not_work(
    site: Path, browser: Browser
):
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(site / "index.html")
        assert browser.run("document.querySelectorAll('th button').length") == 0
        assert browser.run("document.getElementById('controls').offsetParent === null")
        assert browser.run(f"{SHOWN}.length") == 3 + len(HOSTILE)
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_no_page_is_wider_than_the_screen(site: Path, browser: Browser, width: int):
    browser.screen(width, 800)
    for path in (site / "index.html", *sorted((site / "report").glob("*.html"))):
        browser.open(path)
        assert (
            browser.run("document.scrollingElement.scrollWidth - document.documentElement.clientWidth") <= 1
        ), path


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_the_ground(site: Path, browser: Browser, dark: bool):
    """Contrast of 4.5 or more, as WCAG AA asks, for every kind of text and in both schemes."""
    browser.screen(1280, 900, dark=dark)
    for path in (site / "index.html", site / "report" / "a.html", site / "report" / "side-by-side.html"):
        browser.open(path)
        least = browser.run(
            "(() => { const parse = c => c.match(/[0-9.]+/g).slice(0, 3).map(Number);"
            " const lum = c => { const [r, g, b] = parse(c).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 :"
            " ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
            " const ground = lum(getComputedStyle(document.body).backgroundColor);"
            " const of = e => { const l = lum(getComputedStyle(e).color);"
            " return (Math.max(l, ground) + 0.05) / (Math.min(l, ground) + 0.05); };"
            " return Math.min(...Array.from(document.querySelectorAll('body *')).filter(e => e.offsetParent"
            " && !['PRE', 'OPTION', 'SELECT', 'INPUT'].includes(e.tagName)).map(of)); })()"
        )
        assert least >= 4.5, path.name


def test_the_geometry_turns_in_its_frame_and_cannot_reach_the_page(site: Path, browser: Browser):
    browser.open(site / "report" / "a.html")
    frame = "document.querySelector('iframe')"
    browser.run(f"{frame}.scrollIntoView()")
    time.sleep(1)
    assert any(address.endswith("/a/geometry.html") for address in browser.requests)
    assert browser.run(f"{frame}.sandbox.value") == "allow-scripts"
    assert browser.run(f"{frame}.contentDocument === null")
    assert browser.errors == []


def test_on_paper_everything_is_unfolded_and_nothing_is_left_to_click(site: Path, browser: Browser):
    browser.screen(800, 1000, media="print")
    browser.open(site / "report" / "a.html")
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("Array.from(document.querySelectorAll('details')).every(one => one.open)")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run("Array.from(document.querySelectorAll('details')).every(one => !one.open)")


def test_a_reader_gets_from_the_index_to_a_run_and_on_and_back(site: Path, browser: Browser):
    browser.open(site / "index.html")
    for step in (
        f"{ROWS}[0].querySelector('td[data-label=run] a')",
        "document.querySelector('a[rel=next]')",
        "document.querySelector('nav a')",
    ):
        href = browser.run(f"{step}.href")
        browser.click(step)
        deadline = time.monotonic() + 10
        while browser.run("location.href") != href:
            assert time.monotonic() < deadline, f"{step} leads nowhere"
            time.sleep(0.1)
    assert browser.run("document.querySelector('h1').textContent").startswith("qgeom: ")
