"""The LaTeX bundle: escaping that no text gets through, and a document that compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgeom.report import latex_text, write_bundle
from qgeom.report.latex_text import latex
from tests.report_runs import HOSTILE, VERDICTS, save

# Everything that may come out: plain characters, escaped ones, and commands of a list, each closed by braces.
_PIECE = (
    r"[A-Za-z0-9 .:;()/*+=@~]"
    r"|[-`',?!](?:\{\})?|[-`',]{1,3}"
    r"|\\[{}$&#%_,]"
    r"|\\text(?:backslash|asciicircum|asciitilde|less|greater|bar)\{\}"
    r"|\\ensuremath\{(?:\^\{\\[A-Za-z]+\}|\\[A-Za-z]+|-)\}"
    r"|\{[\[\]]\}" + "|[" + "".join(sorted(latex_text._LETTERS)) + "]"
)
PIECE = re.compile(rf"{_PIECE}|\\text(?:super|sub)script\{{(?:{_PIECE})+\}}")


def is_plain(text: str) -> bool:
    at = 0
    while at < len(text):
        found = PIECE.match(text, at)
        if found is None:
            return False
        at = found.end()
    return True


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()))))
def test_what_comes_out_is_text_and_nothing_else(text: str):
    assert is_plain(latex(text)), latex(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"')))
def test_no_character_is_lost(text: str):
    shown = latex(text)
    for piece, character in (
        (r"\textbackslash{}", "\\"), (r"\textasciicircum{}", "^"), (r"\textasciitilde{}", "~"), (r"\textless{}", "<"),
        (r"\textgreater{}", ">"), (r"\textbar{}", "|"), ("{[}", "["), ("{]}", "]"),
    ):  # fmt: skip
        shown = shown.replace(piece, f"<{ord(character)}>")
    shown = re.sub(r"\\([{}$&#%_])", lambda found: f"<{ord(found[1])}>", shown).replace("{}", "")
    shown = re.sub(r"<(\d+)>", lambda found: chr(int(found[1])), shown)
    assert shown == text


def test_known_characters():
    assert latex("a_b 50% α ≤ 1") == r"a\_b 50\% \ensuremath{\alpha} \ensuremath{\leq} 1"
    assert latex("--out") == "-{}-{}out"
    assert latex("naïve Łódź") == "naïve Łódź"
    assert (
        latex("10⁻³ ½ k₂") == r"10\textsuperscript{\ensuremath{-}}\textsuperscript{3} 1/2 k\textsubscript{2}"
    )
    assert latex("ﬁ Ａ ẋ") == "fi A x"
    assert latex("🐛") == "{[}U+1F41B{]}"
    assert latex("two\nlines\t.") == "two lines ."


def braces(text: str) -> int:
    """The depth at the end of a text; fails where it is ever negative."""
    depth = 0
    for found in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(found, 0)
        assert depth >= 0
    return depth


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    save(tmp_path / "one")
    save(tmp_path / "Sweep_1" / "slope=1.5,label=a b", settings={"slope": 1.5})
    verdicts = [VERDICTS[0].__class__.from_dict({**v.to_dict(), "claim": HOSTILE[k], "statistic": HOSTILE[k + 1],
                "side": HOSTILE[k + 2], "notes": [HOSTILE[k + 3]]}) for k, v in enumerate(VERDICTS)]  # fmt: skip
    settings = {text: text.encode("utf-8", "replace").decode() for text in HOSTILE if "\ud83d" not in text}
    settings["letters"] = "".join(sorted(latex_text._LETTERS | set(latex_text._CHARACTERS)))
    settings["ascii"] = "".join(map(chr, range(32, 127)))
    save(tmp_path / "hostile \\input{x} %$#", HOSTILE[1], settings, verdicts)
    (tmp_path / "one" / "table.tex").write_text(
        "\\begin{table}\\caption{5 µm, 3 ≤ 4}\\begin{tabular}{l}\\toprule 1 \\\\ \\bottomrule\\end{tabular}"
        "\\end{table}\n"
    )
    (tmp_path / "broken_").mkdir()
    (tmp_path / "broken_" / "settings.json").write_text("{")
    write_bundle(tmp_path)
    return tmp_path / "latex"


def test_every_piece_is_there_balanced_and_read_by_the_main_file(bundle: Path):
    files = {path.stem: path.read_text() for path in bundle.glob("*.tex")}
    for name, text in files.items():
        assert braces(text) == 0, name
        opened = re.findall(r"\\begin\{([a-z*]+)\}", text)
        assert sorted(opened) == sorted(re.findall(r"\\end\{([a-z*]+)\}", text)), name
    reached, todo = set(), ["main"]
    while todo:
        name = todo.pop()
        reached.add(name)
        code = re.sub(r"(?<!\\)%.*", "", files[name])
        todo += set(re.findall(r"\\input\{([a-z0-9-]+)\}", code)) - reached
    assert reached == set(files)
    pictures = {
        name for text in files.values() for name in re.findall(r"includegraphics\[[^]]*\]\{([^}]+)\}", text)
    }
    assert pictures == {path.stem for path in bundle.glob("*.pdf")}
    assert all(re.fullmatch(r"[a-z0-9.-]+", path.name) for path in bundle.iterdir())
    assert "broken\\_" in files["main"]
    assert "T is large" in files["one-figure"]
    assert "calibration" not in files["summary"]


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-recommended)"
)
@pytest.mark.parametrize("twocolumn", [False, True])
def test_the_bundle_compiles(bundle: Path, twocolumn: bool):
    main = bundle / "main.tex"
    if twocolumn:  # as in most journals of physics
        main.write_text(main.read_text().replace("[11pt,a4paper]", "[10pt,a4paper,twocolumn]"))
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"],
            cwd=bundle, capture_output=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]
    log = (bundle / "main.log").read_text(errors="replace")
    assert "Missing character" not in log
    assert "undefined" not in log.lower().replace("undefined)", "")


def test_accents_that_stay_are_letters():
    assert all(unicodedata.category(one)[0] == "L" for one in latex_text._LETTERS)
