r"""One half sweep of DMRG, jitted: along all active sites of a `Chain`, one site or two at a time.

At each step the centre (one site, or the product with its neighbour) becomes the lowest eigenvector of the effective
Hamiltonian in a small Krylov space, and is split ``A C`` into a left canonical tensor and the next centre.

*Two-site* steps keep the dominant eigenvectors of the density matrix::

    rho = theta theta' + mixing X X' / |X|^2,      X = (environment and operator, applied to theta) as (a s, w t c)

The second term (White, PRB 72, 180403 (2005)) brings in directions that the state lacks, and so helps out of local
minima. Only the *space* of the kept states comes from ``rho``; the new centre is ``A' theta``, so that forming
``theta theta'`` costs no digits: what falls below its resolution has a weight below the machine precision.

*One-site* steps split by QR, and cut nothing off. Where the bond is to grow, the columns that the state does not use
are filled with a random image of ``X`` before the QR: subspace expansion (Hubig et al., PRB 91, 155115 (2015)) with
the state kept exactly.

A half sweep ends with the chain read from right to left, so that the next one, the same compiled function, goes back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from circuits.mps import lanczos
from circuits.mps.chain import Chain, Surroundings, is_uniform, reflect
from circuits.mps.environments import (
    grow_left,
    half_one_site,
    half_two_site,
    one_site,
    two_site,
)


class Sweep(NamedTuple):
    """What a half sweep saw: per step the energy, the residual before the update, and the weight cut off."""

    energies: Float[Array, " steps"]
    gradients: Float[Array, " steps"]
    discarded: Float[Array, " steps"]


class Lower(NamedTuple):
    """States to stay orthogonal to, in the sites of a `Chain`: p of them, of bond dimension F."""

    tensors: Array  # (a, p, F, d, F)
    left: Array  # (p, d^k, F): the first sites, in the full space of the block
    rights: Array  # (a - 1, p, D, F): overlaps of what lies to the right of the sites 0 .. a-2
    end: Array  # (p, d^k, F)


def project_out(vectors: Array) -> Callable[[Array], Array]:
    """The projector on the complement of p vectors (p, ...), which may be dependent or zero."""
    flat = vectors.reshape(vectors.shape[0], -1)
    gram = flat.conj() @ flat.T
    values, u = jnp.linalg.eigh(gram)
    floor = 1e-13 * jnp.max(values) + jnp.finfo(values.dtype).tiny
    weights = jnp.where(values > floor, 1.0 / jnp.sqrt(jnp.where(values > floor, values, 1.0)), 0.0)
    basis = (weights[:, None].astype(flat.dtype) * u.T) @ flat

    def apply(x: Array) -> Array:
        y = x.ravel()
        y = y - (basis.conj() @ y) @ basis
        return (y - (basis.conj() @ y) @ basis).reshape(x.shape)

    return apply


def _lower_vectors(left: Array, first: Array, second: Array | None, right: Array) -> Array:
    x = jnp.einsum("paf,pfsg->pasg", left, first)
    if second is None:
        return jnp.einsum("pasg,pcg->pasc", x, right)
    x = jnp.einsum("pasg,pgth->pasth", x, second)
    return jnp.einsum("pasth,pch->pastc", x, right)


def _grow_lower(left: Array, kept: Array, tensor: Array) -> Array:
    return jnp.einsum("asb,pasg->pbg", kept.conj(), jnp.einsum("paf,pfsg->pasg", left, tensor))


def _step(pairs: bool, steps: int, expand: Array, carry: Any, site: Any) -> Any:
    left, centre, lower_left = carry
    neighbour, first, second, right, lower = site
    rows, d, bond = centre.shape
    if pairs:
        start = jnp.einsum("asb,btc->astc", centre, neighbour)
        apply = functools.partial(two_site, left, first, second, right)
    else:
        start, apply = centre, functools.partial(one_site, left, first, right)
    if lower is None:
        found = lanczos.lowest(apply, start, steps)
    else:
        phi, phi_next, lower_right = lower
        project = project_out(_lower_vectors(lower_left, phi, phi_next if pairs else None, lower_right))
        found = lanczos.lowest(lambda x: project(apply(x)), project(start), steps)
    theta = found.vector.reshape(rows * d, -1)
    if pairs:
        x = half_two_site(left, first, found.vector).reshape(rows * d, -1)
        weight = (expand / jnp.sum(jnp.abs(x) ** 2)).astype(x.dtype)
        rho = theta @ theta.conj().T + weight * (x @ x.conj().T)
        _, vectors = jnp.linalg.eigh(lanczos.hermitian(rho))
        kept = vectors[:, -bond:]
        rest = kept.conj().T @ theta
        discarded = jnp.sum(jnp.abs(theta - kept @ rest) ** 2)
        rest = rest / jnp.linalg.norm(rest).astype(rest.dtype)
    else:
        x = half_one_site(left, first, found.vector).reshape(rows * d, -1)
        kept, _ = jnp.linalg.qr(theta + x @ expand[:, : centre.shape[2]].reshape(-1, bond))
        rest = kept.conj().T @ theta
        discarded = jnp.zeros((), found.energy.dtype)
    kept = kept.reshape(rows, d, bond)
    centre = rest.reshape(bond, d, -1) if pairs else jnp.einsum("ab,bsc->asc", rest, neighbour)
    left = grow_left(left, kept, first)
    if lower is not None:
        lower_left = _grow_lower(lower_left, kept, lower[0])
    report = Sweep(found.energy, found.gradient, discarded)
    return (left, centre, lower_left), (kept, left, lower_left, report)


@functools.partial(jax.jit, static_argnames=("pairs", "steps"))
def half_sweep(
    chain: Chain,
    around: Surroundings,
    ws: Array,
    expand: Array,
    lower: Lower | None = None,
    *,
    pairs: bool,
    steps: int,
) -> tuple[Chain, Surroundings, Lower | None, Sweep]:
    """Optimise the active sites from left to right; the result is read from right to left (see the module's head).

    Args:
        chain: the state, centre at its first active site.
        around: its environments.
        ws: operators of the active sites in this direction, ``(a, w, d, d, w)``.
        expand: two-site: the weight ``mixing``, a scalar. One-site: ``(w, D, D)``, the random map from the legs (w,
            c) of ``X`` to the columns that are to be filled; zero in the others, and zero where nothing is to grow.
        lower: states to stay orthogonal to.
        pairs: two-site (grows the bond's space) or one-site steps.
        steps: Krylov steps, i.e. applications of the effective Hamiltonian, per site.
    """
    step = functools.partial(_step, pairs, steps, expand)
    a = ws.shape[0]
    if pairs:
        rights = around.rights[1:]  # of the sites 1 .. a-2; the last pair ends at the block
    else:
        rights = around.rights[:-1]
    lower_left, lower_sites, lower_last = None, None, None
    if lower is not None:
        lower_left = lower.left
        lower_rights = lower.rights[1:] if pairs else lower.rights[:-1]
        lower_sites = (lower.tensors[: a - 2], lower.tensors[1 : a - 1], lower_rights)
        lower_last = (lower.tensors[a - 2], lower.tensors[a - 1], lower.end if pairs else lower.rights[-1])
    sites = (chain.bulk, ws[: a - 2], ws[1 : a - 1], rights, lower_sites)
    last = (chain.last, ws[a - 2], ws[a - 1], around.end if pairs else around.rights[-1], lower_last)
    carry = (around.left, chain.centre, lower_left)
    if is_uniform(chain):
        everything = jax.tree.map(lambda x, y: jnp.concatenate([x, y[None]]), sites, last)
        carry, out = lax.scan(step, carry, everything)
        kept, lefts, lower_lefts, report = out
        firsts, others = kept[0], kept[1:]
    elif a == 2:
        carry, out = step(carry, last)
        firsts, others = out[0], chain.bulk
        lefts, lower_lefts, report = jax.tree.map(lambda x: x[None], out[1:])
    else:
        carry, begin = step(carry, jax.tree.map(lambda x: x[0], sites))
        carry, middle = lax.scan(step, carry, jax.tree.map(lambda x: x[1:], sites))
        carry, final = step(carry, last)
        firsts, others = begin[0], jnp.concatenate([middle[0], final[0][None]])
        lefts, lower_lefts, report = jax.tree.map(
            lambda x, y, z: jnp.concatenate([x[None], y, z[None]]), begin[1:], middle[1:], final[1:]
        )
    turned, turned_around = reflect(lefts, firsts, others, carry[1], around)
    if lower is not None:
        mirrored = jnp.flip(lower.tensors, 0).swapaxes(2, 4)
        lower = Lower(mirrored, lower.end, jnp.flip(lower_lefts, 0), lower.left)
    return turned, turned_around, lower, report


@jax.jit
def variance(chain: Chain, around: Surroundings, ws: Array) -> Float[Array, ""]:
    r"""``<H^2> - <H>^2`` restricted to changes of at most two neighbouring sites (Hubig et al., PRB 97, 045125 (2018)).

    The norm of ``(H - E) psi`` in the space spanned by changing one tensor, or two neighbours, of the state: exact if
    no term of H reaches beyond nearest neighbours, else a lower bound. No difference of large numbers is formed.
    """
    a = ws.shape[0]

    def outside(kept: Array, x: Array) -> Array:
        return x - kept @ (kept.conj().T @ x)

    def step(carry: Any, site: Any) -> Any:
        left, centre = carry
        neighbour, first, second, here, right = site
        rows, d, bond = centre.shape
        kept, rest = jnp.linalg.qr(centre.reshape(rows * d, bond))
        single = one_site(left, first, here, centre).reshape(rows * d, bond)
        theta = jnp.einsum("asb,btc->astc", centre, neighbour)
        both = two_site(left, first, second, right, theta).reshape(rows * d, -1)
        both = outside(kept, both)
        basis = neighbour.reshape(bond, -1).T
        both = both - (both @ basis.conj()) @ basis.T
        weight = jnp.sum(jnp.abs(outside(kept, single)) ** 2) + jnp.sum(jnp.abs(both) ** 2)
        kept = kept.reshape(rows, d, bond)
        return (grow_left(left, kept, first), jnp.einsum("ab,bsc->asc", rest, neighbour)), weight

    sites = (chain.bulk, ws[: a - 2], ws[1 : a - 1], around.rights[:-1], around.rights[1:])
    last = (chain.last, ws[a - 2], ws[a - 1], around.rights[-1], around.end)
    carry = (around.left, chain.centre)
    if is_uniform(chain):
        everything = jax.tree.map(lambda x, y: jnp.concatenate([x, y[None]]), sites, last)
        carry, weights = lax.scan(step, carry, everything)
        total = jnp.sum(weights)
    else:
        total = jnp.zeros((), chain.centre.real.dtype)
        if a > 2:
            carry, total = step(carry, jax.tree.map(lambda x: x[0], sites))
            carry, weights = lax.scan(step, carry, jax.tree.map(lambda x: x[1:], sites))
            total = total + jnp.sum(weights)
        carry, weight = step(carry, last)
        total = total + weight
    left, centre = carry
    image = one_site(left, ws[a - 1], around.end, centre)
    energy = jnp.sum(centre.conj() * image)
    return total + jnp.sum(jnp.abs(image - energy * centre) ** 2)
