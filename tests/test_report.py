"""The report: every page is sound HTML whose structure no text can change, and nothing broken is fatal."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.errors import InputError
from qgeom.report import gathered, index_page, markup, run_page, sides_page, verdict_parts, wording, write
from qgeom.report.gathered import Broken, Gathered, gather
from tests.report_runs import HOSTILE, VERDICTS, a_check, a_run, a_verdict, add_geometry, save

VOID = {"meta", "img", "input", "br", "link"}


class Page(HTMLParser):
    """A page as a parser sees it: its tags in order, its texts, its addresses; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.values: list[str] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        for name, value in attrs:
            assert not name.startswith("on"), "no script in attributes"
            self.values.append(value or "")
            if name in ("href", "src"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] in self.code:
            self.code[self._open[-1]].append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two runs, a hostile one, and a sweep's table."""
    save(tmp_path / "one")
    save(tmp_path / "sweep" / "slope=1,label=a b", settings={"slope": 1.5})
    save(tmp_path / HOSTILE[0].replace("/", "|"), HOSTILE[1], {HOSTILE[2]: HOSTILE[3]})
    (tmp_path / "sweep" / "sweep.csv").write_text("side\n")
    add_geometry(tmp_path / "one")
    write(tmp_path)
    return tmp_path


def pages(root: Path) -> list[Path]:
    return [root / "index.html", *sorted((root / "report").glob("*.html"))]


def test_there_is_a_page_per_run_an_index_and_both_sides(site: Path):
    names = {path.name for path in (site / "report").iterdir()}
    assert len(names) == 4
    assert {"one.html", "side-by-side.html"} <= names
    assert all(re.fullmatch(r"[a-z0-9-]+\.html", name) for name in names)
    index = read(site / "index.html")
    assert sum(tag == "tr" and "data-experiment" in names for tag, names in index.tags) == 3
    assert "sweep/sweep.csv" in index.text


def test_every_address_is_relative_and_leads_to_a_file(site: Path):
    for path in pages(site):
        for link in read(path).links:
            assert not re.match(r"[a-z]+:|/", link, re.I)
            target = Path(path.parent, unquote_to_bytes(link).decode())
            assert target.is_file(), f"{path.name} names {link}"


def test_every_file_of_a_run_can_be_downloaded_from_its_page(site: Path):
    links = {unquote_to_bytes(link).decode() for link in read(site / "report" / "one.html").links}
    for path in (site / "one").iterdir():
        assert f"../one/{path.name}" in links


def test_only_our_own_script_and_style_are_on_a_page_and_the_policy_allows_no_other(site: Path):
    for path in pages(site):
        page = read(path)
        for kind in ("script", "style"):
            [code] = page.code[kind]
            assert code == markup.asset({"script": "report.js", "style": "report.css"}[kind])
            digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
            assert (
                f"{kind}-src 'sha256-{digest}'"
                in page.values[1 + page.values.index("Content-Security-Policy")]
            )
        assert not any("style" in names for _, names in page.tags), "the policy forbids style attributes"


def test_pages_are_sound(site: Path):
    for path in pages(site):
        page = read(path)
        assert len(page.ids) == len(set(page.ids))
        assert Counter(tag for tag, _ in page.tags)["h1"] == 1
        assert all("alt" in names for tag, names in page.tags if tag == "img")
        assert all("sandbox" in names and "title" in names for tag, names in page.tags if tag == "iframe")
        assert all("scope" in names for tag, names in page.tags if tag == "th")


def test_the_page_of_a_run_says_everything_that_the_verdict_does(site: Path):
    text = read(site / "report" / "one.html").text
    for verdict in VERDICTS:
        for part in (verdict.claim, verdict.statistic, verdict.side, verdict.outcome, *verdict.notes):
            assert part in text
        assert wording.interval(*verdict.interval) in text
    for part in ("labels shuffled", "relation", "mutual", "the conclusion depends on the construction", "0.10",
                 "0123456789abcdef", "qgeom run tiny"):  # fmt: skip
        assert part in text
    assert "iframe" in {tag for tag, _ in read(site / "report" / "one.html").tags}


