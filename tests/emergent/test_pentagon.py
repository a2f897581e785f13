"""The pentagon code: its tiling by hyperbolic geometry and counting, its symmetry, published codes and distances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from qgeom.emergent.enumerators import distance, logical_enumerators, weight_enumerators
from qgeom.emergent.gf2 import rank
from qgeom.emergent.pentagon import HolographicCode, concatenated_code, pentagon_code
from qgeom.emergent.stabilizers import five_qubit_code
from qgeom.emergent.tiling import pentagon_tiling


def disc_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hyperbolic distance of points of the Poincare disc."""
    gap = np.sum((a - b) ** 2, axis=-1)
    return np.arccosh(1.0 + 2.0 * gap / ((1.0 - np.sum(a**2, axis=-1)) * (1.0 - np.sum(b**2, axis=-1))))


def turned(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    return rows[:, np.concatenate([order, order + len(order)])]


# The tiling.


@pytest.mark.parametrize("shells", [1, 2, 3, 4])
def test_shells_of_all_touching_pentagons_follow_their_recursion(shells: int):
    # Of each shell, c pentagons touch the last one in a corner and leave 3 sides free, s share a side and leave 2.
    corner, side, tiles, free = 0, 0, 1, 5
    for shell in range(1, shells):
        corner, side = (5, 5) if shell == 1 else (2 * corner + side, 3 * corner + 2 * side)
        tiles, free = tiles + corner + side, 3 * corner + 2 * side
    tiling = pentagon_tiling(shells)
    assert (tiling.n_tiles, len(tiling.boundary)) == (tiles, free)
    assert 2 * len(tiling.bonds) + free == 5 * tiles


def test_two_shells_have_25_free_sides_of_11_pentagons_or_20_of_6():
    assert [(t.n_tiles, len(t.boundary)) for t in (pentagon_tiling(2), pentagon_tiling(2, "edge"))] == [
        (11, 25),
        (6, 20),
    ]


@pytest.mark.parametrize("shells", [2, 3, 4])
def test_shells_across_sides_have_the_published_growth(shells: int):
    """Pastawski et al.: 3 or 4 free legs a pentagon, as it has two or one towards the centre; rate 1 / sqrt 5."""
    one, two, tiles, legs = 5, 0, 6, 20
    for _ in range(2, shells):
        # neighbouring pentagons that share a corner at which three meet have one neighbour in common
        two, one = one + two if two else one, legs - 2 * (one + two if two else one)
        tiles, legs = tiles + one + two, 4 * one + 3 * two
    tiling = pentagon_tiling(shells, "edge")
    assert (tiling.n_tiles, len(tiling.boundary)) == (tiles, legs)


def test_pentagons_are_regular_and_right_angled():
    corners = pentagon_tiling(3).corners
    sides = disc_distance(corners, np.roll(corners, -1, axis=1))
    # cosh(side / 2) = cos(pi / 5) / sin(pi / 4)
    assert np.allclose(sides, 2.0 * np.arccosh(np.cos(np.pi / 5) / np.sin(np.pi / 4)), atol=1e-9)
    diagonals = disc_distance(corners, np.roll(corners, -2, axis=1))
    # Pythagoras of the hyperbolic plane: cosh c = cosh a cosh b at a right angle
    assert np.allclose(np.cosh(diagonals), np.cosh(sides) ** 2, atol=1e-9)


def test_bonds_join_the_same_side_and_the_boundary_runs_round_the_circle():
    tiling = pentagon_tiling(3)
    for a, i, b, j in tiling.bonds:
        first, second = (tiling.corners[t][[k, (k + 1) % 5]] for t, k in ((a, i), (b, j)))
        assert np.allclose(first, second[::-1], atol=1e-7)
    ends = tiling.corners[tiling.boundary[:, 0], (tiling.boundary[:, 1] + 1) % 5]
    starts = tiling.corners[tiling.boundary[:, 0], tiling.boundary[:, 1]]
    assert np.allclose(ends, np.roll(starts, -1, axis=0), atol=1e-7)
    middle = (starts + ends) / 2.0
    angles = np.unwrap(np.arctan2(middle[:, 1], middle[:, 0]))
    assert np.all(np.diff(angles) > 0.0)
    assert angles[-1] - angles[0] < 2.0 * np.pi


# Codes.


def test_any_three_legs_of_the_perfect_tensor_are_an_isometry():
    state = five_qubit_code().to_state()
    for size in range(4):
        for region in itertools.combinations(range(6), size):
            assert state.entropy(region) == pytest.approx(size * np.log(2))


def test_one_shell_is_the_five_qubit_code():
    code = pentagon_code(1).code
    assert weight_enumerators(code) == ((1, 0, 0, 0, 15, 0), (1, 0, 0, 30, 15, 18))
    assert rank(np.vstack([code.stabilizers, five_qubit_code().stabilizers])) == 4


@pytest.mark.parametrize(("inflation", "n", "k"), [("vertex", 25, 11), ("edge", 20, 6)])
def test_two_shells_have_the_symmetry_of_the_pentagon(inflation: str, n: int, k: int):
    code = pentagon_code(2, inflation).code  # pyright: ignore
    assert (code.n_qubits, code.n_logical) == (n, k)
    i = np.arange(n)
    for order in ((i + n // 5) % n, (_mirror(inflation) - i) % n):
        both = np.vstack([code.stabilizers, turned(code.stabilizers, order)])
        assert rank(both) == n - k
        centre = np.vstack([code.stabilizers, code.logicals[:2], turned(code.logicals[:2], order)])
        assert rank(centre) == n - k + 2


def _mirror(inflation: str) -> int:
    """The sum of two boundary legs that are mirror images; leg 0 is the first above the axis through side 0."""
    tiling = pentagon_tiling(2, inflation)  # pyright: ignore
    corners = tiling.corners[tiling.boundary[:, 0]]
    k = tiling.boundary[:, 1]
    at = np.arange(len(k))
    middle = (corners[at, k] + corners[at, (k + 1) % 5]) / 2.0
    image = np.argmin(np.linalg.norm(middle - middle[0] * [1.0, -1.0], axis=1))
    return int(image)


def test_the_tree_is_the_concatenated_code_of_distance_nine():
    code = concatenated_code(2).code
    assert (code.n_qubits, code.n_logical) == (25, 1)
    assert distance(code) == 9
    a, b = weight_enumerators(code)
    assert sum(a) == 2**24
    assert sum(b) == 2**26


def test_the_boundary_state_is_pure_and_leaves_the_centre_no_letter():
    holographic = pentagon_code(2)
    assert holographic.state("X").is_pure
    assert holographic.central().code.n_logical == 1
    assert holographic.central().graph.n_bulk == 1
    assert repr(holographic) == "HolographicCode(25 boundary qubits, 11 bulk qubits, 11 perfect tensors)"


def test_every_bulk_leg_is_encoded_in_the_graph_where_it_sits():
    """The bulk leg of a boundary pentagon is held by that pentagon's own three or more boundary legs."""
    holographic = pentagon_code(2)
    graph, code = holographic.graph, holographic.code
    for j, tensor in enumerate(graph.bulk):
        kept = graph.sites == tensor
        if kept.sum() >= 3:
            assert code.recoverable(kept, j)


def test_three_shells_are_a_code_of_95_qubits():
    code = pentagon_code(3).code
    assert (code.n_qubits, code.n_logical) == (95, 51)


def test_distances_of_the_centre_bound_one_another(central_codes: dict[str, HolographicCode]):
    for holographic in central_codes.values():
        found = logical_enumerators(holographic.code)
        assert 1 < found.dressed_distance <= found.bare_distance


@pytest.fixture(scope="module")
def central_codes() -> dict[str, HolographicCode]:
    return {"vertex": pentagon_code(2), "edge": pentagon_code(2, "edge")}


def test_sizes_that_are_no_code_are_refused():
    with pytest.raises(ValueError, match="shells must lie between 1 and 4"):
        pentagon_code(0)
    with pytest.raises(ValueError, match="'vertex' or 'edge'"):
        pentagon_code(2, "face")  # pyright: ignore
    with pytest.raises(ValueError, match="levels must lie"):
        concatenated_code(4)
