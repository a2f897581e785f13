"""Intervals cover, correlations and p-values agree with scipy, and the rule gives each of its outcomes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from qgeom.experiments import statistics as st

# --- intervals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["BCa", "percentile"])
@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_the_interval_without_expansion_is_scipys(method, statistic):
    sample = np.random.default_rng(1).gamma(2.0, size=40)
    ours = st.bootstrap_interval(sample, statistic=statistic, method=method, expand=False, n_resamples=9999)
    theirs = scipy.stats.bootstrap(
        (sample,), statistic, method=method, n_resamples=9999, rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours[0] == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours[1] == pytest.approx(theirs.high, abs=0.05 * width)


def test_the_interval_of_a_paired_statistic_is_scipys():
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    y = 0.5 * x + rng.normal(size=60)
    ours = st.bootstrap_interval(x, y, statistic=st.spearman, expand=False, n_resamples=1500)
    theirs = scipy.stats.bootstrap(
        (x, y),
        lambda a, b: scipy.stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1500,
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.05)


@pytest.mark.parametrize(
    ("law", "n", "least"), [("normal", 10, 0.92), ("normal", 30, 0.92), ("exponential", 30, 0.90)]
)
def test_the_95_percent_interval_covers_the_truth_95_times_in_100(law, n, least):
    # 600 repetitions: the standard error of a coverage of 0.95 is 0.009. Skewness costs a little: with 10 draws of an
    # exponential law, the worst case here, 0.90 is left (0.86 without the expansion).
    rng = np.random.default_rng(5)
    truth = 0.0 if law == "normal" else 1.0
    hits = 0
    for i in range(600):
        sample = rng.normal(size=n) if law == "normal" else rng.exponential(size=n)
        low, high = st.bootstrap_interval(sample, n_resamples=600, seed=i)
        hits += low <= truth <= high
    assert least <= hits / 600 <= 0.98


def test_expansion_widens_by_what_student_and_the_variance_of_ten_seeds_need():
    sample = np.random.default_rng(6).normal(size=10)
    low, high = st.bootstrap_interval(sample, method="percentile", n_resamples=20000)
    expected = 2 * scipy.stats.t.isf(0.025, 9) * sample.std(ddof=1) / math.sqrt(10)
    assert high - low == pytest.approx(expected, rel=0.06)


def test_the_interval_is_repeatable_and_degenerate_samples_are_handled():
    sample = np.random.default_rng(7).normal(size=12)
    assert st.bootstrap_interval(sample, seed=3) == st.bootstrap_interval(sample, seed=3)
    assert st.bootstrap_interval(np.full(10, 2.5)) == (2.5, 2.5)
    assert all(math.isnan(end) for end in st.bootstrap_interval([1.0, math.nan, 2.0]))
    assert all(
        math.isnan(end) for end in st.bootstrap_interval(np.ones(10), np.arange(10.0), statistic=st.spearman)
    )


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_interval_of_very_few_seeds_lies_within_the_sample(n):
    for i in range(20):
        sample = np.random.default_rng(i).exponential(size=n)
        low, high = st.bootstrap_interval(sample, n_resamples=500)
        slack = 1e-12  # of rounding
        assert sample.min() - slack <= low <= sample.mean() <= high <= sample.max() + slack


@pytest.mark.parametrize(
    ("samples", "options"),
    [(([1.0],), {}), (([1.0, 2.0], [1.0]), {}), (([1.0, 2.0],), {"level": 1.0}), ((), {})],
)
def test_samples_that_give_no_interval_are_refused(samples, options):
    with pytest.raises(ValueError, match="bootstrap needs samples|level of an interval"):
        st.bootstrap_interval(*samples, **options)


# --- nulls -------------------------------------------------------------------------------------------------------


def test_the_paired_test_counts_sign_flips_exactly():
    rng = np.random.default_rng(8)
    a, b = rng.normal(0.6, 1.0, 10), rng.normal(0.0, 1.0, 10)
    flips = np.array(list(itertools.product([1, -1], repeat=10)))
    means = flips @ (a - b) / 10
    exact = np.mean(means >= np.mean(a - b) - 1e-12)
    assert st.paired_test(a, b, alternative="greater") == pytest.approx(exact)


def test_the_permutation_test_agrees_with_scipy_and_is_uniform_under_the_null():
    rng = np.random.default_rng(9)
    x = rng.normal(size=25)
    y = 0.4 * x + rng.normal(size=25)
    assert st.permutation_test(st.spearman, x, y) == pytest.approx(
        scipy.stats.spearmanr(x, y).pvalue, abs=0.02
    )
    null = [
        st.permutation_test(st.spearman, rng.normal(size=12), rng.normal(size=12), n_resamples=59, seed=i)
        for i in range(100)
    ]
    assert np.mean(np.array(null) <= 0.05) == pytest.approx(0.05, abs=0.06)


def test_a_p_value_is_never_zero_and_counts_the_tail_that_was_asked_for():
    null = np.arange(99.0)
    assert st.null_p_value(1000.0, null, "greater") == pytest.approx(0.01)
    assert st.null_p_value(1000.0, null, "less") == 1.0
    assert st.null_p_value(1000.0, null) == pytest.approx(0.02)
    assert st.null_p_value(49.0, null) == 1.0
    assert math.isnan(st.null_p_value(math.nan, null))
    assert math.isnan(st.null_p_value(1.0, []))


# --- rank correlations -------------------------------------------------------------------------------------------


def test_spearman_is_scipys_also_with_ties():
    rng = np.random.default_rng(10)
    x, y = rng.integers(0, 5, 40), rng.integers(0, 5, 40)
    assert st.spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-14)
    assert math.isnan(st.spearman(np.ones(5), np.arange(5)))


def test_partial_spearman_is_the_closed_form_for_one_covariate():
    rng = np.random.default_rng(11)
    z = rng.normal(size=50)
    x, y = z + rng.normal(size=50), -z + rng.normal(size=50)
    xy, xz, yz = st.spearman(x, y), st.spearman(x, z), st.spearman(y, z)
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert st.partial_spearman(x, y, z) == pytest.approx(expected, abs=1e-13)


def test_partial_spearman_is_minus_the_scaled_precision_matrix_for_two_covariates():
    rng = np.random.default_rng(12)
    table = rng.normal(size=(80, 4)) @ rng.normal(size=(4, 4))
    ranks = np.apply_along_axis(scipy.stats.rankdata, 0, table)
    precision = np.linalg.inv(np.corrcoef(ranks.T))
    expected = -precision[0, 1] / math.sqrt(precision[0, 0] * precision[1, 1])
    assert st.partial_spearman(table[:, 0], table[:, 1], table[:, 2:]) == pytest.approx(expected, abs=1e-12)


def test_partial_spearman_of_what_the_covariate_explains_is_no_number():
    x = np.arange(20.0)
    assert math.isnan(st.partial_spearman(x, np.random.default_rng(0).normal(size=20), x**3))
    assert math.isnan(st.partial_spearman(x[:3], x[:3], x[:3]))


def test_samples_of_different_lengths_have_no_correlation():
    with pytest.raises(ValueError, match="two samples of one length"):
        st.spearman([1.0, 2.0, 3.0], [1.0, 2.0])


# --- the rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "direction", "expected"),
    [
        ((0.3, 0.6), "greater", "supported"),
        ((0.1, 0.6), "greater", "inconclusive"),  # reaches into the margin
        ((-0.1, 0.15), "greater", "refuted"),  # wholly inside the margin
        ((-0.6, -0.3), "greater", "refuted"),  # the other side
        ((-0.6, 0.1), "greater", "inconclusive"),
        ((-0.6, 0.6), "greater", "inconclusive"),
        ((-0.6, -0.3), "less", "supported"),
        ((0.3, 0.6), "less", "refuted"),
        ((-0.1, 0.15), "less", "refuted"),
        ((-0.3, 0.0), "less", "inconclusive"),
        ((-0.1, 0.15), "equal", "supported"),
        ((0.3, 0.6), "equal", "refuted"),
        ((0.1, 0.6), "equal", "inconclusive"),
        ((0.2, 0.2), "greater", "refuted"),  # the margin itself is inside
        ((math.nan, math.nan), "greater", "inconclusive"),
    ],
)
def test_the_rule_gives_each_outcome(interval, direction, expected):
    assert st.outcome_of(interval, margin=0.2, direction=direction) == expected


def test_a_ratio_is_judged_around_one():
    assert st.outcome_of((1.12, 1.5), st.RATIO_MARGIN, "greater", null=1.0) == "supported"
    assert st.outcome_of((0.95, 1.05), st.RATIO_MARGIN, "greater", null=1.0) == "refuted"
    assert st.outcome_of((1.05, 1.5), st.RATIO_MARGIN, "greater", null=1.0) == "inconclusive"
    with pytest.raises(ValueError, match="margin is positive"):
        st.outcome_of((0.0, 1.0), 0.0, "greater")


def verdict(**changes) -> st.Verdict:
    arguments = {"direction": "greater", "n_seeds": 10, "p_value": 0.001, "null_model": "shuffled labels"}
    return st.judge("claim", "T", 0.5, (0.3, 0.7), **{**arguments, **changes})


def test_fewer_than_ten_seeds_or_no_number_settle_nothing():
    assert verdict().outcome == "supported"
    few = verdict(n_seeds=9)
    assert few.outcome == "inconclusive"
    assert "at least 10" in few.notes[0]
    nothing = st.judge("claim", "T", math.nan, (math.nan, math.nan), direction="greater", n_seeds=10)
    assert nothing.outcome == "inconclusive"
    assert "not a finite number" in nothing.notes[0]


def test_support_beside_a_null_that_is_not_excluded_is_remarked():
    assert any("null model" in note for note in verdict(p_value=0.4).notes)
    assert not verdict().notes


def test_an_identity_passes_or_fails_and_is_never_supported():
    def passes(interval, direction="greater", margin=0.0):
        result = st.calibrate(
            "slope",
            "T",
            sum(interval) / 2,
            interval,
            direction=direction,
            bound=2.9,
            margin=margin,
            n_seeds=10,
        )
        return result.outcome == "calibration-pass"

    assert passes((2.95, 3.05))
    assert not passes((2.85, 3.05))
    assert not passes((1.9, 2.1))
    assert passes((2.85, 2.95), "equal", margin=0.1)
    assert not passes((2.95, 3.05), "less")
    assert not passes((math.nan, math.nan))


def test_a_conclusion_that_changes_with_a_choice_is_called_construction_dependent():
    rows = [verdict().row(relation="mutual information"), verdict(n_seeds=3).row(relation="Fisher")]
    mixed = verdict().with_multiverse(rows)
    assert mixed.construction_dependent
    assert "construction-dependent" in mixed.notes[-1]
    assert rows[0]["relation"] == "mutual information"
    same = verdict().with_multiverse(rows[:1])
    assert not same.construction_dependent
    assert not same.notes


def test_a_verdict_survives_being_plain():
    before = verdict(side="circuit").with_multiverse([verdict().row(distance="log")])
    assert st.Verdict.from_dict(before.to_dict()) == before
    assert before.line() == "circuit: supported  T = 0.5 [0.3, 0.7], p = 0.001"


def test_a_sample_with_gaps_has_no_correlation():
    assert math.isnan(st.spearman([1.0, math.nan, 3.0], [1.0, 2.0, 3.0]))


def test_the_mean_of_finite_values_says_where_there_are_none():
    table = np.array([[1.0, np.nan, 3.0], [np.nan, np.inf, np.nan]])
    np.testing.assert_array_equal(st.finite_mean(table, axis=1), [2.0, np.nan])
    assert st.finite_mean(table) == 2.0
    assert np.isnan(st.finite_mean(table[1]))
