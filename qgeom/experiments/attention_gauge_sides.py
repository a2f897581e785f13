"""What ``attention-gauge`` computes: forces on layer curves, displacements, holonomies, and a lattice model."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from circuits import gates
from circuits.circuit import Circuit
from circuits.ops import Param
from qgeom.experiments import statistics
from qgeom.experiments.interacting import KINDS, CircuitSide, Interacting
from qgeom.information import acceleration, holonomy
from qgeom.progress import Progress
from qgeom.tasks import Split, Task
from qgeom.training import Adam, StopRule, train, unraveler

NODES = 4
"""Gauss-Legendre nodes per layer."""
TIMES = ("with its layer", "from the start")
"""When the interaction is on."""
PARTS = ("whole", "across")
"""Of the force: all, or what is at right angles to the velocity."""
TRAINING = ("trained", "untrained")
CONNECTIONS = ("first", "second")
"""Of readouts the top-2 subspace of the Jacobian; of states Berry's phase, and Wilczek and Zee's of two states."""
SMALLEST = 1e-8
"""Share of the largest singular value below which the row space of a Jacobian is not determined."""


class Budget(NamedTuple):
    """How much is computed."""

    samples: int
    loops: int
    radius: float
    loop_points: int
    max_steps: int
    target_loss: float


def measured(
    side: Interacting,
    names: tuple[str, ...],
    task: Task,
    seeds: tuple[int, ...],
    budget: Budget,
    progress: Progress,
) -> xr.Dataset:
    """Train all kinds of a side, and measure them before and after.

    Args:
        side: circuit or network.
        names: what its metrics are called.
        task: what is learnt.
        seeds: of splits and start; all kinds have the same.
        budget: how much.
        progress: is told.
    """
    kind = jnp.result_type(float)
    splits = task.splits(seeds)
    one_hot = jnp.eye(len(KINDS), dtype=kind)

    def of_kinds(x: np.ndarray) -> np.ndarray:
        every = jax.vmap(lambda k: jax.vmap(jax.vmap(lambda v: side.inputs(k, v)))(jnp.asarray(x, kind)))(
            one_hot
        )
        return np.asarray(every).reshape(-1, *every.shape[2:])

    def repeated(y: np.ndarray) -> np.ndarray:
        return np.tile(y, (len(KINDS), *(1,) * (y.ndim - 1)))

    stacked = Split(
        of_kinds(splits.train_x), repeated(splits.train_y), of_kinds(splits.test_x), repeated(splits.test_y),
        repeated(splits.train_index), repeated(splits.test_index),
    )  # fmt: skip
    progress.stage(f"training: {names[0]}", budget.max_steps)
    found = train(
        side.description, stacked, seeds * len(KINDS), Adam(0.03),
        StopRule(max_steps=budget.max_steps, target_loss=budget.target_loss), dtype=kind, progress=progress,
    )  # fmt: skip
    shape = (len(TRAINING), len(KINDS), len(seeds))
    flat = np.stack([found.final, found.path[:, 0]]).reshape(*shape, -1)
    accuracy = np.stack([found.test_accuracy[:, -1], found.test_accuracy[:, 0]]).reshape(shape)
    loss = np.stack([found.train_loss[:, -1], found.train_loss[:, 0]]).reshape(shape)
    m, n_nodes = len(names), side.n_layers * NODES
    force = np.full((m, len(TIMES), len(PARTS), *shape, n_nodes), np.nan)
    apart = np.full((m, *shape), np.nan)
    angles = np.full((m, len(CONNECTIONS), *shape), np.nan)
    progress.stage(f"forces and loops: {names[0]}", len(seeds))
    for s, seed in enumerate(seeds):
        features = jnp.asarray(splits.train_x[s, : budget.samples], kind)
        loops = _loops(np.asarray(splits.test_x[s]), budget, seed)
        models = jnp.asarray(flat[:, :, s], kind).reshape(-1, flat.shape[-1])
        kinds = jnp.tile(one_hot, (len(TRAINING), 1))
        pushed, moved = forces(side, str(kind), models, kinds, features)
        force[..., s, :] = np.moveaxis(
            np.asarray(pushed).reshape(*shape[:2], n_nodes, m, 2, 2), (3, 4, 5), (0, 1, 2)
        )
        apart[..., s] = np.moveaxis(np.asarray(moved).reshape(*shape[:2], m), 2, 0)
        for t in range(len(TRAINING)):
            for k in range(len(KINDS)):
                angles[:, :, t, k, s] = _holonomies(
                    side, str(kind), models[t * len(KINDS) + k], one_hot[k], jnp.asarray(loops, kind)
                )
        progress.advance()
    where = ("training", "kind", "seed")
    return xr.Dataset(
        {
            "force": (("side", "time", "part", *where, "node"), force, {"units": "information length per layer^2"}),
            "displacement": (("side", *where), apart, {"units": "information length"}),
            "angle": (("side", "connection", *where), angles, {"units": "rad"}),
            "test_accuracy": (("side", *where), np.broadcast_to(accuracy, (m, *shape)).copy()),
            "train_loss": (("side", *where), np.broadcast_to(loss, (m, *shape)).copy(), {"units": "nat"}),
        },
        coords={
            "side": list(names), "training": list(TRAINING), "kind": list(KINDS), "seed": list(seeds),
            "time": list(TIMES), "part": list(PARTS), "connection": list(CONNECTIONS), "node": np.arange(n_nodes),
        },
    )  # fmt: skip


def grid(n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights of [0, n_layers], layer by layer: the velocity jumps between layers."""
    times, weights = np.polynomial.legendre.leggauss(NODES)
    s = np.arange(n_layers)[:, None] + 0.5 * (times + 1.0)[None]
    return s.reshape(-1), np.tile(0.5 * weights, n_layers)


