"""What ``mps-mera`` computes: correlations of MPS, MERA and the exact state of XY rings; paths through the networks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from circuits import mera, mps
from circuits.gaussian import FermionicGaussian, xy
from circuits.local import LocalHamiltonian
from circuits.mera import FiniteMERA
from circuits.mps import MPS
from qgeom.emergent import block_cuts, gromov_hyperbolicity, network_graph, volume_growth_dimension
from qgeom.emergent.tensor_graph import NetworkGraph, rewired
from qgeom.experiments.mera_cones import reduced_density
from qgeom.progress import Progress

NETWORKS = ("MPS", "MERA")
FIELDS = (1.0, 1.5)
"""Critical, and gapped (disordered)."""
OPERATORS = ("X", "Z")
MATRICES = {"X": np.array([[0.0, 1.0], [1.0, 0.0]]), "Z": np.diag([1.0, -1.0])}
ANISOTROPY = (0.5, 1.0)
"""Uniform; for every one of them the critical field is 1 and the universality class that of the Ising chain."""
STARTS = 9
LONGEST_BLOCK = 6
REWIRED = 20
PATHS = ("own", "other")


def bond(anisotropy: float, field: float) -> np.ndarray:
    """``-(1 + g)/2 XX - (1 - g)/2 YY - h/2 (Z1 + 1Z)``, (4, 4): one bond of the XY ring."""
    x, z, one = MATRICES["X"], MATRICES["Z"], np.eye(2)
    yy = -np.kron(x @ z, x @ z)  # Y = i X Z
    return (
        -(1 + anisotropy) / 2 * np.kron(x, x)
        - (1 - anisotropy) / 2 * yy
        - field / 2 * (np.kron(z, one) + np.kron(one, z))
    )


def pairs_of(n: int, separations: Sequence[int]) -> np.ndarray:
    """The pairs (r, start, 2), none across the ends of an MPS; starts at every place relative to the tensors."""
    step = max((n - max(separations)) // STARTS, 1)
    step += step % 3 == 0
    starts = [k * step for k in range(STARTS) if k * step + max(separations) < n]
    return np.array([[(i, i + r) for i in starts] for r in separations])


def mps_state(anisotropy: float, field: float, n: int, dimension: int, seed: int) -> MPS:
    """The ground state of the ring as an open chain of tensors."""
    term = bond(anisotropy, field)
    ring = LocalHamiltonian(n, 2, [((i, (i + 1) % n), term) for i in range(n)])
    return mps.ground_state(
        ring,
        dimension,
        tolerance=1e-9 if jnp.result_type(float) == jnp.float64 else 1e-6,
        key=jax.random.key(seed),
        dtype=jnp.result_type(float),
    ).state


def mera_state(anisotropy: float, field: float, n: int, dimension: int, seed: int, steps: int) -> FiniteMERA:
    """The ground state of the ring as a ternary MERA, from a start with a little noise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the best state of so many steps is what is compared
        found = mera.ground_state(
            bond(anisotropy, field), dimension, sites=n, scheme="ternary", tolerance=1e-4, max_iterations=steps,
            key=jax.random.key(seed), dtype=jnp.result_type(float),
        ).mera  # fmt: skip
    assert isinstance(found, FiniteMERA)
    return found


def connected(state: MPS | FiniteMERA, pairs: np.ndarray) -> np.ndarray:
    """``|<A_i A_j> - <A_i><A_j>|`` for A = X, Z: (operator, r, start)."""
    out = np.zeros((len(OPERATORS), *pairs.shape[:2]))
    if isinstance(state, MPS):
        for a, name in enumerate(OPERATORS):
            table = np.asarray(state.correlations(MATRICES[name], connected=True))
            out[a] = np.abs(table[pairs[..., 0], pairs[..., 1]])
        return out
    one = np.eye(2)
    for place in np.ndindex(*pairs.shape[:2]):
        rho = reduced_density(state, pairs[place].tolist())
        for a, name in enumerate(OPERATORS):
            m = MATRICES[name]
            both, first, second = (np.trace(rho @ np.kron(*p)) for p in ((m, m), (m, one), (one, m)))
            out[(a, *place)] = abs(both - first * second)
    return out


def exact_correlations(anisotropy: float, field: float, n: int, separations: Sequence[int]) -> np.ndarray:
    """The same of the ground state of the even sector, by Wick's theorem: (operator, r)."""
    state = xy(n, anisotropy, field, periodic=True).ground_state()
    assert isinstance(state, FermionicGaussian)
    gamma = np.asarray(state.covariance)
    out = np.zeros((len(OPERATORS), len(separations)))
    for k, r in enumerate(separations):
        # X X is the string of the Majoranas 1 .. 2r; only even and odd ones are correlated.
        out[0, k] = abs(np.linalg.det(gamma[1 : 2 * r : 2, 2 : 2 * r + 1 : 2]))
        out[1, k] = abs(gamma[0, 2 * r + 1] * gamma[1, 2 * r])
    return out


