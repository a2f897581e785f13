"""Write ``docs/claims.md`` and the figures of the experiments' pages from a folder made by ``qgeom run all``.

    python docs/from_runs.py runs/all

Every run of the folder gives a row per claim and a figure; nothing is computed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from qgeom import experiments

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images" / "experiments"
SIDES = {"circuit": "circuit", "network": "network", "circuit-quantum": "circuit, F_Q"}
COLOURS = 128
"""Of a figure's palette: lines and text need no more, and the file is a third as large."""

HEAD = """# What was found

Every claim of the paper that qgeom tests, as `qgeom run all --preset small` found it with seed 0: the statistic with
its 95% interval over seeds. The page of an experiment says what is computed, what the null model is, and what the
statistic is claimed to be.

- **supported**: the interval lies beyond the margin, on the claimed side; **refuted**: it lies within the margin or
  beyond it on the other side; **inconclusive**: neither, or fewer than ten seeds. \\* marks a conclusion that another
  defensible choice would change (the multiverse table of the run).
- Where a Fisher metric is read, it is the classical one of the outcomes (F_C), on both sides; F_Q is the quantum one of
  the circuit's state (SLD where it is mixed), beside it.
- Calibrations, which must hold on any data, are not listed; the runs hold them.

This page is written by `python docs/from_runs.py RUNS`.
"""


def main(folder: str) -> None:
    """Read the runs, write the page and the figures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in experiments.NAMES:
        run = Path(folder) / name
        if not (run / "verdict.json").is_file():
            print(f"no run of {name} in {folder}", file=sys.stderr)
            continue
        experiment = experiments.load(name)
        verdicts = json.loads((run / "verdict.json").read_text())
        lines += [
            "",
            f"## [{name}](experiments/{name}.md)",
            "",
            f"Section {experiment.SECTION}.",
            "",
            *table(verdicts),
        ]
        figure(run / "figure.png", IMAGES / f"{name}.png")
    (DOCS / "claims.md").write_text(HEAD + "\n".join(lines) + "\n")


def table(verdicts: list[dict[str, Any]]) -> list[str]:
    """A row per claim and statistic, a column per side."""
    tested = [v for v in verdicts if not v["outcome"].startswith("calibration")]
    if not tested:
        return [
            f"A calibration: {len(verdicts)} identities, {sum('pass' in v['outcome'] for v in verdicts)} pass."
        ]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in tested:
        once = sum((v["claim"], v["side"]) == (verdict["claim"], verdict["side"]) for v in tested) == 1
        key = (verdict["claim"], "" if once else verdict["statistic"])
        rows.setdefault(key, {})[verdict["side"]] = cell(verdict)
    sides = [side for side in SIDES if any(side in row for row in rows.values())]
    others = sorted({side for row in rows.values() for side in row if side not in SIDES})
    heads = [SIDES[side] for side in sides] + [side or "both" for side in others]
    out = ["| claim | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for (claim, statistic), row in rows.items():
        name = claim + (f": {statistic}" if statistic else "")
        out.append(
            f"| {escaped(name)} | " + " | ".join(row.get(side, "") for side in (*sides, *others)) + " |"
        )
    return out


def cell(verdict: dict[str, Any]) -> str:
    """Outcome, estimate and interval."""
    star = "\\*" if verdict["construction_dependent"] else ""
    low, high = verdict["interval"]
    if verdict["estimate"] is None or low is None:
        return f"**{verdict['outcome']}**{star}"
    return f"**{verdict['outcome']}**{star} {verdict['estimate']:.3g} [{low:.3g}, {high:.3g}]"


def escaped(text: str) -> str:
    """As a cell of a Markdown table has it."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def figure(source: Path, target: Path) -> None:
    """The figure at one column width, with few colours."""
    with Image.open(source) as image:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
        flat.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/from_runs.py RUNS")
    main(sys.argv[1])
