r"""What is measured on a ground state, the same on every side, from its state vector and information metric.

* energy :math:`E = \langle H \rangle`, its error relative to :math:`|E_0|`, the variance
  :math:`\langle H^2 \rangle - E^2`, the infidelity :math:`1 - |\langle \psi_0 | \psi \rangle|^2`;
* the quantum Fisher matrix (4 x Fubini-Study) at the parameters found: trace, rank, effective rank, small eigenvalues;
* the layer curve: the sum of the geodesic distances between the successive points of ``description.curve``, each at
  most :math:`\pi`, and the distance of its ends;
* of a circuit, Nielsen's length of its gates as built;
* the entanglement entropies at the n-1 cuts, and their largest deviation from exact.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.description import Description, State
from circuits.paulis import PauliSum
from qgeom.comparison.ground_state_model import Exact, entropies
from qgeom.comparison.ground_state_sides import Side, circuit_of
from qgeom.information import distance, effective_rank, information_metric, small_eigenvalue_share
from qgeom.information.curves import point_length
from qgeom.information.spectrum import numerical_rank
from qgeom.nielsen.built import circuit_cost
from qgeom.nielsen.string_weights import local_rule
from qgeom.training import unraveler

SCALARS = (
    "energy",
    "energy_error",
    "variance",
    "infidelity",
    "trace",
    "rank",
    "effective_rank",
    "small_eigenvalue_share",
    "layer_length",
    "layer_distance",
    "built_length",
    "sequential_length",
    "two_qubit_gates",
    "entropy_deviation",
)
"""Names of the numbers that :func:`measure` returns; NaN where a side has none."""


def measure(
    side: Side, theta: np.ndarray, hamiltonian: PauliSum, reference: Exact, q: float
) -> dict[str, Any]:
    """All of :data:`SCALARS`, and ``eigenvalues`` (P,), descending, and ``entropies`` (n-1,).

    Args:
        side: what was found.
        theta: its flat parameters.
        hamiltonian: H.
        reference: its exact ground state.
        q: Nielsen weight of strings on more than one qubit.
    """
    state, matrix, length, ends = _geometry(side.description, jnp.asarray(theta))
    vector, eigenvalues = np.asarray(state.vector), np.linalg.eigvalsh(np.asarray(matrix))
    applied = hamiltonian.to_sparse() @ vector
    energy = float(np.vdot(vector, applied).real)
    profile = entropies(vector)
    found: dict[str, Any] = {
        "energy": energy,
        "energy_error": (energy - reference.energy) / abs(reference.energy),
        "variance": float(np.linalg.norm(applied - energy * vector) ** 2),
        "infidelity": _infidelity(reference.vector, vector),
        "trace": float(eigenvalues.sum()),
        "rank": numerical_rank(eigenvalues),
        "effective_rank": float(effective_rank(eigenvalues)),
        "small_eigenvalue_share": float(small_eigenvalue_share(eigenvalues)),
        "layer_length": float(length),
        "layer_distance": float(ends),
        "built_length": np.nan,
        "sequential_length": np.nan,
        "two_qubit_gates": np.nan,
        "entropy_deviation": float(np.max(np.abs(profile - reference.entropies))),
        "eigenvalues": eigenvalues[::-1],
        "entropies": profile,
    }
    circuit = circuit_of(side)
    if circuit is not None:
        cost = circuit_cost(circuit, local_rule(circuit.n_qubits, q, max_weight=1), theta)
        found |= {
            "built_length": cost.length,
            "sequential_length": cost.sequential_length,
            "two_qubit_gates": cost.multi_qubit_gates,
        }
    return found


def _infidelity(exact: np.ndarray, vector: np.ndarray) -> float:
    """``1 - |<a|b>|^2``, from the part of b that is orthogonal to a: exact also where it is tiny."""
    rest = vector - np.vdot(exact, vector) * exact
    return float(np.linalg.norm(rest) ** 2)


@functools.partial(jax.jit, static_argnums=0)
def _geometry(description: Description, theta: Float[Array, " P"]) -> tuple[State, Array, Array, Array]:
    """The state, its information metric, the length of the layer curve and the distance of its ends."""
    params = unraveler(description, str(theta.dtype))(theta)
    points = description.curve(params)
    first, last = (jax.tree.map(lambda leaf, k=k: leaf[k], points) for k in (0, -1))
    state = description(params)
    assert isinstance(state, State)
    return (
        state,
        information_metric(description, params).as_matrix(),
        point_length(points),
        distance(first, last),
    )
