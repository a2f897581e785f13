r"""Ground states of infinite chains: the variational uniform matrix product state algorithm (VUMPS).

For ``H = sum_i h_{i,i+1}`` the state ``... AL AL AC AR AR ...`` is stationary when ``AC`` and ``C`` are lowest
eigenvectors of their effective Hamiltonians and ``AC = AL C = C AR`` (Zauner-Stauber et al., PRB 97, 045145 (2018)).
One iteration sums the energy of the two half chains by a linear solve, finds ``AC`` and ``C`` by Lanczos, and takes
``AL`` and ``AR`` from their polar decompositions. The whole iteration to convergence is one compiled loop.

The cell is one site. A state that needs two, as that of the Heisenberg antiferromagnet, becomes uniform by a rotation
of every second site (``rotation``).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.sparse.linalg import bicgstab
from jaxtyping import Array

from circuits.description import parameter_dtype
from circuits.local import LocalHamiltonian
from circuits.mps import lanczos
from circuits.mps.dtypes import complex_dtype
from circuits.mps.linalg import polar
from circuits.mps.neighbours import bond_terms
from circuits.mps.sizes import check_positive
from circuits.mps.uniform import UniformMPS
from circuits.paulis import PauliSum
from circuits.threads import few_blas_threads

_KRYLOV = 20  # Lanczos steps between restarts
_RESTARTS = (
    40  # critical chains never settle unless the near-degenerate lowest vectors are resolved each time
)
_LINEAR = 200


@dataclasses.dataclass(frozen=True)
class UniformGroundState:
    """A ground state of an infinite chain; unpacks as ``psi, energy = ...``.

    Attributes:
        state: the `UniformMPS`; with a rotation, in the rotated frame.
        energy: the energy per site.
        converged: whether the residual fell below the tolerance.
        residual: ``max(|AC - AL C|, |AC - C AR|)``, the norm of the energy's gradient; the error of the energy within
            the bond dimension is of the order of its square.
        iterations: number of iterations.
    """

    state: UniformMPS
    energy: float
    converged: bool
    residual: float
    iterations: int

    def __iter__(self) -> Iterator[Any]:
        return iter((self.state, self.energy))


def uniform_ground_state(
    hamiltonian: PauliSum | LocalHamiltonian | Any,
    bond_dimension: int = 32,
    *,
    rotation: Any | None = None,
    tolerance: float | None = None,
    max_iterations: int = 1000,
    key: jax.Array | None = None,
    dtype: Any = None,
) -> UniformGroundState:
    r"""The ground state of an infinite chain, ``psi, energy_per_site = uniform_ground_state(h)``.

    Args:
        hamiltonian: the two-site term h, Hermitian ``(d^2, d^2)``; or a chain of four sites or more with
            nearest-neighbour terms, e.g. ``circuits.hamiltonians.ising(8)``, whose bulk is repeated (terms on one
            site are shared by their two bonds).
        bond_dimension: the bond dimension D.
        rotation: a unitary U ``(d, d)`` for every second site: the chain with the term ``(1 x U') h (1 x U)`` is
            solved, which must be equal to ``(U' x 1) h (U x 1)``. For an antiferromagnet of spins 1/2 take ``Y``.
        tolerance: of the residual; 1e-9 in double and 1e-4 in single precision unless given.
        max_iterations: after which the best so far is returned, with a warning.
        key: random key of the start.
        dtype: float64 or float32, the precision; complex where h is.

    Raises:
        ValueError: if h is not Hermitian or not uniform, a term reaches further, the rotation does not make the chain
            uniform, or a number is less than one.

    Example:
        >>> import jax, circuits
        >>> jax.config.update("jax_enable_x64", True)
        >>> from circuits.mps.vumps import uniform_ground_state
        >>> psi, energy = uniform_ground_state(circuits.hamiltonians.ising(4, field=2.0), bond_dimension=8)
        >>> round(energy, 6)
        -2.127089
    """
    check_positive(bond_dimension=bond_dimension, max_iterations=max_iterations)
    h = _rotated(_two_site_term(hamiltonian), rotation)
    real = parameter_dtype(dtype)
    kind = real if np.isrealobj(h) else complex_dtype(real)
    tolerance = (1e-9 if real == jnp.float64 else 1e-4) if tolerance is None else tolerance
    d, bond = round(h.shape[0] ** 0.5), bond_dimension
    random = np.random.default_rng(
        np.asarray(jax.random.key_data(jax.random.key(0) if key is None else key)).ravel()
    )
    start = (
        random.normal(size=(bond * d, bond)),
        random.normal(size=(bond * d, bond)),
        random.normal(size=(bond, bond)),
    )
    al = np.linalg.qr(start[0])[0].reshape(bond, d, bond)
    ar = np.linalg.qr(start[1])[0].T.reshape(bond, d, bond)
    c = start[2] / np.linalg.norm(start[2])
    arrays = (jnp.asarray(x.astype(kind)) for x in (al, ar, c))
    shift = float(np.linalg.eigvalsh(h)[0])  # energies near zero lose fewer digits
    term = jnp.asarray((h - shift * np.eye(d * d)).astype(kind))
    limit = jnp.asarray(tolerance, real)
    with few_blas_threads(d * bond):
        solved = _solve(*arrays, term, limit, jnp.asarray(max_iterations, jnp.int32))
        al, ar, c, energy, residual, count = jax.block_until_ready(solved)
    converged = bool(residual <= tolerance)
    if not converged:
        warnings.warn(
            f"VUMPS has not converged in {max_iterations} iterations: residual {float(residual):.3g}; the last "
            "state is returned, raise max_iterations or tolerance",
            stacklevel=2,
        )
    state = UniformMPS(al, ar, c)
    return UniformGroundState(state, float(energy) + shift, converged, float(residual), int(count))


def _two_site_term(hamiltonian: Any) -> np.ndarray:
    if isinstance(hamiltonian, (PauliSum, LocalHamiltonian)):
        terms = bond_terms(hamiltonian)
        if len(terms) < 3:
            raise ValueError(
                f"the bulk of a chain is seen from 4 sites on; got {len(terms) + 1} sites, or pass the two-site term"
            )
        bulk = terms[1:-1]
        spread = float(np.abs(bulk - bulk[0]).max())
        if spread > 1e-10 * max(1.0, float(np.abs(bulk).max())):
            raise ValueError(
                f"the chain is not uniform: its bonds differ by {spread:.3g}; pass one two-site term"
            )
        return bulk[0]
    h = np.asarray(hamiltonian)
    d = round(h.shape[0] ** 0.5) if h.ndim == 2 else 0
    if h.ndim != 2 or h.shape != (d * d, d * d) or d < 2:
        raise ValueError(f"a two-site term is a matrix of shape (d^2, d^2); got {h.shape}")
    return LocalHamiltonian(2, d, [((0, 1), h)]).terms[0][1]  # checks that it is Hermitian


def _rotated(h: np.ndarray, rotation: Any | None) -> np.ndarray:
    if rotation is None:
        return h
    u = np.asarray(rotation)
    d = round(h.shape[0] ** 0.5)
    if u.shape != (d, d) or np.abs(u.conj().T @ u - np.eye(d)).max() > 1e-10:
        raise ValueError(f"the rotation must be a unitary matrix of shape {(d, d)}; got shape {u.shape}")
    second, first = np.kron(np.eye(d), u), np.kron(u, np.eye(d))
    out, other = second.conj().T @ h @ second, first.conj().T @ h @ first
    deviation = float(np.abs(out - other).max())
    if deviation > 1e-10 * max(1.0, float(np.abs(h).max())):
        raise ValueError(
            f"the rotation does not make the chain uniform: its odd and even bonds differ by {deviation:.3g}"
        )
    return out.real.copy() if np.abs(out.imag).max() < 1e-14 else out


# On the device. Environments of a half chain have the legs (bra, ket).


def _left_sum(al: Array, density: Array, h: Array, guess: Array, tolerance: Array) -> tuple[Array, Array]:
    """The energy of the left half chain: ``x (1 - T + |density)(1|) = h_L - e``, and the energy e per site."""
    bond, d, _ = al.shape
    pair = jnp.einsum("asb,btc->astc", al, al)
    image = jnp.einsum("ijst,astc->aijc", h.reshape(d, d, d, d), pair)
    local = jnp.einsum("astc,astd->cd", pair.conj(), image)
    one = jnp.eye(bond, dtype=al.dtype)
    energy = jnp.sum(local * density.T)

    def apply(x: Array) -> Array:
        moved = jnp.einsum("asc,asd->cd", al.conj(), jnp.einsum("ab,bsd->asd", x, al))
        return x - moved + jnp.sum(x * density.T) * one

    return _solve_linear(apply, local - energy * one, guess, tolerance), energy.real


def _solve_linear(apply: Any, target: Array, guess: Array, tolerance: Array) -> Array:
    found, _ = bicgstab(
        apply, target, guess, tol=cast(float, tolerance), atol=cast(float, tolerance), maxiter=_LINEAR
    )
    return lanczos.hermitian(found)


def _mirrored(t: Array) -> Array:
    return t.transpose(2, 1, 0)


def _iterate(carry: Any, h: Array) -> Any:
    al, ar, c, left, right, _, residual, count = carry
    bond, d, _ = al.shape
    tensor = h.reshape(d, d, d, d)
    swapped = tensor.transpose(1, 0, 3, 2)
    eps = jnp.finfo(residual.dtype).eps
    tolerance = jnp.maximum(1e-2 * jnp.minimum(residual, 1e-2), 100.0 * eps)
    left, energy = _left_sum(al, c @ c.conj().T, h, left, tolerance)
    right, _ = _left_sum(_mirrored(ar), (c.conj().T @ c).T, swapped.reshape(h.shape), right, tolerance)
    # h on one site of the half chain and the centre, as a matrix on (bond, site)
    from_left = _edge(al, tensor) + jnp.einsum("ab,st->asbt", left, jnp.eye(d, dtype=al.dtype))
    from_right = _edge(_mirrored(ar), swapped) + jnp.einsum("ab,st->asbt", right, jnp.eye(d, dtype=al.dtype))

    def on_centre(x: Array) -> Array:
        return jnp.einsum("asbt,btc->asc", from_left, x) + jnp.einsum("csdt,atd->asc", from_right, x)

    def on_bond(x: Array) -> Array:
        theta = jnp.einsum("asd,dtc->astc", jnp.einsum("asb,bd->asd", al, x), ar)
        theta = jnp.einsum("ijst,astc->aijc", tensor, theta)
        return left @ x + x @ right.T + _inner(al, ar, theta)

    start = jnp.einsum("asb,bc->asc", al, c)
    ac = lanczos.lowest_to(on_centre, start, _KRYLOV, tolerance, _RESTARTS).vector
    c = lanczos.lowest_to(on_bond, c, _KRYLOV, tolerance, _RESTARTS).vector
    al = (polar(ac.reshape(bond * d, bond)) @ polar(c).conj().T).reshape(bond, d, bond)
    ar = (polar(c).conj().T @ polar(ac.reshape(bond, d * bond))).reshape(bond, d, bond)
    off_left = jnp.linalg.norm(ac - jnp.einsum("asb,bc->asc", al, c))
    off_right = jnp.linalg.norm(ac - jnp.einsum("ab,bsc->asc", c, ar))
    return al, ar, c, left, right, energy, jnp.maximum(off_left, off_right), count + 1


def _inner(al: Array, ar: Array, theta: Array) -> Array:
    return jnp.einsum("csa,csb->ab", al.conj(), jnp.einsum("cstd,btd->csb", theta, ar.conj()))


def _edge(al: Array, tensor: Array) -> Array:
    half = jnp.einsum("tsuv,cub->ctsbv", tensor, al)
    return jnp.einsum("cta,ctsbv->asbv", al.conj(), half)


@jax.jit
def _solve(al: Array, ar: Array, c: Array, h: Array, tolerance: Array, most: Array) -> Any:
    zero = jnp.zeros_like(c)
    one = jnp.ones((), tolerance.dtype)
    start = (al, ar, c, zero, zero, 0.0 * one, one, jnp.zeros((), jnp.int32))

    def going(carry: Any) -> Array:
        return (carry[-2] > tolerance) & (carry[-1] < most)

    al, ar, c, _, _, _, residual, count = lax.while_loop(going, lambda carry: _iterate(carry, h), start)
    u, s, v = jnp.linalg.svd(c)
    al = jnp.einsum("ab,bsc,cd->asd", u.conj().T, al, u)
    ar = jnp.einsum("ab,bsc,cd->asd", v, ar, v.conj().T)
    c = jnp.diag(s / jnp.linalg.norm(s)).astype(al.dtype)
    d = al.shape[1]
    theta = jnp.einsum("asb,bc,ctd->astd", al, c, ar)
    image = jnp.einsum("ijst,astc->aijc", h.reshape(d, d, d, d), theta)
    energy = jnp.sum(theta.conj() * image).real / jnp.sum(jnp.abs(theta) ** 2)
    return al, ar, c, energy, residual, count