def test_equal_runs_give_equal_pages_and_pages_of_runs_that_are_gone_are_removed(site: Path):
    before = {path: path.read_bytes() for path in pages(site)}
    kept = site / "report" / "notes.html"
    kept.write_text("<p>written by hand</p>")
    write(site)
    assert {path: path.read_bytes() for path in pages(site) if path != kept} == before
    for path in (site / "one").iterdir():
        path.unlink()
    write(site)
    assert not (site / "report" / "one.html").exists()
    assert kept.exists()


def test_a_folder_that_is_itself_a_run_has_a_report(tmp_path: Path):
    save(tmp_path / "alone")
    for _ in range(2):
        index = write(tmp_path / "alone")
    assert "index.html" not in gather(tmp_path / "alone").runs[0].files
    assert (tmp_path / "alone" / "report" / "tiny.html").is_file()
    assert all(Path(index.parent, unquote_to_bytes(link).decode()).is_file() for link in read(index).links)


# --- what is broken --------------------------------------------------------------------------------------------------

BROKEN = {
    "no provenance": ("provenance.json", None, "half-written"),
    "cut settings": ("settings.json", '{"experiment": "ti', "not a file that qgeom wrote"),
    "settings that are no mapping": ("settings.json", "[1, 2]", "holds no settings by name"),
    "settings in another encoding": ("settings.json", b"\xff\xfe{", "not a file that qgeom wrote"),
    "settings nested without end": ("settings.json", "[" * 200_000, ""),
}
LACKING = {
    "no verdict": ("verdict.json", None, "qgeom redraw"),
    "cut verdict": ("verdict.json", "[{", "cannot be read"),
    "a verdict of another version": ("verdict.json", '[{"claim": "x"}]', "statistic"),
    "an outcome of another version": ("verdict.json", "outcome", "outcome"),
    "a multiverse without outcomes": ("verdict.json", "multiverse", "no outcome"),
    "cut data": ("data.nc", b"\x89HDF\r\n", "data.nc cannot be read"),
    "no data": ("data.nc", None, "no data.nc"),
}


def spoil(path: Path, content: str | bytes | None) -> None:
    if content is None:
        path.unlink()
    elif content in ("outcome", "multiverse"):
        verdicts = [verdict.to_dict() for verdict in VERDICTS]
        verdicts[0][content] = "perhaps" if content == "outcome" else [{"estimate": 1}]
        path.write_text(json.dumps(verdicts))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_shown_is_named_on_the_index_and_the_others_are_shown(case: str, tmp_path: Path):
    name, content, reason = BROKEN[case]
    save(tmp_path / "whole")
    spoil(save(tmp_path / "spoilt") / name, content)
    index = read(write(tmp_path))
    [broken] = gather(tmp_path).broken
    assert reason in broken.reason
    assert "\n" not in broken.reason
    assert f"spoilt: {broken.reason}" in index.text
    assert (tmp_path / "report" / "whole.html").is_file()
    assert not (tmp_path / "report" / "spoilt.html").exists()


@pytest.mark.parametrize("case", LACKING)
def test_a_run_that_lacks_something_is_shown_with_what_it_has(case: str, tmp_path: Path):
    name, content, reason = LACKING[case]
    spoil(save(tmp_path / "spoilt") / name, content)
    index = read(write(tmp_path))
    [run] = gather(tmp_path).runs
    assert any(reason in line for line in run.lacking)
    assert "1 folder not whole" in index.text
    assert reason in index.text
    assert reason in read(tmp_path / "report" / "spoilt.html").text


def test_folders_of_interrupted_runs_are_named(tmp_path: Path):
    (tmp_path / "a" / ".incomplete-x").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".part-1.nc").touch()
    (tmp_path / "empty").mkdir()
    found = gather(tmp_path)
    assert [str(one.where) for one in found.broken] == ["a", "b"]
    assert "interrupted" in found.broken[0].reason
    assert "1 parts done" in found.broken[1].reason
    assert "no run that can be shown" in read(write(tmp_path)).text


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, Path.touch])
def test_no_runs_is_one_line(tmp_path: Path, make):
    make(tmp_path / "x")
    with pytest.raises(InputError, match=r"is no folder|holds no finished runs") as error:
        write(tmp_path / "x")
    assert "\n" not in str(error.value)


def test_names_of_pages_are_plain_short_and_unique():
    taken = {gathered.SIDES}
    folders = ["a", "A", "a b", "a-b", "side-by-side", "x" * 300, "x" * 301, "ä", "東京", "../..", "-", "con"]
    slugs = [gathered._slug(folder, "name", taken) for folder in folders]
    assert len(set(slugs)) == len(folders)
    assert all(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?", slug) for slug in slugs)
    assert slugs[0] == "a"


# --- no text changes the structure -----------------------------------------------------------------------------------

hostile = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)
)


