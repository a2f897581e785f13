"""What ``gate-spacetime`` computes: sensitivity of gates and neurons, and blocks of the four phases of gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

import circuits
from circuits import gates
from circuits.circuit import Circuit
from circuits.description import Description, Params
from circuits.ops import Op, Param
from qgeom import tasks
from qgeom.emergent.gate_phases import phase_blocks
from qgeom.emergent.node_blocks import node_metric
from qgeom.emergent.wires import depth, precedence
from qgeom.progress import Progress
from qgeom.training import Adam, StopRule, train, unraveler

CARTAN = ("RXX", "RYY", "RZZ")
METRICS = ("readout", "state")
TREATMENTS = ("trained", "untrained")
XX, YY, ZZ = 4, 9, 14
"""Positions of the three strings among the 15 of ``SU4``."""


class Points(NamedTuple):
    """The points of a description whose sensitivity is compared: two-qubit gates, or neurons.

    Attributes:
        layer: (n,) int.
        chain: (n,) int: longest chain of wires that leads there.
        cone: (n,) bool: whether wires lead from there to the readout.
        parameters: Per point, positions in the flattened parameters.
    """

    layer: np.ndarray
    chain: np.ndarray
    cone: np.ndarray
    parameters: tuple[np.ndarray, ...]


def gate_circuit(n_qubits: int, n_layers: int, n_features: int, bricks: str = "both rows") -> Circuit:
    """Rotations and canonical two-qubit gates, the inputs (if any) encoded anew in every layer.

    A layer: RX of feature j on the qubits q = j mod n_features, RY and RZ on each qubit, then on each pair of the row
    the gate ``exp(-i/2 (a XX + b YY + c ZZ))`` as RXX, RYY, RZZ. Up to one-qubit gates this is every two-qubit gate,
    and a, b, c are its four eigenphases less the global phase.

    Args:
        bricks: ``"both rows"`` of pairs (01)(23).. and (12).. in every layer, or ``"one row"`` in turn.
    """
    ops: list[Op] = []
    sizes: list[int] = []
    count = 0
    for layer in range(n_layers):
        start = len(ops)
        for q in range(n_qubits if n_features else 0):
            ops.append(gates.RX(circuits.Input(q % n_features), q))
        for q in range(n_qubits):
            for make in (gates.RY, gates.RZ):
                ops.append(make(Param(count), q))
                count += 1
        rows = (0, 1) if bricks == "both rows" else (layer % 2,)
        for row in rows:
            for a in range(row, n_qubits - 1, 2):
                for make in (gates.RXX, gates.RYY, gates.RZZ):
                    ops.append(make(Param(count), a, a + 1))
                    count += 1
        sizes.append(len(ops) - start)
    return Circuit(n_qubits, ops, sizes)


def with_whole_gates(circuit: Circuit) -> Circuit:
    """The same circuit with RXX, RYY, RZZ on a pair as one ``SU4``, whose phases :func:`phase_blocks` takes."""
    ops: list[Op] = []
    sizes: list[int] = []
    position = 0
    for size in circuit.layers:
        start = len(ops)
        for op in circuit.ops[position : position + size]:
            if op.name not in CARTAN:
                ops.append(op)
            elif op.name == CARTAN[0]:
                ops.append(Op("SU4", op.wires, (Param(None, 0.0, 0.0),) * 15))
            if op.name in CARTAN:
                angles = list(ops[-1].angles)
                angles[(XX, YY, ZZ)[CARTAN.index(op.name)]] = op.angles[0]
                ops[-1] = Op("SU4", op.wires, tuple(angles))
        position += size
        sizes.append(len(ops) - start)
    return Circuit(circuit.n_qubits, ops, sizes)


def points_of(description: Description, readout: Sequence[int] = (0,)) -> Points:
    """Two-qubit gates of a circuit with the qubits that are read out, or neurons of a network."""
    nodes, before, chain = description.nodes, precedence(description), depth(description)
    layer = np.array([node.layer for node in nodes])
    if not isinstance(description, Circuit):
        kept = [k for k, node in enumerate(nodes) if node.parameters]
        return Points(
            layer[kept],
            chain[kept],
            np.ones(len(kept), bool),
            tuple(np.array(nodes[k].parameters) for k in kept),
        )
    last = [max(k for k, op in enumerate(description.ops) if q in op.wires) for q in readout]
    seen = np.asarray(np.any(before[:, last], axis=1))
    seen[last] = True
    first = [k for k, op in enumerate(description.ops) if op.name == CARTAN[0]]
    members = [range(k, k + 3) for k in first]
    return Points(
        layer[first],
        chain[first],
        np.array([bool(seen[list(m)].any()) for m in members]),
        tuple(np.array([nodes[j].parameters[0] for j in m]) for m in members),
    )


class Case(NamedTuple):
    """One description: what is read out of it, and whether it takes data and is trained."""

    name: str
    description: Description
    structure: Description
    trained: bool


def cases(
    qubits: int, layers: int, wall: tuple[int, int], hidden: Sequence[Sequence[int]], task: tasks.Task
) -> tuple[Case, ...]:
    """The circuit and networks that learn the task, and a random brick wall without data."""
    circuit = gate_circuit(qubits, layers, task.n_features)
    brick_wall = gate_circuit(*wall, 0, bricks="one row")
    outcomes = circuits.modulo_classes(1, 2)
    out = [
        Case("circuit", circuits.Measured(circuit, (0,), outcomes), circuit, True),
        Case("brick wall", circuits.Measured(brick_wall, (0,), outcomes), brick_wall, False),
    ]
    for widths in hidden:
        network = circuits.MLP((task.n_features, *widths, task.n_classes))
        out.append(Case("MLP " + "-".join(map(str, network.sizes)), network, network, True))
    return tuple(out)


def sensitivities(
    every: Sequence[Case],
    task: tasks.Task,
    seeds: tuple[int, ...],
    samples: int,
    phase_inputs: int,
    steps: int,
    target_loss: float,
    progress: Progress,
) -> xr.Dataset:
    """Trace of every point's block, and blocks of the phases of the gates, of every seed."""
    splits, dtype = task.splits(seeds), jnp.result_type(float)
    points = [points_of(case.structure) for case in every]
    most = max(len(p.layer) for p in points)
    n_gates = max(
        len(p.layer) for p, c in zip(points, every, strict=True) if isinstance(c.structure, Circuit)
    )
    shape = (len(every), len(METRICS), len(TREATMENTS), len(seeds))
    sizes = np.full((*shape, most), np.nan)
    blocks = np.full((2, *shape, n_gates, 4, 4), np.nan)
    table = np.full((4, len(every), most), np.nan)
    loss = np.full((len(every), len(seeds)), np.nan)
    for c, (case, where) in enumerate(zip(every, points, strict=True)):
        n = len(where.layer)
        table[:, c, :n] = where.layer, where.chain, where.cone, [len(p) for p in where.parameters]
        paths = {"untrained": _starts(case.description, seeds, dtype)}
        if case.trained:
            progress.stage(f"training the {case.name}", steps)
            found = train(
                case.description, splits, seeds, Adam(0.05), StopRule(max_steps=steps, target_loss=target_loss),
                dtype=dtype, progress=progress,
            )  # fmt: skip
            paths = {"trained": found.final, "untrained": found.path[:, 0]}
            loss[c] = found.train_loss[:, -1]
        unravel = unraveler(case.description, str(dtype))
        progress.stage(f"sensitivity of the {case.name}", len(paths) * len(seeds))
        for treatment, flat in paths.items():
            for s in range(len(seeds)):
                at = (TREATMENTS.index(treatment), s)
                params = unravel(jnp.asarray(flat[s], dtype))
                data = np.asarray(splits.train_x[s], dtype) if case.trained else None
                inputs = None if data is None else data[:samples]
                circuit = case.structure if isinstance(case.structure, Circuit) else None
                reads = (case.description,) if circuit is None else (case.description, circuit)
                for m, read in enumerate(reads):
                    sizes[(c, m, *at)][:n] = _traces(read, params, inputs, where)
                if circuit is not None:
                    blocks[(slice(None), c, slice(None), *at)][:, :, :n] = _phases(
                        circuit, np.asarray(flat[s]), None if data is None else data[:phase_inputs]
                    )
                progress.advance()
    dims = ("case", "metric", "treatment", "seed")
    return xr.Dataset(
        {
            "sensitivity": ((*dims, "point"), sizes, {"long_name": "trace of the block", "units": "natural units"}),
            "phase_block": (("rescaled", *dims, "gate", "row", "column"), blocks),
            "layer": (("case", "point"), table[0]),
            "chain": (("case", "point"), table[1]),
            "cone": (("case", "point"), table[2]),
            "parameters": (("case", "point"), table[3]),
            "train_loss": (("case", "seed"), loss, {"units": "nat"}),
        },
        coords={
            "case": [case.name for case in every], "metric": list(METRICS), "treatment": list(TREATMENTS),
            "seed": list(seeds), "rescaled": ["no", "per input"],
        },
    )  # fmt: skip