@functools.partial(jax.jit, static_argnums=(0, 1))
def forces(
    side: Interacting,
    dtype: str,
    models: Float[Array, "models P"],
    kinds: Float[Array, "models 3"],
    features: Array,
) -> tuple[Float[Array, "models nodes metrics 2 2"], Float[Array, "models metrics"]]:
    """Forces ``sqrt(E_x |f|^2)`` at the nodes, by metric, time and part; and the displacement of the curve's end."""
    unravel, s = unraveler(side.description, dtype), jnp.asarray(grid(side.n_layers)[0], dtype)
    # Without the interaction, with its layer, from the start: one program for the three.
    shares, always = jnp.asarray([0.0, 1.0, 0.0], dtype), jnp.asarray([0.0, 0.0, 1.0], dtype)

    def squares(params: Any, x: Array, at: Array) -> Array:
        def on(share: Array, steady: Array) -> tuple[acceleration.Motion, ...]:
            return acceleration.motions(lambda t: side.points(params, x, t, share, steady), at)

        def pushed(with_it: acceleration.Motion, without: acceleration.Motion) -> Array:
            f = acceleration.force(with_it, without)
            return jnp.stack(
                [acceleration.norm(v) ** 2 for v in (f, acceleration.across(f, with_it.velocity))]
            )

        rows = []
        for found in jax.vmap(on)(shares, always):
            without = jax.tree.map(lambda leaf: leaf[0], found)
            rows.append(jax.vmap(pushed, (0, None))(jax.tree.map(lambda leaf: leaf[1:], found), without))
        return jnp.stack(rows)

    def of_model(given: tuple[Array, Array]) -> tuple[Array, Array]:
        params, kind = unravel(given[0]), given[1]
        xs = jax.vmap(lambda v: side.inputs(kind, v))(features)
        pushed = jax.lax.map(lambda at: jnp.mean(jax.vmap(lambda x: squares(params, x, at))(xs), axis=0), s)
        end = jnp.asarray(side.n_layers, dtype)

        def moved(x: Array) -> Array:
            ends = jax.vmap(lambda share: side.points(params, x, end, share, jnp.zeros_like(share)))(
                shares[:2]
            )
            return jnp.stack([acceleration.angle(pair[1], pair[0]) ** 2 for pair in ends])

        return jnp.sqrt(pushed), jnp.sqrt(jnp.mean(jax.vmap(moved)(xs), axis=0))

    return jax.lax.map(of_model, (models, kinds))


# --- loops -----------------------------------------------------------------


def _loops(centres: np.ndarray, budget: Budget, seed: int) -> np.ndarray:
    """Circles round some inputs in random planes, (loops, points, features)."""
    rng = np.random.default_rng((seed, 61))
    turn = 2.0 * np.pi * np.arange(budget.loop_points) / budget.loop_points
    out = []
    for centre in centres[: budget.loops]:
        plane = np.linalg.qr(rng.normal(size=(centres.shape[1], 2)))[0]
        out.append(centre + budget.radius * (np.stack([np.cos(turn), np.sin(turn)], axis=1) @ plane.T))
    return np.array(out)


