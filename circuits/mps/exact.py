r"""States that are matrix products exactly: GHZ, W, cluster, AKLT, Majumdar-Ghosh.

Each comes as an open chain of norm one, and - where it is translation invariant - as the tensor (D, d, D) of a ring,
``PeriodicMPS.from_tensor(aklt_tensor(), n)``, or of an infinite chain, ``UniformMPS.from_tensor(aklt_tensor())``.
Tensors are NumPy arrays in float64; states follow `dtype` (float64 unless given).
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from circuits.description import parameter_dtype
from circuits.mps.dtypes import real_dtype
from circuits.mps.sizes import check_positive
from circuits.mps.state import MPS


def ghz_tensor(local_dimension: int = 2) -> np.ndarray:
    """``A_s = |s><s|``: a sum of product states, one block of dimension 1 per level."""
    check_positive(local_dimension=local_dimension)
    a = np.zeros((local_dimension,) * 3)
    for s in range(local_dimension):
        a[s, s, s] = 1.0
    return a


def cluster_tensor() -> np.ndarray:
    r"""``A_s[a, b] = delta_bs (-1)^(a s) / sqrt 2``: the bond carries the bit, the next site applies CZ.

    Injective on 2 sites.
    On a ring, and between the ends of an open chain: ``prod CZ_{i,i+1} |+ ... +>``.
    """
    a = np.zeros((2, 2, 2))
    for bit in range(2):
        for s in range(2):
            a[bit, s, s] = (-1.0) ** (bit * s) / math.sqrt(2.0)
    return a


def aklt_tensor() -> np.ndarray:
    r"""The spin-1 state of Affleck, Kennedy, Lieb and Tasaki, PRL 59, 799 (1987); levels m = 1, 0, -1.

    ``A_1 = sqrt(2/3) s+``, ``A_0 = -s_z / sqrt 3``, ``A_{-1} = -sqrt(2/3) s-``: left and right canonical, transfer
    spectrum 1, -1/3, -1/3, -1/3, injective on 2 sites.
    """
    a = np.zeros((2, 3, 2))
    a[0, 0, 1] = math.sqrt(2.0 / 3.0)
    a[0, 1, 0], a[1, 1, 1] = -math.sqrt(1.0 / 3.0), math.sqrt(1.0 / 3.0)
    a[1, 2, 0] = -math.sqrt(2.0 / 3.0)
    return a


def majumdar_ghosh_tensor() -> np.ndarray:
    r"""Both coverings of an even ring by nearest-neighbour singlets, added up: bond dimension 3, period 2.

    Bond level 0: no singlet crosses; level 1 + t: the singlet's first spin was t. Its transfer matrix has the
    eigenvalues 1 and -1.
    """
    a = np.zeros((3, 2, 3))
    for t in range(2):
        a[0, t, 1 + t] = 1.0
        a[1 + t, 1 - t, 0] = (1.0 if t == 0 else -1.0) / math.sqrt(2.0)
    return a


def ghz(n_sites: int, local_dimension: int = 2, dtype: Any = None) -> MPS:
    """``sum_s |s s ... s> / sqrt d``."""
    a = ghz_tensor(local_dimension)
    return _open(a, n_sites, np.ones(local_dimension), np.ones(local_dimension), dtype)


def w(n_sites: int, dtype: Any = None) -> MPS:
    """``(|10..0> + |01..0> + ... + |0..01>) / sqrt n``."""
    a = np.zeros((2, 2, 2))
    a[:, 0, :] = np.eye(2)
    a[0, 1, 1] = 1.0
    return _open(a, n_sites, np.array([1.0, 0.0]), np.array([0.0, 1.0]), dtype)


def cluster(n_sites: int, dtype: Any = None) -> MPS:
    """``prod_{i < n-1} CZ_{i,i+1} |+ ... +>``; on a ring, ``PeriodicMPS.from_tensor(cluster_tensor(), n)``."""
    return _open(cluster_tensor(), n_sites, np.array([1.0, 0.0]), np.ones(2), dtype)


def aklt(n_sites: int, left: int = 0, right: int = 1, dtype: Any = None) -> MPS:
    """An AKLT state of the open chain: ``left`` and ``right`` choose the free spins 1/2 at the ends, 0 up or 1 down.

    ``left`` is that of the spin itself; the spin on the right is up for ``right = 1``: the bond holds the partner.

    Raises:
        ValueError: if ``left`` or ``right`` is not 0 or 1.
    """
    if left not in (0, 1) or right not in (0, 1):
        raise ValueError(f"the end spins are 0 (up) or 1 (down); got left={left}, right={right}")
    return _open(aklt_tensor(), n_sites, np.eye(2)[left], np.eye(2)[right], dtype)


def majumdar_ghosh(n_sites: int, shift: int = 0, dtype: Any = None) -> MPS:
    r"""Singlets ``(|01> - |10>) / sqrt 2`` on the pairs (0, 1), (2, 3), ...; if ``shift = 1`` on (1, 2), ..., (n-1, 0).

    The two ground states of the chain with ``J_2 = J_1 / 2`` on a ring (`circuits.hamiltonians.j1j2`); the first also
    of the open chain.

    Raises:
        ValueError: if ``n_sites`` is not even and positive, or ``shift`` is not 0 or 1.
    """
    if n_sites < 2 or n_sites % 2 or shift not in (0, 1):
        raise ValueError(
            f"singlets cover an even number of sites, with shift 0 or 1; got n_sites={n_sites}, shift={shift}"
        )
    first = np.eye(2).reshape(1, 2, 2)
    second = (np.array([[0.0, 1.0], [-1.0, 0.0]]) / math.sqrt(2.0)).reshape(2, 2, 1)  # rows: first spin
    if shift == 0:
        return _state([first, second] * (n_sites // 2), dtype)
    # the spin of site 0, second of its singlet with site n-1, is carried along on every bond
    carry = np.eye(2)
    inner = [np.einsum("xy,asb->xasyb", carry, t) for t in (first, second)]
    inner = [t.reshape(t.shape[0] * t.shape[1], 2, t.shape[3] * t.shape[4]) for t in inner]
    closing = second.reshape(2, 2).T.reshape(2, 2, 1)  # rows: the spin of site 0; column: site n-1, the first
    return _state([first, *(inner * ((n_sites - 2) // 2)), closing], dtype)


def _open(a: np.ndarray, n_sites: int, left: np.ndarray, right: np.ndarray, dtype: Any) -> MPS:
    """``left . A ... A . right``, of norm one."""
    check_positive(n_sites=n_sites)
    tensors = [a] * n_sites
    tensors[0] = np.einsum("a,asb->sb", left, tensors[0])[None]
    tensors[-1] = np.einsum("asb,b->as", tensors[-1], right)[:, :, None]
    return _state(tensors, dtype)


def _state(tensors: list[np.ndarray], dtype: Any) -> MPS:
    dtype = jnp.dtype(jnp.float64 if dtype is None else dtype)
    parameter_dtype(real_dtype(dtype))
    env = np.ones((1, 1))
    for t in tensors:
        env = np.einsum("asb,ad,dsc->bc", t, env, t)
    scale = float(env[0, 0]) ** (-0.5 / len(tensors))
    return MPS([jnp.asarray(scale * t, dtype) for t in tensors])
