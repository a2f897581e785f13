"""Gates against their textbook definitions, SciPy's matrix exponential, and the algebra of angles."""

from __future__ import annotations

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import gates
from circuits.gates import Input, Op, Param

NAMES = tuple(gates.SIGNATURES)
finite = st.floats(-10.0, 10.0, allow_nan=False)


def example(name: str) -> Op:
    """A gate of each name with parameters 0, 1, ... for its angles; three wires where any number is allowed."""
    signature = gates.SIGNATURES[name]
    wires = tuple(range(signature.n_wires or 3))
    angles = tuple(Param(k) for k in range(signature.n_angles))
    return Op(name, wires, angles, "XYZ" if name == "PAULIROT" else "")


def matrix(name: str, *angles: float) -> np.ndarray:
    return np.asarray(gates.matrix(example(name), jnp.asarray(angles, jnp.float64)))


def random_unitary(seed: int, dim: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.linalg.qr(draw.normal(size=(dim, dim)) + 1j * draw.normal(size=(dim, dim)))[0]


def same_up_to_phase(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.trace(a.conj().T @ b)) - len(a)) < 1e-10


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", NAMES)
def test_matrix_is_unitary_in_the_precision_of_the_angles(name, dtype):
    op = example(name)
    angles = jnp.linspace(-1.0, 2.0, len(op.angles), dtype=dtype)
    u = gates.matrix(op, angles)
    assert u.dtype == (jnp.complex64 if dtype == jnp.float32 else jnp.complex128)
    assert u.shape == (2 ** len(op.wires),) * 2
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), atol=1e-6 if dtype == jnp.float32 else 1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_matrix_is_the_exponential_of_the_generator(name):
    op = example(name)
    angles = np.random.default_rng(1).uniform(-np.pi, np.pi, len(op.angles))
    np.testing.assert_allclose(gates.matrix(op, angles), brute_force.gate_matrix(op, angles), atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_inverse_undoes_the_gate_without_a_phase(name):
    op = example(name)
    theta = np.random.default_rng(2).uniform(-np.pi, np.pi, len(op.angles))
    inverse = gates.inverse(op)
    undone = brute_force.gate_matrix(inverse, brute_force.angle_values(inverse, theta))
    np.testing.assert_allclose(undone @ np.asarray(gates.matrix(op, theta)), np.eye(len(undone)), atol=1e-13)


def test_fixed_gates_satisfy_their_defining_relations():
    x, y, z, h = (matrix(name) for name in "XYZH")
    np.testing.assert_allclose(x @ y, 1j * z, atol=1e-15)
    np.testing.assert_allclose(h, (x + z) / np.sqrt(2), atol=1e-15)
    np.testing.assert_allclose(matrix("S") @ matrix("S"), z, atol=1e-15)
    np.testing.assert_allclose(matrix("T") @ matrix("T"), matrix("S"), atol=1e-15)
    np.testing.assert_allclose(matrix("SX") @ matrix("SX"), x, atol=1e-15)
    exchange = np.kron(x, x) + np.kron(y, y)
    np.testing.assert_allclose(matrix("ISWAP"), scipy.linalg.expm(0.25j * np.pi * exchange), atol=1e-15)
    np.testing.assert_allclose(matrix("XXPLUSYY", -np.pi), matrix("ISWAP"), atol=1e-15)
    np.testing.assert_allclose(matrix("SWAP"), (np.eye(4) + exchange + np.kron(z, z)) / 2, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "image"),
    [("CX", [0, 1, 3, 2]), ("CCX", [0, 1, 2, 3, 4, 5, 7, 6]), ("CSWAP", [0, 1, 2, 3, 4, 6, 5, 7])],
)
def test_controls_come_first_and_are_most_significant(name, image):
    np.testing.assert_array_equal(matrix(name), np.eye(len(image))[image])


