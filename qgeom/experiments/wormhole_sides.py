"""What ``wormhole`` computes: relations between blocks and their distances along the wires, and of random wirings."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import xarray as xr

from circuits.description import State
from qgeom.emergent import mutual_information
from qgeom.emergent.activations import copula_correlation
from qgeom.emergent.shared_fisher import shared_information
from qgeom.experiments import block_wiring as blocks
from qgeom.progress import Progress

SIDES: tuple[blocks.Side, ...] = ("circuit", "network")
TRAINING = ("trained", "untrained")
METRICS = ("classical Fisher", "quantum Fisher")
TASK_INPUTS, MANY_INPUTS = 32, 128


def run(
    n: int, layers: int, draws: int, steps: int, inputs: int, seeds: np.ndarray, progress: Progress
) -> xr.Dataset:
    """Relations of the brickwork (wiring 0) and of random wirings, before and after training, on both sides."""
    nodes = layers * n // 2
    rows, columns = np.triu_indices(nodes, 1)
    first, second = np.triu_indices(n, 1)
    positions = [np.arange(blocks.PER_BLOCK) + blocks.PER_BLOCK * k for k in range(nodes)]
    lead = (len(SIDES), len(TRAINING))
    share = np.zeros((*lead, len(METRICS), len(seeds), draws + 1, len(rows)))
    mutual = np.zeros((*lead, len(seeds), draws + 1, len(first)))
    far = np.zeros((len(seeds), draws + 1, len(rows)))
    far_wires = np.zeros((len(seeds), draws + 1, len(first)))
    loss = np.zeros((len(SIDES), len(seeds), draws + 1))
    progress.stage("wirings", len(SIDES) * len(seeds))
    kind = jnp.result_type(float)
    for s, seed in enumerate(seeds):
        rng = np.random.default_rng((int(seed), 22))
        wirings = [blocks.brickwork(n, layers)]
        while len(wirings) <= draws:  # without those that fall apart
            wiring = blocks.rewired(n, layers, rng)
            if np.isfinite(blocks.hops(wiring)).all():
                wirings.append(wiring)
        for w, wiring in enumerate(wirings):
            hops = blocks.hops(wiring)
            far[s, w] = hops[rows, columns]
            last = blocks.last_blocks(wiring)
            far_wires[s, w] = hops[last[first], last[second]]
        x = jnp.asarray(rng.uniform(-1.0, 1.0, (MANY_INPUTS, n)), kind)
        task = x[:TASK_INPUTS]
        target = 2.0 * task[:, 0] * task[:, n // 2]
        for a, side in enumerate(SIDES):
            together, back = (
                np.stack(t) for t in zip(*(blocks.tables(side, w) for w in wirings), strict=True)
            )
            theta = jnp.asarray(np.stack([blocks.start(side, n, layers, int(seed))] * len(wirings)), kind)
            trained, final = blocks.train(side, theta, together, back, task, target, steps)
            loss[a, s] = np.asarray(final)
            for t, params in enumerate((trained, theta)):
                fisher = np.asarray(blocks.fisher(side, params, together, back, x[:inputs]), np.float64)
                for w in range(len(wirings)):
                    for m in range(len(METRICS)):
                        found = shared_information(fisher[w, m], positions)
                        share[a, t, m, s, w] = found[rows, columns]
                few = inputs if side == "circuit" else MANY_INPUTS
                out = np.asarray(blocks.outputs(side, params, together, back, x[:few]), np.float64)
                mutual[a, t, s] = [_between_wires(side, o)[first, second] for o in out]
            progress.advance()
    return xr.Dataset(
        {
            "share": (("side", "training", "metric", "seed", "wiring", "pair"), share),
            "mutual": (
                ("side", "training", "seed", "wiring", "wires"), mutual,
                {"long_name": "mutual information of outgoing wires; of a network the squared copula correlation"},
            ),
            "hops": (("seed", "wiring", "pair"), far, {"units": "wires"}),
            "wire_hops": (("seed", "wiring", "wires"), far_wires, {"units": "wires"}),
            "loss": (("side", "seed", "wiring"), loss),
        },
        coords={"side": list(SIDES), "training": list(TRAINING), "metric": list(METRICS), "seed": seeds},
        attrs={"wires": n, "layers": layers},
    )  # fmt: skip


def _between_wires(side: blocks.Side, out: np.ndarray) -> np.ndarray:
    """(n, n): the mean over inputs of the mutual information of qubits; over inputs of that of numbers."""
    if side == "network":
        return copula_correlation(out) ** 2
    tables = [mutual_information(State(jnp.asarray(v[0] + 1j * v[1]))).values for v in out]
    return np.mean(tables, axis=0)
