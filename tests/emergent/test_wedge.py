"""Wedges and recovery: greedy within exact, no cloning, brute force on five qubits, counts against samples."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.cuts import minimal_cut
from qgeom.emergent.enumerators import logical_enumerators
from qgeom.emergent.pentagon import HolographicCode, concatenated_code, pentagon_code
from qgeom.emergent.recovery import (
    PatternSet,
    greedy_patterns,
    recoverable_patterns,
    recovery_curve,
)
from qgeom.emergent.stabilizers import five_qubit_code
from qgeom.emergent.wedge import exact_wedge, greedy_bulk, greedy_wedge, greedy_wedges

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def codes() -> dict[str, HolographicCode]:
    return {
        "vertex": pentagon_code(2),
        "edge": pentagon_code(2, "edge"),
        "tree": concatenated_code(2),
        "fixed": pentagon_code(2).central(),
    }


@pytest.fixture(scope="module")
def tables(codes: dict[str, HolographicCode]) -> dict[str, tuple[PatternSet, PatternSet]]:
    return {
        name: (recoverable_patterns(h.code), greedy_patterns(h.graph, int(h.graph.bulk[0])))
        for name, h in codes.items()
    }


NAMES = ["vertex", "edge", "tree", "fixed"]


# The five-qubit code, by hand.


def test_three_of_five_legs_reach_the_bulk():
    holographic = pentagon_code(1)
    for size in range(6):
        for region in itertools.combinations(range(5), size):
            expected = (0,) if size >= 3 else ()
            assert exact_wedge(holographic, region) == expected
            assert greedy_bulk(holographic, region) == expected


def test_every_pattern_of_five_qubits_is_counted():
    patterns = recoverable_patterns(five_qubit_code())
    assert patterns.counts().tolist() == [0, 0, 0, 10, 5, 1]
    assert len(patterns) == 16
    assert patterns.contains([0, 2, 4])
    assert not patterns.contains([1, 4])
    assert patterns.complements().counts().tolist() == [1, 5, 10, 0, 0, 0]
    greedy = greedy_patterns(pentagon_code(1).graph)
    assert np.array_equal(greedy.words, patterns.words)


# Laws, for every pattern.


@pytest.mark.parametrize("name", NAMES)
def test_greedy_never_reaches_what_is_not_recoverable(
    name: str, tables: dict[str, tuple[PatternSet, PatternSet]]
):
    exact, greedy = tables[name]
    assert greedy <= exact
    assert len(greedy) > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_region_and_its_complement_never_both_recover(
    name: str, tables: dict[str, tuple[PatternSet, PatternSet]]
):
    exact, _ = tables[name]
    assert len(exact & exact.complements()) == 0


def test_a_state_of_one_bulk_qubit_is_shared_between_a_region_and_its_complement():
    """Of a pure state with one reference, ``I(A : R) + I(rest : R) = 2 ln 2``."""
    state = pentagon_code(2).central().code.to_state()
    rng = np.random.default_rng(0)
    for _ in range(20):
        kept = rng.random(25) < 0.5
        shares = [state.mutual_information(np.flatnonzero(part), [25]) for part in (kept, ~kept)]
        assert sum(shares) == pytest.approx(2 * np.log(2))


def test_fixing_the_other_bulk_qubits_only_helps(tables: dict[str, tuple[PatternSet, PatternSet]]):
    assert tables["vertex"][0] <= tables["fixed"][0]
    assert len(tables["vertex"][0]) < len(tables["fixed"][0])
    assert np.array_equal(tables["vertex"][1].words, tables["fixed"][1].words)


def test_greedy_is_exact_on_every_network_without_loops(tables: dict[str, tuple[PatternSet, PatternSet]]):
    for name in ("tree", "edge"):
        assert np.array_equal(tables[name][0].words, tables[name][1].words)
    assert len(tables["vertex"][1]) < len(tables["vertex"][0])  # eleven pentagons close loops


def test_four_erasures_lose_the_centre_of_25_in_twenty_ways(codes: dict[str, HolographicCode]):
    """By ranks of all 12650 patterns, beside the enumerators: three operators X, Y, Z on each of the twenty."""
    code = codes["vertex"].code
    erased = np.array(list(itertools.combinations(range(25), 4)))
    kept = np.ones((len(erased), 25), dtype=bool)
    np.put_along_axis(kept, erased, False, axis=1)
    assert int(np.sum(~code.recoverable(kept))) == 20
    found = logical_enumerators(code)
    assert (found.bare_distance, found.dressed_distance) == (9, 4)
    assert found.dressed[4] == 3 * 20


def test_concatenation_recovers_level_by_level(tables: dict[str, tuple[PatternSet, PatternSet]]):
    """Three of five blocks, each by three of its five qubits: concatenation decoded level by level loses nothing."""
    exact, _ = tables["tree"]
    block = [0, 0, 0, 10, 5, 1]  # patterns of five that keep w and recover
    lost = [comb(5, w) - c for w, c in enumerate(block)]
    expected = np.zeros(26, dtype=int)
    for good in range(3, 6):
        factors = [block] * good + [lost] * (5 - good)
        total = np.array([comb(5, good)])
        for factor in factors:
            total = np.convolve(total, factor)
        expected += total
    assert np.array_equal(exact.counts(), expected)


# Tables against one pattern at a time.


@given(seed=SEEDS, name=st.sampled_from(NAMES))
@settings(max_examples=40, deadline=None)
def test_tables_agree_with_ranks_and_with_the_greedy_algorithm(seed: int, name: str, codes, tables):
    rng = np.random.default_rng(seed)
    holographic = codes[name]
    n = holographic.code.n_qubits
    region = np.flatnonzero(rng.random(n) < rng.uniform(0.3, 0.9)).tolist()
    exact, greedy = tables[name]
    kept = np.isin(np.arange(n), region)
    assert exact.contains(region) == bool(holographic.code.recoverable(kept))
    assert greedy.contains(region) == (
        int(holographic.graph.bulk[0]) in greedy_wedge(holographic.graph, region)
    )


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_greedy_wedge_is_exact_on_arcs_of_the_boundary(seed: int):
    rng = np.random.default_rng(seed)
    holographic = pentagon_code(2)
    start, length = rng.integers(25), rng.integers(1, 25)
    arc = [int(start + k) % 25 for k in range(length)]
    assert greedy_bulk(holographic, arc) == exact_wedge(holographic, arc)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_wedges_grow_with_the_region_and_greedy_lies_within_the_minimal_cut(seed: int):
    rng = np.random.default_rng(seed)
    holographic = pentagon_code(2)
    order = rng.permutation(25)
    small, large = order[:10], order[:17]
    assert set(greedy_bulk(holographic, small)) <= set(greedy_bulk(holographic, large))
    assert set(exact_wedge(holographic, small)) <= set(exact_wedge(holographic, large))
    # every tensor taken in lowers the cut or leaves it: the farthest minimal cut of the network without bulk legs
    bare = holographic.central().graph
    assert set(greedy_wedge(bare, large)) <= set(minimal_cut(bare, large, [0]).wedge)


# Curves.


@pytest.mark.parametrize("name", NAMES)
def test_no_erasures_below_the_dressed_distance_lose_the_centre(name: str, codes: dict[str, HolographicCode]):
    curve = recovery_curve(codes[name])
    weakest = logical_enumerators(codes[name].code).dressed_distance
    values = [e.value for e in curve.exact]
    assert values[:weakest] == [1.0] * weakest
    assert values[weakest] < 1.0
    assert all(late <= early for early, late in itertools.pairwise(values))
    assert values[-1] == 0.0
    assert all(g.value <= e.value for g, e in zip(curve.greedy, curve.exact, strict=True))


def test_samples_agree_with_the_count(codes: dict[str, HolographicCode]):
    counted = recovery_curve(codes["vertex"])
    sampled = recovery_curve(codes["vertex"], samples=2000, seed=1, erasures=range(26))
    inside = [
        s.contains(c.value)
        for kind in ("exact", "greedy")
        for s, c in zip(getattr(sampled, kind), getattr(counted, kind), strict=True)
    ]
    assert np.mean(inside) >= 0.9  # 95% intervals, 52 of them, half of them certain
    assert "Wilson" in sampled.exact[8].method
    assert counted.exact[8].low == counted.exact[8].value == counted.exact[8].high


def test_independent_erasures_average_the_curve():
    curve = recovery_curve(pentagon_code(1))
    p = 0.3
    expected = sum(comb(5, e) * p**e * (1 - p) ** (5 - e) for e in range(3))
    assert curve.independent(p).value == pytest.approx(expected)
    # three of five: symmetric about a half
    assert curve.half_point()[:3] == pytest.approx((0.5, 0.5, 0.5))
    assert curve.half_point(greedy=True).value == pytest.approx(0.5)


def test_a_sampled_half_point_has_the_counted_one_in_its_interval():
    tree = concatenated_code(2)
    sampled = recovery_curve(tree, samples=300, seed=0).half_point()
    counted = recovery_curve(tree).half_point()
    # half of the blocks, half of their qubits: no choice of pattern favours a side
    assert counted[:3] == pytest.approx((0.5, 0.5, 0.5))
    assert sampled.low < counted.value < sampled.high
    assert sampled.high - sampled.low < 0.1
    few = recovery_curve(pentagon_code(1), samples=1, seed=0).half_point()
    assert (few.low, few.high) == (0.0, 1.0)


def test_three_shells_are_sampled():
    curve = recovery_curve(pentagon_code(3), erasures=(0, 20, 95), samples=50, seed=0)
    assert curve.exact[0].value == 1.0
    assert curve.exact[-1].value == 0.0
    assert curve.greedy[1].value <= curve.exact[1].value
    assert curve.exact[1].low < curve.exact[1].high


# Refusals.


def test_what_cannot_be_counted_is_refused(codes: dict[str, HolographicCode]):
    large = pentagon_code(3)
    with pytest.raises(ValueError, match="up to 26 qubits, not 95"):
        recoverable_patterns(large.code)
    with pytest.raises(ValueError, match="up to 26 qubits, not 95"):
        greedy_patterns(large.graph)
    with pytest.raises(ValueError, match="bulk legs are 0 .. 10"):
        recovery_curve(codes["vertex"], bulk=11)
    with pytest.raises(ValueError, match="samples must"):
        recovery_curve(codes["vertex"], samples=0)
    with pytest.raises(ValueError, match="every number of erasures"):
        recovery_curve(codes["vertex"], erasures=[1, 2]).independent(0.5)
    with pytest.raises(ValueError, match="probability"):
        recovery_curve(pentagon_code(1)).independent(1.5)
    with pytest.raises(ValueError, match="5 and of 25 qubits"):
        assert recoverable_patterns(five_qubit_code()) <= recoverable_patterns(codes["vertex"].code)
    with pytest.raises(ValueError, match="patterns have shape"):
        greedy_wedges(large.graph, np.ones((2, 5)))
    with pytest.raises(ValueError, match="different"):
        exact_wedge(codes["vertex"], [0, 0])
