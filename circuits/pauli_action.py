r"""The action of a Pauli sum on a state vector, in JAX (see `circuits.paulis` for the formula).

A flip ``psi[a ^ x]`` is a reversal of the axes on which the bits of ``x`` lie, and the diagonal that goes
with it is a short sum of products of a vector over the high bits of ``a`` and one over the low bits. Nothing of
size ``2^n`` is stored in the compiled program, and XLA fuses the sum over flips into few passes over the state.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

_MAX_UNROLLED_FLIPS = 96  # above, the flips go through a scan: program size and compile time stay bounded
_MAX_UNROLLED_TERMS = 256  # of those that flip; diagonal terms do not lengthen the program
_MAX_FUSED_PRODUCTS = 24  # above, a diagonal is one matrix product instead of a fused sum

# The terms that share a flip: (x, ((z, coefficient), ...)).
Flip = tuple[int, tuple[tuple[int, float], ...]]


def apply(flips: tuple[Flip, ...], n: int, re: Array, im: Array) -> tuple[Array, Array]:
    """``H (re + i im)`` for the terms grouped by their flips; real arrays ``(2**n,)`` in and out."""
    n_flipping = sum(len(terms) for x, terms in flips if x)
    if len(flips) <= _MAX_UNROLLED_FLIPS and n_flipping <= _MAX_UNROLLED_TERMS:
        return _apply_unrolled(flips, n, re, im)
    return _apply_scanned(flips, re, im)


def _flip(v: Array, x: int, n: int) -> Array:
    """``v[a ^ x]``: reversal of the axes made of consecutive set bits, as ``a ^ (2^k - 1) = 2^k - 1 - a``."""
    if x == 0:
        return v
    runs: list[list[int]] = []  # [bit, length], most significant first
    for i in range(n - 1, -1, -1):
        bit = (x >> i) & 1
        if runs and runs[-1][0] == bit:
            runs[-1][1] += 1
        else:
            runs.append([bit, 1])
    axes = [axis for axis, (bit, _) in enumerate(runs) if bit]
    return lax.rev(v.reshape([2**length for _, length in runs]), axes).reshape(v.shape)


def _signs(z: np.ndarray, n_bits: int, dtype: Any) -> Float[Array, "terms dim"]:
    """``(-1)^popcount(a & z)`` for each mask of ``z`` and each ``a`` of ``n_bits`` bits."""
    a = lax.iota(jnp.int32, 2**n_bits)
    parity = lax.population_count(a[None, :] & jnp.asarray(z, jnp.int32)[:, None]) & 1
    return (1 - 2 * parity).astype(dtype)


def diagonal(terms: tuple[tuple[int, float], ...], n: int, x: int, dtype: Any) -> Array | float:
    """``sum_t c_t s_t (-1)^popcount(a & z_t)``, where ``s_t`` is ``Re`` or ``Im (-i)^y``; a scalar if no z is set.

    The index is split into high and low bits, and a sign is a product of one of each: the sum over terms is a
    matrix of low rank, (high, k) times (k, low), with k = 3 for a chain of neighbours cut in the middle.
    """
    # (-i)^y is 1, -i, -1, i: the sign of its real or imaginary part (the caller keeps even and odd y apart).
    signed = [(z, c * (1, -1, -1, 1)[(x & z).bit_count() % 4]) for z, c in terms]
    constant = math.fsum(c for z, c in signed if z == 0)
    signed = [(z, c) for z, c in signed if z != 0]
    if not signed:
        return constant
    low = n // 2
    split = [(z >> low, z & (2**low - 1), c) for z, c in signed]
    total: Array | float = constant
    only_high = [(a, c) for a, b, c in split if b == 0]
    only_low = [(b, c) for a, b, c in split if a == 0]
    both = [(a, b, c) for a, b, c in split if a != 0 and b != 0]
    if only_high:
        total = total + _sum_signs(only_high, n - low, dtype)[:, None]
    if only_low:
        total = total + _sum_signs(only_low, low, dtype)[None, :]
    if both:
        total = total + _sum_products(both, n - low, low, dtype)
    return jnp.broadcast_to(total, (2 ** (n - low), 2**low)).reshape(2**n)


def _sum_signs(terms: list[tuple[int, float]], n_bits: int, dtype: Any) -> Array:
    z, c = zip(*terms, strict=True)
    return jnp.matmul(
        jnp.asarray(c, dtype), _signs(np.array(z), n_bits, dtype), precision=lax.Precision.HIGHEST
    )


def _sum_products(terms: list[tuple[int, int, float]], high: int, low: int, dtype: Any) -> Array:
    """``sum_t c_t s(a_t) x s(b_t)``, shape (2^high, 2^low), grouped by the side with fewer distinct masks."""
    if len({a for a, _, _ in terms}) > len({b for _, b, _ in terms}):
        return _sum_products([(b, a, c) for a, b, c in terms], low, high, dtype).T
    heads = sorted({a for a, _, _ in terms})
    weights = np.zeros((len(heads), len(terms)))
    weights[[heads.index(a) for a, _, _ in terms], range(len(terms))] = [c for _, _, c in terms]
    left = _signs(np.array(heads), high, dtype)
    right = jnp.matmul(
        jnp.asarray(weights, dtype),
        _signs(np.array([b for _, b, _ in terms]), low, dtype),
        precision=lax.Precision.HIGHEST,
    )
    if len(heads) <= _MAX_FUSED_PRODUCTS:  # fuses with the pass over the state
        return functools.reduce(
            operator.add, (left[k][:, None] * right[k][None, :] for k in range(len(heads)))
        )
    return jnp.matmul(left.T, right, precision=lax.Precision.HIGHEST)


def _apply_unrolled(flips: tuple[Flip, ...], n: int, re: Array, im: Array) -> tuple[Array, Array]:
    out_re: Array | None = None
    out_im: Array | None = None
    for x, terms in flips:
        flipped_re, flipped_im = _flip(re, x, n), _flip(im, x, n)
        even = tuple((z, c) for z, c in terms if (x & z).bit_count() % 2 == 0)
        odd = tuple((z, c) for z, c in terms if (x & z).bit_count() % 2 == 1)
        if even:  # a real factor
            d = diagonal(even, n, x, re.dtype)
            out_re, out_im = _accumulate(out_re, d * flipped_re), _accumulate(out_im, d * flipped_im)
        if odd:  # an imaginary factor i d
            d = diagonal(odd, n, x, re.dtype)
            out_re, out_im = _accumulate(out_re, -d * flipped_im), _accumulate(out_im, d * flipped_re)
    if out_re is None or out_im is None:
        raise ValueError("a Pauli sum needs at least one term")
    return out_re, out_im


def _accumulate(total: Array | None, term: Array) -> Array:
    return term if total is None else total + term


def _apply_scanned(flips: tuple[Flip, ...], re: Array, im: Array) -> tuple[Array, Array]:
    """The same sum, one gather per flip inside a scan: for many flips (SYK), too long a program when unrolled.

    The body is rematerialised: otherwise the transpose would store its diagonals, one per flip.
    """
    dtype = re.dtype
    starts = np.cumsum([0] + [len(terms) for _, terms in flips])
    z_all = jnp.asarray([z for _, terms in flips for z, _ in terms], jnp.int32)
    phases = [(-1j) ** ((x & z).bit_count() % 4) * c for x, terms in flips for z, c in terms]
    c_re = jnp.asarray(np.real(phases), dtype)
    c_im = jnp.asarray(np.imag(phases), dtype)
    a = lax.iota(jnp.int32, re.size)

    def range_sum(start: Array, stop: Array) -> tuple[Array, Array]:
        def add(t: Array, d: tuple[Array, Array]) -> tuple[Array, Array]:
            sign = (1 - 2 * (lax.population_count(a & z_all[t]) & 1)).astype(dtype)
            return d[0] + c_re[t] * sign, d[1] + c_im[t] * sign

        zero = jnp.zeros(re.shape, dtype)
        return lax.fori_loop(start, stop, add, (zero, zero))

    @functools.partial(jax.checkpoint, prevent_cse=False)  # type: ignore[reportPrivateImportUsage]
    def body(
        total: tuple[Array, Array], flip: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        x, start, stop = flip
        d_re, d_im = range_sum(start, stop)
        at = a ^ x
        f_re = re.at[at].get(mode="promise_in_bounds", unique_indices=True)
        f_im = im.at[at].get(mode="promise_in_bounds", unique_indices=True)
        return (total[0] + d_re * f_re - d_im * f_im, total[1] + d_re * f_im + d_im * f_re), None

    xs = (
        jnp.asarray([x for x, _ in flips], jnp.int32),
        jnp.asarray(starts[:-1], jnp.int32),
        jnp.asarray(starts[1:], jnp.int32),
    )
    total, _ = lax.scan(body, (jnp.zeros_like(re), jnp.zeros_like(im)), xs)
    return total