@pytest.mark.parametrize(("name", "block"), [("CY", "Y"), ("CZ", "Z"), ("CH", "H")])
def test_controlled_gates_act_on_the_lower_block(name, block):
    np.testing.assert_allclose(matrix(name), scipy.linalg.block_diag(np.eye(2), matrix(block)), atol=1e-15)


def test_u3_is_three_rotations_up_to_a_phase():
    theta, phi, lam = 0.3, -1.1, 2.5
    product = np.exp(0.5j * (phi + lam)) * matrix("RZ", phi) @ matrix("RY", theta) @ matrix("RZ", lam)
    np.testing.assert_allclose(matrix("U3", theta, phi, lam), product, atol=1e-15)


@pytest.mark.parametrize("name", ["SU2", "SU4"])
def test_generator_blocks_are_smooth_at_zero(name):
    op = example(name)
    tangents = jax.jit(jax.jacfwd(lambda t: gates.matrix(op, t)))(jnp.zeros(len(op.angles)))
    strings = gates.pauli_strings(len(op.wires))
    expected = np.stack([-0.5j * gates.pauli_matrix(s) for s in strings], axis=-1)
    np.testing.assert_allclose(tangents, expected, atol=1e-14)


def test_su2_has_its_second_derivative_at_zero():
    op = example("SU2")
    hessian = jax.jit(jax.hessian(lambda t: jnp.real(gates.matrix(op, t))[0, 0]))(jnp.zeros(3))
    np.testing.assert_allclose(hessian, -0.25 * np.eye(3), atol=1e-14)


@pytest.mark.parametrize("radius", [0.19, 0.2, 0.21, 1e-9])
def test_su2_agrees_with_the_exponential_on_both_sides_of_its_series(radius):
    t = radius * np.array([0.6, 0.0, 0.8])
    np.testing.assert_allclose(matrix("SU2", *t), brute_force.gate_matrix(example("SU2"), t), atol=1e-15)


def test_matrix_works_under_jit_and_vmap():
    op = gates.RXX(Param(0), 0, 1)
    batch = jnp.linspace(0.0, 1.0, 3)[:, None]
    together = jax.jit(jax.vmap(lambda t: gates.matrix(op, t)))(batch)
    np.testing.assert_allclose(together[2], matrix("RXX", 1.0), atol=1e-15)


# Logarithm.


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dim=st.sampled_from([2, 4, 8]))
def test_logarithm_generates_the_unitary(seed, dim):
    u = random_unitary(seed, dim)
    t = gates.logarithm(u)
    g = sum(
        c * gates.pauli_matrix(s) for c, s in zip(t, gates.pauli_strings(dim.bit_length() - 1), strict=True)
    )
    assert same_up_to_phase(scipy.linalg.expm(-0.5j * g), u)


@settings(max_examples=25, deadline=None)
@given(angles=st.lists(st.floats(-np.pi, np.pi), min_size=3, max_size=3))
def test_logarithm_of_one_qubit_is_the_shorter_of_the_two_arcs(angles):
    t = np.asarray(angles)
    recovered = gates.logarithm(matrix("SU2", *t))
    arc = np.linalg.norm(t) % (2 * np.pi)
    assert np.linalg.norm(recovered) == pytest.approx(min(arc, 2 * np.pi - arc), abs=1e-7)


@pytest.mark.parametrize(
    ("name", "length"),
    [("CX", np.pi * 3**0.5 / 4), ("CZ", np.pi * 3**0.5 / 4), ("ISWAP", np.pi / 8**0.5), ("I", 0.0)],
)
def test_logarithm_has_the_length_of_the_flat_geodesic(name, length):
    assert np.linalg.norm(gates.logarithm(matrix(name))) / 2 == pytest.approx(length, abs=1e-12)


def test_logarithm_works_on_degenerate_spectra_and_in_batches():
    stack = np.stack(
        [matrix("SWAP"), np.eye(4), -np.eye(4), random_unitary(0, 4), np.kron(matrix("H"), matrix("X"))]
    )
    for u, t in zip(stack, gates.logarithm(stack), strict=True):
        assert same_up_to_phase(matrix("SU4", *t), u)


