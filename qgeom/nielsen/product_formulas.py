r"""Product formulas: a path of controls as a sequence of rotations about single basis elements.

A step of a path ``U' = X U``, ``X = sum_a h_a E_a``, takes the mean controls over its time ``tau`` and replaces

    exp(tau X)  by  S(tau),     X = A_1 + ... + A_g,

where each ``A_j`` collects basis elements that commute with each other, so that ``exp(tau A_j)`` is exactly a product
of rotations ``exp(tau h_a E_a)``. In the order in which they act:

    order 1   A_1(tau) A_2(tau) ... A_g(tau)
    order 2   A_1(tau/2) ... A_{g-1}(tau/2) A_g(tau) A_{g-1}(tau/2) ... A_1(tau/2)
    order 4   S_2(p tau) S_2(p tau) S_2((1 - 4p) tau) S_2(p tau) S_2(p tau),   p = 1 / (4 - 4^{1/3})

(Trotter 1959; Strang 1968; Suzuki, Phys. Lett. A 146, 319 (1990)). The error of N steps falls as ``N^-order``. Taking
means over a step is Magnus' expansion to its first term, an error ``N^-2`` of its own, which vanishes where the steps
divide the pieces of the path; order 4 needs that.

Rotations about the same element are merged where all that lies between commutes with it, the two half turns where one
step of order 2 meets the next above all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Rotation = tuple[int, float]
"""Basis element a and angle: ``exp(angle E_a)``."""

ORDERS = (1, 2, 4)


def commuting_groups(commutes: np.ndarray, sizes: np.ndarray) -> list[list[int]]:
    """The elements with ``sizes > 0`` in groups that commute among themselves: each joins the first that takes it.

    Args:
        commutes: Whether ``[E_a, E_b] = 0``, bool (m, m).
        sizes: How much each element is used, (m,); the largest are placed first.

    Returns:
        Groups of indices, each ascending.
    """
    groups: list[list[int]] = []
    for a in np.argsort(-sizes, kind="stable"):
        if sizes[a] <= 0.0:
            break
        for members in groups:
            if commutes[a, members].all():
                members.append(int(a))
                break
        else:
            groups.append([int(a)])
    return [sorted(members) for members in groups]


def stages(order: int, groups: int) -> list[tuple[int, float]]:
    """One step as ``(group, fraction of tau)`` in the order in which they act.

    Raises ValueError for an order other than 1, 2, 4.
    """
    if order not in ORDERS:
        raise ValueError(f"product formulas of order 1, 2 and 4 are known, not {order}")
    if order == 1:
        return [(j, 1.0) for j in range(groups)]
    half = [(j, 0.5) for j in range(groups - 1)]
    strang = [*half, *([(groups - 1, 1.0)] if groups else []), *half[::-1]]
    if order == 2:
        return strang
    p = 1.0 / (4.0 - 4.0 ** (1.0 / 3.0))
    return [(j, factor * fraction) for factor in (p, p, 1.0 - 4.0 * p, p, p) for j, fraction in strang]


def product_formula(
    controls: np.ndarray, commutes: np.ndarray, order: int = 2, drop: float = 1e-12
) -> list[list[Rotation]]:
    """Rotations of all steps, stage by stage; those of one stage commute.

    Args:
        controls: Mean controls of each step, (steps, m); each step lasts ``1 / steps``.
        commutes: Whether ``[E_a, E_b] = 0``, bool (m, m).
        order: 1, 2 or 4.
        drop: Rotations by no more than this angle are left out. What that changes is at most the sum of their angles.

    Returns:
        Stages that are not empty, each a list of rotations.
    """
    steps = len(controls)
    groups = commuting_groups(commutes, np.abs(controls).max(axis=0, initial=0.0))
    plan = stages(order, len(groups))
    done: list[_Placed] = []
    stage = 0
    for row in controls / max(steps, 1):
        for group, fraction in plan:
            for a in groups[group]:
                if row[a] != 0.0:
                    _place(done, stage, a, fraction * float(row[a]), commutes)
            stage += 1
    found: list[list[Rotation]] = [[] for _ in range(stage)]
    for placed in done:
        if abs(placed.angle) > drop:
            found[placed.stage].append((placed.element, placed.angle))
    return [rotations for rotations in found if rotations]


class _Placed:
    __slots__ = ("angle", "element", "stage")

    def __init__(self, stage: int, element: int, angle: float) -> None:
        self.stage, self.element, self.angle = stage, element, angle


def _place(done: list[_Placed], stage: int, element: int, angle: float, commutes: np.ndarray) -> None:
    """Add a rotation: to the last one about the same element if nothing between them stands in the way."""
    row = commutes[element]
    for placed in reversed(done):
        if placed.element == element:
            placed.angle += angle
            return
        if not row[placed.element]:
            break
    done.append(_Placed(stage, element, angle))


def doubled(first: int, most: int, error_of: Callable[[int], float], wanted: float) -> tuple[int, float]:
    """The first of ``first, 2 first, 4 first, ...`` steps whose error is at most ``wanted``, and its error.

    Raises ValueError if more than ``most`` steps would be needed.
    """
    if not wanted > 0.0:
        raise ValueError(f"the wanted error must be positive, not {wanted:g}")
    best = float("inf")
    for steps in _powers(first, most):
        best = min(best, error_of(steps))
        if best <= wanted:
            return steps, best
    raise ValueError(
        f"an error of {wanted:g} is not reached with {most} steps (best {best:.2g}): allow a larger error, use order=4 "
        "or pass steps="
    )


def _powers(first: int, most: int) -> Iterator[int]:
    steps = first
    while steps <= most:
        yield steps
        steps *= 2
