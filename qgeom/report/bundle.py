r"""The LaTeX bundle: figures, captions and tables of the runs, each in a file that a paper reads by ``\input``.

=======================  ============================================================================================
``main.tex``             a document of all of them, which compiles as it is with pdfLaTeX
``qgeom-packages.tex``   the packages that the pieces need, for the preamble of a paper
``summary.tex``          every claim in one table
``NAME.tex``             everything of one run: its figure, its table, its caption
``NAME-figure.tex``      the figure, with the claim and the verdicts as its caption
``NAME-verdicts.tex``    the table of its verdicts
``NAME-table.tex``       the table of a comparison
``NAME.pdf``             the figure itself
=======================  ============================================================================================

The names are plain and all files lie in one folder, as publishers and preprint servers ask.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from qgeom.experiments.statistics import Verdict
from qgeom.report import wording
from qgeom.report.gathered import BUNDLE, Gathered, Run, gather
from qgeom.report.latex_text import latex
from qgeom.results import RunFolder

MAIN, PACKAGES, SUMMARY = "main.tex", "qgeom-packages.tex", "summary.tex"
_TABLE = "table.tex"
_BOX = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{"
_ROWS = 24
"""Of a table on one page."""
_UNBROKEN = 8
"""Tables that LaTeX holds back before it must place them."""

_MAIN = r"""% made by qgeom report --latex; compile with pdflatex, twice for the references
\documentclass[11pt,a4paper]{{article}}
\usepackage[margin=2.2cm]{{geometry}}
\input{{qgeom-packages}}
\IfFileExists{{lmodern.sty}}{{\usepackage{{lmodern}}}}{{}}
\title{{Runs of qgeom}}
\author{{}}
\date{{}}
\begin{{document}}
\maketitle
\input{{summary}}
\clearpage
{body}
\end{{document}}
"""
_PREAMBLE = r"""% what the pieces of this bundle need; write \input{qgeom-packages} into the preamble of a paper
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{graphicx}
\usepackage{booktabs}
\usepackage{array}
\providecommand{\qgeomcell}{\raggedright\arraybackslash}
"""


def write_bundle(directory: str | os.PathLike[str]) -> Path:
    """Write ``latex/`` into a folder, for all run folders in it and below.

    Returns:
        The path of the main file.

    Raises:
        InputError: if the folder is not there, cannot be written to, or holds no runs.
    """
    found = gather(directory)
    folder = RunFolder.create(found.root / BUNDLE)
    with folder.commit() as files:
        for name, text in _texts(found).items():
            files.text(name, text)
        for run in found.runs:
            if figure := run.figure("pdf"):
                files.write(f"{run.slug}.pdf", functools.partial(shutil.copyfile, run.folder.path / figure))
    return folder.path / MAIN


def _texts(found: Gathered) -> dict[str, str]:
    texts = {PACKAGES: _PREAMBLE, SUMMARY: summary(found.runs)}
    for run in found.runs:
        pieces = _pieces(run)
        texts |= pieces
        inputs = "".join(f"\\input{{{name.removesuffix('.tex')}}}\n" for name in pieces)
        claim = f"{latex(run.claim)}.\n\n" if run.claim else ""
        texts[f"{run.slug}.tex"] = f"{claim}{inputs}\\par\\noindent {_origin(run)}\n"
    body = "\n".join(
        f"\\section{{{latex(run.title)}}}\n\\input{{{run.slug}}}\n\\clearpage" for run in found.runs
    )
    broken = "".join(f"\\item {latex(str(one.where))}: {latex(one.reason)}\n" for one in found.broken)
    if broken:
        body += f"\n\\section{{Not shown}}\n\\begin{{itemize}}\n{broken}\\end{{itemize}}"
    texts[MAIN] = _MAIN.format(body=body)
    return texts


def _pieces(run: Run) -> dict[str, str]:
    """The parts of one run, in the order in which they are read."""
    pieces = {}
    if run.figure("pdf"):
        pieces[f"{run.slug}-figure.tex"] = figure(run)
    if run.verdicts:
        pieces[f"{run.slug}-verdicts.tex"] = verdicts(run)
    if _TABLE in run.files:
        pieces[f"{run.slug}-table.tex"] = _comparison(run)
    return pieces


def _comparison(run: Run) -> str:
    """The table of a comparison as it was saved, shrunk to the line where it is wider, its characters made fit."""
    text = (run.folder.path / _TABLE).read_text(encoding="utf-8", errors="replace")
    for end, with_box in (("begin", _BOX + r"\begin{tabular}"), ("end", r"\end{tabular}}")):
        text = text.replace(f"\\{end}{{tabular}}", with_box, 1)
    return "".join(one if one.isascii() else latex(one) for one in text.replace("{table}", "{table*}"))


def figure(run: Run) -> str:
    """A ``figure`` environment."""
    said = "; ".join(_said(verdict) for verdict in run.verdicts if wording.is_claim(verdict))
    caption = f"{latex(run.claim or run.title)}." + (f" {said}." if said else "")
    return (
        "\\begin{figure}[!htbp]\n  \\centering\n"
        f"  \\includegraphics[width=\\linewidth,height=0.7\\textheight,keepaspectratio]{{{run.slug}}}\n"
        f"  \\caption[{{{latex(run.title)}}}]{{{caption}}}\n  \\label{{fig:{run.slug}}}\n\\end{{figure}}\n"
    )


def _said(verdict: Verdict) -> str:
    side = f"{latex(verdict.side)}: " if verdict.side else ""
    return (
        f"{side}{latex(verdict.statistic)} {_math('=')} {latex(wording.number(verdict.estimate))} "
        f"{latex(wording.interval(*verdict.interval))}, {latex(verdict.outcome)}"
    )


def verdicts(run: Run) -> str:
    """The verdicts of a run as a table."""
    rows = [
        (
            verdict.side or "–",
            f"{verdict.claim}; T: {verdict.statistic}",
            *_numbers(verdict),
            str(verdict.n_seeds),
        )
        for verdict in run.verdicts
    ]
    caption = (
        f"Verdicts of {latex(run.title)}: T with its 95{latex('%')} bootstrap interval over seeds, what the claim asks "
        "of T, p of the null model."
    )
    heads = ("side", "claim", "T", "95% interval", "claimed", "p", "outcome", "seeds")
    columns = "@{}p{0.09\\textwidth}p{0.25\\textwidth}lp{0.11\\textwidth}llp{0.1\\textwidth}r@{}"
    return _tables(columns, heads, rows, caption, f"tab:{run.slug}")


def summary(runs: Sequence[Run]) -> str:
    """Every claim of every run in one table; the checks of identities are left to the runs."""
    rows = [
        (
            run.title if k == 0 else "",
            verdict.side or "–",
            verdict.statistic,
            *_numbers(verdict)[:2],
            verdict.outcome,
        )
        for run in runs
        for k, verdict in enumerate(one for one in run.verdicts if wording.is_claim(one))
    ]
    if not rows:
        return "% no run of this report has a verdict on a claim\n"
    columns = "@{}p{0.18\\textwidth}lp{0.28\\textwidth}lp{0.15\\textwidth}l@{}"
    heads = ("run", "side", "statistic T", "T", "95% interval", "outcome")
    return _tables(columns, heads, rows, "Claims and verdicts.", "tab:qgeom-summary")


def _numbers(verdict: Verdict) -> tuple[str, str, str, str, str]:
    return (
        wording.number(verdict.estimate),
        wording.interval(*verdict.interval),
        wording.claimed(verdict),
        wording.p_value(verdict),
        verdict.outcome,
    )


def _tables(
    columns: str, heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str
) -> str:
    """Floating tables across all columns of a page, as many as the rows need."""
    head = " & ".join(map(latex, heads)) + r" \\"
    spec = columns.replace("p{", r">{\qgeomcell}p{")
    texts = []
    for k, start in enumerate(range(0, len(rows), _ROWS)):
        body = "\n".join("    " + " & ".join(map(latex, row)) + r" \\" for row in rows[start : start + _ROWS])
        said = caption if k == 0 else f"{caption} Continued."
        mark = label if k == 0 else f"{label}-{k + 1}"
        texts.append(
            f"\\begin{{table*}}[!htbp]\n  \\caption{{{said}}}\\label{{{mark}}}\n"
            "  \\footnotesize\\setlength{\\tabcolsep}{3.5pt}\n"
            f"  \\begin{{tabular}}{{{spec}}}\n    \\toprule\n    {head}\n    \\midrule\n{body}\n    \\bottomrule\n"
            "  \\end{tabular}\n\\end{table*}\n"
        )
        if k % _UNBROKEN == _UNBROKEN - 1:
            texts.append("\\clearpage\n")
    return "".join(texts)


def _origin(run: Run) -> str:
    """Where the numbers come from, in one sentence."""
    known = {
        "command": wording.command(run.provenance.get("command")),
        "commit": _short(str(run.provenance.get("git_commit") or "")),
        "precision": str(run.provenance.get("precision") or ""),
        "started": str(run.provenance.get("started") or ""),
        "duration": wording.duration(run.provenance.get("seconds")),
    }
    said = "; ".join(f"{name} {latex(value)}" for name, value in known.items() if value)
    changed = ", ".join(
        f"{latex(key)} {_math('=')} {latex(wording.setting(value))}" for key, value in run.changed.items()
    )
    return f"{{\\small\\sloppy Origin: {said}.{f' Settings: {changed}.' if changed else ''}\\par}}"


def _short(commit: str) -> str:
    """Twelve digits of a commit, which name it, and whether files differed from it."""
    digits, dash, dirty = commit.partition("-")
    return f"{digits[:12]}{dash}{dirty}"


def _math(text: str) -> str:
    return f"\\ensuremath{{{text}}}"
