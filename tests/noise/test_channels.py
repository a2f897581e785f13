"""Channels: both forms of each, their closed forms, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.gate_matrices import pauli_matrix
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    KrausChannel,
    PauliChannel,
    PhaseDamping,
    Reset,
    ThermalRelaxation,
    bit_flip,
    bit_phase_flip,
    phase_flip,
    transfer,
)

UNIT = st.floats(0.0, 1.0, allow_subnormal=False)


@st.composite
def channels(draw):
    kind = draw(st.integers(0, 8))
    a, b, c = draw(UNIT), draw(UNIT), draw(UNIT)
    match kind:
        case 0:
            return Depolarizing(a * 4 / 3)
        case 1:
            return Depolarizing(a * 16 / 15, 2)
        case 2:
            return PauliChannel({"X": a / 3, "Y": b / 3, "Z": c / 3})
        case 3:
            return PauliChannel({"XX": a / 4, "IZ": b / 4, "YI": c / 4, "II": 0.1})
        case 4:
            return AmplitudeDamping(a, b)
        case 5:
            return PhaseDamping(a)
        case 6:
            return ThermalRelaxation(0.5 + a, (0.5 + a) * max(2.0 * b, 0.05), 2.0 * c, a * b)
        case 7:
            return Reset(a / 2, b / 2)
    return KrausChannel(random_kraus(2, 3, int(1000 * a)))


def random_kraus(dimension: int, count: int, seed: int) -> np.ndarray:
    """Blocks of the first columns of a random unitary: complete by construction."""
    rng = np.random.default_rng(seed)
    shape = (count * dimension, dimension)
    q, _ = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))
    return q.reshape(count, dimension, dimension)


def of_kraus(operators: np.ndarray) -> np.ndarray:
    """The transfer matrix, entry by entry from its definition."""
    d = operators.shape[-1]
    n = d.bit_length() - 1
    letters = ["".join("IXYZ"[(k // 4 ** (n - 1 - q)) % 4] for q in range(n)) for k in range(4**n)]
    table = np.zeros((4**n, 4**n))
    for i, p in enumerate(letters):
        for j, q in enumerate(letters):
            image = sum(k @ pauli_matrix(q) @ k.conj().T for k in operators)
            table[i, j] = np.trace(pauli_matrix(p) @ image).real / d
    return table


@settings(max_examples=60, deadline=None)
@given(channels())
def test_kraus_operators_are_complete_and_give_the_transfer_matrix(channel):
    operators = np.asarray(channel.kraus())
    d = 2**channel.n_qubits
    np.testing.assert_allclose(np.einsum("kij,kil->jl", operators.conj(), operators), np.eye(d), atol=1e-12)
    np.testing.assert_allclose(channel.transfer_matrix(), of_kraus(operators), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(channels())
def test_the_same_strengths_given_as_an_array_give_the_same_channel(channel):
    strengths = jnp.asarray(channel.strengths)
    np.testing.assert_array_equal(channel.form.transfer_matrix(strengths), channel.transfer_matrix())
    np.testing.assert_array_equal(channel.form.kraus(strengths), channel.kraus())
    assert len(channel.strengths) == len(channel.strength_names)
    assert hash(channel.form) == hash(channel.form)


def bloch(channel, vector) -> np.ndarray:
    """Where a channel on one qubit takes a Bloch vector."""
    return np.asarray(channel.transfer_matrix())[1:] @ np.concatenate([[1.0], vector])


def test_bloch_vectors_go_where_the_textbook_says():
    r = np.array([0.3, -0.5, 0.6])
    np.testing.assert_allclose(bloch(Depolarizing(0.2), r), 0.8 * r)
    np.testing.assert_allclose(bloch(bit_flip(0.1), r), r * [1.0, 0.8, 0.8])
    np.testing.assert_allclose(bloch(phase_flip(0.1), r), r * [0.8, 0.8, 1.0])
    np.testing.assert_allclose(bloch(bit_phase_flip(0.1), r), r * [0.8, 1.0, 0.8])
    np.testing.assert_allclose(bloch(AmplitudeDamping(0.36), r), [0.8 * r[0], 0.8 * r[1], 0.36 + 0.64 * r[2]])
    np.testing.assert_allclose(bloch(AmplitudeDamping(1.0, 0.25), r), [0.0, 0.0, 0.5], atol=1e-15)
    np.testing.assert_allclose(bloch(PhaseDamping(0.36), r), r * [0.8, 0.8, 1.0])
    np.testing.assert_allclose(bloch(Reset(0.2, 0.1), r), 0.7 * r + [0.0, 0.0, 0.1])


def test_the_strongest_depolarising_channel_is_the_universal_not():
    operators = np.asarray(Depolarizing(4 / 3).kraus())
    np.testing.assert_allclose(operators[0], 0.0, atol=1e-7)  # no identity left
    np.testing.assert_allclose(bloch(Depolarizing(4 / 3), [0.0, 0.0, 1.0]), [0.0, 0.0, -1 / 3], atol=1e-15)


def test_thermal_relaxation_below_t1_is_resets_and_phase_flips():
    # Qiskit Aer's construction for T2 <= T1: reset with 1 - e^{-t/T1}, else Z with probability p_z
    t1, t2, time, excited = 50.0, 30.0, 7.0, 0.2
    p_reset = 1 - np.exp(-time / t1)
    p_z = (1 - p_reset) * (1 - np.exp(-time * (1 / t2 - 1 / t1))) / 2
    z = np.diag([1.0, 1.0 - 2 * p_z / (1 - p_reset), 1.0 - 2 * p_z / (1 - p_reset), 1.0])
    reset = np.asarray(Reset((1 - excited) * p_reset, excited * p_reset).transfer_matrix())
    expected = reset @ z
    np.testing.assert_allclose(
        ThermalRelaxation(t1, t2, time, excited).transfer_matrix(), expected, atol=1e-14
    )


def test_thermal_relaxation_above_t1_has_the_choi_matrix_of_qiskit():
    t1, t2, time, excited = 40.0, 70.0, 11.0, 0.15
    p_reset, coherence = 1 - np.exp(-time / t1), np.exp(-time / t2)
    choi = np.diag(
        [1 - excited * p_reset, excited * p_reset, (1 - excited) * p_reset, 1 - (1 - excited) * p_reset]
    )
    choi = choi.astype(complex)
    choi[0, 3] = choi[3, 0] = coherence
    operators = np.asarray(ThermalRelaxation(t1, t2, time, excited).kraus())
    vectors = operators.transpose(0, 2, 1).reshape(len(operators), 4)  # columns stacked, as there
    np.testing.assert_allclose(np.einsum("ka,kb->ab", vectors, vectors.conj()), choi, atol=1e-14)


def test_phase_damping_is_a_phase_flip():
    rate = 0.3
    flip = phase_flip((1 - np.sqrt(1 - rate)) / 2)
    np.testing.assert_allclose(PhaseDamping(rate).transfer_matrix(), flip.transfer_matrix(), atol=1e-15)


@pytest.mark.parametrize(
    "channel",
    [
        Depolarizing(0.0),
        Depolarizing(0.0, 2),
        AmplitudeDamping(0.0),
        PhaseDamping(0.0),
        Reset(0.0),
        bit_flip(0.0),
    ],
)
def test_derivatives_by_strength_are_finite_at_strength_zero(channel):
    zero = jnp.asarray(channel.strengths)
    slope = np.asarray(jax.jacfwd(channel.transfer_matrix)(zero))
    assert np.isfinite(slope).all()
    h = 1e-6
    up = channel.transfer_matrix(zero.at[0].set(h))
    np.testing.assert_allclose(slope[..., 0], (np.asarray(up) - np.eye(len(up))) / h, atol=1e-5)


def test_canonical_kraus_operators_are_few_orthogonal_and_the_same_channel():
    many = np.concatenate([random_kraus(4, 9, s) for s in range(3)]) / np.sqrt(3.0)
    few = transfer.canonical_kraus(many)
    assert len(few) == 16
    gram = np.einsum("aij,bij->ab", few.conj(), few)
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    np.testing.assert_allclose(
        transfer.of_kraus(jnp.asarray(few)), transfer.of_kraus(jnp.asarray(many)), atol=1e-12
    )


def test_float32_strengths_give_float32():
    single = jnp.asarray([0.1], jnp.float32)
    assert Depolarizing(0.0).transfer_matrix(single).dtype == jnp.float32
    assert Depolarizing(0.0).kraus(single).dtype == jnp.complex64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Depolarizing(1.5), "between 0 and 1.33333"),
        (lambda: Depolarizing(-0.1), "between 0"),
        (lambda: Depolarizing(0.1, 0), "1 or more qubits"),
        (lambda: Depolarizing(float("nan")), "between 0"),
        (lambda: PauliChannel({"X": 0.6, "Y": 0.6}), "add up to at most 1"),
        (lambda: PauliChannel({"X": 0.1, "XX": 0.1}), "1 or 2 qubits"),
        (lambda: PauliChannel({"A": 0.1}), "1 or 2 qubits"),
        (lambda: PauliChannel({}), "1 or 2 qubits"),
        (lambda: AmplitudeDamping(1.1), "amplitude damping is between 0 and 1"),
        (lambda: PhaseDamping(-1e-3), "phase damping is between 0 and 1"),
        (lambda: ThermalRelaxation(1.0, 2.5, 0.1), "T2 is at most 2 T1"),
        (lambda: ThermalRelaxation(0.0, 1.0, 0.1), "T1, T2 > 0"),
        (lambda: Reset(0.7, 0.7), "add up to at most 1"),
        (lambda: KrausChannel([np.eye(2), 0.1 * np.eye(2)]), "not complete"),
        (lambda: KrausChannel(np.eye(2)), r"shape \(K, d, d\)"),
        (lambda: KrausChannel([np.eye(8)]), "d = 2 or 4"),
    ],
)
def test_what_is_no_channel_is_refused_in_one_line(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_traced_strengths_are_refused_where_numbers_are_needed():
    with pytest.raises(TypeError, match="VariedNoise"):
        jax.jit(lambda p: Depolarizing(p).transfer_matrix())(0.1)


@pytest.mark.slow
def test_channels_are_those_of_pennylane():
    qml = pytest.importorskip("pennylane")
    pairs = [
        (AmplitudeDamping(0.3), qml.AmplitudeDamping(0.3, 0)),
        (AmplitudeDamping(0.3, 0.2), qml.GeneralizedAmplitudeDamping(0.3, 0.2, 0)),
        (PhaseDamping(0.3), qml.PhaseDamping(0.3, 0)),
        (Depolarizing(0.4), qml.DepolarizingChannel(0.3, 0)),
        (bit_flip(0.2), qml.BitFlip(0.2, 0)),
        (phase_flip(0.2), qml.PhaseFlip(0.2, 0)),
        (Reset(0.2, 0.1), qml.ResetError(0.2, 0.1, 0)),
        (ThermalRelaxation(1.2, 0.9, 0.5, 0.1), qml.ThermalRelaxationError(0.1, 1.2, 0.9, 0.5, 0)),
        (ThermalRelaxation(1.2, 1.9, 0.5, 0.1), qml.ThermalRelaxationError(0.1, 1.2, 1.9, 0.5, 0)),
    ]
    for ours, theirs in pairs:
        operators = np.stack([np.asarray(k, complex) for k in theirs.kraus_matrices()])
        np.testing.assert_allclose(
            ours.transfer_matrix(), of_kraus(operators), atol=1e-10, err_msg=repr(ours)
        )
