r"""What tells one MERA from another: branching, causal width, and the causal cones of a local operator.

A layer maps ``n`` sites to ``n / b`` coarse ones. The isometry ``w_j`` joins the sites ``bj .. bj + b - 1``; the
disentangler ``u_j`` acts first, across the border, on the sites ``bj + b - 1`` and ``bj + b``. A `Cone` is one position
of an operator under the tensors, and the contraction that raises it.
"""

from __future__ import annotations

from typing import NamedTuple


class Cone(NamedTuple):
    """A position of an operator on ``support`` sites relative to the coarse sites ``j .. j + support - 1``.

    The ``equation`` (einsum) takes the operator ``O[bra sites, ket sites]``, then each disentangler
    ``u[lower, lower, upper, upper]`` twice, bra and ket, then each isometry ``w[lower ..., upper]`` twice, and
    gives the raised operator; the tensors outside the cone cancel. ``path`` is the order of pairwise contractions
    with the fewest operations. ``mirror`` is the offset of the mirror image, which is contracted along with it.
    """

    offset: int  # the operator starts at the site b j + offset
    mirror: int | None  # where the mirror image starts; None for a symmetric position
    disentanglers: tuple[int, ...]  # u_{j + these}
    isometries: tuple[int, ...]  # w_{j + these}
    equation: str
    path: tuple[tuple[int, int], ...]


class Scheme(NamedTuple):
    """A MERA scheme: operators on ``support`` neighbouring sites are raised to operators on ``support`` sites."""

    name: str
    branching: int
    support: int
    cones: tuple[Cone, ...]
