r"""Named quadratic Hamiltonians: spin chains by Jordan and Wigner's map, fermions and oscillators on lattices.

Spin chains are written in Pauli matrices and are the ``PauliSum`` of the same name in :mod:`circuits.hamiltonians`
where there is one. On a ring the fermions of an even number of particles are antiperiodic, so that ``periodic=True``
gives the *even* sector (parity ``prod Z = +1``) of the spin ring, which holds its ground state for positive fields.
Couplings may be traced arrays: one number, or one per bond or site.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from circuits.gaussian.fermions import checked_modes
from circuits.gaussian.quadratic import BosonicHamiltonian, FermionicHamiltonian


def ising(n_sites: int, field: ArrayLike = 1.0, periodic: bool = False) -> FermionicHamiltonian:
    r"""``H = -sum_i X_i X_{i+1} - sum_i field_i Z_i``, as :func:`circuits.hamiltonians.ising`.

    Energies ``e_k = 2 sqrt(1 + field^2 - 2 field cos k)`` on the ring, ``k = (2m + 1) pi / n``; critical at field 1.
    """
    return xy(n_sites, 1.0, field, periodic)


def xy(
    n_sites: int, anisotropy: ArrayLike = 1.0, field: ArrayLike = 1.0, periodic: bool = False
) -> FermionicHamiltonian:
    r"""``H = -sum_i [(1 + g)/2 X_i X_{i+1} + (1 - g)/2 Y_i Y_{i+1}] - sum_i field_i Z_i``, ``g`` the anisotropy.

    Energies ``e_k = 2 sqrt((field - cos k)^2 + g^2 sin^2 k)`` on the ring (Lieb, Schultz and Mattis 1961). Ising at
    ``g = 1``, XX at 0.

    Args:
        n_sites: number of sites.
        anisotropy: g, one number or one per bond.
        field: one number or one per site.
        periodic: the even sector of the ring.
    """
    n = checked_modes(n_sites)
    bonds = n if periodic else n - 1
    if periodic and n < 3:
        raise ValueError(f"a ring of fermions needs at least 3 sites, not {n}; use periodic=False")
    dtype = _dtype(anisotropy, field)
    g, h = _per_site(anisotropy, bonds, dtype, "anisotropy"), _per_site(field, n, dtype, "field")
    return FermionicHamiltonian(_xy(n, g, h), jnp.zeros((), dtype), True)


def kitaev(
    n_sites: int,
    hopping: ArrayLike = 1.0,
    pairing: ArrayLike = 1.0,
    chemical_potential: ArrayLike = 0.0,
    boundary: str = "open",
) -> FermionicHamiltonian:
    r"""Kitaev's chain ``H = sum_i [-t a_i^dagger a_{i+1} + D a_i a_{i+1} + h.c.] - mu sum_i (a_i^dagger a_i - 1/2)``.

    Topological for ``|mu| < 2|t|``, with two Majorana modes at the ends of the open chain (Kitaev 2001).

    Args:
        n_sites: number of sites.
        hopping: t, one number or one per bond.
        pairing: D, real, one number or one per bond.
        chemical_potential: mu, one number or one per site.
        boundary: ``"open"``, ``"periodic"`` or ``"antiperiodic"``.
    """
    n, i, j, sign = _bonds(n_sites, boundary)
    dtype = _dtype(hopping, pairing, chemical_potential)
    sign = jnp.asarray(sign, dtype)
    t, d = _per_site(hopping, len(i), dtype, "hopping"), _per_site(pairing, len(i), dtype, "pairing")
    mu = _per_site(chemical_potential, n, dtype, "chemical potential")
    h = jnp.zeros((n, n), dtype).at[i, j].add(-sign * t).at[j, i].add(-sign * t)
    h = h.at[np.arange(n), np.arange(n)].add(-mu)
    delta = jnp.zeros((n, n), dtype).at[i, j].add(-sign * d).at[j, i].add(sign * d)
    found = FermionicHamiltonian.from_modes(h, delta)
    return FermionicHamiltonian(found.matrix, found.constant + 0.5 * jnp.sum(mu), True)


def tight_binding(
    n_sites: int, hopping: ArrayLike = 1.0, potential: ArrayLike = 0.0, boundary: str = "open"
) -> FermionicHamiltonian:
    r"""``H = -sum_i t_i (a_i^dagger a_{i+1} + h.c.) + sum_i v_i a_i^dagger a_i``; ``e_k = -2 t cos k + v``.

    Args:
        n_sites: number of sites.
        hopping: t, one number or one per bond.
        potential: v, one number or one per site; minus the chemical potential.
        boundary: ``"open"``, ``"periodic"`` or ``"antiperiodic"``.
    """
    n, i, j, sign = _bonds(n_sites, boundary)
    dtype = _dtype(hopping, potential)
    t = jnp.asarray(sign, dtype) * _per_site(hopping, len(i), dtype, "hopping")
    h = jnp.zeros((n, n), dtype).at[i, j].add(-t).at[j, i].add(-t)
    h = h.at[np.arange(n), np.arange(n)].add(_per_site(potential, n, dtype, "potential"))
    return FermionicHamiltonian.from_modes(h)


def ssh(
    n_cells: int, intra: ArrayLike = 1.0, inter: ArrayLike = 1.0, boundary: str = "open"
) -> FermionicHamiltonian:
    r"""Su, Schrieffer and Heeger's chain of ``2 n_cells`` sites: hopping ``intra`` in a cell, ``inter`` between cells.

    ``e_k = +-|intra + inter e^{ik}|``; two zero modes at the ends of the open chain for ``inter > intra`` (1979).
    """
    n = 2 * checked_modes(n_cells)
    _, i, _, _ = _bonds(n, boundary)
    dtype = _dtype(intra, inter)
    v, w = jnp.asarray(intra, dtype), jnp.asarray(inter, dtype)
    return tight_binding(n, jnp.where(jnp.asarray(i % 2 == 0), v, w), jnp.zeros((), dtype), boundary)


def harmonic_chain(
    n_sites: int, mass: ArrayLike = 1.0, coupling: ArrayLike = 1.0, periodic: bool = True
) -> BosonicHamiltonian:
    r"""``H = (1/2) sum_i [p_i^2 + m^2 q_i^2 + c (q_{i+1} - q_i)^2]``; ``w_k^2 = m^2 + 4 c sin^2(k/2)``.

    ``k = 2 pi j/n``: the free scalar field on a lattice of spacing ``1/sqrt c``. The open chain has free
    ends. A ring of two sites has two springs.
    """
    return harmonic_lattice((n_sites,), mass, coupling, periodic)


def harmonic_lattice(
    shape: tuple[int, ...], mass: ArrayLike = 1.0, coupling: ArrayLike = 1.0, periodic: bool = True
) -> BosonicHamiltonian:
    r"""Oscillators on a cubic lattice: ``w_k^2 = m^2 + 4 c sum_d sin^2(k_d/2)`` with periodic boundaries.

    Args:
        shape: sites along each direction, e.g. ``(8, 8)``; modes are in row-major order.
        mass: m > 0.
        coupling: c >= 0, of the springs between neighbours.
        periodic: whether each direction closes on itself.
    """
    shape = tuple(checked_modes(s) for s in shape)
    n = int(np.prod(shape))
    site = np.arange(n).reshape(shape)
    laplacian = np.zeros((n, n))
    for axis in range(len(shape)):
        if shape[axis] < 2:
            continue
        ahead = np.roll(site, -1, axis)
        a, b = site.ravel(), ahead.ravel()
        if not periodic:
            inner = np.take(site, np.arange(shape[axis] - 1), axis)
            a, b = inner.ravel(), np.take(ahead, np.arange(shape[axis] - 1), axis).ravel()
        np.add.at(laplacian, (a, a), 1.0)
        np.add.at(laplacian, (b, b), 1.0)
        np.add.at(laplacian, (a, b), -1.0)
        np.add.at(laplacian, (b, a), -1.0)
    dtype = _dtype(mass, coupling)
    m, c = jnp.asarray(mass, dtype), jnp.asarray(coupling, dtype)
    potential = _potential(m, c, jnp.asarray(laplacian, dtype))
    return BosonicHamiltonian.from_potential(potential)


@jax.jit
def _potential(m: Array, c: Array, laplacian: Array) -> Array:
    return m * m * jnp.eye(laplacian.shape[0], dtype=laplacian.dtype) + c * laplacian


@partial(jax.jit, static_argnums=0)
def _xy(n: int, g: Array, h: Array) -> Array:
    # The block B of A from even to odd Majoranas: Z_i = -i c_2i c_2i+1, X_i X_i+1 = -i c_2i+1 c_2i+2 and
    # Y_i Y_i+1 = i c_2i c_2i+3.
    i = np.arange(g.shape[0])
    j = (i + 1) % n
    sign = jnp.asarray(np.where(i + 1 < n, 1.0, -1.0), g.dtype)
    block = jnp.zeros((n, n), g.dtype).at[np.arange(n), np.arange(n)].set(2.0 * h)
    block = block.at[j, i].add(-sign * (1.0 + g)).at[i, j].add(-sign * (1.0 - g))
    matrix = jnp.zeros((n, 2, n, 2), g.dtype).at[:, 0, :, 1].set(block).at[:, 1, :, 0].set(-block.T)
    return matrix.reshape(2 * n, 2 * n)


def _bonds(n_sites: int, boundary: str) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    n = checked_modes(n_sites)
    if boundary not in ("open", "periodic", "antiperiodic"):
        raise ValueError(f"boundary must be 'open', 'periodic' or 'antiperiodic', not {boundary!r}")
    if boundary != "open" and n < 3:
        raise ValueError(f"a ring of fermions needs at least 3 sites, not {n}; use boundary='open'")
    i = np.arange(n - 1 if boundary == "open" else n)
    last = -1.0 if boundary == "antiperiodic" else 1.0
    return n, i, (i + 1) % n, np.where(i + 1 < n, 1.0, last)


def _dtype(*values: ArrayLike) -> jnp.dtype:
    """float32 if the arrays among the couplings are; float64 if there are none and x64 is on."""
    kinds = {
        v.dtype for v in values if isinstance(v, Array | np.ndarray) and jnp.issubdtype(v.dtype, jnp.floating)
    }
    if len(kinds) > 1:
        raise TypeError(
            f"couplings of mixed precision ({', '.join(sorted(map(str, kinds)))}): convert them to one"
        )
    return kinds.pop() if kinds else jnp.zeros(()).dtype


def _per_site(value: ArrayLike, count: int, dtype: jnp.dtype, name: str) -> Array:
    array = jnp.asarray(value, dtype)
    if array.ndim > 1 or (array.ndim == 1 and array.shape[0] != count):
        raise ValueError(f"the {name} is one number or an array of {count}, not of shape {array.shape}")
    return jnp.broadcast_to(array, (count,))
