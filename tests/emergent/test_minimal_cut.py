"""Minimal cuts against all bipartitions, and as bounds of entropies of states in every kind of network."""

from __future__ import annotations

import itertools

import jax
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.hamiltonians import ising
from circuits.mera.binary import BINARY
from circuits.mera.description import MERA
from circuits.mera.entropies import block_entropies
from circuits.mera.ground_states import ground_state as mera_ground_state
from circuits.mera.scale_invariant import ScaleInvariantMERA
from circuits.mera.superoperators import Layer
from circuits.mps.description import MatrixProduct
from circuits.mps.dmrg import ground_state as mps_ground_state
from circuits.mps.measure import block_entropy
from circuits.mps.periodic import PeriodicMPS
from circuits.mps.state import MPS
from circuits.mps.uniform import UniformMPS
from qgeom.emergent.cuts import block_cuts, minimal_cut
from qgeom.emergent.network_graphs import network_graph
from qgeom.emergent.pentagon import concatenated_code, pentagon_code
from qgeom.emergent.tensor_graph import NetworkGraph

SEEDS = st.integers(0, 2**32 - 1)


def random_graph(rng: np.random.Generator, nodes: int) -> NetworkGraph:
    edges = [pair for pair in itertools.combinations(range(nodes), 2) if rng.random() < 0.6]
    edges += edges[:1]  # a parallel bond
    sites = rng.integers(0, nodes, size=4)
    return NetworkGraph(
        tensors=tuple(str(i) for i in range(nodes)),
        bonds=np.array(edges),
        dimensions=rng.integers(1, 6, size=len(edges)),
        sites=sites,
        site_dimensions=rng.integers(2, 5, size=4),
        bulk=rng.integers(0, nodes, size=1),
        bulk_dimensions=np.array([2]),
    )


def best_bipartition(graph: NetworkGraph, region: set[int], bulk: set[int]) -> float:
    best = np.inf
    for side in itertools.product([False, True], repeat=graph.n_tensors):
        held = np.array(side)
        if held[list(graph.environment)].any():
            continue
        legs = np.array([held[t] != (i in region) for i, t in enumerate(graph.sites)])
        inner = np.array([held[t] != (j in bulk) for j, t in enumerate(graph.bulk)], dtype=bool)
        crossing = held[graph.bonds[:, 0]] != held[graph.bonds[:, 1]]
        total = np.log(graph.dimensions[crossing]).sum() + np.log(graph.site_dimensions[legs]).sum()
        best = min(best, total + np.log(graph.bulk_dimensions[inner]).sum())
    return float(best)


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_cut_is_the_best_of_all_bipartitions(seed: int):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, 6)
    for region, bulk in (((0, 2), ()), ((1,), (0,)), ((), ()), ((0, 1, 2, 3), (0,))):
        cut = minimal_cut(graph, region, bulk)
        assert cut.entropy == pytest.approx(best_bipartition(graph, set(region), set(bulk)), abs=1e-9)
        sizes = [
            *graph.dimensions[list(cut.bonds)],
            *graph.site_dimensions[list(cut.sites)],
            *graph.bulk_dimensions[list(cut.bulk)],
        ]
        assert cut.entropy == pytest.approx(np.sum(np.log(sizes)) if sizes else 0.0, abs=1e-12)
        assert cut.size == len(sizes)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_cuts_are_symmetric_and_strongly_subadditive(seed: int):
    graph = random_graph(np.random.default_rng(seed), 6)
    s = {
        region: minimal_cut(graph, region).entropy
        for size in range(5)
        for region in itertools.combinations(range(4), size)
    }
    for a in s:
        rest = tuple(i for i in range(4) if i not in a)
        assert minimal_cut(graph, rest, [0]).entropy == pytest.approx(s[a], abs=1e-9)
        for b in s:
            both, either = tuple(sorted(set(a) & set(b))), tuple(sorted(set(a) | set(b)))
            assert s[a] + s[b] >= s[both] + s[either] - 1e-9


# Matrix product states.


@pytest.mark.slow
def test_cuts_bound_the_entropies_of_an_mps_and_are_reached_by_its_rank():
    psi = MPS.random(jax.random.key(2), 8, 3)
    graph = network_graph(psi)
    for region in ([0, 1, 2], [3, 4], [0, 2, 5], [7]):
        bound = minimal_cut(graph, region).entropy
        assert float(block_entropy(psi, region)) <= bound + 1e-9
        # Renyi 0 of a generic state: the bond is used in full
        if region == [0, 1, 2]:
            rank = np.linalg.matrix_rank(np.asarray(psi.to_vector()).reshape(8, -1))
            assert bound == pytest.approx(np.log(rank))


def test_a_block_of_a_chain_is_cut_at_its_two_ends():
    graph = network_graph(MatrixProduct(12, 2))
    cut = minimal_cut(graph, [4, 5, 6, 7])
    assert cut.entropy == pytest.approx(2 * np.log(2))
    assert cut.wedge == (4, 5, 6, 7)
    assert cut.bonds == (3, 7)
    assert np.allclose(block_cuts(graph), np.log(2))


def test_cuts_bound_the_entropies_of_a_ring():
    psi = PeriodicMPS.random(jax.random.key(0), 6, 2)
    vector = np.asarray(psi.to_vector()).reshape((2,) * 6)
    graph = network_graph(psi)
    for length, bound in enumerate(block_cuts(graph, start=2), start=1):
        p = (
            np.linalg.svd(np.moveaxis(vector, [2, 3, 4][:length], range(length)).reshape(2**length, -1))[1]
            ** 2
        )
        p = p / p.sum()
        assert -np.sum(p * np.log(p)) <= bound + 1e-9
    assert block_cuts(graph)[-1] == pytest.approx(2 * np.log(2))


