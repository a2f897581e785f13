r"""Density matrices: the quantum Fisher metric of the right logarithmic derivative (RLD).

``d rho = rho L`` defines the RLD ``L``, and

    J_ij = tr(d_i rho rho^{-1} d_j rho)

is a complex Hermitian, positive semi-definite matrix (Yuen and Lax, IEEE Trans. Inf. Theory 19, 740 (1973); Holevo,
*Probabilistic and Statistical Aspects of Quantum Theory*, section VI.6). Its symmetric real part is a
Riemannian metric,

    g(s, t) = sum_ab Re(s_ab^* t_ab) (1/p_a + 1/p_b) / 2

in the eigenbasis of ``rho``, the largest of the monotone metrics, as the SLD Fisher metric is the smallest (Petz,
Linear Algebra Appl. 244, 81 (1996)); both are the classical Fisher metric where everything commutes. Its
imaginary part is antisymmetric, tells that parameters cannot be measured together, and is the rest of the RLD bound.

**Support.** ``J`` is finite only if the tangents stay in the support of ``rho``: for pure states, and wherever the
parameters turn the support, it is infinite. Eigenvalues of at most ``threshold`` are raised to it, so that a tangent
that leaves the support has ``g`` of order ``|t|^2 / threshold`` instead of infinity, and one that stays has the exact
value. ``dropped`` counts these eigenvalues: where it is not zero, a huge metric means an infinite one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Complex, Float, Int, PyTree

from circuits.description import DensityMatrix, Description, Params
from qgeom.information.bures import hermitian
from qgeom.information.fisher_rao import DEFAULT_THRESHOLD
from qgeom.information.manifold import PointMetric, real_view


@dataclass(frozen=True)
class RightLogarithmic(PointMetric):
    """Mixed states with the real part of the RLD Fisher metric; its geodesic distance has no closed form."""

    threshold: float = DEFAULT_THRESHOLD
    name: ClassVar[str] = "RLD Fisher (real part) of density matrices"

    def isometry(self, point: DensityMatrix, tangent: DensityMatrix) -> Float[Array, " m"]:
        p, vectors = jnp.linalg.eigh(hermitian(point.matrix))
        t = vectors.conj().T @ hermitian(tangent.matrix) @ vectors
        inverse = 1.0 / jnp.maximum(p, _least(p, self.threshold))
        factor = jnp.sqrt(0.5 * (inverse[:, None] + inverse[None, :]))
        return real_view((t * factor.astype(t.dtype)).reshape(-1))

    def pair(self, point: DensityMatrix, tangent: DensityMatrix) -> tuple[Array, Array]:
        # Not the isometry: eigenvectors have no derivative where eigenvalues cross, the inverse has.
        return (
            real_view(hermitian(tangent.matrix).reshape(-1)),
            real_view(self.lower(point, tangent).matrix.reshape(-1)),
        )

    def lower(self, point: DensityMatrix, tangent: DensityMatrix) -> DensityMatrix:
        inverse = inverse_density(self.threshold, hermitian(point.matrix))
        half = inverse @ hermitian(tangent.matrix)
        return DensityMatrix(hermitian(half))

    def distance(self, first: DensityMatrix, second: DensityMatrix) -> Float[Array, ""]:
        raise NotImplementedError(
            "the RLD metric has no closed form of its distance; integrate a length, or take the Bures distance"
        )

    def dropped(self, point: DensityMatrix) -> Int[Array, ""]:
        p = jnp.linalg.eigvalsh(hermitian(point.matrix))
        return jnp.sum(p <= _least(p, self.threshold), dtype=jnp.int32)


def _least(p: Float[Array, " d"], threshold: float) -> float:
    """The threshold, or the rounding errors of eigenvalues where they exceed it (float32)."""
    return max(threshold, 4.0 * p.shape[-1] * float(jnp.finfo(p.dtype).eps))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def inverse_density(threshold: float, rho: Complex[Array, "d d"]) -> Complex[Array, "d d"]:
    """``rho^{-1}``, eigenvalues of at most ``threshold`` raised to it."""
    p, vectors = jnp.linalg.eigh(rho)
    inverse = 1.0 / jnp.maximum(p, _least(p, threshold))
    return (vectors * inverse.astype(vectors.dtype)) @ vectors.conj().T


@inverse_density.defjvp
def _inverse_density_jvp(threshold: float, primals: Any, tangents: Any) -> tuple[Array, Array]:
    # The derivative of the inverse keeps eigenvectors out of it; where eigenvalues are raised the metric stands for an
    # infinite one, and so does this derivative.
    (rho,), (rho_dot,) = primals, tangents
    inverse = inverse_density(threshold, rho)
    return inverse, -(inverse @ rho_dot @ inverse)


def right_logarithmic_fisher(
    description: Description,
    params: Params,
    data: PyTree | None = None,
    *,
    weights: ArrayLike | None = None,
    threshold: float = DEFAULT_THRESHOLD,
) -> Complex[Array, "P P"]:
    """``J_ij = tr(d_i rho rho^{-1} d_j rho)``, Hermitian, in ``ravel_pytree`` order; averaged over data.

    The real part is the matrix of ``information_metric(..., manifold=RightLogarithmic())``; the imaginary part is
    antisymmetric.

    Args:
        description: one that yields density matrices.
        params: its parameters.
        data: inputs with a leading axis, where it takes any.
        weights: of the data, scaled to sum to one; equal unless given.
        threshold: eigenvalues of at most this are raised to it (see the module).

    Raises:
        TypeError: if the description does not yield density matrices.
    """
    flat, unravel = ravel_pytree(params)

    def rho(theta: Array, x: Any) -> Array:
        point = description(unravel(theta), x)
        if not isinstance(point, DensityMatrix):
            raise TypeError(
                f"the RLD needs density matrices; this description yields a {type(point).__name__}"
            )
        return point.matrix

    def one(x: Any) -> Array:
        value, push = jax.linearize(lambda theta: rho(theta, x), flat)
        tangents = jax.vmap(lambda v: hermitian(push(v)))(jnp.eye(flat.shape[0], dtype=flat.dtype))
        inverse = inverse_density(threshold, hermitian(value))
        moved = jnp.einsum("bc,jca->jba", inverse, tangents, precision=jax.lax.Precision.HIGHEST)
        # tr(A_i M_j) = sum_ab (A_i)_ab (M_j)_ba
        return jnp.einsum("iab,jba->ij", tangents, moved, precision=jax.lax.Precision.HIGHEST)

    if data is None:
        return hermitian(jax.jit(one)(None))
    n = jax.tree.leaves(data)[0].shape[0]
    shares = jnp.full(n, 1.0 / n, flat.dtype) if weights is None else jnp.asarray(weights, flat.dtype)
    shares = shares / jnp.sum(shares)
    every = jax.jit(jax.vmap(one))(jax.tree.map(jnp.asarray, data))
    return hermitian(jnp.tensordot(shares.astype(every.dtype), every, axes=1))
