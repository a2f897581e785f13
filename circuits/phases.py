"""Diagonal gates of any number of wires: one sum of phases, whose exponential multiplies the state."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar
from circuits.lowering import Phase
from circuits.planar import Planar
from circuits.step import Step, bits

#: Entries of the largest table of signs that is kept as a constant of the program.
LARGEST_CONSTANT = 1 << 16


class _Terms:
    """Phase terms that live on one half of the qubits, or across both: masks, scales and slots as arrays."""

    def __init__(self, n_qubits: int, terms: list[Phase]):
        self.z = np.array([bits(n_qubits, t.z) for t in terms], np.uint32)
        self.b = np.array([bits(n_qubits, t.b) for t in terms], np.uint32)
        self.scale = np.array([t.scale for t in terms])
        self.slot = np.array([-1 if t.slot is None else t.slot for t in terms], np.int32)
        self.size = len(terms)

    def coefficients(self, angles: Float[Array, " a"]) -> Float[Array, " j"]:
        scale = jnp.asarray(self.scale, angles.dtype)
        if (self.slot < 0).all():
            return scale
        values = angles[np.maximum(self.slot, 0)]
        return scale * (values if (self.slot >= 0).all() else jnp.where(self.slot >= 0, values, 1.0))

    def to_angles(self, cotangent: Float[Array, " j"], n_angles: int) -> Float[Array, " a"]:
        used = self.slot >= 0
        values = cotangent[used] * jnp.asarray(self.scale[used], cotangent.dtype)
        return jnp.zeros(n_angles, cotangent.dtype).at[self.slot[used]].add(values)

    def table(self, n_bits: int, shift: int, dtype: Any) -> Float[Array, "j 2**n_bits"]:
        """f_j restricted to ``n_bits`` bits of the index, ``shift`` bits above the lowest.

        A constant of the program while it is small: XLA need not compile what makes it.
        """
        keep = (1 << n_bits) - 1
        z, b = ((mask >> shift & keep).astype(np.uint32)[:, None] for mask in (self.z, self.b))
        if self.size << n_bits <= LARGEST_CONSTANT:
            index = np.arange(1 << n_bits, dtype=np.uint32)[None, :]
            return jnp.asarray(np.where(index & b == b, 1.0 - 2.0 * _parity(index & z), 0.0), dtype)
        x = jax.lax.iota(jnp.uint32, 1 << n_bits)[None, :]
        odd = jax.lax.population_count(x & z) & jnp.uint32(1)
        sign = 1.0 - 2.0 * odd.astype(dtype)
        return jnp.where((x & b) == b, sign, jnp.zeros_like(sign))


def _parity(x: np.ndarray) -> np.ndarray:
    for shift in (16, 8, 4, 2, 1):
        x = x ^ (x >> np.uint32(shift))
    return x & np.uint32(1)


class Phases(Step):
    """``psi[x] *= exp(i sum_j a_j f_j(x))``, the ``f_j`` products of bits and signs of bits.

    Terms on the upper or the lower half of the qubits become two vectors of length 2^(n/2) whose outer product is
    never stored; terms across the halves have rank one as matrices over (upper, lower), so that their sum is one
    matrix product. Fixed terms across the halves (e.g. CZ) are one table, of signs where that suffices.
    """

    is_diagonal = True

    def __init__(self, n_qubits: int, terms: list[Phase]):
        self.n_qubits = n_qubits
        self.n_upper = n_qubits // 2
        self.n_lower = n_qubits - self.n_upper
        upper, lower, across, fixed = [], [], [], []
        for t in terms:
            if all(q >= self.n_upper for q in t.wires):
                lower.append(t)
            elif all(q < self.n_upper for q in t.wires):
                upper.append(t)
            elif t.slot is None:
                fixed.append(t)
            else:
                across.append(t)
        self.upper, self.lower, self.across, self.fixed = (
            _Terms(n_qubits, part) for part in (upper, lower, across, fixed)
        )
        half_turns = self.fixed.scale / np.pi
        self.fixed_is_sign = bool(
            (np.abs(half_turns - np.rint(half_turns)) < 1e-15).all() and not self.fixed.z.any()
        )
        self.slots = frozenset(t.slot for t in terms if t.slot is not None)

    def _across_table(self, terms: _Terms, coefficients: Float[Array, " j"]) -> Float[Array, "upper lower"]:
        dtype = coefficients.dtype
        upper = terms.table(self.n_upper, self.n_lower, dtype)
        return (coefficients[:, None] * upper).T @ terms.table(self.n_lower, 0, dtype)

    def constants(self, dtype: Any) -> Any:
        if not self.fixed.size:
            return ()
        if self.fixed_is_sign:
            # exp(i pi k): only the parity of the count matters, kept in one byte per amplitude
            count = self._across_table(self.fixed, jnp.asarray(np.rint(self.fixed.scale / np.pi), dtype))
            return (1 - 2 * (count.astype(jnp.int32) & 1)).astype(jnp.int8)
        phase = self._across_table(self.fixed, jnp.asarray(self.fixed.scale, dtype))
        return Planar(jnp.cos(phase), jnp.sin(phase))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        dtype = angles.dtype
        upper = self.upper.coefficients(angles) @ self.upper.table(self.n_upper, self.n_lower, dtype)
        lower = self.lower.coefficients(angles) @ self.lower.table(self.n_lower, 0, dtype)
        return (
            Planar(jnp.cos(upper), jnp.sin(upper)),
            Planar(jnp.cos(lower), jnp.sin(lower)),
            self.across.coefficients(angles) if self.across.size else None,
        )

    def _table(self, constants: Any, weights: Any) -> Planar:
        """exp(i phase) of every basis state, (2^upper, 2^lower)."""
        upper, lower, across = weights
        table = planar.multiply(Planar(*(p[:, None] for p in upper)), Planar(*(p[None, :] for p in lower)))
        if across is not None:
            phase = self._across_table(self.across, across)
            table = planar.multiply(table, Planar(jnp.cos(phase), jnp.sin(phase)))
        if self.fixed.size and self.fixed_is_sign:
            table = planar.multiply(table, Planar(constants.astype(upper.re.dtype), None))
        elif self.fixed.size:
            table = planar.multiply(table, constants)
        return table

    def _times(self, table: Planar, psi: Planar) -> Planar:
        z = Planar(*(part.reshape(1 << self.n_upper, 1 << self.n_lower) for part in psi))
        z = planar.multiply(z, table)
        return Planar(z.re.reshape(psi.re.shape), z.im.reshape(psi.re.shape))

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._times(self._table(constants, weights), psi)

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._times(planar.conjugate(self._table(constants, weights)), psi)

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        if self.across.size:
            return super().push(constants, weights, rates, psi, tangent)
        # i dphi times the state after the step, dphi a sum over the halves: no second table
        upper, lower = (w.re * d.im - w.im * d.re for w, d in zip(weights[:2], rates[:2], strict=True))
        phase = (upper[:, None] + lower[None, :]).reshape(psi.re.shape)
        table = self._table(constants, weights)
        psi, tangent = self._times(table, psi), self._times(table, tangent)
        return psi, Planar(tangent.re - phase * psi.im, tangent.im + phase * psi.re)

    def expanded(self, constants: Any, weights: Any) -> Any:
        return Planar(*(part.reshape(-1) for part in self._table(constants, weights)))

    def apply_expanded(self, constants: Any, expanded: Any, psi: Planar) -> Planar:
        return planar.multiply(psi, expanded)

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return planar.multiply(psis, expanded)

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return planar.multiply(psis, planar.conjugate(expanded))

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        directions = jnp.asarray(mask, rates.dtype) * rates

        def linear(terms: _Terms) -> Float[Array, "k j"]:
            scale = jnp.asarray(np.where(terms.slot >= 0, terms.scale, 0.0), rates.dtype)
            return scale * directions[:, np.maximum(terms.slot, 0)]

        upper = linear(self.upper) @ self.upper.table(self.n_upper, self.n_lower, rates.dtype)
        lower = linear(self.lower) @ self.lower.table(self.n_lower, 0, rates.dtype)
        return upper, lower, linear(self.across) if self.across.size else None

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        upper, lower, across = turning
        phases = upper[:, :, None] + lower[:, None, :]
        if across is not None:
            phases = phases + jax.vmap(functools.partial(self._across_table, self.across))(across)
        phases = phases.reshape(len(mask), -1)
        return Planar(-phases * psi.im, phases * psi.re)

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        n_angles = angles.shape[0]
        # d psi = i dphi psi, and the pairing is the real one
        phase = (cotangent.im * psi.re - cotangent.re * psi.im).reshape(1 << self.n_upper, 1 << self.n_lower)
        dtype = phase.dtype
        total = jnp.zeros_like(angles)
        if (self.upper.slot >= 0).any():
            pulled = self.upper.table(self.n_upper, self.n_lower, dtype) @ jnp.sum(phase, 1)
            total = total + self.upper.to_angles(pulled, n_angles)
        if (self.lower.slot >= 0).any():
            pulled = self.lower.table(self.n_lower, 0, dtype) @ jnp.sum(phase, 0)
            total = total + self.lower.to_angles(pulled, n_angles)
        if self.across.size:
            upper = self.across.table(self.n_upper, self.n_lower, dtype)
            pulled = jnp.sum((upper @ phase) * self.across.table(self.n_lower, 0, dtype), 1)
            total = total + self.across.to_angles(pulled, n_angles)
        return total
