"""What a step of the Nielsen solver costs against the number of qubits: `python benchmarks/nielsen_scaling.py [MOST]`.

No peer solves this problem, so the measure is the machine itself: the last column of the table is one real product of
two (m, m) matrices, m = 4^n - 1. Medians, warm; saved (results/nielsen-scaling.json) before it is drawn
(docs/images/nielsen-scaling.svg).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.stats import unitary_group

from qgeom.figures import style
from qgeom.nielsen import local_penalty
from qgeom.nielsen.flow import end_of
from qgeom.nielsen.jacobi import BLOCK, JacobiFields, inertia, symmetric
from qgeom.nielsen.relaxation import relax

jax.config.update("jax_enable_x64", True)
OUT = Path(__file__).parent / "results"
IMAGES = Path(__file__).parent.parent / "docs" / "images"
SEGMENTS, FLOW_STEPS = 16, 64
NAMES = {
    "flow": "geodesic (64 steps)",
    "relaxation": "relaxation step",
    "jacobi": "Jacobi field step",
    "inertia": "conjugate-point test",
    "product": "one $m \\times m$ product",
}


def median_seconds(work: Callable[[], object], least: float = 0.5, most: int = 25) -> float:
    """Median of repeated calls, the first (compilation) left out."""
    jax.block_until_ready(work())
    times: list[float] = []
    while len(times) < most and (not times or sum(times) < least):
        start = time.perf_counter()
        jax.block_until_ready(work())
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure(n: int) -> dict[str, float]:
    """Seconds per step on n qubits, q = 10, for a random momentum and a random target."""
    penalty, rng = local_penalty(n, q=10.0), np.random.default_rng(n)
    m = penalty.group.dimension
    weights = np.asarray(penalty.weights)
    momentum = jnp.asarray(rng.normal(size=m) * np.sqrt(weights) * 2.0 / np.sqrt(m))
    found: dict[str, float] = {"n": n, "dimension": m}
    found["flow"] = median_seconds(lambda: end_of(penalty.group, penalty.inverse, momentum, FLOW_STEPS))
    target = unitary_group.rvs(2**n, random_state=n)
    path = rng.normal(size=(1, SEGMENTS, m)) * 2.0 / np.sqrt(m * weights)

    def steps(k: int) -> Callable[[], object]:
        return lambda: relax(penalty, target, path, k, 0.0)

    found["relaxation"] = max(median_seconds(steps(3)) - median_seconds(steps(1)), 0.0) / 2.0
    if m <= 4095:
        fields = JacobiFields(penalty, momentum)
        start = fields.start
        found["jacobi"] = median_seconds(lambda: fields.advance(start, 0.01, BLOCK)) / BLOCK
        earlier = symmetric(fields.derivative(fields.advance(start, 0.2, BLOCK), 0.2), fields.c)[0]
        state = fields.advance(start, 0.4, BLOCK)
        found["product"] = median_seconds(lambda: earlier @ earlier)
        found["inertia"] = median_seconds(
            lambda: inertia(earlier - symmetric(fields.derivative(state, 0.4), fields.c)[0]), most=3
        )
    return found


def draw(rows: list[dict[str, float]]) -> None:
    """Seconds per step against n."""
    with style.style("aps-1"):
        figure = style.new_figure("aps-1")
        axes = figure.subplots()
        looks = zip(NAMES.items(), style.COLOURS, style.MARKERS, style.LINES, strict=False)
        for (name, label), colour, marker, line in looks:
            some = [row for row in rows if name in row]
            axes.plot(
                [r["n"] for r in some],
                [r[name] for r in some],
                color=colour,
                marker=marker,
                linestyle=line,
                label=label,
            )
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("qubits $n$")
        axes.set_ylabel("seconds per step, warm")
        axes.legend()
        style.save(figure, IMAGES / "nielsen-scaling", ("svg",))


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    rows = []
    for n in range(2, most + 1):
        rows.append(measure(n))
        print(
            "  ".join(f"{k} {v:.3g}" if v < 10 else f"{k} {v:.0f}" for k, v in rows[-1].items()), flush=True
        )
        (OUT / "nielsen-scaling.json").write_text(json.dumps(rows, indent=1))
    draw(rows)


if __name__ == "__main__":
    main()
