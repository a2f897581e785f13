"""Run folders made by hand for the tests of the report, tame and hostile."""

from __future__ import annotations

import functools
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from qgeom.experiments.statistics import Verdict, calibrate, judge
from qgeom.figures import style
from qgeom.figures.emergent_data import GeometryData
from qgeom.figures.emergent_html import save_html
from qgeom.report.gathered import Run
from qgeom.results import RunFolder

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "\"><img src=x onerror='window.pwned = 1'>",
    "'; window.pwned = 1; //",
    "</title></style></script><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "<!-- ]]> <![CDATA[ <? %00 &lt;b&gt; &amp;",
    "../../etc/passwd",
    "C:\\temp\\$x_1^2~#5%{}&",
    "\\input{/etc/passwd} \\end{document} \\write18{ls}",
    "nul \x00 bell \x07 half \ud83d turn \u202eabc",
    "Ωμέγα ≤ 3 × 10⁻³ 東京 🐛 naïve Łódź",
    "--shell-escape ?` !` ``quoted''",
)


def a_verdict(
    side: str = "circuit", t: float = 0.5, claim: str = "T is large", statistic: str = "T"
) -> Verdict:
    """Judged by the rule, with a multiverse of two rows, one of which concludes otherwise."""
    verdict = judge(claim, statistic, t, (t - 0.1, t + 0.1), direction="greater", n_seeds=10, side=side, p_value=0.01,
                    null_model="labels shuffled", notes=("a note",))  # fmt: skip
    other = replace(verdict, outcome="inconclusive")
    return verdict.with_multiverse([verdict.row(relation="fisher"), other.row(relation="mutual")])


def a_check(side: str = "circuit") -> Verdict:
    return calibrate("an identity", "largest error", 1e-9, (1e-9, 1e-9), direction="less", bound=0.0, margin=1e-6,
                     n_seeds=10, side=side)  # fmt: skip


VERDICTS = (a_verdict(), a_verdict("network", -0.5), a_verdict("circuit-quantum", 0.1), a_check())


@functools.cache
def _figure() -> dict[str, bytes]:
    """The files of a figure, drawn once."""
    with tempfile.TemporaryDirectory() as folder, style.style():
        figure = style.new_figure()
        figure.subplots().plot([0, 1], [0, 1])
        return {path.name: path.read_bytes() for path in style.save(figure, Path(folder, "figure"))}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def save(
    path: Path,
    experiment: str = "tiny",
    settings: Mapping[str, Any] | None = None,
    verdicts: Sequence[Verdict] = VERDICTS,
    started: str = "2026-01-02T03:04:05+00:00",
    seconds: float = 12.0,
) -> Path:
    """A whole run folder."""
    provenance = {
        "command": ["qgeom", "run", experiment], "seed": 0, "started": started, "seconds": seconds,
        "precision": "float64/complex128", "device": {"platform": "cpu"}, "versions": {"jax": "0.10"},
        "git_commit": "0123456789abcdef0123456789abcdef01234567-dirty",
    }  # fmt: skip
    with RunFolder.create(path).commit() as files:
        files.settings({"experiment": experiment, "seed": 0, "seeds": 10, **(settings or {})})
        files.data(xr.Dataset({"t": ("seed", np.arange(3.0))}))
        files.provenance(provenance)
        files.verdict([verdict.to_dict() for verdict in verdicts])
        for name, content in _figure().items():
            files.write(name, functools.partial(_write, content=content))
    return path


def add_geometry(path: Path) -> None:
    """The interactive view that a comparison of geometries leaves."""
    at = np.eye(4, 3)
    distances = np.linalg.norm(at[:, None] - at[None], axis=-1)
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    data = GeometryData(tuple("abcd"), distances, edges, np.array([0.1, -0.2, math.nan]), at)
    save_html(data, path / "geometry.html", "a geometry")


def file_name(text: str) -> str:
    """The text as a file system can hold it."""
    return re.sub("[/.\0\ud800-\udfff]", "|", text)


def a_run(texts: Sequence[str]) -> Run:
    """A run in which every text that can be chosen from outside is one of the given ones; it lies in no folder."""
    n = len(texts)

    def text(k: int) -> str:
        return texts[k % n]

    verdicts = tuple(
        Verdict(
            text(k), text(k + 1), 0.1, (0.0, 0.2), 0.2, "greater", 0.0, 0.5, 10, "refuted", side, text(k + 2),
            (text(k + 3),), ({f"choice {text(k)}": text(k + 1), "estimate": text(k), "low": 0, "high": 1,
                              "outcome": text(k + 2)},),
        )
        for k, side in enumerate(("circuit", "network", f"circuit, {text(0)}"))
    )  # fmt: skip
    settings = {f"key {k} {one}": one for k, one in enumerate(texts)}
    provenance = {
        "command": list(texts),
        "started": text(0),
        "device": {text(1): text(2)},
        "git_commit": text(3),
    }
    where = PurePosixPath(*(file_name(one) for one in texts[:2]))
    return Run(
        RunFolder("nowhere"), where, text(0), "run", text(1), text(2), settings, provenance, settings, verdicts,
        {"figure.svg": 10, "figure.png": 10, f"file {file_name(text(0))}": 3}, (text(4),),
    )  # fmt: skip
