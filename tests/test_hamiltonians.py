"""Pauli sums and named Hamiltonians, against NumPy Kronecker products, free fermions and counting arguments."""

from __future__ import annotations

import functools
import itertools
import pickle

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from circuits import hamiltonians, paulis
from circuits.hamiltonians import PauliSum, from_strings

_PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def kron(string):
    """A Pauli string as a NumPy matrix, qubit 0 the leftmost factor."""
    return functools.reduce(np.kron, (_PAULI[letter] for letter in string)).astype(complex)


def dense(h):
    return sum(c * kron(s) for s, c in zip(h.strings, h.coefficients))


def on(n, letters, *wires):
    """The matrix of one-qubit letters on some wires: independent of the package's own string building."""
    string = ["I"] * n
    for letter, wire in zip(letters, wires):
        string[wire] = letter
    return kron("".join(string))


def random_sum(rng, n, n_terms):
    strings = ["".join(rng.choice(list("IXYZ"), n)) for _ in range(n_terms)]
    return PauliSum(strings, rng.normal(size=n_terms))


def random_vector(rng, n):
    return rng.normal(size=2**n) + 1j * rng.normal(size=2**n)


# Algebra of strings.


@given(st.text("IXYZ", min_size=3, max_size=3), st.text("IXYZ", min_size=3, max_size=3))
@settings(deadline=None, max_examples=30)
def test_product_of_strings(a, b):
    string, phase = paulis.multiply(a, b)
    np.testing.assert_allclose(kron(a) @ kron(b), phase * kron(string), atol=1e-15)
    assert paulis.commute(a, b) == np.allclose(kron(a) @ kron(b), kron(b) @ kron(a))


def test_sums_are_values():
    a, b = from_strings({"XX": 1.0, "ZI": 0.5}), PauliSum(("XX", "ZI"), np.array([1.0, 0.5]))
    assert a == b
    assert hash(a) == hash(b)
    assert a != 2 * b
    assert pickle.loads(pickle.dumps(a)) == a
    with pytest.raises(AttributeError):
        a.strings = ("XX",)  # type: ignore[misc]
    a.coefficients[0] = 7.0  # a copy
    assert a == b


def test_algebra_matches_matrices():
    rng = np.random.default_rng(0)
    a, b = random_sum(rng, 3, 8), random_sum(rng, 3, 5)
    np.testing.assert_allclose(dense(a + b), dense(a) + dense(b), atol=1e-14)
    np.testing.assert_allclose(dense(a - b), dense(a) - dense(b), atol=1e-14)
    np.testing.assert_allclose(dense(-2.5 * a / 2), -1.25 * dense(a), atol=1e-14)
    np.testing.assert_allclose(a.norm() ** 2, np.trace(dense(a) @ dense(a)).real / 8, rtol=1e-13)
    np.testing.assert_allclose(
        (a + 3 * PauliSum(["III"])).trace(), np.trace(dense(a)).real / 8 + 3, atol=1e-14
    )
    assert (a - a).simplify(1e-14) == PauliSum(("III",), (0.0,))


def test_commuting_groups_commute_and_add_up():
    h = hamiltonians.heisenberg(4, periodic=True)
    groups = h.commuting_groups()
    for group in groups:
        for (a, _), (b, _) in itertools.combinations(group, 2):
            np.testing.assert_allclose(kron(a) @ kron(b), kron(b) @ kron(a))
    np.testing.assert_allclose(sum(dense(g) for g in groups), dense(h))
    assert len(groups) < len(h)


# The action on a state.


