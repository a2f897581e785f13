"""Sizes of tensor networks: checks that speak, and bond dimensions that are never larger than exact."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence


def check_positive(**values: int) -> None:
    """Every value is an integer of at least one.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if one is less than one.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{name} must be an integer, not {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")


def exact_bonds(local_dimensions: Sequence[int]) -> tuple[int, ...]:
    """The bond dimensions that hold any state: the smaller of the dimensions of both sides, per bond (n-1)."""
    n = len(local_dimensions)
    left = [math.prod(local_dimensions[: i + 1]) for i in range(n - 1)]
    right = [math.prod(local_dimensions[i + 1 :]) for i in range(n - 1)]
    return tuple(min(a, b) for a, b in zip(left, right, strict=True))


def bond_dimensions(local_dimensions: Sequence[int], bond_dimension: int) -> tuple[int, ...]:
    """The n+1 bond dimensions of an open chain, 1 at both ends: ``bond_dimension``, or what is exact if smaller.

    Warns where ``bond_dimension`` exceeds what any state of the chain needs.

    Raises:
        ValueError: if ``bond_dimension`` is less than one.
    """
    check_positive(bond_dimension=bond_dimension)
    exact = exact_bonds(local_dimensions)
    largest = max(exact, default=1)
    if bond_dimension > largest:
        warnings.warn(
            f"bond_dimension={bond_dimension} is more than {len(local_dimensions)} sites need: {largest} is exact, "
            f"and is used",
            stacklevel=3,
        )
    return (1, *(min(bond_dimension, e) for e in exact), 1)
