r"""Parallel transport of states and of subspaces round loops: Berry phase, Wilczek-Zee holonomy, Chern number.

A frame is d x r with orthonormal columns: a state (r = 1), a degenerate level, the top singular directions of a
Jacobian (real). Nearest neighbours along a curve of frames are joined by the unitary part of their overlap,

    link(V -> V') = polar(V'^dagger V),

which is parallel transport up to the square of the step (Wilczek and Zee, PRL 52, 2111 (1984); Resta, J. Phys.:
Condens. Matter 12, R107 (2000)). Round a closed curve the product is the holonomy W, an r x r unitary that a change of
basis at the start conjugates, and a change of basis anywhere else leaves alone. For r = 1, ``W = exp(i gamma)`` with
Berry's phase ``gamma`` of the connection ``A_j = i <psi|d_j psi>``, whose curvature ``-2 Im Q`` is that of
:meth:`qgeom.information.metric.InformationMetric.berry_curvature`. Real frames have real links: their holonomy is in
O(r), and a real state has no curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

SMALLEST = 1e-6
"""Overlap (smallest singular value) below which neighbouring frames do not determine the transport."""
FURTHEST = 0.9 * np.pi
"""Flux of a plaquette beyond which a grid is too coarse for the Chern number to be read."""


class Chern(NamedTuple):
    """A Chern number on a grid.

    Attributes:
        number: the integer.
        flux: Berry flux through each plaquette, radians, (k1, k2); it sums to 2 pi number.
    """

    number: int
    flux: np.ndarray


def berry_phase(states: Inexact[Array, "k d"]) -> Float[Array, ""]:
    r"""Berry's phase of a closed loop of states, ``-arg prod <psi_i|psi_{i+1}>`` in (-pi, pi], last to first included.

    Whatever phase or norm each state has does not matter.

    Raises:
        ValueError: fewer than 3 states, zero states, or neighbours that are orthogonal.
    """
    vectors = jnp.asarray(states)
    if vectors.ndim != 2 or len(vectors) < 3:
        raise ValueError(
            f"a loop is an array (points, dimension) of 3 states or more, not of shape {vectors.shape}"
        )
    return jnp.angle(wilson_loop(_normalised(vectors)[..., None])[0, 0])


def wilson_loop(frames: Inexact[Array, "k d r"]) -> Inexact[Array, "r r"]:
    """Holonomy of a closed loop of frames, last to first included: coefficients in the first frame after one turn.

    Args:
        frames: orthonormal columns at each point.

    Raises:
        ValueError: fewer than 3 frames, columns that are not orthonormal, neighbours without a common direction.
    """
    frames = _checked(jnp.asarray(frames), 3, "a loop is an array (points, dimension, r) of 3 frames or more")
    return _product(_links(frames, jnp.roll(frames, -1, axis=0)))


def holonomy_angles(frames: Inexact[Array, "k d r"]) -> Float[Array, " r"]:
    """Angles of the eigenvalues of :func:`wilson_loop`, rising, in (-pi, pi]: what no change of basis alters."""
    return jnp.sort(jnp.angle(jnp.linalg.eigvals(wilson_loop(frames))))


def chern_number(frames: Inexact[Array, "k1 k2 d r"]) -> Chern:
    """First Chern number of r states over a torus, from a periodic grid (Fukui, Hatsugai and Suzuki, JPSJ 74, 1674
    (2005)): the sum over plaquettes of ``arg det`` of the links round them, over 2 pi; an integer on any grid.

    Args:
        frames: orthonormal columns at each point of the grid, the last of each axis followed by the first.

    Raises:
        ValueError: columns that are not orthonormal, a gap that closes on the grid, or a grid too coarse to tell (a
            flux beyond 0.9 pi).
    """
    frames = _checked(
        jnp.asarray(frames), 2, "a torus is an array (k1, k2, dimension, r) with k1, k2 of 2 or more", axes=2
    )
    along = [jnp.linalg.det(_links(frames, jnp.roll(frames, -1, axis=axis))) for axis in (0, 1)]
    around = along[0] * jnp.roll(along[1], -1, axis=0) / (jnp.roll(along[0], -1, axis=1) * along[1])
    flux = np.asarray(jnp.angle(around))
    if np.abs(flux).max() > FURTHEST:
        raise ValueError(
            f"a plaquette has the flux {np.abs(flux).max():.2f}, near pi: the grid of {flux.shape} is too coarse, "
            "or the gap closes; take a finer one"
        )
    return Chern(round(float(flux.sum()) / (2.0 * np.pi)), flux)


def _normalised(vectors: Array) -> Array:
    norms = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    if not bool(jnp.all(norms > 0.0)):
        raise ValueError("a loop holds a zero vector: every point needs a state")
    return vectors / norms.astype(vectors.dtype)


def _checked(frames: Array, fewest: int, wanted: str, axes: int = 1) -> Array:
    if frames.ndim != axes + 2 or min(frames.shape[:axes]) < fewest:
        raise ValueError(f"{wanted}, not of shape {frames.shape}")
    gram = jnp.swapaxes(frames, -1, -2).conj() @ frames
    off = float(jnp.abs(gram - jnp.eye(frames.shape[-1], dtype=frames.dtype)).max())
    if not off < 1e-4:
        raise ValueError(f"the columns of a frame must be orthonormal; they miss it by {off:.1e}")
    return frames


@jax.jit
def _product(links: Inexact[Array, "k r r"]) -> Inexact[Array, "r r"]:
    """The links one after the other, the first to act rightmost."""
    one = jnp.eye(links.shape[-1], dtype=links.dtype)
    return jax.lax.scan(lambda w, link: (link @ w, None), one, links)[0]


def _links(before: Array, after: Array) -> Array:
    """``polar(V'^dagger V)`` of neighbours."""
    u, values, vh = jnp.linalg.svd(jnp.swapaxes(after, -1, -2).conj() @ before)
    least = float(values.min())
    if not least > SMALLEST:
        raise ValueError(
            f"neighbouring frames share no more than {least:.1e} in some direction: take finer steps, or frames "
            "of a level that stays apart from the others"
        )
    return u @ vh
