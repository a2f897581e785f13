"""The dynamics of ``complexity-growth``: chains, SYK, random matrices, layers of a linear network; all of unit norm."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from circuits import hamiltonians
from qgeom.nielsen.groups import SpecialOrthogonal

INTEGRABLE = ("Ising", "XXZ")
CHAOTIC = ("mixed-field Ising", "SYK")
REFERENCE = "GUE"
MODELS = (*INTEGRABLE, *CHAOTIC, REFERENCE)

LAYERS = ("separate planes", "neighbours", "random")
"""Generators of a layer: commuting rotations of disjoint neighbouring planes, all neighbouring planes, all planes."""


def hamiltonian(model: str, n: int, seed: int) -> np.ndarray:
    """A Hamiltonian with ``tr H = 0`` and ``tr H^2 = 2^n``, complex (2^n, 2^n).

    * Ising: ``-sum J_i X_i X_{i+1} - sum g_i Z_i``, J and g uniform in [0.8, 1.2]: free fermions at any J, g;
    * mixed-field Ising: J and g of the same seed, g times 1.05, with ``-sum h_i X_i``, h in [0.4, 0.6]: chaotic;
    * XXZ: anisotropy uniform in [0.3, 0.7], Bethe ansatz;
    * SYK: q = 4, on 2 n Majoranas;
    * GUE: Gaussian Hermitian matrices.
    """
    rng = np.random.default_rng((seed, n))
    coupling, transverse = rng.uniform(0.8, 1.2, n - 1), rng.uniform(0.8, 1.2, n)
    longitudinal, anisotropy = rng.uniform(0.4, 0.6, n), float(rng.uniform(0.3, 0.7))
    if model in ("Ising", "mixed-field Ising"):
        mixed = model != "Ising"
        terms = [(_string(n, "XX", i), -float(coupling[i])) for i in range(n - 1)]
        terms += [(_string(n, "Z", i), -float(transverse[i]) * (1.05 if mixed else 1.0)) for i in range(n)]
        if mixed:
            terms += [(_string(n, "X", i), -float(longitudinal[i])) for i in range(n)]
        matrix = np.asarray(hamiltonians.from_strings(terms).to_matrix())
    elif model == "XXZ":
        matrix = np.asarray(hamiltonians.xxz(n, anisotropy).to_matrix())
    elif model == "SYK":
        matrix = np.asarray(hamiltonians.syk(jax.random.key(seed), 2 * n).to_matrix())
    else:
        g = rng.normal(size=(2, 1 << n, 1 << n))
        matrix = g[0] + 1j * g[1]
        matrix = matrix + matrix.conj().T
    matrix = matrix - np.trace(matrix) / len(matrix) * np.eye(len(matrix))
    return matrix / np.sqrt(np.trace(matrix @ matrix).real / len(matrix))


def layer(kind: str, d: int, seed: int) -> np.ndarray:
    """An antisymmetric generator (d, d), ``|h|_2 = 1`` over the planes; normal entries where not zero."""
    rng = np.random.default_rng((seed, d))
    group = SpecialOrthogonal(d)
    h = rng.normal(size=group.dimension)
    i, j = np.triu_indices(d, 1)
    if kind == "separate planes":
        h = np.where((j == i + 1) & (i % 2 == 0), h, 0.0)
    elif kind == "neighbours":
        h = np.where(j == i + 1, h, 0.0)
    return np.asarray(group.generator(jnp.asarray(h / np.linalg.norm(h))))


def _string(n: int, letters: str, place: int) -> str:
    return "I" * place + letters + "I" * (n - place - len(letters))