def _holonomies(side: Interacting, dtype: str, flat: Array, kind: Array, loops: Array) -> np.ndarray:
    """Mean modulus of the holonomy angle over the loops, (metrics, connections)."""
    jacobians, states = (np.asarray(a) for a in _along(side, dtype, flat, kind, loops))
    classical = np.array([mean_angle(jacobians, 2), np.nan])
    if len(side.metrics) == 1:
        return classical[None]
    berry = np.mean([abs(float(holonomy.berry_phase(jnp.asarray(loop[..., 0])))) for loop in states])
    pair = np.mean([_largest(loop) for loop in states])
    return np.stack([classical, [berry, pair]])


def mean_angle(jacobians: Float[np.ndarray, "loops points outputs inputs"], rank: int) -> float:
    """Mean over loops of the largest holonomy angle of the top right singular subspace; nan if none is determined."""
    _, values, rows = np.linalg.svd(jacobians, full_matrices=False)
    gap = values[..., rank - 1] - (values[..., rank] if values.shape[-1] > rank else 0.0)
    fine = (gap > SMALLEST * values[..., 0]).all(axis=1)
    frames = np.swapaxes(rows[..., :rank, :], -1, -2)
    found = [_largest(loop) for loop in frames[fine]]
    return statistics.finite_mean(found)


def _largest(frames: np.ndarray) -> float:
    try:
        return float(jnp.max(jnp.abs(holonomy.holonomy_angles(jnp.asarray(frames)))))
    except ValueError:  # neighbours without a common direction: the steps are too coarse here
        return np.nan


@functools.partial(jax.jit, static_argnums=(0, 1))
def _along(side: Interacting, dtype: str, flat: Array, kind: Array, loops: Array) -> tuple[Array, Array]:
    """Jacobians of ``2 sqrt(p)`` by the features, and of circuits the states of two inputs ``|0...0>, |0...1>``."""
    params = unraveler(side.description, dtype)(flat)
    end = jnp.asarray(side.n_layers, dtype)
    one, zero = jnp.ones((), dtype), jnp.zeros((), dtype)

    def roots(v: Array) -> Array:
        return 2.0 * side.points(params, side.inputs(kind, v), end, one, zero)[0]

    def frame(v: Array) -> Array:
        if not isinstance(side, CircuitSide):
            return jnp.zeros((0, 2), dtype)
        return jnp.stack([c(params, side.inputs(kind, v)).vector for c in _starts(side)], axis=1)

    return jax.vmap(jax.vmap(jax.jacfwd(roots)))(loops), jax.vmap(jax.vmap(frame))(loops)


@functools.lru_cache(maxsize=8)
def _starts(side: CircuitSide) -> tuple[Circuit, Circuit]:
    """The circuit, and the same with the last qubit flipped before it."""
    circuit = side.description.circuit
    flipped = Circuit(side.qubits, (gates.X(side.qubits - 1), *circuit.ops))
    return circuit, flipped


# --- lattice model ---------------------------------------------------------

MASSES = (-3.0, -1.0, 1.0, 3.0)


def lattice_chern_number(mass: float, size: int = 16) -> int:
    """Chern number of the lower band of ``sin kx X + sin ky Y + (m + cos kx + cos ky) Z``.

    Its states are prepared by a circuit, RY and then RZ on one qubit: Bloch's vector is opposite to the field.
    """
    k = 2.0 * np.pi * np.arange(size) / size
    kx, ky = np.meshgrid(k, k, indexing="ij")
    field = np.stack([np.sin(kx), np.sin(ky), mass + np.cos(kx) + np.cos(ky)])
    down = -field / np.linalg.norm(field, axis=0)
    angles = np.stack([np.arccos(np.clip(down[2], -1.0, 1.0)), np.arctan2(down[1], down[0])], axis=-1)
    circuit = Circuit(1, [gates.RY(Param(0), 0), gates.RZ(Param(1), 0)])
    states = jax.vmap(jax.vmap(lambda a: circuit(a).vector))(jnp.asarray(angles, jnp.result_type(float)))
    return holonomy.chern_number(states[..., None]).number


def lattice() -> xr.Dataset:
    """Chern numbers of the two-band model."""
    numbers = [lattice_chern_number(mass) for mass in MASSES]
    return xr.Dataset({"chern": ("mass", np.array(numbers))}, coords={"mass": list(MASSES)})
