"""What ``parent-uncle`` computes: low levels of rings, low Fisher modes of linear networks, angles of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import circuits
from circuits.local import LocalHamiltonian
from circuits.mps import exact, parent_hamiltonian, uncle_hamiltonian
from qgeom.experiments import linear_network_kernel as linear
from qgeom.experiments.ring_levels import GROUND, lowest_levels
from qgeom.information import information_metric
from qgeom.progress import Progress

FAMILIES = ("two products", "product + cluster", "GHZ", "AKLT")
HAMILTONIANS = ("parent", "uncle")
STARTS: tuple[linear.Start, ...] = ("trained", "small start", "balanced", "untrained")
TARGETS: tuple[linear.Target, ...] = ("orthogonal", "Gaussian", "low rank")
ANGLES = (1.0, 1.5)
"""Between the two product states, in rad; uniform. At pi/2 they are GHZ; towards 0 they are one block."""
DISTANCES = (1e-1, 1e-2, 1e-3)
LEVELS = 4
"""How many levels, or modes, above the kernel are kept."""


# --- quantum side ----------------------------------------------------------


def family_tensor(family: str, seed: int) -> np.ndarray:
    """The tensor (D, d, D) of a family; only the angle of the two products depends on the seed."""
    if family == "GHZ":
        return exact.ghz_tensor()
    if family == "AKLT":
        return exact.aklt_tensor()
    if family == "two products":
        angle = np.random.default_rng((seed, 7)).uniform(*ANGLES)
        a = np.zeros((2, 2, 2))
        a[0, 0, 0], a[1, :, 1] = 1.0, (np.cos(angle), np.sin(angle))
        return a
    a = np.zeros((3, 3, 3))
    a[0, 0, 0], a[1:, 1:, 1:] = 1.0, exact.cluster_tensor()
    return a


def rings(
    qubit_rings: Sequence[int], cluster_rings: Sequence[int], seeds: np.ndarray, progress: Progress
) -> xr.Dataset:
    """Levels above the ground space of both Hamiltonians of every family, and how many ground states there are."""
    lengths = sorted({*qubit_rings, *cluster_rings})
    shape = (len(FAMILIES), len(HAMILTONIANS), len(seeds), len(lengths))
    level, ground = np.full((*shape, LEVELS), np.nan), np.full(shape, np.nan)
    difference = np.zeros(len(seeds))
    progress.stage("rings", len(FAMILIES) * len(seeds))
    for i, family in enumerate(FAMILIES):
        known: list[_Known] = []  # equal terms are diagonalised once
        for j, s in enumerate(seeds):
            a = family_tensor(family, int(s))
            for n in qubit_rings if a.shape[1] == 2 else cluster_rings:
                pair = (parent_hamiltonian(a, n), uncle_hamiltonian(a, n, seed=int(s)))
                for k, h in enumerate(pair):
                    found = _levels(h, known)
                    copies = int(np.sum(found < GROUND))
                    excited = found[copies:][:LEVELS]
                    level[i, k, j, lengths.index(n), : len(excited)] = excited
                    ground[i, k, j, lengths.index(n)] = copies
                if family == "AKLT":
                    one, other = (h.terms[0][1] for h in pair)
                    difference[j] = np.abs(one - other).max() if one.shape == other.shape else np.inf
            progress.advance()
    dims = ("family", "hamiltonian", "seed", "ring")
    return xr.Dataset(
        {
            "level": ((*dims, "level_number"), level, {"units": "norm of a term", "long_name": "energy"}),
            "ground_states": (dims, ground),
            "control": ("seed", difference, {"long_name": "uncle minus parent of AKLT"}),
        },
        coords={
            "family": list(FAMILIES), "hamiltonian": list(HAMILTONIANS), "seed": seeds, "ring": lengths,
            "level_number": np.arange(1, LEVELS + 1),
        },
    )  # fmt: skip


class _Known(NamedTuple):
    """A ring that was diagonalised."""

    n_sites: int
    term: np.ndarray
    energies: np.ndarray


def _levels(h: LocalHamiltonian, known: list[_Known]) -> np.ndarray:
    term = h.terms[0][1]
    for ring in known:
        if (
            ring.n_sites == h.n_sites
            and ring.term.shape == term.shape
            and np.abs(ring.term - term).max() < 1e-10
        ):
            return ring.energies
    known.append(_Known(h.n_sites, term, lowest_levels(h, LEVELS + 4)))
    return known[-1].energies


# --- classical side --------------------------------------------------------


def networks(
    ratios: Sequence[int],
    sizes: Sequence[int],
    widths: Sequence[int],
    steps: int,
    seeds: np.ndarray,
    progress: Progress,
) -> xr.Dataset:
    """The lowest Fisher eigenvalues above the kernel, over their mean, and those of a random Jacobian."""
    count = LEVELS
    shape = (len(seeds), len(ratios), len(sizes), count)
    mode = np.full((len(STARTS), len(TARGETS), *shape), np.nan)
    null = np.full(shape, np.nan)
    width_mode = np.full((len(seeds), len(widths), count), np.nan)
    largest_null = 12  # d^2 outputs are diagonalised
    progress.stage("networks", len(ratios) * len(sizes) * (len(STARTS) * len(TARGETS) + 1))
    for r, ratio in enumerate(ratios):
        for m, d in enumerate(sizes):
            for i, start in enumerate(STARTS):
                for j, target in enumerate(TARGETS):
                    _, w1, w2 = linear.solutions(seeds, d, ratio * d, target, start, steps)
                    mode[i, j, :, r, m] = linear.lowest_nonzero(linear.fisher_eigenvalues(w1, w2), count)
                    progress.advance()
            if d <= largest_null:
                for k, s in enumerate(seeds):
                    rng = np.random.default_rng((int(s), d, ratio, 1))
                    values = linear.random_jacobian_eigenvalues(rng, d * d, 2 * ratio * d * d)
                    null[k, r, m] = linear.lowest_nonzero(values, count)
            progress.advance()
    for m, h in enumerate(widths):
        _, w1, w2 = linear.solutions(seeds, widths[0], h, TARGETS[0], STARTS[0], steps)
        width_mode[:, m] = linear.lowest_nonzero(linear.fisher_eigenvalues(w1, w2), count)
    dims = ("seed", "ratio", "size", "level_number")
    unit = {"units": "mean eigenvalue above the kernel", "long_name": "Fisher eigenvalue"}
    return xr.Dataset(
        {
            "mode": (("start", "target", *dims), mode, unit),
            "null_mode": (dims, null, unit),
            "width_mode": (("seed", "width", "level_number"), width_mode, unit),
        },
        coords={
            "start": list(STARTS), "target": list(TARGETS), "seed": seeds, "ratio": list(ratios),
            "size": list(sizes), "width": list(widths), "level_number": np.arange(1, count + 1),
        },
    )  # fmt: skip


def tangents(d: int, seeds: np.ndarray, progress: Progress) -> xr.Dataset:
    """Angles of the directions of the kernel against the solutions, at a smooth point and at a deficient one."""
    h = 2 * d
    network = circuits.MLP((d, h, d), activation="identity", output="gaussian", bias=False)
    inputs = np.sqrt(d) * jnp.eye(d, dtype=jnp.result_type(float))  # whitened

    def fisher(w1: np.ndarray, w2: np.ndarray) -> np.ndarray:
        weights = jax.tree.map(lambda w: jnp.asarray(w, jnp.result_type(float)), (w1, w2))
        params = ({"weight": weights[0]}, {"weight": weights[1]})
        return np.asarray(information_metric(network, params, data=inputs).as_matrix())

    deviation, smooth = np.zeros((2, len(seeds)))
    dimension = np.zeros((2, 2, len(seeds)))
    angles = np.full((len(seeds), len(DISTANCES), 2 * d * h), np.nan)
    progress.stage("angles", len(seeds))
    for j, s in enumerate(seeds):
        rng = np.random.default_rng((int(s), 3))
        w1, w2 = linear.random_factors(rng, d, h)
        matrix = fisher(w1, w2)
        closed = linear.fisher_eigenvalues(w1, w2)
        deviation[j] = np.abs(np.linalg.eigvalsh(matrix)[-d * d :] / closed - 1).max()
        null, tangent = linear.kernel(matrix), linear.tangent(w1, w2)
        smooth[j] = linear.principal_angles(null, tangent)[0]
        dimension[0, :, j] = null.shape[1], tangent.shape[1]
        w1, w2 = linear.balanced_factors(rng, linear.target_map(rng, d, "low rank"), h)
        null = linear.kernel(fisher(w1, w2))
        for i, distance in enumerate(DISTANCES):
            near = linear.beside_deficient(rng, w1, w2, distance)
            tangent = linear.tangent(near, w2, 1e-5 * distance)
            angles[j, i, : null.shape[1]] = linear.principal_angles(null, tangent)
        dimension[1, :, j] = null.shape[1], tangent.shape[1]
        progress.advance()
    rad = {"units": "rad", "long_name": "angle of kernel to solutions"}
    return xr.Dataset(
        {
            "smooth_angle": ("seed", smooth, rad),
            "deficient_angle": (("seed", "distance", "direction"), angles, rad),
            "dimension": (("point", "space", "seed"), dimension),
            "spectrum_deviation": ("seed", deviation, {"long_name": "Fisher spectrum against a_i + b_j"}),
        },
        coords={
            "seed": seeds, "distance": list(DISTANCES), "point": ["smooth", "deficient"],
            "space": ["kernel", "tangent"],
        },
    )  # fmt: skip
