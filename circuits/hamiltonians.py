r"""Named Hamiltonians, as sums of Pauli strings.

All couplings multiply Pauli matrices, not spins 1/2: ``S = sigma / 2``, so an exchange energy in spins is a quarter of
the one given here. Sites are qubits ``0 .. n-1``; a ring on two sites has one edge.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from circuits.paulis import PauliSum, commute, from_strings, multiply
from circuits.spin_chains import aklt, spin_heisenberg

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "PauliSum",
    "aklt",
    "cluster",
    "commute",
    "from_strings",
    "heisenberg",
    "ising",
    "j1j2",
    "majoranas",
    "maxcut",
    "mixed_field_ising",
    "multiply",
    "spin_heisenberg",
    "syk",
    "toric_code",
    "xxz",
]


def ising(n_sites: int, field: float = 1.0, periodic: bool = False) -> PauliSum:
    r"""The transverse-field Ising chain ``H = -sum_i X_i X_{i+1} - field sum_i Z_i``.

    Critical at ``field = 1``, where the energy per site is ``-4/pi`` for long chains; ordered along X below. Solved by
    free fermions: on the open chain ``E_0 = -sum_k e_k / 2``, with ``e_k`` twice the singular values of the bidiagonal
    matrix of ``field`` (diagonal) and 1 (Pfeuty, Ann. Phys. 57, 79 (1970)).

    Args:
        n_sites: number of sites.
        field: strength of the transverse field.
        periodic: whether site ``n-1`` is coupled to site 0.
    """
    return mixed_field_ising(n_sites, transverse=field, longitudinal=0.0, periodic=periodic)


def mixed_field_ising(
    n_sites: int, transverse: float = 1.05, longitudinal: float = 0.5, periodic: bool = False
) -> PauliSum:
    r"""``H = -sum_i X_i X_{i+1} - transverse sum_i Z_i - longitudinal sum_i X_i``, chaotic at the default fields.

    The coupling axis is X, as in `ising`; the longitudinal field points along it. In the convention of Banuls, Cirac
    and Hastings, PRL 106, 050405 (2011), ``H' = sum ZZ + g X + h Z`` with ``(g, h) = (-1.05, 0.5)``: the spectrum of
    ``-H'`` is that of ``H`` at the defaults (a Hadamard gate on each site, and flips of the axes).
    """
    _check_sites(n_sites, 1)
    edges = _chain(n_sites, 1, periodic)
    terms = [_place(n_sites, "XX", edge, -1.0) for edge in edges]
    terms += [_place(n_sites, "Z", (i,), -transverse) for i in range(n_sites)]
    terms += [_place(n_sites, "X", (i,), -longitudinal) for i in range(n_sites)]
    return _build(n_sites, terms)


def xxz(n_sites: int, anisotropy: float = 1.0, periodic: bool = False) -> PauliSum:
    r"""The XXZ chain ``H = sum_i X_i X_{i+1} + Y_i Y_{i+1} + anisotropy Z_i Z_{i+1}``.

    Antiferromagnetic for ``anisotropy > 1``, critical on ``-1 < anisotropy <= 1``, ferromagnetic below.
    """
    _check_sites(n_sites, 2)
    return _build(n_sites, _exchange(n_sites, _chain(n_sites, 1, periodic), 1.0, anisotropy))


def heisenberg(n_sites: int, coupling: float = 1.0, periodic: bool = False) -> PauliSum:
    r"""The Heisenberg chain ``H = coupling sum_i X_i X_{i+1} + Y_i Y_{i+1} + Z_i Z_{i+1}``.

    Antiferromagnetic for ``coupling > 0``; energy per site ``1 - 4 ln 2`` for long chains (Hulthen 1938; ``1/4 - ln 2``
    in spins).
    """
    _check_sites(n_sites, 2)
    return _build(n_sites, _exchange(n_sites, _chain(n_sites, 1, periodic), coupling, 1.0))


def j1j2(n_sites: int, j2: float = 0.5, j1: float = 1.0, periodic: bool = False) -> PauliSum:
    r"""The J1-J2 chain ``H = j1 sum_i s_i . s_{i+1} + j2 sum_i s_i . s_{i+2}``, ``s = (X, Y, Z)``.

    At ``j2 = j1 / 2`` the ground states are products of singlets (Majumdar and Ghosh, J. Math. Phys. 10, 1388 (1969)):
    on an even ring of six sites or more the energy is ``-3/2 j1`` per site.
    """
    _check_sites(n_sites, 3)
    terms = _exchange(n_sites, _chain(n_sites, 1, periodic), j1, 1.0)
    terms += _exchange(n_sites, _chain(n_sites, 2, periodic), j2, 1.0)
    return _build(n_sites, terms)


def cluster(n_sites: int, periodic: bool = False) -> PauliSum:
    r"""The cluster Hamiltonian ``H = -sum_i Z_{i-1} X_i Z_{i+1}``, a sum of commuting stabilisers.

    On a ring the cluster state is the only ground state, at energy ``-n``. On the open chain only the ``n - 2`` terms
    of the bulk are there: energy ``-(n - 2)``, four-fold degenerate (one free spin at each end).
    """
    _check_sites(n_sites, 3)
    centres = range(n_sites) if periodic else range(1, n_sites - 1)
    terms = [_place(n_sites, "ZXZ", ((i - 1) % n_sites, i, (i + 1) % n_sites), -1.0) for i in centres]
    return _build(n_sites, terms)


def majoranas(n_majoranas: int) -> tuple[PauliSum, ...]:
    r"""Majorana operators with ``{chi_i, chi_j} = delta_ij`` on ``n_majoranas / 2`` qubits, by Jordan and Wigner.

    ``chi_{2k} = Z_0 ... Z_{k-1} X_k / sqrt 2`` and ``chi_{2k+1} = Z_0 ... Z_{k-1} Y_k / sqrt 2``.
    """
    return tuple(PauliSum((s,), (math.sqrt(0.5),)) for s in _majorana_strings(n_majoranas))


def syk(key: jax.Array, n_majoranas: int, q: int = 4, coupling: float = 1.0) -> PauliSum:
    r"""The Sachdev-Ye-Kitaev model: all ``q``-fold products of Majorana operators with random couplings.

    ``H = i^(q/2) sum_{i_1 < ... < i_q} J_{i_1...i_q} chi_{i_1} ... chi_{i_q}``, ``{chi_i, chi_j} = delta_ij``, with
    independent normal ``J`` of mean zero and variance ``coupling^2 (q-1)! / N^(q-1)``, ``N = n_majoranas``: the
    convention of Maldacena and Stanford, PRD 94, 106002 (2016); ``3! J^2 / N^3`` for q = 4. Each product is a
    Pauli string over ``2^(q/2)``. The couplings are drawn in double precision whatever JAX is set to.

    Raises:
        ValueError: if ``n_majoranas`` is not even and positive, or ``q`` not even and in ``2 .. n_majoranas``.
    """
    strings = _majorana_strings(n_majoranas)
    if q < 2 or q % 2 or q > n_majoranas:
        raise ValueError(f"q must be even, between 2 and the {n_majoranas} Majoranas; got {q}")
    subsets = list(itertools.combinations(range(n_majoranas), q))
    scale = coupling * math.sqrt(math.factorial(q - 1) / n_majoranas ** (q - 1))
    couplings = scale * _generator(key).normal(size=len(subsets))
    terms = []
    for subset, value in zip(subsets, couplings, strict=True):
        string, phase = strings[subset[0]], 1.0 + 0.0j
        for i in subset[1:]:
            string, factor = multiply(string, strings[i])
            phase *= factor
        phase *= 1j ** (q // 2)  # what makes the product Hermitian: now +1 or -1
        terms.append((string, float(value) * phase.real * 2.0 ** (-q / 2)))
    return from_strings(terms)


def toric_code(rows: int, cols: int, periodic: bool = False) -> PauliSum:
    r"""The toric code ``H = -sum_v A_v - sum_p B_p``: ``A_v = prod X`` at a vertex, ``B_p = prod Z`` around a face.

    Qubits sit on the edges of a square lattice, first the ``horizontal`` ones and then the ``vertical``, row by row.

    * Open (the default): the planar patch, smooth at top and bottom and rough at left and right, with ``rows x cols``
      horizontal and ``(rows-1) x (cols-1)`` vertical edges. One logical qubit: 2 ground states, code distance
      ``min(rows, cols)``, energy ``-(number of qubits - 1)``.
    * Periodic: the torus, ``2 rows cols`` edges. Two logical qubits: 4 ground states, energy ``-2 rows cols``.

    (Kitaev, Ann. Phys. 303, 2 (2003); Bravyi and Kitaev, quant-ph/9811052, for the patch.)
    """
    if rows < 2 or cols < 2:
        raise ValueError(f"the toric code needs at least 2 rows and 2 columns; got {rows} x {cols}")
    v_rows, v_cols = (rows, cols) if periodic else (rows - 1, cols - 1)
    n = rows * cols + v_rows * v_cols

    def horizontal(r: int, c: int) -> int:
        return (r % rows) * cols + c % cols

    def vertical(r: int, c: int) -> int:
        return rows * cols + (r % v_rows) * v_cols + c % v_cols

    def term(letter: str, edges: Iterable[int]) -> tuple[str, float]:
        wires = tuple(edges)
        return _place(n, letter * len(wires), wires, -1.0)

    terms = []
    # Vertex (r, c) lies between the horizontal edges (r, c) and (r, c+1) and the vertical edges (r-1, c) and (r, c).
    for r, c in itertools.product(range(rows), range(v_cols)):
        star = [horizontal(r, c), horizontal(r, c + 1)]
        star += [vertical(s, c) for s in (r - 1, r) if periodic or 0 <= s < v_rows]
        terms.append(term("X", star))
    # Face (r, c) lies between the horizontal edges (r, c) and (r+1, c) and the vertical edges (r, c-1) and (r, c).
    for r, c in itertools.product(range(v_rows), range(cols)):
        face = [horizontal(r, c), horizontal(r + 1, c)]
        face += [vertical(r, s) for s in (c - 1, c) if periodic or 0 <= s < v_cols]
        terms.append(term("Z", face))
    return from_strings(terms)


def maxcut(graph: nx.Graph, weight: str | None = "weight") -> PauliSum:
    r"""The cut of a graph as an energy, ``H = sum_(i,j) w_ij (Z_i Z_j - 1) / 2``: minus the weight of the cut.

    A basis state cuts the edges whose two bits differ, and its energy is minus their weight; the ground energy is minus
    the maximum cut. Diagonal. Qubit ``i`` is the ``i``-th node of ``graph.nodes``. Self-loops are never cut.

    Args:
        graph: a networkx graph; parallel and opposite edges add up.
        weight: edge attribute that holds the weight, 1 where an edge has none; ``None`` ignores weights.

    Raises:
        ValueError: if the graph has no nodes, or a weight is not a real number.
    """
    position = {node: i for i, node in enumerate(graph.nodes)}
    n = len(position)
    if n == 0:
        raise ValueError("the graph has no nodes; MaxCut needs at least one")
    terms: list[tuple[str, float]] = []
    for a, b, data in graph.edges(data=True):
        if a != b:
            w = 1.0 if weight is None else data.get(weight, 1.0)
            terms.append(_place(n, "ZZ", (position[a], position[b]), 0.5 * w))
            terms.append(("I" * n, -0.5 * w))
    return _build(n, terms)


def _check_sites(n_sites: int, least: int) -> None:
    if n_sites < least:
        raise ValueError(f"this model needs at least {least} site{'s' * (least > 1)}; got {n_sites}")


def _chain(n_sites: int, step: int, periodic: bool) -> list[tuple[int, int]]:
    """Edges ``(i, i + step)``, each once: on a short ring an edge and its way round are the same."""
    if not periodic:
        return [(i, i + step) for i in range(n_sites - step)]
    pairs = ((i, (i + step) % n_sites) for i in range(n_sites))
    return list(dict.fromkeys((min(p), max(p)) for p in pairs if p[0] != p[1]))


def _exchange(
    n_sites: int, edges: list[tuple[int, int]], coupling: float, anisotropy: float
) -> list[tuple[str, float]]:
    weights = (("XX", coupling), ("YY", coupling), ("ZZ", coupling * anisotropy))
    return [_place(n_sites, letters, edge, value) for letters, value in weights for edge in edges]


def _place(n: int, letters: str, wires: tuple[int, ...], value: float) -> tuple[str, float]:
    string = ["I"] * n
    for letter, wire in zip(letters, wires, strict=True):
        string[wire] = letter
    return "".join(string), value


def _build(n: int, terms: list[tuple[str, float]]) -> PauliSum:
    """The sum with equal strings merged and zeros left out, in the order of first appearance."""
    merged: dict[str, float] = {}
    for string, value in terms:
        merged[string] = merged.get(string, 0.0) + value
    return from_strings([(s, c) for s, c in merged.items() if c != 0.0] or [("I" * n, 0.0)])


def _majorana_strings(n_majoranas: int) -> list[str]:
    if n_majoranas < 2 or n_majoranas % 2:
        raise ValueError(
            f"the number of Majoranas must be even and positive, two per qubit; got {n_majoranas}"
        )
    n = n_majoranas // 2
    return ["Z" * (i // 2) + "XY"[i % 2] + "I" * (n - 1 - i // 2) for i in range(n_majoranas)]


def _generator(key: Any) -> np.random.Generator:
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    return np.random.default_rng(np.asarray(key).ravel())
