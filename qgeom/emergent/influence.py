r"""Influence inside light cones: what a change at one node does to what comes after.

*Gates.* Let ``G_a`` be a generator of gate a, moved to the beginning of the circuit, ``U_a^dagger G U_a`` with ``U_a``
all that acts up to a. The relation is the squared commutator of the two generators,

    c_ab = || [G_a, G_b] ||_F^2 / (4 ||G_a||_op^2 ||G_b||_op^2 2^n)    in [0, 1],

averaged over their generators: the out-of-time-order measure of scrambling. It is 0 for gates outside each other's
light cones, 1 for anticommuting Paulis, and for a random unitary between two Paulis it comes to 1/2. Neighbouring
rotations about different axes have 1, distance zero: circuits of rotations and Clifford gates shrink to few points, or
to one, which is said; blocks of several parameters (SU(4)) do not. It does not depend on the state. Exact to 6 qubits;
beyond, the norm is taken on random vectors, and the standard error is kept.

*Neurons.* With ``J_ba = d b / d a`` the derivative of a neuron by what an earlier one passes on,

    i_ab = E_x[J_ba^2] Var(a) / Var(b),

the share of the variance of b that goes through a where other paths are independent; where they cancel it may exceed
one, and is cut off there.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from circuits.circuit import Circuit
from circuits.description import Params
from circuits.networks.base import Network
from qgeom.emergent.generators import generators_at_start
from qgeom.emergent.jackknife import jackknife, split
from qgeom.emergent.relation import Relation

GATES, NEURONS = "influence between gates (squared commutator)", "influence between neurons (Jacobian)"
EXACT = 6
"""Qubits up to which the norm of the commutator is exact."""
VECTORS = 32
"""Random vectors beyond."""


def gate_influence(circuit: Circuit, theta: Params, x: np.ndarray | None = None, seed: int = 0) -> Relation:
    """The relation between the gates of a circuit that have parameters, ``c_ab``.

    Args:
        circuit: The circuit.
        theta: Its parameters (P,).
        x: One input, where it takes any.
        seed: Of the random vectors beyond 6 qubits.

    Raises:
        ValueError: fewer than two gates with parameters.
        MemoryError: if the generators, dense matrices, do not fit; says how many qubits would.
    """
    chosen = [k for k, op in enumerate(circuit.ops) if op.parameters]
    if len(chosen) < 2:
        raise ValueError(f"influence is between gates with parameters; this circuit has {len(chosen)}")
    owners, generators = generators_at_start(circuit, np.asarray(theta), x, chosen)
    dim = 1 << circuit.n_qubits
    exact = circuit.n_qubits <= EXACT
    rng = np.random.default_rng(seed)
    probes = np.eye(dim, dtype=complex) if exact else _random_vectors(rng, dim, VECTORS)
    values, errors = _commutators(generators, probes, exact)
    n = len(chosen)
    mean, error = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            block = np.ix_(owners == i, owners == j)
            mean[i, j] = mean[j, i] = float(np.mean(values[block]))
            error[i, j] = error[j, i] = float(np.sqrt(np.mean(errors[block] ** 2)))
    names = tuple(circuit.nodes[k].name for k in chosen)
    share = np.clip(mean, 0.0, 1.0)
    return Relation(GATES, names, mean, "", share, spread=None if exact else error, nodes=tuple(chosen))


def neuron_influence(network: Network, params: Params, data: PyTree) -> Relation:
    """The relation between neurons, ``i_ab`` of the later by the earlier; ``spread`` over groups of the data.

    Raises:
        ValueError: fewer than two data (a variance is needed) or than two neurons that vary.
    """
    count = len(jax.tree.leaves(data)[0])
    if count < 2:
        raise ValueError("influence between neurons needs two inputs or more")
    nodes = network.nodes

    def one(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        zero = jnp.zeros(len(nodes), jax.tree.leaves(params)[0].dtype)
        return network.activations(params, x), jax.jacfwd(lambda v: network.activations(params, x, v))(zero)

    groups = split(count)
    batched = jax.jit(jax.vmap(one))
    found = [batched(jax.tree.map(lambda a, g=g: a[g], data)) for g in groups]
    values = np.concatenate([np.asarray(v, np.float64) for v, _ in found])
    variance = np.var(values, axis=0)
    kept = np.flatnonzero(variance > 1e-24 * np.maximum(np.max(values**2, axis=0), 1e-300))
    if len(kept) < 2:
        raise ValueError(f"{len(kept)} of {len(nodes)} neurons vary over the data; two are needed")
    parts = np.stack([np.mean(np.asarray(j, np.float64)[:, kept][:, :, kept] ** 2, axis=0) for _, j in found])
    ratio = variance[None, kept] / variance[kept, None]
    sizes = np.array([len(g) for g in groups], float)

    def statistic(squares: np.ndarray) -> np.ndarray:
        out = squares * ratio
        np.fill_diagonal(out, 0.0)
        return np.minimum(out + out.T, 1.0)  # one of the two is zero: influence goes one way

    mean = np.tensordot(sizes / sizes.sum(), parts, axes=1)
    share = statistic(mean)
    raw = mean * ratio
    np.fill_diagonal(raw, 0.0)
    hidden = tuple(node.name for k, node in enumerate(nodes) if k not in set(kept.tolist()))
    names = tuple(nodes[k].name for k in kept)
    spread = jackknife(parts, sizes, statistic) if len(parts) > 1 else None
    kept = tuple(int(k) for k in kept)
    return Relation(NEURONS, names, raw + raw.T, "", share, spread=spread, nodes=kept, hidden=hidden)


def _random_vectors(rng: np.random.Generator, dim: int, count: int) -> np.ndarray:
    vectors = rng.normal(size=(dim, count)) + 1j * rng.normal(size=(dim, count))
    return vectors / np.linalg.norm(vectors, axis=0)


def _commutators(generators: np.ndarray, probes: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """``||[A, B]||_F^2 / (4 d)`` of all pairs, and standard errors where probes are random."""
    count, k = len(generators), probes.shape[1]
    seen = generators @ probes  # B_j |r>, (g, d, k)
    wide = seen.transpose(1, 0, 2).reshape(seen.shape[1], -1)
    values, errors = np.zeros((count, count)), np.zeros((count, count))
    for i in range(count):
        there = (generators[i] @ wide).reshape(-1, count, k).transpose(1, 0, 2)  # A_i B_j |r>
        each = np.sum(np.abs(there - generators @ seen[i]) ** 2, axis=1) / 4.0
        values[i] = np.mean(each, axis=1)
        if not exact:
            errors[i] = np.std(each, axis=1, ddof=1) / np.sqrt(k)
    np.fill_diagonal(values, 0.0)
    return 0.5 * (values + values.T), errors
