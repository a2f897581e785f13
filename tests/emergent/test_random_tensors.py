"""Random tensor networks against Page's formula, sums by hand, the Ising average and the minimal cut."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.cuts import minimal_cut
from qgeom.emergent.pentagon import pentagon_code
from qgeom.emergent.random_tensors import annealed_renyi2, random_tensor_network
from qgeom.emergent.tensor_graph import NetworkGraph


def page(m: int, n: int) -> float:
    """The mean entropy of the m-dimensional half of a random state, m <= n (Page 1993)."""
    return float(np.sum(1.0 / np.arange(n + 1, m * n + 1)) - (m - 1) / (2 * n))


def tree(depth: int, bond_dimension: int = 2) -> NetworkGraph:
    graph = nx.balanced_tree(2, depth)
    leaves = [node for node in graph if graph.degree(node) == 1]
    return NetworkGraph.from_networkx(graph, sites=leaves, bond_dimension=bond_dimension)


def lone_tensor(legs: int) -> NetworkGraph:
    return NetworkGraph.from_networkx(nx.empty_graph(1), sites=[0] * legs)


def test_one_tensor_has_the_entropy_of_page():
    graph = lone_tensor(6)
    found = [random_tensor_network(graph, seed).entropy([0, 1]) for seed in range(200)]
    assert np.mean(found) == pytest.approx(page(4, 16), abs=4 * np.std(found) / np.sqrt(200))


def test_the_state_is_the_sum_over_bonds():
    graph = NetworkGraph(
        ("a", "b", "c"),
        np.array([[0, 1], [1, 2], [0, 1]]),
        np.array([2, 3, 2]),
        np.array([2, 0]),
        np.array([2, 3]),
        bulk=np.array([1]),
        bulk_dimensions=np.array([2]),
    )
    network = random_tensor_network(graph, 0)
    a, b, c = network.tensors
    assert [t.shape for t in (a, b, c)] == [(2, 2, 3), (2, 3, 2, 2), (3, 2)]
    vector = np.einsum("ijs,ikjt,kr->rst", a, b, c).reshape(-1)
    assert np.allclose(network.to_vector(), vector / np.linalg.norm(vector))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_entropies_lie_below_the_cut_and_fall_with_the_order(seed: int):
    rng = np.random.default_rng(seed)
    graph = NetworkGraph.from_networkx(
        nx.grid_2d_graph(2, 3), sites=list(nx.grid_2d_graph(2, 3)), bond_dimension=2
    )
    network = random_tensor_network(graph, seed)
    region = np.flatnonzero(rng.random(6) < 0.5)
    first, second = network.entropy(region), network.entropy(region, order=2.0)
    assert -1e-9 <= second <= first + 1e-9
    assert first <= minimal_cut(graph, region).entropy + 1e-9


def test_the_annealed_average_is_that_of_sampled_tensors():
    graph = tree(2)
    region = [0, 2]
    purity, norm = [], []
    for seed in range(3000):
        tensors = random_tensor_network(graph, seed).tensors
        root, left, right, *leaves = tensors
        t = np.einsum("ab,acd,bef,ci,dj,ek,fl->ijkl", root, left, right, *leaves)
        rho = np.einsum("ijkl,xjyl->ikxy", t, t.conj()).reshape(4, 4)
        purity.append(np.trace(rho @ rho).real)
        norm.append(np.trace(rho).real ** 2)
    ratio = np.mean(purity) / np.mean(norm)
    # of a ratio of means: the spread of purity - ratio norm
    error = np.std(np.array(purity) - ratio * np.array(norm)) / np.mean(norm) / np.sqrt(3000)
    assert np.exp(-annealed_renyi2(graph, region)) == pytest.approx(ratio, abs=4 * error)


def test_one_tensor_has_lubkins_purity():
    """E tr rho_A^2 = (m + n) / (m n + 1) for a normalised random state; unnormalised, both means gain mn (mn + 1)."""
    assert np.exp(-annealed_renyi2(lone_tensor(5), [0, 1])) == pytest.approx((4 + 8) / (4 * 8 + 1))


def test_the_annealed_entropy_tends_to_the_cut():
    gaps = []
    for d in (4, 64, 1024, 2**16):
        star = nx.balanced_tree(2, 2)
        leaves = [node for node in star if star.degree(node) == 1]
        graph = NetworkGraph.from_networkx(star, sites=leaves, bond_dimension=d, site_dimension=d**1.5)
        region = [0]
        gaps.append(minimal_cut(graph, region).entropy - annealed_renyi2(graph, region))
    assert all(late < early for early, late in itertools.pairwise(gaps))
    assert 0.0 < gaps[-1] < 0.02


def test_ties_of_cuts_cost_their_logarithm():
    """A chain of equal bonds has as many minimal cuts as bonds between its two legs, the legs counted."""
    path = nx.path_graph(3)
    graph = NetworkGraph.from_networkx(path, sites=[0, 2], bond_dimension=10**6, site_dimension=10**6)
    assert annealed_renyi2(graph, [0]) == pytest.approx(np.log(10**6) - np.log(4), abs=1e-4)


def test_seeds_repeat():
    graph = tree(1)
    first, second = (random_tensor_network(graph, 3).to_vector() for _ in range(2))
    assert np.array_equal(first, second)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match="integers"):
        random_tensor_network(NetworkGraph.from_networkx(nx.path_graph(2), [0], bond_dimension=1.5))
    with pytest.raises(ValueError, match="more than 2\\^22"):
        random_tensor_network(pentagon_code(2).graph, 0).to_vector()
    with pytest.raises(ValueError, match="up to 18 tensors"):
        annealed_renyi2(tree(5), [0])
    with pytest.raises(ValueError, match="different"):
        random_tensor_network(tree(1), 0).entropy([0, 0])