def test_the_environment_of_a_window_is_in_the_complement():
    graph = network_graph(UniformMPS.random(jax.random.key(0), 3), sites=8)
    assert minimal_cut(graph, range(8)).entropy == pytest.approx(2 * np.log(3))
    assert minimal_cut(graph, range(4)).entropy == pytest.approx(2 * np.log(3))


# MERA.


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "n_sites", "chi"), [("binary", 12, 3), ("ternary", 9, 3)])
def test_cuts_bound_the_entropies_of_a_mera(scheme: str, n_sites: int, chi: int):
    description = MERA(n_sites, chi, scheme)  # pyright: ignore
    mera = jax.jit(lambda key: description.network(description.init(key)))(jax.random.key(1))
    graph = network_graph(mera)
    for start in (0, 1, 2):
        entropies, cuts = block_entropies(mera, start), block_cuts(graph, start)
        assert np.all(entropies <= cuts + 1e-9)
    assert np.max(entropies / cuts) > 0.4  # a bound that says something


def test_cuts_of_a_mera_grow_where_those_of_an_mps_do_not():
    mera = block_cuts(network_graph(MERA(16, 2)), length=8)
    chain = block_cuts(network_graph(PeriodicMPS.random(jax.random.key(0), 16, 2)), length=8)
    assert np.ptp(chain[1:]) == 0.0
    assert mera[-1] > mera[1] > mera[0]


def test_every_doubling_of_a_block_costs_a_mera_two_bonds_more():
    repeated = Layer(
        np.zeros((1, 2, 2, 2, 2)), np.zeros((1, 2, 2, 2))
    )  # the graph does not depend on entries
    graph = network_graph(ScaleInvariantMERA((), repeated, BINARY), sites=256, layers=7)
    bonds = [minimal_cut(graph, range(64, 64 + length)).size for length in (4, 8, 16, 32, 64)]
    assert bonds == [4, 6, 8, 10, 12]  # S = 2 log2(l) ln chi: logarithmic, and 2 for a chain at any length


@pytest.mark.slow
def test_cuts_bound_the_entropies_of_critical_ground_states():
    hamiltonian = ising(16, field=1.0, periodic=True)
    mera, energy = mera_ground_state(hamiltonian, bond_dimension=4, tolerance=1e-4)
    # E = -2 sum_k |sin(k / 2)| over k = (2 m + 1) pi / n, m = 0 .. n - 1: -2 / sin(pi / 2 n)
    assert energy == pytest.approx(-2.0 / np.sin(np.pi / 32), rel=1e-3)
    entropies, cuts = block_entropies(mera), block_cuts(network_graph(mera))
    assert np.all(entropies <= cuts)
    # Calabrese and Cardy: (c / 3) ln sin(pi l / n) between two lengths, c = 1 / 2
    growth = np.log(np.sin(np.pi * 8 / 16) / np.sin(np.pi * 2 / 16)) / 6.0
    assert entropies[7] - entropies[1] == pytest.approx(growth, rel=0.05)
    psi, _ = mps_ground_state(ising(16, field=1.0), bond_dimension=8)
    chain = network_graph(psi)
    assert np.all(np.asarray(psi.entropies()) <= block_cuts(chain, length=15))
    # the MPS goes by the sites, the MERA by their logarithm
    sites = np.arange(1, 9)
    assert np.array_equal(chain.site_distances()[0, 1:9], sites + 1.0)
    assert network_graph(mera).site_distances()[0, 8] <= 2 + 4 * np.log2(8)


# Perfect tensors.


def test_cuts_are_the_entropies_of_every_arc_of_a_perfect_tensor_tree():
    tree = concatenated_code(2)
    state, n = tree.code.to_state(), 25
    for start, length in itertools.product(range(n), range(1, n + 1)):
        arc = [(start + k) % n for k in range(length)]
        assert state.entropy(arc) == pytest.approx(minimal_cut(tree.graph, arc).entropy)


@pytest.mark.parametrize("inflation", ["vertex", "edge"])
def test_cuts_are_the_entropies_of_every_arc_of_the_pentagon_code(inflation: str):
    holographic = pentagon_code(2, inflation)  # pyright: ignore
    state, n = holographic.code.to_state(), holographic.code.n_qubits
    for start, length in itertools.product(range(5), range(1, n)):
        arc = [(start + k) % n for k in range(length)]
        assert state.entropy(arc) == pytest.approx(minimal_cut(holographic.graph, arc).entropy)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_cuts_bound_the_entropies_of_any_region_of_the_pentagon_code(seed: int):
    rng = np.random.default_rng(seed)
    holographic = pentagon_code(2)
    state = holographic.code.to_state()
    region = np.flatnonzero(rng.random(25) < rng.random())
    bulk = np.flatnonzero(rng.random(11) < rng.random())
    bound = minimal_cut(holographic.graph, region, bulk).entropy
    assert state.entropy([*region, *(25 + bulk)]) <= bound + 1e-9


# Refusals.


def test_wrong_regions_are_refused():
    graph = NetworkGraph.from_networkx(nx.path_graph(3), sites=[0, 1, 2])
    with pytest.raises(ValueError, match="boundary legs are different numbers of 0 .. 2"):
        minimal_cut(graph, [3])
    with pytest.raises(ValueError, match="boundary legs are different"):
        minimal_cut(graph, [1, 1])
    with pytest.raises(ValueError, match="bulk legs"):
        minimal_cut(graph, [1], [0])
    with pytest.raises(ValueError, match="start at a site"):
        block_cuts(graph, start=3)
