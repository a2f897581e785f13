"""Write ``docs/claims.md``, and figure and findings of the experiments' pages, from a folder of runs.

    qgeom run all --preset paper --out runs/paper
    python docs/from_runs.py runs/paper

Every run of the folder gives a row per claim, a figure, and the part of its page between :data:`START` and :data:`END`;
nothing is computed.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from qgeom import experiments
from qgeom.experiments.base import PRESETS, parse_settings, preset_values

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images" / "experiments"
SIDES = {"circuit": "circuit", "network": "network", "circuit-quantum": "circuit, F_Q"}
START, END = "<!-- found -->", "<!-- end of found -->"
COLOURS = 128
"""Of a figure's palette: lines and text need no more, and the file is a third as large."""

HEAD = """# What was found

Every claim of the paper that qgeom tests, as `qgeom run all --preset paper` found it with seed 0: the statistic with
its 95% interval over seeds, and p under the null model. The page of an experiment says what is computed, what the
null model is, and what the statistic is claimed to be.

- **supported**: the interval lies beyond the margin, on the claimed side; **refuted**: it lies within the margin or
  beyond it on the other side; **inconclusive**: neither, or fewer than ten seeds. \\* marks a conclusion that another
  defensible choice would change (the multiverse table of the run).
- Where a Fisher metric is read, it is the classical one of the outcomes (F_C), on both sides; F_Q is the quantum one of
  the circuit's state (SLD where it is mixed), beside it.
- Calibrations, which must hold on any data, are not listed; the runs hold them.

This page is written by `python docs/from_runs.py RUNS`.
"""


def main(folder: str) -> None:
    """Read the runs, write the pages and the figures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in experiments.NAMES:
        run = Path(folder) / name
        if not (run / "verdict.json").is_file():
            print(f"no run of {name} in {folder}", file=sys.stderr)
            continue
        settings = json.loads((run / "settings.json").read_text())
        verdicts = json.loads((run / "verdict.json").read_text())
        lines += [
            "",
            f"## [{name}](experiments/{name}.md)",
            "",
            f"Section {experiments.load(name).SECTION}; {preset(settings)}.",
            "",
            *table(verdicts),
        ]
        figure(run / "figure.png", IMAGES / f"{name}.png")
        page = DOCS / "experiments" / f"{name}.md"
        page.write_text(with_findings(page.read_text(), findings(run, settings, verdicts)))
    (DOCS / "claims.md").write_text(HEAD + "\n".join(lines) + "\n")


def findings(run: Path, settings: dict[str, Any], verdicts: list[dict[str, Any]]) -> str:
    """What a run found, and with which settings."""
    made = json.loads((run / "provenance.json").read_text())
    calibrations = [v["outcome"] for v in verdicts if v["outcome"].startswith("calibration")]
    passed = sum("pass" in outcome for outcome in calibrations)
    identities = f" Calibrations: {passed} of {len(calibrations)} pass." if calibrations else ""
    lines = [
        f"**Found at {preset(settings)}**; seed {settings['seed']}, commit {made['git_commit'][:7]} "
        f"([what the words mean](../claims.md)).{identities}",
    ]
    if len(calibrations) < len(verdicts):
        lines += ["", *table(verdicts)]
    return "\n".join(lines)


def preset(settings: dict[str, Any]) -> str:
    """The name of the preset, and where it differs from the small one."""
    experiment = experiments.load(settings["experiment"])
    small, paper = (
        parse_settings(experiment.Settings, (), preset_values(experiment, name)).model_dump(mode="json")
        for name in PRESETS
    )
    given = {key: settings[key] for key in small}
    if given == small:
        return "the small preset"
    changed = ", ".join(f"{key} = {short(value)}" for key, value in given.items() if value != small[key])
    return f"{'the paper preset' if given == paper else 'changed settings'} ({changed})"


def short(value: Any) -> str:
    """A setting as a reader writes it."""
    return "(" + ", ".join(map(short, value)) + ")" if isinstance(value, list) else str(value)


def with_findings(page: str, text: str) -> str:
    """The page with the text between the marks; they stand behind the figure if there are none yet."""
    marked = f"{START}\n{text}\n{END}"
    if START in page:
        before, rest = page.split(START, 1)
        return before + marked + rest.split(END, 1)[1]
    lines = page.split("\n")
    at = next(k for k, line in enumerate(lines) if line.startswith("![")) + 1
    return "\n".join([*lines[:at], "", marked, *lines[at:]])


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
    """Outcome, estimate, interval and p."""
    star = "\\*" if verdict["construction_dependent"] else ""
    # What is not finite is a word in the file.
    estimate, low, high, p = (
        float(v) for v in (verdict["estimate"], *verdict["interval"], verdict["p_value"])
    )
    if math.isnan(estimate):
        return f"**{verdict['outcome']}**{star}"
    null = "" if math.isnan(p) else ", p < 0.001" if p < 1e-3 else f", p = {p:.2g}"
    return f"**{verdict['outcome']}**{star} {estimate:.3g} [{low:.3g}, {high:.3g}]{null}"


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