def _starts(description: Description, seeds: tuple[int, ...], dtype: Any) -> np.ndarray:
    def one(seed: Array) -> Array:
        leaves = jax.tree.leaves(description.init(jax.random.key(seed), dtype))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])

    return np.asarray(jax.vmap(one)(jnp.asarray(seeds)))


def _traces(description: Description, params: Params, data: np.ndarray | None, where: Points) -> np.ndarray:
    diagonal = np.diag(node_metric(description, params, data).matrix)
    return np.array([float(np.sum(diagonal[p])) for p in where.parameters])


def _phases(circuit: Circuit, theta: np.ndarray, data: np.ndarray | None) -> np.ndarray:
    """Blocks (2, metrics, gates, 4, 4): mean over inputs, and with every input's block over its trace."""
    whole = with_whole_gates(circuit)
    plain, rescaled = [], []
    for x in [None] if data is None else data:
        found = phase_blocks(whole, theta, (0,), x)
        each = np.stack([found.observed, found.quantum])
        traces = np.trace(each, axis1=-2, axis2=-1)[..., None, None]
        plain.append(each)
        rescaled.append(np.divide(each, traces, out=np.zeros_like(each), where=traces > 1e-12))
    return np.stack([np.mean(plain, axis=0), np.mean(rescaled, axis=0)])