@pytest.mark.parametrize("n_terms", [1, 6, 300])  # 300 terms on 4 qubits: nearly all strings
def test_apply_is_the_matrix(n_terms):
    rng = np.random.default_rng(n_terms)
    h, psi = random_sum(rng, 4, n_terms), random_vector(rng, 4)
    np.testing.assert_allclose(jax.jit(h.apply)(psi), dense(h) @ psi, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(h.to_sparse().toarray(), dense(h), atol=1e-12)
    np.testing.assert_allclose(h.to_matrix(), dense(h), atol=1e-12)


@given(st.text("IXYZ", min_size=5, max_size=5))
@settings(deadline=None, max_examples=15)
def test_apply_of_one_string(string):
    psi = random_vector(np.random.default_rng(1), 5)
    np.testing.assert_allclose(jax.jit(PauliSum(string).apply)(psi), kron(string) @ psi, atol=1e-13)


def test_scanned_and_unrolled_paths_agree():
    rng = np.random.default_rng(3)
    h, psi = random_sum(rng, 4, 30), random_vector(rng, 4)
    flips = paulis._flips(h)
    paths = (
        functools.partial(paulis.pauli_action._apply_scanned, flips),
        functools.partial(paulis.pauli_action._apply_unrolled, flips, 4),
    )
    for path in paths:
        re, im = jax.jit(path)(psi.real, psi.imag)
        np.testing.assert_allclose(np.asarray(re) + 1j * np.asarray(im), dense(h) @ psi, atol=1e-12)


@pytest.mark.parametrize("unrolled", [True, False])
def test_apply_under_transformations(unrolled, monkeypatch):
    monkeypatch.setattr(paulis.pauli_action, "_MAX_UNROLLED_FLIPS", 96 if unrolled else 0)
    rng = np.random.default_rng(4 + unrolled)  # unequal sums: an equal one would find the compiled program
    h = random_sum(rng, 4, 6)
    matrix = dense(h)
    a, b = random_vector(rng, 4), random_vector(rng, 4)
    np.testing.assert_allclose(
        jax.vmap(h.apply)(np.stack([a, b])), np.stack([matrix @ a, matrix @ b]), atol=1e-11
    )
    np.testing.assert_allclose(jax.jvp(h.apply, (a,), (b,))[1], matrix @ b, atol=1e-11)

    def energy(re, im):
        return h.expectation(jax.lax.complex(re, im))

    # d <psi|H|psi> / d Re psi = 2 Re H psi, and the same for Im; its derivative along b is 2 H b.
    gradient = jax.grad(energy, argnums=(0, 1))
    (g, t) = jax.jit(lambda a, b: jax.jvp(gradient, a, b))((a.real, a.imag), (b.real, b.imag))
    np.testing.assert_allclose(jax.lax.complex(*g), 2 * matrix @ a, atol=1e-10)
    np.testing.assert_allclose(energy(a.real, a.imag), np.vdot(a, matrix @ a).real, rtol=1e-12)
    np.testing.assert_allclose(jax.lax.complex(*t), 2 * matrix @ b, atol=1e-10)


def test_dtype_follows_the_vector():
    h = hamiltonians.heisenberg(3)
    psi = random_vector(np.random.default_rng(5), 3).astype(np.complex64)
    assert h.apply(psi).dtype == jnp.complex64
    assert h.expectation(psi).dtype == jnp.float32
    assert PauliSum(["ZZI"]).diagonal(jnp.float32).dtype == jnp.float32
    np.testing.assert_allclose(h.apply(psi), dense(h) @ psi, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_diagonal(n):
    rng = np.random.default_rng(n)
    strings = ["".join(s) for s in itertools.product("IZ", repeat=n)]
    h = PauliSum(strings, rng.normal(size=len(strings)))
    assert h.is_diagonal
    np.testing.assert_allclose(h.diagonal(), np.diag(dense(h)).real, atol=1e-12)
    np.testing.assert_allclose(h.spectrum(), np.sort(np.diag(dense(h)).real), atol=1e-12)
    psi = random_vector(rng, n)
    np.testing.assert_allclose(h.expectation(psi), np.vdot(psi, dense(h) @ psi).real, rtol=1e-12)


def test_wide_diagonal_goes_through_a_matrix_product():
    h = hamiltonians.from_strings([("Z" * 7 + "".join(s), 1.0) for s in itertools.product("IZ", repeat=5)])
    h = h + hamiltonians.from_strings(
        [("".join(s) + "Z" * 5, 0.3) for s in itertools.product("IZ", repeat=7)]
    )
    np.testing.assert_allclose(h.diagonal(), h.to_sparse().diagonal(), atol=1e-12)


def test_no_state_sized_literal_and_few_copies():
    h = hamiltonians.ising(18)
    re = jnp.zeros(2**18)
    compiled = jax.jit(h.apply_planar).lower(re, re).compile()
    assert compiled.memory_analysis().temp_size_in_bytes <= 2 * re.nbytes
    assert len(compiled.as_text()) < 200_000


def test_spectrum_and_ground_state():
    h = hamiltonians.heisenberg(4)
    exact = np.linalg.eigvalsh(dense(h))
    np.testing.assert_allclose(h.spectrum(), exact, atol=1e-12)
    np.testing.assert_allclose(h.spectrum(3), exact[:3], atol=1e-12)
    state, energy = h.ground_state()
    np.testing.assert_allclose(energy, exact[0], atol=1e-12)
    np.testing.assert_allclose(dense(h) @ state.vector, energy * state.vector, atol=1e-10)
    big = hamiltonians.ising(10)  # Lanczos
    np.testing.assert_allclose(big.spectrum(2), ising_free_fermions(10, 1.0)[:2], atol=1e-9)
    np.testing.assert_allclose(big.ground_state()[1], ising_free_fermions(10, 1.0)[0], atol=1e-9)


def test_large_chains_are_cheap_to_build():
    assert hamiltonians.ising(200).n_qubits == 200  # no vector of 2^200 anywhere


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PauliSum(()), "at least one string"),
        (lambda: PauliSum(("XA",)), "I, X, Y, Z"),
        (lambda: PauliSum(("",)), "one per qubit"),
        (lambda: PauliSum(("XX", "X")), "equal lengths"),
        (lambda: PauliSum(("XX",), (1j,)), "real"),
        (lambda: PauliSum(("XX",), (float("nan"),)), "finite"),
        (lambda: PauliSum(("XX",), (1.0, 2.0)), "one for each"),
        (lambda: PauliSum(("XX",)) + PauliSum(("X",)), "cannot add"),
        (lambda: PauliSum(("XX",)).diagonal(), "not diagonal"),
        (lambda: PauliSum(("XX",)).apply(np.zeros(3) + 0j), r"shape \(4,\)"),
        (lambda: PauliSum(("XX",)).spectrum(9), "between 1 and 4"),
        (lambda: hamiltonians.ising(14).to_matrix(), "GiB"),
        (lambda: hamiltonians.ising(0), "at least 1 site"),
        (lambda: hamiltonians.syk(0, 7), "even"),
        (lambda: hamiltonians.syk(0, 8, q=3), "q must be even"),
        (lambda: hamiltonians.toric_code(1, 3), "at least 2"),
        (lambda: hamiltonians.maxcut(nx.Graph()), "no nodes"),
        (lambda: from_strings({}), "at least one term"),
        (lambda: from_strings({"ZZ": "one"}), "real"),  # type: ignore[dict-item]
        (lambda: from_strings(["ZZ"]), "pairs"),  # type: ignore[list-item]
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


# Models.


def ising_free_fermions(n, field):
    """All energies of the open chain from its single-particle ones (Lieb, Schultz and Mattis 1961)."""
    singular = np.linalg.svd(np.diag(np.full(n, field)) + np.diag(np.ones(n - 1), 1), compute_uv=False)
    signs = np.array(list(itertools.product((-1, 1), repeat=n)))
    return np.sort(signs @ singular)


@given(st.floats(0.1, 3.0))
@settings(deadline=None, max_examples=5)
def test_ising_is_free_fermions(field):
    np.testing.assert_allclose(
        hamiltonians.ising(6, field).spectrum(), ising_free_fermions(6, field), atol=1e-10
    )


def test_critical_ising_ring_approaches_minus_four_over_pi():
    # The ring of n sites in the even sector: E_0 = -sum_k 2 |cos(k/2)|..., in closed form -2 / sin(pi / 2n).
    errors = []
    for n in (4, 6, 8, 10):
        energy = hamiltonians.ising(n, 1.0, periodic=True).ground_state()[1]
        np.testing.assert_allclose(energy, -2 / np.sin(np.pi / (2 * n)), rtol=1e-9)
        errors.append((energy / n + 4 / np.pi) * n**2)
    # Conformal finite-size law: e = -4/pi - pi c v / (6 n^2), with c = 1/2 and v = 2.
    np.testing.assert_allclose(errors[-1], -np.pi / 6, rtol=0.01)
    assert abs(errors[-1] + np.pi / 6) < abs(errors[0] + np.pi / 6)


def test_mixed_field_ising_terms_and_rival_convention():
    h = hamiltonians.mixed_field_ising(3, 1.05, 0.5)
    expected = -(on(3, "XX", 0, 1) + on(3, "XX", 1, 2))
    expected = expected - sum(1.05 * on(3, "Z", i) + 0.5 * on(3, "X", i) for i in range(3))
    np.testing.assert_allclose(dense(h), expected, atol=1e-14)
    rival = (
        on(3, "ZZ", 0, 1)
        + on(3, "ZZ", 1, 2)
        + sum(-1.05 * on(3, "X", i) + 0.5 * on(3, "Z", i) for i in range(3))
    )
    np.testing.assert_allclose(-np.linalg.eigvalsh(rival)[::-1], h.spectrum(), atol=1e-12)


def test_xxz_terms():
    expected = sum(
        on(3, p + p, i, (i + 1) % 3) * w for p, w in (("X", 1), ("Y", 1), ("Z", 0.3)) for i in range(3)
    )
    np.testing.assert_allclose(dense(hamiltonians.xxz(3, 0.3, periodic=True)), expected, atol=1e-14)


def test_heisenberg_known_energies():
    np.testing.assert_allclose(hamiltonians.heisenberg(2).spectrum(), [-3, 1, 1, 1], atol=1e-12)
    np.testing.assert_allclose(
        hamiltonians.heisenberg(2, periodic=True).spectrum()[0], -3, atol=1e-12
    )  # one edge
    np.testing.assert_allclose(hamiltonians.heisenberg(4, periodic=True).spectrum(1), [-8], atol=1e-12)
    np.testing.assert_allclose(hamiltonians.heisenberg(4).spectrum(1), [-3 - 2 * np.sqrt(3)], atol=1e-12)
    energies = [hamiltonians.heisenberg(n, periodic=True).spectrum(1)[0] / n for n in (4, 6, 8)]
    assert energies == sorted(energies)  # from below, towards 1 - 4 ln 2
    np.testing.assert_allclose(energies[-1], 1 - 4 * np.log(2), rtol=0.05)


def test_majumdar_ghosh_point():
    values = hamiltonians.j1j2(8, 0.5, periodic=True).spectrum(3)
    np.testing.assert_allclose(values[:2], [-12, -12], atol=1e-10)  # the two products of singlets
    assert values[2] > -11.9


def test_cluster_stabilisers():
    expected = -sum(on(4, "ZXZ", (i - 1) % 4, i, (i + 1) % 4) for i in range(4))
    np.testing.assert_allclose(dense(hamiltonians.cluster(4, periodic=True)), expected)
    ring = hamiltonians.cluster(5, periodic=True).spectrum()
    np.testing.assert_allclose(ring[:2], [-5, -3], atol=1e-12)
    np.testing.assert_allclose(hamiltonians.cluster(5).spectrum()[:5], [-3] * 4 + [-1], atol=1e-12)


def test_majoranas_anticommute():
    chi = [dense(m) for m in hamiltonians.majoranas(6)]
    for i, j in itertools.product(range(6), repeat=2):
        np.testing.assert_allclose(chi[i] @ chi[j] + chi[j] @ chi[i], (i == j) * np.eye(8), atol=1e-14)


@pytest.mark.parametrize("q", [2, 4, 6])
def test_syk_is_the_sum_of_majorana_products(q, key):
    n = 6
    chi = [dense(m) for m in hamiltonians.majoranas(n)]
    h = hamiltonians.syk(key, n, q)
    subsets = list(itertools.combinations(range(n), q))
    total = np.zeros((8, 8), complex)
    for subset in subsets:
        product = (1j) ** (q // 2) * functools.reduce(np.matmul, (chi[i] for i in subset))
        np.testing.assert_allclose(product, product.conj().T, atol=1e-14)  # Hermitian, as the formula says
        # products are orthogonal: the coupling is read off with tr(product^2) = 2^n / 2^q
        total += np.trace(product @ dense(h)).real * 2**q / 8 * product
    np.testing.assert_allclose(total, dense(h), atol=1e-13)
    assert len(h) == len(subsets)


def test_syk_variance(key):
    n, strength = 20, 1.7  # 4845 couplings: the estimated variance is good to 2 percent
    couplings = hamiltonians.syk(key, n, coupling=strength).coefficients * 4
    np.testing.assert_allclose(np.var(couplings), strength**2 * 6 / n**3, rtol=0.08)
    assert hamiltonians.syk(key, 8) == hamiltonians.syk(key, 8)
    assert hamiltonians.syk(key, 8) != hamiltonians.syk(jax.random.key(1), 8)


@pytest.mark.parametrize(
    ("rows", "cols", "periodic", "n_qubits", "degeneracy"),
    [(2, 2, False, 5, 2), (2, 3, False, 8, 2), (2, 2, True, 8, 4)],
)
def test_toric_code_degeneracy(rows, cols, periodic, n_qubits, degeneracy):
    h = hamiltonians.toric_code(rows, cols, periodic)
    assert h.n_qubits == n_qubits
    assert len(h.commuting_groups()) == 1
    values = h.spectrum()
    ground = -len(h)
    np.testing.assert_allclose(values[:degeneracy], ground, atol=1e-10)
    assert values[degeneracy] > ground + 1.9


def test_toric_code_star_has_four_edges_in_the_bulk():
    weights = sorted(sum(letter != "I" for letter in s) for s in hamiltonians.toric_code(3, 3).strings)
    assert weights == [3] * 8 + [4] * 4  # planar code of distance 3: 12 stabilisers on 13 qubits
    assert {sum(letter != "I" for letter in s) for s in hamiltonians.toric_code(2, 3, True).strings} == {4}


@pytest.mark.parametrize("seed", [0, 1])
def test_maxcut_is_minus_the_best_cut(seed):
    graph = nx.gnp_random_graph(6, 0.6, seed=seed)
    for i, (_, _, data) in enumerate(graph.edges(data=True)):
        data["weight"] = 0.5 + 0.25 * i
    graph.add_edge(2, 2)
    h = hamiltonians.maxcut(graph)
    cuts = [
        sum(d.get("weight", 1.0) for a, b, d in graph.edges(data=True) if bits[a] != bits[b])
        for bits in itertools.product((0, 1), repeat=6)
    ]
    np.testing.assert_allclose(h.diagonal(), -np.array(cuts), atol=1e-12)
    np.testing.assert_allclose(h.ground_state()[1], -max(cuts))
    unweighted = hamiltonians.maxcut(nx.cycle_graph(5), weight=None)
    np.testing.assert_allclose(unweighted.ground_state()[1], -4)
