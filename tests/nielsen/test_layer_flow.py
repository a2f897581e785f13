"""Networks as paths: lengths of layers, kinetic action, least-squares maps."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from qgeom.nielsen.groups import Affine, GeneralLinear
from qgeom.nielsen.layer_flow import far_share, layer_path, linearised_flow
from qgeom.nielsen.penalty import Penalty, local_penalty, plane_penalty

RNG = np.random.default_rng(0)


def rotation(dim: int, plane: tuple[int, int], angle: float) -> np.ndarray:
    generator = np.zeros((dim, dim))
    generator[plane] = angle
    generator[plane[::-1]] = -angle
    return scipy.linalg.expm(generator)


def test_layers_that_turn_one_plane_each_cost_their_angles():
    layers = np.stack([rotation(4, (0, 1), 0.5), rotation(4, (0, 3), -0.7)])
    path = layer_path(layers, plane_penalty(4, 9.0))
    np.testing.assert_allclose(path.lengths, [0.5, 3 * 0.7], atol=1e-12)
    assert path.length == pytest.approx(2.6)
    assert path.action == pytest.approx(2 * (0.25 + 4.41))
    np.testing.assert_allclose(path.matrix, layers[1] @ layers[0], atol=1e-12)
    assert far_share(plane_penalty(4, 9.0), path.segments) == pytest.approx(4.41 / 4.66)


def test_the_pieces_of_a_path_multiply_to_the_network():
    layers = np.stack([scipy.linalg.expm(0.4 * RNG.normal(size=(3, 3))) for _ in range(4)])
    path = layer_path(layers, Penalty(GeneralLinear(3), np.ones(9)))
    product = np.eye(3)
    for row in path.segments:
        product = scipy.linalg.expm(row.reshape(3, 3) / len(path.segments)) @ product
    np.testing.assert_allclose(product, path.matrix, atol=1e-10)


@pytest.mark.parametrize("affine", [False, True])
def test_a_layer_without_real_logarithm_goes_by_its_polar_factors(affine: bool):
    layer = np.diag([-1.0, -2.0, 3.0])  # negative eigenvalues that are not equal
    group = GeneralLinear(3)
    if affine:
        layer = np.block([[layer, np.array([[1.0], [2.0], [-1.0]])], [np.zeros((1, 3)), np.ones((1, 1))]])
        group = Affine(3)
    path = layer_path(layer[None], Penalty(group, np.ones(group.dimension)))
    assert len(path.lengths) == 2
    assert path.lengths[0] == pytest.approx(np.sqrt(2) * np.pi)
    product = np.eye(group.size)
    for row in path.segments / 2:
        product = scipy.linalg.expm(np.asarray(group.generator(row))) @ product
    np.testing.assert_allclose(product, layer, atol=1e-10)


def test_a_unitary_layer_is_a_path_as_well():
    layer = scipy.linalg.expm(-0.3j * np.diag([1.0, 1.0, -1.0, -1.0]))
    assert layer_path(layer[None], local_penalty(2, 4.0, max_weight=1)).length == pytest.approx(0.3)


def test_a_linear_flow_is_recovered_exactly_with_its_action():
    maps = [np.eye(3) + 0.3 * RNG.normal(size=(3, 3)) for _ in range(5)]
    points = [RNG.normal(size=(50, 3))]
    for m in maps:
        points.append(points[-1] @ m.T)
    flow = linearised_flow(np.stack(points))
    np.testing.assert_allclose(flow.maps, maps, atol=1e-12)
    np.testing.assert_allclose(flow.explained, 1.0)
    moves = [np.sqrt(np.mean(np.sum((b - a) ** 2, axis=1))) for a, b in zip(points, points[1:])]  # noqa: RUF007
    assert flow.kinetic_length == pytest.approx(sum(moves))
    assert flow.kinetic_action == pytest.approx(5 * np.sum(np.square(moves)))
    assert flow.kinetic_action >= flow.kinetic_length**2 >= flow.chord**2


def test_a_shift_needs_the_affine_maps():
    points = RNG.normal(size=(40, 2))
    shifted = np.stack([points, points + np.array([1.0, -2.0])])
    flow = linearised_flow(shifted, affine=True)
    np.testing.assert_allclose(flow.maps[0], [[1, 0, 1], [0, 1, -2], [0, 0, 1]], atol=1e-12)
    assert flow.explained[0] == pytest.approx(1.0)
    assert linearised_flow(shifted).explained[0] < 0.5


def test_a_square_is_not_explained_by_a_line():
    x = np.linspace(-1, 1, 201)[:, None]
    flow = linearised_flow(np.stack([x, x + x**2]))
    assert flow.explained[0] == pytest.approx(0.0, abs=1e-10)
    assert flow.maps[0, 0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer_path(np.eye(3), plane_penalty(3, 2.0)), "layers are an array (layers, 3, 3)"),
        (
            lambda: layer_path(np.diag([1.0, 1, -1])[None], plane_penalty(3, 2.0)),
            "layer 0: the target is a refl",
        ),
        (
            lambda: layer_path(2 * np.eye(3)[None], plane_penalty(3, 2.0)),
            "layer 0: the target is not orthogonal",
        ),
        (lambda: linearised_flow(np.ones((2, 5))), "points are an array"),
        (lambda: linearised_flow(np.ones((2, 5, 3))), "5 samples do not determine a map of 3 columns"),
        (lambda: linearised_flow(np.full((2, 5, 3), np.nan)), "NaN or infinity"),
    ],
)
def test_bad_input_gets_one_line(call, message: str):
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
