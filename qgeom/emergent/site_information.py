r"""Mutual information of the sites of a quantum state, or of blocks of sites.

``I(a:b) = S(a) + S(b) - S(ab)`` in nats, S von Neumann's entropy. It bounds every connected correlation of normalised
observables, ``C^2 <= 2 I`` (Wolf et al., PRL 100, 070502 (2008)), and is at most ``2 ln min(d_a, d_b)`` where the
dimensions are finite: the share is ``I`` over the largest of these bounds, one scale for all pairs. Bosonic modes have
no such bound; their share is Linfoot's ``1 - exp(-2 I)`` (Inf. Control 1, 85 (1957)), the squared correlation of
Gaussian variables of that information.

Cao, Carroll and Michalakis (PRD 95, 024031 (2017)) take distances from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from circuits.description import DensityMatrix, State
from circuits.gaussian import BosonicGaussian, FermionicGaussian
from circuits.gaussian.entropies import (
    bosonic_entropy,
    fermionic_entropy,
    fermionic_spectrum,
    symplectic_spectrum,
)
from circuits.mera.finite import FiniteMERA
from circuits.mps import MPS
from circuits.mps.measure import block_entropy, mutual_information_matrix
from qgeom.emergent.relation import Relation, between_sites

KIND = "mutual information of sites"
Blocks = Sequence[Sequence[int]]
SitePoint = State | DensityMatrix | MPS | FiniteMERA | FermionicGaussian | BosonicGaussian


def mutual_information(
    point: SitePoint, blocks: Blocks | None = None, names: Sequence[str] | None = None
) -> Relation:
    """The relation between the sites of a state, ``I(a:b)``.

    Args:
        point: A state vector or density matrix of qubits, an MPS, a finite MERA, or a Gaussian state.
        blocks: Disjoint sets of sites that are the points; single sites unless given.
        names: Of the points; ``"0"``, ``"1"``, ... for sites and ``"0-2"`` for blocks unless given.

    Raises:
        ValueError: blocks that overlap or name sites that are not there, or fewer than two points.
        TypeError: a point that has no sites.
    """
    n = _count(point)
    chosen = (
        [(i,) for i in range(n)] if blocks is None else [tuple(int(i) for i in block) for block in blocks]
    )
    _check(chosen, n)
    labels = [_label(block) for block in chosen] if names is None else list(names)
    if isinstance(point, MPS) and blocks is None:
        values = np.asarray(mutual_information_matrix(point))
    else:
        single = _entropies(point, [tuple(sorted(block)) for block in chosen])
        pairs = [(i, j) for i in range(len(chosen)) for j in range(i)]
        both = _entropies(point, [tuple(sorted(chosen[i] + chosen[j])) for i, j in pairs])
        values = np.zeros((len(chosen), len(chosen)))
        for (i, j), entropy in zip(pairs, both, strict=True):
            values[i, j] = values[j, i] = single[i] + single[j] - entropy
    return between_sites(KIND, values, "nat", _share(point, values, chosen), labels)


def _share(point: SitePoint, values: np.ndarray, blocks: list[tuple[int, ...]]) -> np.ndarray:
    if isinstance(point, BosonicGaussian):
        return -np.expm1(-2.0 * np.maximum(values, 0.0))
    level = point.local_dimension if isinstance(point, (MPS, FiniteMERA)) else 2
    sizes = np.array([len(block) for block in blocks]) * math.log(level)
    return values / (
        2.0 * float(np.sort(sizes)[-2])
    )  # one scale for all pairs: the most that any pair can share


def _count(point: SitePoint) -> int:
    if isinstance(point, State):
        if point.vector.ndim != 1:
            raise ValueError(f"one state is needed, got a batch of shape {point.vector.shape[:-1]}")
        return int(point.vector.size).bit_length() - 1
    if isinstance(point, DensityMatrix):
        return int(point.matrix.shape[-1]).bit_length() - 1
    if isinstance(point, (FermionicGaussian, BosonicGaussian)):
        return point.n_modes
    if isinstance(point, (MPS, FiniteMERA)):
        return point.n_sites
    raise TypeError(f"mutual information needs a quantum state with sites, not {type(point).__name__}")


def _check(blocks: list[tuple[int, ...]], n: int) -> None:
    sites = [i for block in blocks for i in block]
    if any(not block for block in blocks) or len(set(sites)) != len(sites):
        raise ValueError("blocks must be disjoint and not empty; a site stands in one block, once")
    if any(not 0 <= i < n for i in sites):
        raise ValueError(f"blocks name sites from 0 to {n - 1}, got {max(sites, key=abs)}")


def _label(block: tuple[int, ...]) -> str:
    return str(block[0]) if len(block) == 1 else f"{min(block)}-{max(block)}"


def _entropies(point: SitePoint, blocks: list[tuple[int, ...]]) -> np.ndarray:
    """Entropies of sets of sites; sets of one size together where they can be stacked."""
    if isinstance(point, MPS):
        return np.array([float(block_entropy(point, block)) for block in blocks])
    if isinstance(point, (FermionicGaussian, BosonicGaussian)):
        return _gaussian_entropies(point, blocks)
    if isinstance(point, FiniteMERA):
        vector, level = np.asarray(point.to_vector()), point.local_dimension
        return np.array([_vector_entropy(vector, level, point.n_sites, block) for block in blocks])
    n = _count(point)
    if isinstance(point, State):
        vector = np.asarray(point.vector)
        return np.array([_vector_entropy(vector, 2, n, block) for block in blocks])
    matrix = np.asarray(point.matrix)
    return np.array([_matrix_entropy(matrix, n, block) for block in blocks])


def _gaussian_entropies(
    point: FermionicGaussian | BosonicGaussian, blocks: list[tuple[int, ...]]
) -> np.ndarray:
    out = np.zeros(len(blocks))
    covariance = np.asarray(point.covariance)
    for size in {len(block) for block in blocks}:
        members = [k for k, block in enumerate(blocks) if len(block) == size]
        modes = np.array([blocks[k] for k in members])
        if isinstance(point, FermionicGaussian):
            rows = np.stack([2 * modes, 2 * modes + 1], axis=-1).reshape(len(members), -1)
        else:
            rows = np.concatenate([modes, point.n_modes + modes], axis=1)
        parts = jnp.asarray(covariance[rows[:, :, None], rows[:, None, :]])
        if isinstance(point, FermionicGaussian):
            out[members] = np.asarray(fermionic_entropy(fermionic_spectrum(parts)))
        else:
            out[members] = np.asarray(bosonic_entropy(symplectic_spectrum(parts)))
    return out


def _vector_entropy(vector: np.ndarray, level: int, n: int, block: tuple[int, ...]) -> float:
    rest = [i for i in range(n) if i not in set(block)]
    if not rest:
        return 0.0
    table = vector.reshape((level,) * n).transpose((*block, *rest)).reshape(level ** len(block), -1)
    if table.shape[0] > table.shape[1]:
        table = table.T
    return _entropy(np.linalg.eigvalsh(table @ table.conj().T))


def _matrix_entropy(matrix: np.ndarray, n: int, block: tuple[int, ...]) -> float:
    rest = tuple(i for i in range(n) if i not in set(block))
    order = (*block, *rest)
    table = matrix.reshape((2,) * (2 * n)).transpose((*order, *(n + i for i in order)))
    inside, outside = 2 ** len(block), 2 ** len(rest)
    reduced = np.einsum("aibi->ab", table.reshape(inside, outside, inside, outside))
    return _entropy(np.linalg.eigvalsh(reduced))


def _entropy(values: np.ndarray) -> float:
    kept = values[values > 1e-300]
    return float(-np.sum(kept * np.log(kept)))
