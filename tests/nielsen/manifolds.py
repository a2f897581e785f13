"""A zoo of small groups with penalties of every kind, over which the laws are run."""

from __future__ import annotations

import numpy as np

from qgeom.nielsen import (
    Affine,
    GeneralLinear,
    PauliGroup,
    Penalty,
    SpecialOrthogonal,
    SpecialUnitary,
    local_penalty,
)

__all__ = ["PENALTIES", "brute_basis", "flat_scale"]


def _table(dimension: int, seed: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(size=dimension))


PENALTIES: dict[str, Penalty] = {
    "SU(2)": Penalty(PauliGroup(1), _table(3, 1)),
    "SU(4), local": local_penalty(2, 10.0, max_weight=1),
    "SU(4), any weights": Penalty(PauliGroup(2), _table(15, 2)),
    "SU(3)": Penalty(SpecialUnitary(3), _table(8, 3)),
    "SO(4)": Penalty(SpecialOrthogonal(4), _table(6, 4)),
    "GL(2)": Penalty(GeneralLinear(2), _table(4, 5)),
    "Aff(2)": Penalty(Affine(2), _table(6, 6)),
}


def flat_scale(penalty: Penalty) -> float:
    """c of the flat product ``Re tr(X' Y) / c``."""
    group = penalty.group
    if group.complex:
        return float(group.size)
    return 2.0 if group.compact else 1.0


def brute_basis(penalty: Penalty) -> np.ndarray:
    """The basis as a stack of matrices, one generator at a time."""
    return np.stack([penalty.group.generator(row) for row in np.eye(penalty.group.dimension)])
