"""Density matrices: the quantum Fisher metric of the symmetric logarithmic derivative (SLD).

``d rho = (rho L + L rho)/2`` defines the SLD ``L``, and ``g(s, t) = Re tr(s L_t) = sum_ab 2 Re(s_ab^* t_ab) /
(p_a + p_b)`` in the eigenbasis of ``rho`` (Helstrom 1967; Paris, Int. J. Quantum Inf. 7, 125 (2009), Eq. 12).

At constant rank ``g`` is four times the Bures metric. Where the rank of ``rho`` changes along a direction the Bures
metric has an extra term ``2 sum_k d^2 p_k`` over the kernel (Safranek, PRA 95, 052320 (2017)): the SLD Fisher
information, *without* that term, is what is reported here. Pairs of eigenvalues with ``p_a + p_b <= threshold``, that
is the block from kernel to kernel, are left out; ``dropped`` counts the eigenvalues at most ``threshold``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from circuits.description import DensityMatrix
from qgeom.information.fisher_rao import DEFAULT_THRESHOLD
from qgeom.information.manifold import PointMetric, real_view


@dataclass(frozen=True)
class Bures(PointMetric):
    """Mixed states with the SLD Fisher metric; the distance is twice the Bures angle, pi for orthogonal states."""

    threshold: float = DEFAULT_THRESHOLD
    name: ClassVar[str] = "SLD Fisher (4 x Bures at constant rank) of density matrices"

    def isometry(self, point: DensityMatrix, tangent: DensityMatrix) -> Float[Array, " m"]:
        p, vectors = jnp.linalg.eigh(hermitian(point.matrix))
        t = vectors.conj().T @ hermitian(tangent.matrix) @ vectors
        factor = jnp.sqrt(2.0 * _inverse_sums(p, self.threshold))
        return real_view((t * factor.astype(t.dtype)).reshape(-1))

    def pair(self, point: DensityMatrix, tangent: DensityMatrix) -> tuple[Array, Array]:
        # Not the isometry: eigenvectors have no derivative where eigenvalues cross, the SLD has.
        return (
            real_view(hermitian(tangent.matrix).reshape(-1)),
            real_view(self.lower(point, tangent).matrix.reshape(-1)),
        )

    def lower(self, point: DensityMatrix, tangent: DensityMatrix) -> DensityMatrix:
        return DensityMatrix(
            symmetric_logarithmic_derivative(
                self.threshold, hermitian(point.matrix), hermitian(tangent.matrix)
            )
        )

    def distance(self, first: DensityMatrix, second: DensityMatrix) -> Float[Array, ""]:
        """``2 arccos sqrt(fidelity)``, root fidelity ``tr sqrt(sqrt(rho) sigma sqrt(rho))``."""
        a, b = _matrix_sqrt(first.matrix), _matrix_sqrt(second.matrix)
        u, _, vh = jnp.linalg.svd(a @ b)
        # min over unitaries |a U - b|_F^2 = 2 - 2 root fidelity, at the polar unitary: 4 arcsin(chord / 2) keeps the
        # digits of neighbouring states that the arccos loses.
        chord = jnp.linalg.norm(a - (b @ (vh.conj().T @ u.conj().T)))
        return 4.0 * jnp.arcsin(jnp.minimum(0.5 * chord, 1.0))

    def dropped(self, point: DensityMatrix) -> Int[Array, ""]:
        p = jnp.linalg.eigvalsh(hermitian(point.matrix))
        return jnp.sum(p <= max(self.threshold, _rounding(p)), dtype=jnp.int32)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def symmetric_logarithmic_derivative(
    threshold: float, rho: Complex[Array, "d d"], tangent: Complex[Array, "d d"]
) -> Complex[Array, "d d"]:
    """The Hermitian ``L`` with ``(rho L + L rho)/2 = tangent``, zero from kernel to kernel of ``rho``."""
    p, vectors = jnp.linalg.eigh(rho)
    t = vectors.conj().T @ tangent @ vectors
    factor = 2.0 * _inverse_sums(p, threshold)
    return vectors @ (t * factor.astype(t.dtype)) @ vectors.conj().T


@symmetric_logarithmic_derivative.defjvp
def _symmetric_logarithmic_derivative_jvp(
    threshold: float, primals: Any, tangents: Any
) -> tuple[Array, Array]:
    # Differentiating the defining equation keeps eigenvectors out of it: d(tangent) = (d rho L + L d rho)/2 +
    # (rho dL + dL rho)/2.
    rho, tangent = primals
    rho_dot, tangent_dot = tangents
    sld = symmetric_logarithmic_derivative(threshold, rho, tangent)
    source = tangent_dot - 0.5 * (rho_dot @ sld + sld @ rho_dot)
    return sld, symmetric_logarithmic_derivative(threshold, rho, source)


def hermitian(matrix: Array) -> Array:
    """``(A + A^dagger)/2``."""
    return 0.5 * (matrix + jnp.swapaxes(matrix, -1, -2).conj())


def _rounding(p: Float[Array, " d"]) -> float:
    """Rounding errors of the eigenvalues of a density matrix: in float32 they exceed the usual threshold."""
    return 4.0 * p.shape[-1] * float(jnp.finfo(p.dtype).eps)


def _inverse_sums(p: Float[Array, " d"], threshold: float) -> Float[Array, "d d"]:
    sums = p[:, None] + p[None, :]
    kept = sums > max(threshold, _rounding(p))
    return jnp.where(kept, 1.0 / jnp.where(kept, sums, jnp.ones_like(sums)), jnp.zeros_like(sums))


def _matrix_sqrt(rho: Complex[Array, "d d"]) -> Complex[Array, "d d"]:
    p, vectors = jnp.linalg.eigh(hermitian(rho))
    root = jnp.sqrt(jnp.where(p > _rounding(p), p, jnp.zeros_like(p)))
    return (vectors * root.astype(vectors.dtype)) @ vectors.conj().T
