"""Groups and their bases: laws over the zoo, and Pauli strings against Kronecker products."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qgeom.nielsen import Affine, GeneralLinear, PauliGroup, SpecialOrthogonal, SpecialUnitary
from qgeom.nielsen.groups import Group
from qgeom.nielsen.pauli_transform import pauli_coefficients, pauli_matrix
from tests.nielsen.manifolds import PENALTIES, brute_basis, flat_scale

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def kron(string: str) -> np.ndarray:
    return functools.reduce(np.kron, [PAULIS[letter] for letter in string])


@pytest.fixture(params=list(PENALTIES))
def penalty(request):
    return PENALTIES[request.param]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_basis_of_su_2n_is_minus_i_times_the_strings_by_name(n):
    group = PauliGroup(n)
    stack = group.generator(np.eye(group.dimension))
    for matrix, name in zip(stack, group.names):
        np.testing.assert_allclose(matrix, -1j * kron(name), atol=1e-15)
    assert group.names[:3] == tuple("I" * (n - 1) + letter for letter in "XYZ")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_transform_agrees_with_traces_in_jax_and_in_numpy(n):
    rng = np.random.default_rng(n)
    m = rng.normal(size=(2, 2**n, 2**n)) + 1j * rng.normal(size=(2, 2**n, 2**n))
    m = m + m.conj().swapaxes(1, 2)
    strings = ["I" * n, *PauliGroup(n).names]
    brute = np.array([[np.trace(kron(s) @ a).real / 2**n for s in strings] for a in m])
    np.testing.assert_allclose(pauli_coefficients(m), brute, atol=1e-13)
    np.testing.assert_allclose(np.asarray(pauli_coefficients(jnp.asarray(m))), brute, atol=1e-13)
    np.testing.assert_allclose(pauli_matrix(brute), m, atol=1e-13)
    np.testing.assert_allclose(np.asarray(pauli_matrix(jnp.asarray(brute))), m, atol=1e-13)


def test_the_basis_is_orthonormal_in_the_flat_product(penalty):
    basis = brute_basis(penalty)
    gram = np.einsum("aij,bij->ab", basis.conj(), basis).real / flat_scale(penalty)
    np.testing.assert_allclose(gram, np.eye(len(basis)), atol=1e-14)
    assert len(penalty.group.names) == len(set(penalty.group.names)) == penalty.group.dimension


def test_coefficients_project_on_the_basis(penalty):
    rng = np.random.default_rng(0)
    size = penalty.group.size
    matrix = rng.normal(size=(size, size)) + (
        1j * rng.normal(size=(size, size)) if penalty.group.complex else 0
    )
    brute = np.einsum("aij,ij->a", brute_basis(penalty).conj(), matrix).real / flat_scale(penalty)
    np.testing.assert_allclose(penalty.group.coefficients(matrix), brute, atol=1e-13)
    np.testing.assert_allclose(np.asarray(penalty.group.coefficients(jnp.asarray(matrix))), brute, atol=1e-13)


def test_the_coadjoint_action_is_dual_to_the_bracket(penalty):
    """``<coadjoint(X, L), Y> = <L, [Y, X]>`` for all X, Y of the algebra."""
    group, rng = penalty.group, np.random.default_rng(1)
    x, y, momentum = (np.asarray(group.generator(rng.normal(size=group.dimension))) for _ in range(3))
    left = group.coefficients(group.coadjoint(x, momentum)) @ group.coefficients(y)
    right = group.coefficients(momentum) @ group.coefficients(y @ x - x @ y)
    np.testing.assert_allclose(left, right, atol=1e-12)


def test_misfit_and_residual_measure_small_transformations(penalty):
    group, rng = penalty.group, np.random.default_rng(2)
    h = rng.normal(size=group.dimension)
    h *= 1e-4 / np.linalg.norm(h)
    w = scipy.linalg.expm(np.asarray(group.generator(h)))
    if group.complex:
        w = w * np.exp(0.7j)
    # |E_ij|^2 counts 1 on GL and Aff, so that misfit = |h|^2 in every group's own flat norm.
    np.testing.assert_allclose(group.misfit(w), 1e-8, rtol=1e-3)
    np.testing.assert_allclose(group.residual(w), h, atol=2e-8)


@pytest.mark.parametrize(
    ("group", "target", "message"),
    [
        (PauliGroup(1), np.diag([1.0, 1.1]), r"not unitary: \|U'U - 1\| = 0.21"),
        (PauliGroup(1), np.eye(4), r"shape \(4, 4\), the penalty is for matrices \(2, 2\)"),
        (SpecialUnitary(3), np.full((3, 3), np.nan), "not finite"),
        (SpecialOrthogonal(3), 2.0 * np.eye(3), "not orthogonal"),
        (SpecialOrthogonal(3), np.diag([1.0, 1.0, -1.0]), "reflection"),
        (SpecialOrthogonal(2), np.array([[0, 1j], [1j, 0]]), "complex, the group real"),
        (GeneralLinear(2), np.diag([1.0, -1.0]), "determinant of the target is not positive"),
        (Affine(1), np.array([[1.0, 2.0], [0.5, 1.0]]), "last row"),
    ],
)
def test_targets_outside_the_group_are_refused_in_one_line(group: Group, target, message):
    with pytest.raises(ValueError, match=message) as error:
        group.check(target)
    assert "\n" not in str(error.value)
