"""noise-geometry: its ranks and relations against known ones, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from qgeom import tasks
from qgeom.experiments import base, noise_geometry
from qgeom.experiments import noise_geometry_sides as sides
from qgeom.progress import Silent


def synthetic(slope: float, noise: float = 0.0, opens: float = 1.5, seeds: int = 30) -> xr.Dataset:
    """Losses of rank drawn at random, those of accuracy ``slope`` times them plus noise; both grow with the step."""
    rng = np.random.default_rng(0)
    cases = [k for kinds in sides.KINDS.values() for k in kinds]
    shape = (4, seeds, 6, 4)
    step = np.arange(1, 5) * 0.1
    loss = 0.01 * rng.normal(size=shape) + step
    right = 0.9 - step - slope * (loss - step) - noise * 0.01 * rng.normal(size=shape)
    loss = np.concatenate([np.zeros((*shape[:3], 1)), loss], axis=-1)
    right = np.concatenate([np.full((*shape[:3], 1), 0.9), right], axis=-1)
    eigenvalue = np.linspace(1.0, 2.0, 5)[None, None, None, None, None] * (1 - loss[:, :, :, None, :, None])
    eigenvalue = np.repeat(eigenvalue, 2, axis=3)
    ranks = np.repeat(10.0 * (1 - loss)[:, :, :, None, None], 2, axis=4).repeat(3, axis=3)
    open_rank = np.full((2, seeds, 5), 14.0)
    open_rank[..., 1:] *= opens
    return xr.Dataset(
        {
            "eigenvalue": (("case", "seed", "start", "metric", "step", "mode"), eigenvalue),
            "rank": (("case", "seed", "start", "measure_of_rank", "metric", "step"), ranks),
            "right": (("case", "seed", "start", "measure", "step"), np.repeat(right[:, :, :, None], 3, axis=3)),
            "kept": (("case", "seed", "start", "metric", "step"), np.ones((4, seeds, 6, 2, 5))),
            "excess": (("case", "seed", "start", "step"), np.full((4, seeds, 6, 5), 1e-3)),
            "strength": (("case", "step"), np.tile(np.arange(5) * 0.1, (4, 1))),
            "open_rank": (("open_kind", "seed", "step"), open_rank),
            "open_largest": (("open_kind", "seed", "step"), np.ones((2, seeds, 5))),
            "open_strength": (("open_kind", "step"), np.tile(np.arange(5) * 0.1, (2, 1))),
            "open_parameters": 30,
        },
        coords={
            "case": cases, "seed": np.arange(seeds), "metric": list(sides.METRICS), "measure": list(sides.MEASURES),
            "measure_of_rank": list(sides.RANKS), "open_kind": list(sides.KINDS["circuit"]),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "noise", "outcome"),
    [(1.0, 0.2, "supported"), (-1.0, 0.2, "refuted"), (0.0, 1.0, "refuted"), (0.3, 1.0, "inconclusive")],
)
def test_every_outcome_is_possible(slope, noise, outcome):
    found = noise_geometry.verdict(synthetic(slope, noise), noise_geometry.Settings())
    assert [v.side for v in found[:3]] == ["circuit", "network", "circuit-quantum"]
    assert found[0].outcome == outcome
    assert found[4].outcome == "calibration-pass"


def test_noise_that_acts_on_all_alike_correlates_only_across_strengths():
    data = synthetic(0.0, 1.0)
    main = noise_geometry.MAINS["circuit"]
    across = noise_geometry.judge(data, main._replace(given="nothing"), "circuit")
    assert across.outcome == "supported"  # both fall as noise grows
    assert abs(noise_geometry.judge(data, main, "circuit").estimate) < 0.2


@pytest.mark.parametrize(("opens", "outcome"), [(1.5, "supported"), (1.0, "refuted"), (0.5, "refuted")])
def test_the_opening_of_directions_is_judged_by_the_ratio_of_ranks(opens, outcome):
    verdict = noise_geometry.judge_opening(synthetic(1.0, opens=opens), "depolarizing", 1)
    assert verdict.outcome == outcome
    assert verdict.estimate == pytest.approx(opens)


def test_outcomes_that_show_more_than_the_state_fail_the_calibration():
    data = synthetic(1.0)
    data["excess"][0, 0, 0, 0] = -1e-3
    assert noise_geometry.verdict(data, noise_geometry.Settings())[4].outcome == "calibration-fail"


def test_losses_are_relative_to_no_noise():
    rank, right = noise_geometry.losses(synthetic(1.0), noise_geometry.MAINS["circuit"])
    assert rank.shape == right.shape == (30, 6, 4)
    np.testing.assert_allclose(rank, right, atol=1e-12)


def test_the_three_ranks_of_known_spectra():
    spectra = np.array([[[0.0, 1.0, 1.0, 1.0, 1.0], [1e-3, 1e-3, 1.0, 1.0, 0.5]], np.full((2, 5), np.nan)])
    found = sides.ranks(spectra)
    assert found[0, 0, 0] == pytest.approx(4.0)
    np.testing.assert_array_equal(found[1:, 0], [[4, 3], [4, 5]])
    assert np.isnan(found[:, 1]).all()


@pytest.mark.slow
def test_noise_of_strength_zero_is_the_model_without_noise_and_strengths_are_those_of_the_case():
    task = tasks.load("two-moons")
    for case in sides.cases(2, 1, 3, 3, task):
        params = case.structure.init(jax.random.key(0))
        x = jnp.asarray([0.3, -0.4])
        read = case.reads[0]
        clean = case.trained(params, x).probabilities
        np.testing.assert_allclose(
            read((params, sides.with_strength(read, 0.0, jnp.float64)), x).probabilities, clean
        )
        other = read((params, sides.with_strength(read, 0.4, jnp.float64)), x).probabilities
        assert np.abs(np.asarray(other - clean)).max() > 1e-4


def test_relations_are_ranked_like_spearman():
    a = np.array([0.1, 0.5, 0.3, 0.9])
    assert sides.rank_correlation(a, a**3) == pytest.approx(1.0)
    assert sides.rank_correlation(a, -a) == pytest.approx(-1.0)
    assert np.isnan(sides.rank_correlation(a, np.ones(4)))


@pytest.mark.slow
def test_noise_opens_directions_of_a_circuit_with_too_many_parameters():
    found = sides.opened(1, 3, ((0.05,), (0.05,)), (0, 1), Silent())
    ranks = found["open_rank"]
    assert (ranks.isel({ranks.dims[-1]: 0}) == 2).all()  # the sphere
    depolarised, damped = ranks.isel({ranks.dims[-1]: 1}).values
    assert (depolarised == 2).all()  # a smaller sphere: the noise of one qubit is the same in every direction
    assert (damped == 3).all()  # the ball
    assert int(found["open_parameters"]) == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [("dropout=0.3,0.2,0.4,0.5", "positive and ascending"), ("dropout=0.1,0.2", "equally many strengths")],
)
def test_settings_say_what_is_wrong(setting, message):
    with pytest.raises(ValueError, match=message):
        base.parse_settings(noise_geometry.Settings, [setting])


def test_the_figure_has_four_panels():
    data = synthetic(0.5, 0.5)
    verdicts = noise_geometry.verdict(data, noise_geometry.Settings())
    assert len(noise_geometry.draw(data, verdicts).axes) == 4
