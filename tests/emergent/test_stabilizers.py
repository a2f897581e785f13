"""Stabilizer states and codes against dense matrices, enumeration of all Pauli operators, and published enumerators."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.enumerators import distance, logical_enumerators, macwilliams, weight_enumerators
from qgeom.emergent.gf2 import in_span, left_kernel, pack_words, rank, row_reduce
from qgeom.emergent.stabilizers import (
    StabilizerCode,
    StabilizerState,
    five_qubit_code,
    pauli_rows,
    pauli_strings,
    symplectic_product,
)

LETTERS = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1.0]),
}
STEANE = ("IIIXXXX", "IXXIIXX", "XIXIXIX", "IIIZZZZ", "IZZIIZZ", "ZIZIZIZ")
SEEDS = st.integers(0, 2**32 - 1)


def dense(strings: tuple[str, ...]) -> np.ndarray:
    """The density matrix that is stabilised by all strings with sign +1."""
    n = len(strings[0])
    projectors = [
        (np.eye(2**n) + functools.reduce(np.kron, [LETTERS[letter] for letter in s])) / 2.0 for s in strings
    ]
    rho = functools.reduce(np.matmul, projectors, np.eye(2**n))
    return rho / np.trace(rho)


def dense_entropy(rho: np.ndarray, region: tuple[int, ...]) -> float:
    n = rho.shape[0].bit_length() - 1
    rest = [i for i in range(n) if i not in region]
    order = [*region, *rest]
    t = rho.reshape((2,) * (2 * n)).transpose([*order, *(n + i for i in order)])
    a, b = 2 ** len(region), 2 ** len(rest)
    reduced = np.einsum("abcb->ac", t.reshape(a, b, a, b))
    p = np.linalg.eigvalsh(reduced)
    p = p[p > 1e-12]
    return float(-np.sum(p * np.log(p)))


def random_rows(rng: np.random.Generator, n: int) -> np.ndarray:
    """2n rows, X-like and Z-like in pairs: the image of X_i, Z_i under random symplectic transvections."""
    rows = np.eye(2 * n, dtype=bool)
    for _ in range(4 * n):
        v = rng.integers(0, 2, size=(1, 2 * n)).astype(bool)
        rows = rows ^ (symplectic_product(rows, v) & v)
    return np.stack([rows[:n], rows[n:]], axis=1).reshape(2 * n, 2 * n)


def random_code(seed: int, n: int, k: int) -> StabilizerCode:
    pairs = random_rows(np.random.default_rng(seed), n).reshape(n, 2, 2 * n)
    return StabilizerCode(pairs[k:, 1], pairs[:k].reshape(2 * k, 2 * n))


def all_paulis(n: int) -> np.ndarray:
    return pauli_rows(["".join(letters) for letters in itertools.product("IXYZ", repeat=n)])


def weights(rows: np.ndarray) -> np.ndarray:
    n = rows.shape[1] // 2
    return np.bincount((rows[:, :n] | rows[:, n:]).sum(axis=1), minlength=n + 1)


# Binary linear algebra.


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_kernel_rank_and_span_agree_with_enumeration(seed: int):
    rng = np.random.default_rng(seed)
    m = rng.integers(0, 2, size=(5, int(rng.integers(1, 9)))).astype(bool)
    combinations = np.array(list(itertools.product([0, 1], repeat=5)))
    images = combinations @ m.astype(int) % 2
    zero = combinations[~images.any(axis=1)]
    kernel = left_kernel(m)
    assert 2 ** len(kernel) == len(zero)
    assert 2 ** rank(m) == len(np.unique(images, axis=0))
    assert not np.any(kernel.astype(int) @ m.astype(int) % 2)
    target = rng.integers(0, 2, size=(1, m.shape[1])).astype(bool)
    found = in_span(pack_words(m)[None], pack_words(target)[None])[0, 0]
    assert found == bool(np.any(np.all(images == target, axis=1)))


def test_span_is_decided_across_words():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, size=(20, 200)).astype(bool)
    inside = (rng.integers(0, 2, size=(3, 20)) @ rows % 2).astype(bool)
    outside = inside ^ (np.arange(200) == 150)
    assert rank(np.vstack([rows, outside[:1]])) == 21
    targets = np.stack([inside, outside])
    found = in_span(np.stack([pack_words(rows)] * 2), pack_words(targets))
    assert found[0].all()
    assert not found[1].any()


def test_row_reduction_is_reduced():
    reduced, pivots = row_reduce(np.random.default_rng(3).integers(0, 2, size=(6, 9)))
    assert np.array_equal(reduced[:, pivots], np.eye(len(pivots), dtype=bool))


# States.


@given(seed=SEEDS, n=st.integers(2, 5), mixed=st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_entropies_are_those_of_the_density_matrix(seed: int, n: int, mixed: int):
    rows = random_rows(np.random.default_rng(seed), n)[1::2][: n - min(mixed, n - 1)]
    state = StabilizerState(rows)
    rho = dense(pauli_strings(rows))
    for size in range(n + 1):
        for region in itertools.combinations(range(n), size):
            assert state.entropy(region) == pytest.approx(dense_entropy(rho, region), abs=1e-9)


def test_an_entangled_pair_has_twice_its_entropy_as_mutual_information():
    bell = StabilizerState.from_strings(("XXI", "ZZI", "IIZ"))
    assert bell.mutual_information([0], [1]) == pytest.approx(2 * np.log(2))
    assert bell.mutual_information([0], [2]) == 0.0
    assert bell.is_pure


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_contraction_is_that_of_the_amplitudes(seed: int):
    n, pairs = 6, [(1, 4), (5, 0)]
    rows = random_rows(np.random.default_rng(seed), n)[1::2]
    values, vectors = np.linalg.eigh(dense(pauli_strings(rows)))
    assert values[-1] == pytest.approx(1.0)
    joined = np.einsum("abcdba->cd", vectors[:, -1].reshape((2,) * n)).reshape(-1)
    if np.linalg.norm(joined) < 1e-9:
        return  # this choice of signs projects to zero
    joined = joined / np.linalg.norm(joined)
    contracted = StabilizerState(rows).contract(pairs)
    assert contracted.is_pure
    rho = np.outer(joined, joined.conj())
    for region in ((0,), (1,), (0, 1)):
        assert contracted.entropy(region) == pytest.approx(dense_entropy(rho, region), abs=1e-9)
    for s in pauli_strings(contracted.generators):
        value = np.trace(rho @ functools.reduce(np.kron, [LETTERS[letter] for letter in s]))
        assert abs(abs(value) - 1.0) < 1e-9


# Codes.


def test_the_five_qubit_code_has_the_published_weight_enumerators():
    a, b = weight_enumerators(five_qubit_code())
    assert a == (1, 0, 0, 0, 15, 0)
    assert b == (1, 0, 0, 30, 15, 18)
    assert distance(five_qubit_code()) == 3


def test_the_steane_code_has_the_published_weight_enumerator():
    code = StabilizerCode(pauli_rows(STEANE), pauli_rows(("X" * 7, "Z" * 7)))
    a, b = weight_enumerators(code)
    assert a == (1, 0, 0, 0, 21, 0, 42, 0)
    assert sum(b) == 2**8
    assert distance(code) == 3


@given(seed=SEEDS, k=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_enumerators_count_the_operators_one_by_one(seed: int, k: int):
    code = random_code(seed, 5, k)
    paulis = all_paulis(5)
    in_commutant = ~symplectic_product(paulis, code.stabilizers).any(axis=1)
    bare = code.logicals[:2]
    own = np.concatenate([code.stabilizers, bare])
    own_span = np.unique(
        np.array(list(itertools.product([0, 1], repeat=len(own)))) @ own.astype(int) % 2, axis=0
    )
    a, b = weight_enumerators(code)
    assert b == tuple(weights(paulis[in_commutant]))
    found = logical_enumerators(code)
    acts = in_commutant & symplectic_product(paulis, bare).any(axis=1)
    assert found.dressed == tuple(weights(paulis[acts]))
    assert found.bare == tuple(weights(own_span.astype(bool)) - np.array(a))
    assert found.dressed_distance <= found.bare_distance
    assert macwilliams(b) == a


def test_two_erasures_of_five_are_corrected_and_three_are_not():
    code = five_qubit_code()
    patterns = np.array(list(itertools.product([False, True], repeat=5)))
    assert np.array_equal(code.recoverable(patterns), patterns.sum(axis=1) >= 3)


@given(seed=SEEDS, n=st.integers(2, 5), k=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_qubit_is_lost_just_when_a_dressed_operator_fits_in_the_erasure(seed: int, n: int, k: int):
    code = random_code(seed, n, min(k, n))
    paulis = all_paulis(n)
    commute = ~symplectic_product(paulis, code.stabilizers).any(axis=1)
    dressed = paulis[commute & symplectic_product(paulis, code.logicals[:2]).any(axis=1)]
    touched = dressed[:, :n] | dressed[:, n:]
    for kept in itertools.product([False, True], repeat=n):
        lost = bool(np.any(~np.any(touched & np.array(kept), axis=1)))
        assert bool(code.recoverable(np.array(kept))) == (not lost)


@given(seed=SEEDS, n=st.integers(2, 5), k=st.integers(1, 3), letter=st.sampled_from("XYZ"))
@settings(max_examples=25, deadline=None)
def test_one_elimination_for_several_qubits_agrees_with_one_for_each(seed: int, n: int, k: int, letter: str):
    code = random_code(seed, n, min(k, n))
    patterns = np.array(list(itertools.product([False, True], repeat=n))).reshape(2, -1, n)
    everything = range(code.n_logical)
    for chosen in (list(everything), list(everything)[::-1][:2]):
        arbitrary, fixed = (code.recoverable_each(patterns, chosen, others) for others in (None, letter))
        for i, j in enumerate(chosen):
            assert np.array_equal(arbitrary[..., i], code.recoverable(patterns, j))
            alone = code.fixed({other: letter for other in everything if other != j})
            assert np.array_equal(fixed[..., i], alone.recoverable(patterns))


@given(seed=SEEDS, n=st.integers(2, 5), k=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_recovery_is_full_mutual_information_with_the_reference(seed: int, n: int, k: int):
    code = random_code(seed, n, min(k, n))
    state = code.to_state()
    for kept in itertools.product([False, True], repeat=n):
        region = [i for i in range(n) if kept[i]]
        full = state.mutual_information(region, [n]) > 2 * np.log(2) - 1e-9
        assert bool(code.recoverable(np.array(kept))) == full


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_operators_within_a_region_act_as_the_logical_ones(seed: int):
    code = random_code(seed, 6, 2)
    for region in itertools.combinations(range(6), 4):
        kept = np.isin(np.arange(6), region)
        if not code.recoverable(kept):
            with pytest.raises(ValueError, match="no operators within"):
                code.represented(region)
            continue
        found = code.represented(region)
        assert not np.any(found[:, ~np.concatenate([kept, kept])])
        assert rank(np.vstack([code.stabilizers, code.logicals[:2] ^ found])) == len(code.stabilizers)


def test_a_code_and_its_state_are_one_thing():
    code = random_code(5, 6, 2)
    again = StabilizerCode.from_state(code.to_state(), [6, 7])
    assert rank(np.vstack([code.stabilizers, again.stabilizers])) == 4
    for own, other in zip(code.logicals, again.logicals, strict=True):
        assert rank(np.vstack([code.stabilizers, (own ^ other)[None]])) == 4


def test_fixed_logical_qubits_are_stabilised_by_their_letter():
    code = random_code(7, 6, 3)
    fixed = code.fixed({0: "Y", 2: "X"})
    assert fixed.n_logical == 1
    for added in (code.logicals[0] ^ code.logicals[1], code.logicals[4]):
        assert rank(np.vstack([fixed.stabilizers, added[None]])) == len(fixed.stabilizers)
    assert np.array_equal(fixed.logicals, code.logicals[2:4])


# Refusals.


def test_what_is_no_stabilizer_group_is_refused():
    with pytest.raises(ValueError, match="commute"):
        StabilizerState.from_strings(("XI", "ZI"))
    with pytest.raises(ValueError, match="independent"):
        StabilizerState.from_strings(("XI", "XI"))
    with pytest.raises(ValueError, match="one length"):
        pauli_rows(("XX", "Q"))
    with pytest.raises(ValueError, match="must"):
        StabilizerCode(pauli_rows(("ZZ",)), pauli_rows(("XX", "XX")))
    with pytest.raises(ValueError, match="no isometry"):
        StabilizerCode.from_state(StabilizerState.from_strings(("ZI", "IZ")), [1])
    with pytest.raises(ValueError, match="pure"):
        StabilizerCode.from_state(StabilizerState.from_strings(("ZI",)), [1])


def test_wrong_regions_and_logical_qubits_are_refused():
    code = five_qubit_code()
    with pytest.raises(ValueError, match="different qubits of 0 .. 5"):
        code.to_state().entropy([0, 0])
    with pytest.raises(ValueError, match="different qubits"):
        code.to_state().mutual_information([0], [0, 1])
    with pytest.raises(ValueError, match="logical qubits are 0 .. 0"):
        code.recoverable(np.ones(5), 1)
    with pytest.raises(ValueError, match="each named once"):
        code.recoverable_each(np.ones(5), [0, 0])
    with pytest.raises(ValueError, match="fix logical qubits"):
        code.recoverable_each(np.ones(5), [0], "I")
    with pytest.raises(ValueError, match="fix logical qubits"):
        code.fixed({0: "I"})
    with pytest.raises(ValueError, match="no distance"):
        distance(code.fixed({0: "Z"}))


def test_groups_too_large_to_enumerate_are_refused():
    rows = np.hstack([np.zeros((30, 31), dtype=bool), np.eye(31, dtype=bool)[:30]])
    logicals = np.zeros((2, 62), dtype=bool)
    logicals[0, 30] = logicals[1, 61] = True
    with pytest.raises(ValueError, match="28 generators"):
        weight_enumerators(StabilizerCode(rows, logicals))
