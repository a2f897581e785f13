r"""Time evolution by the time-dependent variational principle, in real and imaginary time.

The state moves in the tangent space of the matrix product states, integrated by splitting the projector (Haegeman et
al., PRB 94, 165116 (2016)): each tensor goes forwards with its effective Hamiltonian, what it has in common with the
next goes backwards. Any Hamiltonian that is a matrix product operator will do, of any range. One-site sweeps keep the
bond dimension and conserve norm and energy; two-site sweeps choose the space of the bond anew, at a truncation.

A step is a sweep there and back, each over half of the step: of second order in time. Sites at the ends whose full
space fits the bond dimension need no projection (`circuits.mps.chain`).
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from circuits.description import parameter_dtype
from circuits.local import LocalHamiltonian
from circuits.mps import lanczos
from circuits.mps.chain import Chain, Problem, Surroundings, assemble, disassemble, is_uniform, reflect
from circuits.mps.dtypes import complex_dtype
from circuits.mps.environments import grow_left, half_one_site, one_site, two_site, zero_site
from circuits.mps.evolved import Evolved
from circuits.mps.mpo import MPO
from circuits.mps.sizes import bond_dimensions
from circuits.mps.state import MPS
from circuits.paulis import PauliSum
from circuits.threads import few_blas_threads


def evolve_tdvp(
    state: MPS,
    hamiltonian: PauliSum | LocalHamiltonian | MPO,
    time_step: float,
    n_steps: int,
    *,
    bond_dimension: int = 64,
    sites: int = 2,
    imaginary: bool = False,
    krylov_steps: int = 12,
    dtype: Any = None,
) -> Evolved:
    r"""``exp(-i H t) psi``, or ``exp(-H t) psi`` normalised, with ``t = time_step * n_steps``.

    Args:
        state: where to start, real or complex.
        hamiltonian: a Pauli sum, a `LocalHamiltonian` or a Hermitian `MPO`, of any range.
        time_step: the step of a sweep there and back; negative goes back.
        n_steps: number of steps.
        bond_dimension: bond dimension D of the result. A narrower state is widened: by the two-site steps, or in the
            first one-site sweep by directions in which H drives it.
        sites: 2 or 1.
        imaginary: imaginary time.
        krylov_steps: applications of the effective Hamiltonian per exponential; the result says the error that is left.
        dtype: float64 or float32, the precision; float64 unless given.

    Raises:
        ValueError: if the chains differ, H is not Hermitian, ``sites`` is not 1 or 2, or a number is less than one.
    """
    if sites not in (1, 2):
        raise ValueError(f"TDVP moves 1 or 2 sites at a time; got {sites}")
    if n_steps < 1 or krylov_steps < 2:
        raise ValueError(f"n_steps must be at least 1 and krylov_steps 2; got {n_steps} and {krylov_steps}")
    operator = MPO.from_hamiltonian(hamiltonian)
    if tuple(state.local_dimensions) != operator.local_dimensions or operator.n_sites < 2:
        raise ValueError(
            f"the Hamiltonian acts on sites of dimensions {operator.local_dimensions}, the state on "
            f"{tuple(state.local_dimensions)}; both must agree, on at least two sites"
        )
    deviation = operator.hermitian_deviation()
    if deviation > 1e-8:
        raise ValueError(f"the operator is not Hermitian: |H - H^dagger| / |H| = {deviation:.3g}")
    real = parameter_dtype(dtype)
    is_real = imaginary and operator.is_real and not jnp.issubdtype(state.dtype, jnp.complexfloating)
    kind = real if is_real else complex_dtype(real)
    dims = operator.local_dimensions
    bond = min(bond_dimension, max(bond_dimensions(dims, bond_dimension)))
    start = state.compress(bond) if state.bond_dimension > bond else state
    start = start.canonical(0).normalised()
    problem = assemble([np.asarray(t).astype(kind) for t in start.tensors], operator, bond, kind)
    width = problem.directions[0].shape[1]
    used = start.bond_dimension
    random = np.random.default_rng(0).normal(size=(width, bond, bond)) / np.sqrt(width * bond)
    random[:, :, :used] = 0.0
    factor = -0.5 * time_step if imaginary else -0.5j * time_step
    with few_blas_threads(dims[0] * bond):
        moved = _evolve(
            problem,
            jnp.asarray(random, kind),
            jnp.asarray(factor, kind),
            n_steps,
            pairs=sites == 2,
            steps=krylov_steps,
        )
        chain, discarded, log_norm, error = jax.block_until_ready(moved)
    out = MPS([jnp.asarray(t) for t in disassemble(chain)]).normalised()
    lost = float(log_norm) if imaginary else 0.0
    return Evolved(out, time_step * n_steps, float(discarded), lost, float(error))


def _pair_step(factor: Array, steps: int, carry: Any, site: Any) -> Any:
    """Forward in two sites, split, backward in the second of them (``back`` is 0 for the last pair)."""
    left, centre, log_norm = carry
    neighbour, first, second, right, after, back = site
    rows, d, bond = centre.shape
    theta = jnp.einsum("asb,btc->astc", centre, neighbour)
    apply = functools.partial(two_site, left, first, second, right)
    theta, error = lanczos.exponential(apply, theta, factor, steps)
    u, s, v = jnp.linalg.svd(theta.reshape(rows * d, -1), full_matrices=False)
    total = jnp.sum(s**2)
    discarded = jnp.sum(s[bond:] ** 2) / total
    kept = u[:, :bond].reshape(rows, d, bond)
    values = s[:bond] / jnp.linalg.norm(s[:bond])
    log_norm = log_norm + 0.5 * jnp.log(total)
    centre = (values.astype(v.dtype)[:, None] * v[:bond]).reshape(bond, d, -1)
    left = grow_left(left, kept, first)
    centre, error_back = lanczos.exponential(
        functools.partial(one_site, left, second, after), centre, -factor * back, steps
    )
    return (left, centre, log_norm), (kept, left, discarded, jnp.maximum(error, error_back))


def _single_step(factor: Array, steps: int, expand: Array, carry: Any, site: Any) -> Any:
    """Forward in one site, split, backward in the bond; also returns the site before the split."""
    left, centre, log_norm = carry
    neighbour, operator, right = site
    rows, d, bond = centre.shape
    centre, error = _forward(factor, steps, left, operator, right, centre)
    size = jnp.linalg.norm(centre)
    log_norm = log_norm + jnp.log(size)
    centre = centre / size.astype(centre.dtype)
    theta = centre.reshape(rows * d, bond)
    x = half_one_site(left, operator, centre).reshape(rows * d, -1)
    kept, _ = jnp.linalg.qr(theta + x @ expand[:, : centre.shape[2]].reshape(-1, bond))
    rest = kept.conj().T @ theta
    kept = kept.reshape(rows, d, bond)
    left = grow_left(left, kept, operator)
    rest, error_back = lanczos.exponential(functools.partial(zero_site, left, right), rest, -factor, steps)
    after = jnp.einsum("ab,bsc->asc", rest, neighbour)
    zero = jnp.zeros((), size.dtype)
    return (left, after, log_norm), (kept, left, zero, jnp.maximum(error, error_back), centre)


def _forward(factor: Array, steps: int, left: Array, operator: Array, right: Array, centre: Array) -> Any:
    return lanczos.exponential(functools.partial(one_site, left, operator, right), centre, factor, steps)


def _half_pairs(chain: Chain, around: Surroundings, ws: Array, factor: Array, steps: int) -> Any:
    a = ws.shape[0]
    step = functools.partial(_pair_step, factor, steps)
    zero = jnp.zeros((), chain.centre.real.dtype)
    sites = (
        chain.bulk,
        ws[: a - 2],
        ws[1 : a - 1],
        around.rights[1:],
        around.rights[1:],
        jnp.ones(a - 2, factor.dtype),
    )
    last = (chain.last, ws[a - 2], ws[a - 1], around.end, around.end, jnp.zeros((), factor.dtype))
    carry = (around.left, chain.centre, zero)
    if is_uniform(chain):
        everything = jax.tree.map(lambda x, y: jnp.concatenate([x, y[None]]), sites, last)
        (_, centre, log_norm), (kept, lefts, cut, errors) = lax.scan(step, carry, everything)
        firsts, others = kept[0], kept[1:]
    else:
        outs = []
        if a > 2:
            carry, out = step(carry, jax.tree.map(lambda x: x[0], sites))
            outs.append(jax.tree.map(lambda x: x[None], out))
            carry, out = lax.scan(step, carry, jax.tree.map(lambda x: x[1:], sites))
            outs.append(out)
        (_, centre, log_norm), out = step(carry, last)
        outs.append(jax.tree.map(lambda x: x[None], out))
        firsts = outs[0][0][0]
        others = jnp.concatenate([out[0] for out in outs[1:]]) if a > 2 else chain.bulk
        lefts, cut, errors = (jnp.concatenate([out[i] for out in outs]) for i in (1, 2, 3))
    turned, turned_around = reflect(lefts, firsts, others, centre, around)
    return turned, turned_around, jnp.sum(cut), log_norm, jnp.max(errors)


def _half_singles(
    chain: Chain, around: Surroundings, ws: Array, factor: Array, steps: int, expand: Array
) -> Any:
    a = ws.shape[0]
    step = functools.partial(_single_step, factor, steps, expand)
    zero = jnp.zeros((), chain.centre.real.dtype)
    carry = (around.left, chain.centre, zero)
    if is_uniform(chain):
        neighbours = jnp.concatenate(
            [chain.bulk, chain.last[None], chain.last[None]]
        )  # the last one is not used
        rights = jnp.concatenate([around.rights, around.end[None]])
        (_, _, log_norm), (kept, lefts, _, errors, centres) = lax.scan(step, carry, (neighbours, ws, rights))
        firsts, others, lefts, centre = kept[0], kept[1:-1], lefts[:-1], centres[-1]
    else:
        outs = []
        neighbours = (*((chain.bulk[0],) if a > 2 else ()), chain.last)
        carry, out = step(carry, (neighbours[0], ws[0], around.rights[0]))
        outs.append(jax.tree.map(lambda x: x[None], out[:4]))
        firsts = out[0]
        if a > 2:
            sites = (chain.bulk[1:], ws[1 : a - 2], around.rights[1 : a - 2])
            carry, out = lax.scan(step, carry, sites)
            outs.append(out[:4])
            carry, out = step(carry, (chain.last, ws[a - 2], around.rights[a - 2]))
            outs.append(jax.tree.map(lambda x: x[None], out[:4]))
        left, centre, log_norm = carry
        centre, error = _forward(factor, steps, left, ws[a - 1], around.end, centre)
        size = jnp.linalg.norm(centre)
        centre, log_norm = centre / size.astype(centre.dtype), log_norm + jnp.log(size)
        others = jnp.concatenate([out[0] for out in outs[1:]]) if a > 2 else chain.bulk
        lefts, errors = (jnp.concatenate([out[i] for out in outs]) for i in (1, 3))
        errors = jnp.append(errors, error)
    turned, turned_around = reflect(lefts, firsts, others, centre, around)
    return turned, turned_around, zero, log_norm, jnp.max(errors)


@functools.partial(jax.jit, static_argnames=("pairs", "steps"))
def _evolve(
    problem: Problem, expand: Array, factor: Array, n_steps: Array, *, pairs: bool, steps: int
) -> tuple[Chain, Array, Array, Array]:
    both = jnp.stack(problem.directions)

    def half(j: Array, carry: Any) -> Any:
        chain, around, discarded, log_norm, error = carry
        ws = both[j % 2]
        if pairs:
            out = _half_pairs(chain, around, ws, factor, steps)
        else:
            widen = jnp.where(j == 0, expand, jnp.zeros_like(expand))
            out = _half_singles(chain, around, ws, factor, steps, widen)
        chain, around, cut, grown, off = out
        return chain, around, discarded + cut, log_norm + grown, jnp.maximum(error, off)

    zero = jnp.zeros((), problem.chain.centre.real.dtype)
    start = (problem.chain, problem.around, zero, zero, zero)
    chain, _, discarded, log_norm, error = lax.fori_loop(0, 2 * n_steps, half, start)
    return chain, discarded, log_norm, error