def block_entropies(state: MPS | FiniteMERA, n: int) -> np.ndarray:
    """Entropies of the first 1, 2, ... sites, in nats: half of the ring for an MPS, 6 sites for a MERA, else nan."""
    out = np.full(n // 2, np.nan)
    if isinstance(state, MPS):
        out[:] = np.asarray(state.entropies())[: n // 2]
        return out
    for size in range(1, LONGEST_BLOCK + 1):
        p = np.linalg.eigvalsh(reduced_density(state, range(size)))
        p = p[p > 1e-15]
        out[size - 1] = -float(np.sum(p * np.log(p)))
    return out


def shape(graph: NetworkGraph) -> tuple[float, float]:
    """Gromov's delta over the diameter of the tensors' distances, and the dimension by ball growth (nan: none)."""
    distances = graph.tensor_distances()
    relative = gromov_hyperbolicity(distances).relative
    tensors = graph.to_networkx().subgraph(range(graph.n_tensors))
    try:
        return relative, float(volume_growth_dimension(tensors))
    except ValueError:
        return relative, np.nan


def run(
    n: int,
    separations: Sequence[int],
    bonds: Mapping[str, Sequence[int]],
    steps: int,
    seeds: np.ndarray,
    progress: Progress,
) -> xr.Dataset:
    """Correlations of every state, paths of its network and of rewired ones, entropies and cuts."""
    most = max(len(b) for b in bonds.values())
    pairs = pairs_of(n, separations)
    shape_ = (len(NETWORKS), most, len(FIELDS), len(seeds))
    grid = pairs.shape[:2]
    correlation = np.full((*shape_, len(OPERATORS), *grid), np.nan)
    entropy = np.full((*shape_, n // 2), np.nan)
    cut = np.full((len(NETWORKS), most, n // 2), np.nan)
    exact = np.zeros((len(FIELDS), len(seeds), len(OPERATORS), len(separations)))
    path = np.zeros((len(NETWORKS), *grid))
    null = np.zeros((len(NETWORKS), REWIRED, *grid))
    form = np.zeros((len(NETWORKS), 2))
    anisotropy = np.array([np.random.default_rng((int(s), 11)).uniform(*ANISOTROPY) for s in seeds])
    progress.stage("ground states", len(seeds) * len(FIELDS) * (1 + sum(len(b) for b in bonds.values())))
    for j in range(len(seeds)):
        for f, field in enumerate(FIELDS):
            exact[f, j] = exact_correlations(anisotropy[j], field, n, separations)
            progress.advance()
    for a, name in enumerate(NETWORKS):
        for b, dimension in enumerate(bonds[name]):
            for f, field in enumerate(FIELDS):
                for j, s in enumerate(seeds):
                    state = (
                        mps_state(anisotropy[j], field, n, dimension, int(s))
                        if name == "MPS"
                        else mera_state(anisotropy[j], field, n, dimension, int(s), steps)
                    )
                    correlation[a, b, f, j] = connected(state, pairs)
                    entropy[a, b, f, j] = block_entropies(state, n)
                    if f == 0 and j == 0:
                        graph = network_graph(state)
                        cut[a, b] = block_cuts(graph)
                        if b == 0:
                            path[a], null[a] = _paths(graph, pairs)
                            form[a] = shape(graph)
                    progress.advance()
    dims = ("network", "bond", "field", "seed")
    return xr.Dataset(
        {
            "correlation": ((*dims, "operator", "r", "start"), correlation, {"long_name": "|connected correlation|"}),
            "exact": (("field", "seed", "operator", "r"), exact),
            "path": (("network", "r", "start"), path, {"units": "tensors"}),
            "null_path": (("network", "draw", "r", "start"), null, {"units": "tensors"}),
            "entropy": ((*dims, "length"), entropy, {"units": "nat"}),
            "cut": (("network", "bond", "length"), cut, {"units": "nat"}),
            "bond_dimension": (
                ("network", "bond"), [[*bonds[k], *[0] * (most - len(bonds[k]))] for k in NETWORKS],
            ),
            "shape": (("network", "quantity"), form),
            "anisotropy": ("seed", anisotropy),
        },
        coords={
            "network": list(NETWORKS), "field": list(FIELDS), "seed": seeds, "operator": list(OPERATORS),
            "r": list(separations), "length": np.arange(1, n // 2 + 1),
            "quantity": ["delta / diameter", "volume growth"],
        },
        attrs={"sites": n},
    )  # fmt: skip


def _paths(graph: NetworkGraph, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tensors on the shortest path between the two sites of every pair; the same of rewired networks."""
    i, j = pairs[..., 0], pairs[..., 1]
    swaps = 5 * len(graph.bonds)
    null = [rewired(graph, seed, swaps).site_distances()[i, j] for seed in range(REWIRED)]
    return graph.site_distances()[i, j], np.array(null)