def test_unitary_becomes_a_block_with_fixed_angles():
    u = random_unitary(5, 4)
    op = gates.unitary(u, 3, 1)
    assert (op.name, op.wires, op.is_fixed) == ("SU4", (3, 1), True)
    assert same_up_to_phase(brute_force.gate_matrix(op, brute_force.angle_values(op, ())), u)


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.full((2, 2), np.nan), 2 * np.eye(2)])
def test_a_matrix_that_is_not_unitary_is_refused(bad):
    with pytest.raises(ValueError, match="not unitary"):
        gates.unitary(bad, 0)


def test_a_unitary_that_does_not_fit_its_wires_is_refused():
    with pytest.raises(ValueError, match="takes a 2x2 matrix and one wire"):
        gates.unitary(np.eye(4), 0)


# Angles.


def value(p: Param, theta: float, x: float) -> float:
    return brute_force.angle_values(Op("RX", (0,), (p,)), [theta], [x])[0]


@given(a=finite, b=finite, theta=finite, x=finite)
def test_arithmetic_of_parameters_is_that_of_their_values(a, b, theta, x):
    p = Param(0, 1.5, 0.25)
    assert value(a * p, theta, x) == pytest.approx(a * value(p, theta, x), abs=1e-9)
    assert value(p + b, theta, x) == pytest.approx(value(p, theta, x) + b, abs=1e-9)
    assert value(b - p, theta, x) == pytest.approx(b - value(p, theta, x), abs=1e-9)
    assert value(p - b, theta, x) == pytest.approx(value(p, theta, x) - b, abs=1e-9)
    assert value(-p, theta, x) == -value(p, theta, x)
    assert value(p / 4, theta, x) == pytest.approx(value(p, theta, x) / 4, abs=1e-9)
    assert value(a * Param(0) * Input(0, 2.0), theta, x) == pytest.approx(2 * a * theta * x, abs=1e-7)


