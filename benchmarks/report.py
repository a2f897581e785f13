"""A saved run as text, as a page and as a figure: `python benchmarks/report.py results/reference.json`."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from process import HERE

PAGE = HERE.parent / "docs" / "benchmarks.md"
PICTURE = HERE.parent / "docs" / "images" / "benchmarks"
BEGIN, END = "<!-- results: begin, written by benchmarks/run.py --reference -->", "<!-- results: end -->"

# Okabe and Ito's palette: told apart under the common kinds of colour blindness; markers differ as well
STYLE = {
    "qgeom": ("#000000", "o"),
    "jacfwd": ("#56B4E9", "s"),
    "TensorCircuit-NG": ("#D55E00", "^"),
    "Qiskit": ("#CC79A7", "D"),
    "Aer": ("#CC79A7", "D"),
    "PennyLane": ("#009E73", "v"),
    "Lightning": ("#009E73", "v"),
    "Qulacs": ("#0072B2", "P"),
    "curvlinops": ("#E69F00", "<"),
    "nngeometry": ("#999999", ">"),
    "TeNPy": ("#0072B2", "P"),
    "quimb": ("#E69F00", "<"),
    "GraphRicciCurvature": ("#D55E00", "^"),
    "POT": ("#009E73", "v"),
}


def seconds(value: float | None) -> str:
    """Three digits with the unit that fits."""
    if value is None:
        return "-"
    number, unit = (value, "s") if value >= 1 else (1e3 * value, "ms")
    digits = 2 - math.floor(math.log10(number)) if number > 0 else 0
    return f"{number:.{max(0, digits)}f} {unit}"


def _ratio(peer: float | None, own: float | None) -> str:
    if peer is None or not own:
        return "-"
    return f"{peer / own:.3g}x"


def race_rows(race: dict[str, Any]) -> list[list[str]]:
    """Rows of: contender, cold, warm, cold and warm ratio to qgeom, target, largest difference, peak memory."""
    contenders = race["contenders"]
    own = contenders.get("qgeom", {})
    rows = []
    for name, record in contenders.items():
        note = {"limit": record.get("note", ""), "memory": record.get("note", "")}.get(
            record["status"], record["status"]
        )
        times = [seconds(record["cold_median"]), seconds(record["warm_median"])]
        if record["status"] != "ok":
            times = [note if t == "-" else t for t in times]
        rows.append(
            [
                name,
                *(
                    f"{t} ({len(record[k])})" if record[k] else t
                    for t, k in zip(times, ("cold", "warm"), strict=True)
                ),
                "" if name == "qgeom" else _ratio(record["cold_median"], own.get("cold_median")),
                "" if name == "qgeom" else _ratio(record["warm_median"], own.get("warm_median")),
                _target(race, name),
                f"{record['difference']:.0e}" if "difference" in record else "-",
                f"{record['peak_gib']:.2g} GiB" if "peak_gib" in record else "-",
            ]
        )
    return rows


def _target(race: dict[str, Any], name: str) -> str:
    contenders = race["contenders"]
    parts = []
    for kind, factor in race["targets"].get(name, {}).items():
        peer, own = contenders[name][f"{kind}_median"], contenders.get("qgeom", {}).get(f"{kind}_median")
        verdict = "" if peer is None or not own else (" met" if peer / own >= factor else " MISSED")
        parts.append(f"{kind} {factor:g}x{verdict}")
    return ", ".join(parts)


RACE_HEADER = [
    "contender",
    "cold (n)",
    "warm (n)",
    "cold ratio",
    "warm ratio",
    "target",
    "difference",
    "peak memory",
]


def _columns(header: list[str], rows: list[list[str]], separator: str = "  ") -> list[str]:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return [
        separator.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]


def print_race(race: dict[str, Any]) -> None:
    """The table of one race; ratios above one mean that qgeom is faster."""
    for line in _columns(RACE_HEADER, race_rows(race)):
        print(f"  {line}", flush=True)


def measurement_rows(case: dict[str, Any]) -> list[list[str]]:
    """Rows of: figure, its value (one per variant), the ratio of two variants, target."""
    variants = case["variants"]
    rows = []
    for figure in variants[0]["figures"]:
        values = [v["figures"].get(figure) for v in variants]
        is_time = figure.endswith("_s") and "per_s" not in figure
        text = " / ".join(seconds(v) if is_time else ("-" if v is None else f"{v:.3g}") for v in values)
        compared = values[0]
        ratio = ""
        if len(values) == 2 and None not in values and values[0]:
            compared = values[1] / values[0]
            ratio = f"{compared:.2f}x"
        target = ""
        if figure in case["targets"] and compared is not None:
            bound = case["targets"][figure]
            at_least = figure.startswith("share")
            met = compared >= bound if at_least else compared <= bound
            target = f"{'>=' if at_least else '<='} {bound:g} {'met' if met else 'MISSED'}"
        rows.append([figure, text, ratio, target])
    return rows or [[case["status"], case["note"], "", ""]]


MEASUREMENT_HEADER = ["figure", "value", "ratio", "target"]


def print_measurement(case: dict[str, Any]) -> None:
    """The figures of one measurement."""
    if case["status"] != "ok":
        print(f"  {case['status']}: {case['note']}", flush=True)
    for line in _columns(MEASUREMENT_HEADER, measurement_rows(case)):
        print(f"  {line}", flush=True)


def _markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]


def _faster_peers(result: dict[str, Any]) -> list[str]:
    lines = []
    for race in result["races"]:
        own = race["contenders"].get("qgeom", {})
        for name, record in race["contenders"].items():
            for kind in ("cold", "warm"):
                peer, ours = record[f"{kind}_median"], own.get(f"{kind}_median")
                if name != "qgeom" and peer and ours and peer < ours:
                    lines.append(
                        f"- {race['title']}: {name} {kind} {seconds(peer)}, qgeom {seconds(ours)} "
                        f"({ours / peer:.2g}x slower)"
                    )
    return lines


def page(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    where = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in where["versions"].items())
    lines = [
        f"Run of {result['date']} (UTC): {where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB, "
        f"Python {where['python']}; {versions}. One call may take {result['limit_s']:.0f} s.",
        "",
        "![Cold and warm seconds of every contender](images/benchmarks.svg)",
        "",
        "### Where a peer is faster",
        "",
        *(_faster_peers(result) or ["Nowhere in this run."]),
        "",
    ]
    for race in result["races"]:
        lines += [
            f"### {race['title'][0].upper()}{race['title'][1:]}",
            "",
            *_markdown(RACE_HEADER, race_rows(race)),
            "",
        ]
    for case in result["measurements"]:
        title = f"{case['title'][0].upper()}{case['title'][1:]}"
        lines += [f"### {title}", "", *_markdown(MEASUREMENT_HEADER, measurement_rows(case)), ""]
    return "\n".join(lines)


def write_page(result: dict[str, Any]) -> Path:
    """Put the results between the marks of docs/benchmarks.md, and the figure beside it."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{page(result)}\n{END}{after}")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    draw(result, PICTURE, formats=("svg",))
    return PAGE


