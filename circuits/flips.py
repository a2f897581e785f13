"""Permutations of basis states: one gather, with no arithmetic on amplitudes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from circuits.lowering import Flip
from circuits.planar import Planar
from circuits.step import Step, bits


class Flips(Step):
    """A product of controlled flips: one gather, with no arithmetic on amplitudes."""

    slots = frozenset()

    def __init__(self, n_qubits: int, flips: list[Flip]):
        self.n_qubits = n_qubits
        self.masks = [(bits(n_qubits, f.controls), bits(n_qubits, (f.target,))) for f in flips]

    def _index(self, masks: list[tuple[int, int]]) -> Array:
        x = jax.lax.iota(jnp.int32, 1 << self.n_qubits)
        for controls, target in masks:
            flipped = x ^ target
            x = jnp.where((x & controls) == controls, flipped, x) if controls else flipped
        return x

    def constants(self, dtype: Any) -> Any:
        # psi'[x] = psi[inverse(x)]; a flip is its own inverse, so the inverse runs the list backwards
        return self._index(self.masks[::-1]), self._index(self.masks)

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return _gather(psi, constants[0])

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return _gather(psi, constants[1])


def _gather(psi: Planar, index: Array) -> Planar:
    def take(x: Array) -> Array:
        return x.at[index].get(mode="promise_in_bounds", unique_indices=True)

    return Planar(take(psi.re), take(psi.im))
