"""What a circuit is made of after scheduling: layers of blocks, of phases, and of flips.

Every step is a unitary map on the planar state, with what each use of it needs:

* ``constants(dtype)``: arrays as large as the state that depend on nothing; computed once, outside any loop;
* ``weights(angles)``: the small matrices and phases, from the angles of the body;
* ``apply`` and ``invert``: the map and its inverse, on one state;
* ``turning`` and ``births``: derivatives of the state along directions of the angles, in the frame *after* the step;
* ``retreat(...)``: the pull-back of a cotangent through the step, from quantities *after* it, so that a reverse sweep
  may undo the circuit instead of storing its states.
"""

from __future__ import annotations

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.planar import Planar

#: float32 products at full precision; GPUs would round their factors to 10 bits.
EXACT = jax.lax.Precision.HIGHEST


class Step(abc.ABC):
    """One unitary step. ``slots`` are the positions of the angles it reads."""

    slots: frozenset[int]
    #: Whether all its unitaries are diagonal, so that its generators commute with it.
    is_diagonal = False

    def constants(self, dtype: Any) -> Any:
        return ()

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return ()

    @abc.abstractmethod
    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar: ...

    @abc.abstractmethod
    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar: ...

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        """State and tangent after the step; ``rates`` is the tangent of the weights."""
        return jax.jvp(lambda w, p: self.apply(constants, w, p), (weights, psi), (rates, tangent))

    def expanded(self, constants: Any, weights: Any) -> Any:
        """Weights for `apply_many` and `invert_many`; may be as large as a state, which a batch makes worth it."""
        return weights

    def apply_expanded(self, constants: Any, expanded: Any, psi: Planar) -> Planar:
        """`apply` from the weights of `apply_many`."""
        return self.apply(constants, expanded, psi)

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        """`apply` on a batch of states, shape (k, 2^n)."""
        return jax.vmap(lambda psi: self.apply(constants, expanded, psi))(psis)

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        """`invert` on a batch of states, shape (k, 2^n)."""
        return jax.vmap(lambda psi: self.invert(constants, expanded, psi))(psis)

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        """What `births` needs of the angles, small; computed outside any loop.

        Args:
            angles: angles of the body, (a,).
            rates: the derivative of each angle by its parameter, (a,).
            mask: which angles each of the k directions turns, (k, a), every row at least one angle of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no angles")

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        """d psi, (k, 2^n), along the directions of `turning`, from the state *after* the step.

        In the frame after the step; a diagonal step takes the state before it to the tangents in the frame before.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no angles")

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        """The cotangent of the angles, from the state and its cotangent *after* the step."""
        return jnp.zeros_like(angles)

    def retreat(
        self, constants: Any, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, Float[Array, " a"]]:
        """State and cotangent before the step, and the cotangent of the angles.

        A step is orthogonal as a real map, so the cotangent of the state is undone exactly as the state is.
        """
        pulled = self.cotangent(angles, weights, psi, cotangent)
        return self.invert(constants, weights, psi), self.invert(constants, weights, cotangent), pulled


def bits(n_qubits: int, wires: tuple[int, ...]) -> int:
    """The mask of ``wires`` in the index of a basis state: qubit 0 is the most significant bit."""
    return sum(1 << (n_qubits - 1 - q) for q in wires)