def draw(result: dict[str, Any], stem: Path, formats: tuple[str, ...] = ("pdf", "svg", "png")) -> Path | None:
    """Seconds on a logarithmic axis, one panel per task: filled is warm, hollow is cold, an arrow is a limit."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for race in result["races"]:
        groups.setdefault(race["name"].split("-")[0], []).append(race)
    if not groups:
        return None
    titles = {"qfim": "dense QFIM", "energy": "energy", "gradient": "gradient", "mlp": "Fisher of an MLP"}
    titles |= {"dmrg": "DMRG, bond dimension", "tebd": "TEBD, bond dimension", "mera": "MERA, bond dimension"}
    titles |= {"ricci": "Ollivier-Ricci curvature"}
    style = {
        "font.size": 7,
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "axes.linewidth": 0.6,
        "svg.hashsalt": "qgeom",
    }
    with mpl.rc_context(style):
        sizes = [len(races) for races in groups.values()]
        figure = Figure(figsize=(3.4, 0.95 + 0.42 * sum(sizes) + 0.35 * len(sizes)), layout="constrained")
        panels = figure.subplots(len(groups), 1, height_ratios=sizes, sharex=True, squeeze=False)[:, 0]
        seen: list[str] = []
        for axes, (group, races) in zip(panels, groups.items(), strict=True):
            for row, race in enumerate(races):
                _dots(axes, row, race, result["limit_s"], seen)
            axes.set_yticks(range(len(races)), [_label(race) for race in races])
            axes.set_ylim(len(races) - 0.45, -0.55)
            axes.set_xscale("log")
            axes.set_title(titles.get(group, group), loc="left", fontsize=7, pad=2)
            axes.grid(axis="x", linewidth=0.3, color="#cccccc")
            axes.set_axisbelow(True)
        panels[-1].set_xlabel("seconds (filled: warm, hollow: cold, arrow: over the limit)")
        handles = [
            Line2D([], [], color=STYLE[n][0], marker=STYLE[n][1], linestyle="", markersize=4) for n in seen
        ]
        figure.legend(handles, seen, loc="outside lower center", ncols=3, frameon=False, handletextpad=0.1)
        for suffix in formats:
            metadata = {"Date": None} if suffix == "svg" else {}
            figure.savefig(stem.with_suffix(f".{suffix}"), dpi=300, metadata=metadata)
    return stem.with_suffix(f".{formats[0]}")


def _label(race: dict[str, Any]) -> str:
    sizes = race["arguments"]
    if not sizes:
        return race["name"].split("-")[1]
    if "n_nodes" in sizes:
        return f"{sizes['n_nodes']} nodes\n{sizes['n_edges']} edges"
    if "n_sites" in sizes:
        return f"{sizes['n_sites']} sites\n{race['name'].split('-')[-1]}"
    return f"{sizes['n_qubits']} qubits\n{sizes['n_layers']} layers"


def _dots(axes: Any, row: int, race: dict[str, Any], limit: float, seen: list[str]) -> None:
    names = list(race["contenders"])
    for i, (name, record) in enumerate(race["contenders"].items()):
        if name not in seen:
            seen.append(name)
        colour, marker = STYLE[name]
        y = row + 0.7 * (i - (len(names) - 1) / 2) / max(len(names), 1)
        cold, warm = record["cold_median"], record["warm_median"]
        if cold and warm:
            axes.plot([warm, cold], [y, y], color=colour, linewidth=0.7)
        if cold:
            axes.plot(
                cold,
                y,
                marker=marker,
                color=colour,
                markerfacecolor="white",
                markersize=3.5,
                markeredgewidth=0.7,
            )
        if warm:
            axes.plot(warm, y, marker=marker, color=colour, markersize=3.5, markeredgewidth=0.7)
        if record["status"] == "limit":
            axes.plot(limit, y, marker=marker, color=colour, markerfacecolor="white", markersize=3.5)
            axes.annotate(
                "", (limit * 2.2, y), (limit, y), arrowprops={"arrowstyle": "->", "color": colour, "lw": 0.7}
            )


if __name__ == "__main__":
    saved = json.loads(Path(sys.argv[1]).read_text())
    for item in saved["races"]:
        print(f"\n{item['title']}")
        print_race(item)
    for item in saved["measurements"]:
        print(f"\n{item['title']}")
        print_measurement(item)
    draw(saved, Path(sys.argv[1]).with_suffix(""))