def test_numpy_scalars_scale_a_parameter():
    assert np.float64(2.0) * Param(3) == Param(3, 2.0) == Param(np.int64(3)) * np.float32(2.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Param(0) * Param(1), "at most one parameter and one input"),
        (lambda: Input(0) * Input(1), "at most one parameter and one input"),
        (lambda: (Param(0) + 1.0) * Input(0), "no offsets"),
        (lambda: Param(0) + Param(1), "holds one parameter"),
        (lambda: Param(0) - Param(1), "holds one parameter"),
        (lambda: Param(-1), "0 or more"),
        (lambda: Param(0.5), "must be an integer"),
        (lambda: Param(0, float("inf")), "must be finite"),
        (lambda: Param(0) * "a", "must be a number"),
        (lambda: Param(0) * np.ones(2), "must be a number"),
        (lambda: gates.RX(float("nan"), 0), "must be finite"),
        (lambda: gates.RX("a", 0), "must be a number or a circuits.Param"),
        (lambda: gates.RX(0.1, -1), "a wire must be 0 or more"),
        (lambda: gates.RX(0.1, 0.0), "a wire must be an integer"),
        (lambda: gates.CX(1, 1), "wires must differ"),
        (lambda: gates.SU4([0.1] * 14, 0, 1), "takes 15 angles, not 14"),
        (lambda: gates.PauliRotation(0.1, "XQ", (0, 1)), "letters I, X, Y, Z"),
        (lambda: gates.PauliRotation(0.1, "XX", (0, 1, 2)), "needs 2 wires, not 3"),
        (lambda: gates.PauliRotation(0.1, "II", (0, 1)), "global phase"),
        (lambda: gates.MultiControlledPhase(0.1, ()), "at least one wire"),
        (lambda: gates.matrix(Op("RQ", (0,)), np.zeros(0)), "unknown gate 'RQ'"),
        (lambda: gates.matrix(Op("RX", (0,)), np.zeros(2)), "takes angles of shape"),
        (lambda: jax.jit(lambda t: gates.RX(t, 0))(0.1), "not a traced value"),
    ],
)
def test_bad_gates_are_refused_in_one_line(build, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        build()
    assert "\n" not in str(error.value)


def test_identity_letters_of_a_pauli_rotation_are_left_out():
    assert gates.PauliRotation(0.2, "XIZ", (4, 1, 0)) == Op("PAULIROT", (4, 0), (gates.fixed(0.2),), "XZ")


# Peers.


@pytest.mark.slow
def test_matrices_are_those_of_pennylane():
    qml = pytest.importorskip("pennylane")
    a, b, c = 0.7, -1.3, 2.1
    t15 = np.random.default_rng(3).normal(size=15)
    peers = {
        "X": qml.X(0), "Y": qml.Y(0), "Z": qml.Z(0), "H": qml.H(0), "S": qml.S(0), "T": qml.T(0), "SX": qml.SX(0),
        "CX": qml.CNOT([0, 1]), "CY": qml.CY([0, 1]), "CZ": qml.CZ([0, 1]), "CH": qml.CH([0, 1]),
        "SWAP": qml.SWAP([0, 1]), "ISWAP": qml.ISWAP([0, 1]), "CCX": qml.Toffoli([0, 1, 2]),
        "CSWAP": qml.CSWAP([0, 1, 2]), "I": qml.I(0),
    }  # fmt: skip
    for name, op in peers.items():
        np.testing.assert_allclose(matrix(name), qml.matrix(op), atol=1e-14, err_msg=name)
    angled = {
        "RX": qml.RX(a, 0), "RY": qml.RY(a, 0), "RZ": qml.RZ(a, 0), "P": qml.PhaseShift(a, 0),
        "CRX": qml.CRX(a, [0, 1]), "CRY": qml.CRY(a, [0, 1]), "CRZ": qml.CRZ(a, [0, 1]),
        "CP": qml.ControlledPhaseShift(a, [0, 1]), "RXX": qml.IsingXX(a, [0, 1]), "RYY": qml.IsingYY(a, [0, 1]),
        "RZZ": qml.IsingZZ(a, [0, 1]), "PAULIROT": qml.PauliRot(a, "XYZ", [0, 1, 2]),
    }  # fmt: skip
    for name, op in angled.items():
        np.testing.assert_allclose(matrix(name, a), qml.matrix(op), atol=1e-14, err_msg=name)
    np.testing.assert_allclose(matrix("XXPLUSYY", a), qml.matrix(qml.IsingXY(-a, [0, 1])), atol=1e-14)
    np.testing.assert_allclose(matrix("U3", a, b, c), qml.matrix(qml.U3(a, b, c, 0)), atol=1e-14)
    np.testing.assert_allclose(
        matrix("SU4", *t15), qml.matrix(qml.SpecialUnitary(-t15 / 2, [0, 1])), atol=1e-12
    )


@pytest.mark.slow
def test_matrices_are_those_of_qiskit():
    library = pytest.importorskip("qiskit.circuit.library")
    a, b, c = 0.7, -1.3, 2.1
    one = {
        "S": library.SGate(), "SDG": library.SdgGate(), "TDG": library.TdgGate(), "SX": library.SXGate(),
        "SXDG": library.SXdgGate(), "H": library.HGate(),
    }  # fmt: skip
    for name, gate in one.items():
        np.testing.assert_allclose(matrix(name), gate.to_matrix(), atol=1e-14, err_msg=name)
    np.testing.assert_allclose(matrix("U3", a, b, c), library.UGate(a, b, c).to_matrix(), atol=1e-14)
    symmetric = {
        "RXX": library.RXXGate(a), "RYY": library.RYYGate(a), "RZZ": library.RZZGate(a), "CP": library.CPhaseGate(a),
        "XXPLUSYY": library.XXPlusYYGate(a),
    }  # fmt: skip
    for name, gate in symmetric.items():
        np.testing.assert_allclose(matrix(name, a), np.asarray(gate.to_matrix()), atol=1e-14, err_msg=name)