def everything(texts: list[str]) -> list[str]:
    run = a_run(texts)
    found = Gathered(
        Path("runs"), (run,), (Broken(PurePosixPath(texts[0].replace("\0", "|")), texts[1]),), ()
    )
    return [run_page.page(run, run, run), index_page.page(found), sides_page.page(found)]


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile, min_size=5, max_size=5))
def test_no_text_changes_the_structure_of_a_page(texts: list[str]):
    marked = [f"t{k}{text}t{k}" for k, text in enumerate(texts)]
    tame = everything([f"t{k}" for k in range(len(texts))])
    for page, like in zip(everything(marked), tame, strict=True):
        page.encode()  # no half of a surrogate pair is left
        assert Page(page).tags == Page(like).tags
    text = Page(everything(marked)[0]).text
    for one in marked:
        assert markup.fit(one) in text


@given(hostile)
def test_an_address_has_no_scheme_and_leads_back_to_the_path(text: str):
    text = re.sub("[\ud800-\udfff]", "", text)
    address = markup.url("..", PurePosixPath(text.replace("\0", "") or "x"), "figure.svg")
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", address)
    assert (
        unquote_to_bytes(address).decode()
        == f"../{PurePosixPath(text.replace(chr(0), '') or 'x')}/figure.svg"
    )


@given(st.lists(st.floats(), min_size=5, max_size=5), st.sampled_from(["greater", "less", "equal"]))
def test_any_numbers_can_be_drawn(numbers: list[float], direction):
    t, low, high, null, margin = numbers
    verdict = replace(
        a_verdict(), estimate=t, interval=(low, high), null=null, margin=margin, direction=direction
    )
    picture = verdict_parts.picture(verdict)
    for element in picture.iter():
        for key in ("x", "x1", "x2", "cx", "width"):
            assert math.isfinite(float(element.get(key, 0))), "SVG knows no infinite numbers"
            assert -0.1 <= float(element.get(key, 0)) <= 220.1
    assert wording.claimed(verdict)


# --- side by side ----------------------------------------------------------------------------------------------------


def agreements(*verdicts) -> list[str]:
    return [row.agreement for row in sides_page.rows(replace(a_run(["x"]), verdicts=verdicts))]


def test_circuit_and_network_of_the_same_statistic_stand_in_one_row():
    assert agreements(a_verdict("circuit"), a_verdict("network"), a_check()) == [sides_page.ALIKE]
    assert agreements(a_verdict("circuit"), a_verdict("network", -0.5)) == [sides_page.APART]
    assert agreements(a_verdict("circuit"), a_verdict("network", 0.2)) == [sides_page.OPEN]
    assert agreements(a_verdict("circuit"), a_verdict("network", statistic="S")) == [sides_page.ONE_SIDE] * 2
    assert agreements(a_verdict(""), a_verdict("null"), a_verdict("control, random features")) == []
    twice = [
        a_verdict(side, t)
        for side, t in (("circuit", 0.5), ("circuit", -0.5), ("network", 0.5), ("network", 0.5))
    ]
    assert agreements(*twice) == [sides_page.ALIKE, sides_page.APART]


def test_to_miss_a_value_on_opposite_sides_is_no_agreement():
    low, high = (
        replace(a_verdict(side, t), direction="equal", outcome="refuted")
        for side, t in (("circuit", -0.5), ("network", 0.5))
    )
    assert agreements(low, high) == [sides_page.APART]
    assert agreements(low, replace(high, estimate=-0.4)) == [sides_page.ALIKE]


def test_intervals_of_one_row_are_drawn_on_one_scale():
    first, second = a_verdict("circuit", 0.5), a_verdict("network", 5.0)

    def null(*beside) -> str | None:
        return next(
            e.get("x1") for e in verdict_parts.picture(first, beside).iter() if e.get("class") == "null"
        )

    assert null(first, second) != null()
    band = [e.get("width") for e in verdict_parts.picture(second, [first]).iter() if e.get("class") == "band"]
    assert band == [
        e.get("width") for e in verdict_parts.picture(first, [second]).iter() if e.get("class") == "band"
    ]
