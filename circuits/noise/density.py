"""The density-matrix engine: real Pauli vectors of length ``4^n``, one pass per block of gates and channels.

Gates and the channels that follow them on the same two wires are multiplied to one real (16, 16) matrix; the blocks go
through one ``lax.scan`` with a ``lax.switch`` over the distinct pairs of wires, so that compilation does not grow with
depth. Strengths are traced: a sweep compiles once. All modes of differentiation work; reverse mode keeps about twice
the square root of the number of blocks in states (checkpoints), since channels cannot be undone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import memory
from circuits.circuit import Circuit
from circuits.noise import tables, timeline, transfer
from circuits.noise.noise_model import NoiseModel
from circuits.noise.timeline import Timeline

CHECKPOINT = 64
"""Blocks above which reverse mode recomputes states between checkpoints."""
_GIB = 1024.0**3


def check_size(n_qubits: int, dtype: Any, vectors: float) -> None:
    """One line, before allocation, if ``vectors`` Pauli vectors of ``4^n`` do not fit.

    Raises:
        MemoryError: with what is needed, what there is, and the largest number of qubits that fits.
    """
    each = float(jnp.dtype(dtype).itemsize)
    need = vectors * each * 4.0**n_qubits
    if need < 64e6:
        return
    have = memory.available_bytes()
    if need > have:
        most = max(int(math.log(max(have / (vectors * each), 1.0), 4.0)), 0)
        raise MemoryError(
            f"a density matrix of {n_qubits} qubits needs {need / _GIB:.3g} GiB and {have / _GIB:.3g} GiB are there: "
            f"at most {most} qubits fit here; beyond, use trajectories (circuits.noise.sample_states)"
        )


@functools.partial(jax.jit, static_argnums=(0, 1))
def pauli_vector(
    circuit: Circuit,
    form: NoiseModel,
    theta: Float[Array, " P"],
    strengths: Float[Array, " s"],
    x: Array | None = None,
) -> Float[Array, " D"]:
    """The Pauli vector (4^n,) after the circuit, its noise at the given strengths."""
    plan = timeline.averaged(circuit, form, False)
    start = transfer.zero_vector(circuit.n_qubits, theta.dtype)
    if not plan.blocks:
        return start
    matrices = tables.block_products(plan, form, plan.circuit.angles(theta, x), strengths)
    return _evolved(plan, matrices, start)


@functools.partial(jax.jit, static_argnums=(0, 1))
def pauli_curve(
    circuit: Circuit,
    form: NoiseModel,
    theta: Float[Array, " P"],
    strengths: Float[Array, " s"],
    x: Array | None = None,
) -> Float[Array, "points D"]:
    """Pauli vectors after 0, 1, ..., L layers, (L + 1, 4^n)."""
    plan = timeline.averaged(circuit, form, True)
    start = transfer.zero_vector(circuit.n_qubits, theta.dtype)
    # every layer begins with what the one before it left, also one without gates
    points = jnp.broadcast_to(start, (plan.n_layers + 1, *start.shape))
    if not plan.blocks:
        return points
    matrices = tables.block_products(plan, form, plan.circuit.angles(theta, x), strengths)
    apply, kinds = _switch(plan)
    ends = np.array([b.layer for b in plan.blocks], np.int32) + 1

    def body(carry: tuple[Array, Array], step: Any) -> tuple[tuple[Array, Array], None]:
        vector, points = carry
        kind, block, end = step
        vector = apply(kind, block, vector)
        return (vector, points.at[end].set(vector)), None

    (_, points), _ = jax.lax.scan(
        body, (start, points), (jnp.asarray(kinds), matrices, jnp.asarray(ends, jnp.int32))
    )
    filled = np.zeros(plan.n_layers + 1, np.int32)  # the last point that was written, for empty layers
    for end in ends:
        filled[end] = end
    return points[np.maximum.accumulate(filled)]


def _evolved(plan: Timeline, matrices: Array, start: Array) -> Array:
    apply, kinds = _switch(plan)

    def body(vector: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        return apply(step[0], step[1], vector), None

    count = len(plan.blocks)
    steps = (jnp.asarray(kinds), matrices)
    if count <= CHECKPOINT:
        return jax.lax.scan(body, start, steps)[0]
    inner = math.isqrt(count)
    whole = count // inner * inner
    chunks = jax.tree.map(lambda a: a[:whole].reshape(-1, inner, *a.shape[1:]), steps)

    @jax.checkpoint
    def chunk(vector: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        return jax.lax.scan(body, vector, part)

    vector = jax.lax.scan(chunk, start, chunks)[0]
    return jax.lax.scan(body, vector, jax.tree.map(lambda a: a[whole:], steps))[0]


def _switch(plan: Timeline) -> tuple[Callable[[Array, Array, Array], Array], np.ndarray]:
    """How a block is applied, by the number of its set of wires, and these numbers."""
    n = plan.circuit.n_qubits
    distinct = list(dict.fromkeys((b.wires, b.wide) for b in plan.blocks))
    branches = [
        functools.partial(_shrink if wide else _apply, n, wires)  # one program per set of wires
        for wires, wide in distinct
    ]
    kinds = np.array([distinct.index((b.wires, b.wide)) for b in plan.blocks], np.int32)
    if len(branches) == 1:
        return lambda kind, block, vector: branches[0](block, vector), kinds
    return lambda kind, block, vector: jax.lax.switch(kind, branches, block, vector), kinds


def _apply(n_qubits: int, wires: tuple[int, ...], block: Array, vector: Array) -> Array:
    """A matrix on one wire, or on two ascending ones."""
    if len(wires) == 1:
        (a,) = wires
        split = vector.reshape(4**a, 4, -1)
        return jnp.einsum("xu,aub->axb", block, split, precision=transfer.EXACT).reshape(-1)
    a, b = wires
    if b == a + 1:
        split = vector.reshape(4**a, 16, -1)
        return jnp.einsum("xu,aub->axb", block, split, precision=transfer.EXACT).reshape(-1)
    split = vector.reshape(4**a, 4, 4 ** (b - a - 1), 4, -1)
    square = block.reshape(4, 4, 4, 4)
    return jnp.einsum("xyuv,aubvc->axbyc", square, split, precision=transfer.EXACT).reshape(-1)


def _shrink(n_qubits: int, wires: tuple[int, ...], block: Array, vector: Array) -> Array:
    """Depolarising on many wires: strings that are not the identity on all of them shrink by ``block[0, 0]``."""
    tensor = vector.reshape((4,) * n_qubits)
    outside = tuple(0 if q in wires else slice(None) for q in range(n_qubits))
    shrunk = tensor * block[0, 0]
    return shrunk.at[outside].set(tensor[outside]).reshape(-1)
