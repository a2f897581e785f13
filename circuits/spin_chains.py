r"""Chains of spins S = 1/2, 1, 3/2 ...: exchange of spin operators, not of Pauli matrices.

The basis of a site is ``|m>`` with ``m = S, S-1, ..., -S`` (so that spin 1/2 has ``|0> = |up>``, ``S^z = Z/2``).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from circuits.local import LocalHamiltonian


def spin_operators(spin: float = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""``(S^x, S^y, S^z)``, matrices ``(2S+1, 2S+1)``, with ``[S^x, S^y] = i S^z`` and ``S.S = S(S+1)``.

    Raises:
        ValueError: if ``spin`` is not a positive multiple of 1/2.
    """
    doubled = Fraction(spin) * 2
    if doubled.denominator != 1 or doubled < 1:
        raise ValueError(f"a spin is 1/2, 1, 3/2, ...; got {spin}")
    s = float(spin)
    m = s - np.arange(int(doubled) + 1)
    raising = np.diag(np.sqrt(s * (s + 1.0) - m[1:] * (m[1:] + 1.0)), 1)  # S^+ |m> = sqrt(...) |m+1>
    return (raising + raising.T) / 2, (raising - raising.T) / 2j, np.diag(m)


def exchange(spin: float = 1) -> np.ndarray:
    r"""The two-site operator ``S_1 . S_2``, real ``((2S+1)**2, (2S+1)**2)``."""
    sx, sy, sz = spin_operators(spin)
    return np.kron(sx, sx) + np.kron(sy, sy).real + np.kron(sz, sz)


def spin_heisenberg(n_sites: int, spin: float = 1, periodic: bool = False) -> LocalHamiltonian:
    r"""The Heisenberg chain of spins, ``H = sum_i S_i . S_{i+1}``.

    For spin 1 the ring has a gap of 0.41048 (Haldane; White and Huse, PRB 48, 3844 (1993)) and the energy per site is
    -1.401484; the open chain has a spin 1/2 at each end, and so four states below the gap.

    Raises:
        ValueError: if ``n_sites < 2`` or the spin is not a positive multiple of 1/2.
    """
    return _chain(n_sites, exchange(spin), periodic)


def aklt(n_sites: int, periodic: bool = False) -> LocalHamiltonian:
    r"""The spin-1 chain of Affleck, Kennedy, Lieb and Tasaki, ``H = sum_i S_i.S_{i+1} + (S_i.S_{i+1})^2 / 3``.

    Each term is ``2 P_2 - 2/3``, with ``P_2`` the projector on total spin 2: the ground energy is -2/3 per bond,
    exactly, with one ground state on a ring and four on an open chain (PRL 59, 799 (1987)).

    Raises:
        ValueError: if ``n_sites < 2``.
    """
    bond = exchange(1)
    return _chain(n_sites, bond + bond @ bond / 3.0, periodic)


def _chain(n_sites: int, bond: np.ndarray, periodic: bool) -> LocalHamiltonian:
    if n_sites < 2:
        raise ValueError(f"this model needs at least 2 sites; got {n_sites}")
    edges = [(i, i + 1) for i in range(n_sites - 1)]
    if periodic and n_sites > 2:  # a ring on two sites has one edge
        edges.append((n_sites - 1, 0))
    return LocalHamiltonian(n_sites, round(bond.shape[0] ** 0.5), [(edge, bond) for edge in edges])
