"""generalization: families of one program, predictors against closed forms, its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
import qgeom
from qgeom import tasks
from qgeom.experiments import generalization
from qgeom.experiments import generalization_measures as measures
from qgeom.experiments import generalization_population as population
from qgeom.experiments import generalization_sides as sides
from qgeom.experiments.generalization_measures import Choice


def synthetic(effect: float, noise: float, seeds: int = 12, models: int = 24) -> xr.Dataset:
    """Shares of small eigenvalues at random; test errors fall with them, basins grow, complexity falls with size."""
    rng = np.random.default_rng(0)
    shape = (seeds, models)
    score = rng.uniform(size=shape)
    own = effect + noise * rng.normal(size=(seeds, 1))

    def spectrum(score: np.ndarray) -> np.ndarray:
        return np.where(np.arange(40) < np.round(20 * score)[..., None], 1e-7, 1.0)

    wrong = 50 - 60 * own * (score - 0.5) + 4 * rng.normal(size=shape)
    label = rng.integers(0, 2, (seeds, 200)).astype(float)
    order = np.argsort(rng.uniform(size=(*shape, 200)), axis=-1)
    prediction = np.where(order < 2 * wrong[..., None], 1 - label[:, None], label[:, None])
    far = np.exp(-3.0 * (2.0 * own * (score - 0.5) + 0.15 * rng.normal(size=shape)))
    place = far * rng.choice([-1, 1], shape)
    size = np.tile([10.0, 20.0, 40.0, 80.0], models // 4)
    norm = np.exp(-own * np.log(size) + 0.5 * rng.normal(size=shape))
    spectra = spectrum(score)
    # (case, labels, unit, seed, model, mode)
    stacked = np.broadcast_to(spectra, (3, 2, 2, *spectra.shape)).copy()
    both, model = ("case", "labels", "seed", "model"), ("case", "labels", "model")
    start = ("case", "seed", "start")

    def full(values: np.ndarray, lead: tuple[int, ...] = (3, 2)) -> np.ndarray:
        return np.broadcast_to(values, (*lead, *values.shape)).copy()

    loss = rng.uniform(size=shape)
    return xr.Dataset(
        {
            "eigenvalue": (("case", "labels", "unit", "seed", "model", "mode"), stacked),
            "fisher_rao": (both, full(norm)), "train_loss": (both, full(loss)),
            "test_loss": (both, full(wrong)), "prediction": ((*both, "test"), full(prediction)),
            "norms": ((*both, "norm"), rng.uniform(size=(3, 2, *shape, 2))),
            "width": (model, full(np.tile([2.0, 4.0], models // 2))),
            "noise": (model, full(np.repeat([0.0, 0.3], models // 2))), "size": (model, full(size)),
            "test_label": (("seed", "test"), label),
            "start_eigenvalue": (("case", "unit", "seed", "start", "start_mode"), stacked[:, 0]),
            "start_train_loss": (start, full(loss, (3,))),
            "start_prediction": ((*start, "test"), full(prediction, (3,))),
            "start_distance": ((*start, "other"), full(np.abs(place[:, :, None] - place[:, None]), (3,))),
            "reference_ratio": (("seed", "statistic"), np.full((seeds, 3), 1.01)),
            "homogeneity_error": ("seed", np.full(seeds, 1e-15)), "epsilon": 2e-16,
        },
        coords={
            "case": ["circuit", "circuit-quantum", "network"], "labels": list(population.LABELS),
            "unit": list(sides.UNITS), "norm": list(population.NORMS), "seed": np.arange(seeds),
            "statistic": list(population.STATISTICS),
        },
        attrs={"training_inputs": 45, "smoothing": 0.1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(1.0, 0.0, "supported"), (-1.0, 0.0, "refuted"), (0.0, 0.0, "refuted"), (0.1, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise, seeds=30 if effect == 0.0 else 12)
    for statement in generalization.STATEMENTS:
        choice = Choice("network", statement.predictor)
        assert generalization.judge(data, statement, choice).outcome == outcome
    basin = Choice("network", given="train loss")
    assert generalization.judge_basin(data, basin).outcome == outcome
    size = Choice("network", measures.NORM, given=measures.GIVEN[2])
    assert generalization.judge_size(data, size).outcome == outcome


def test_the_nulls_bite(monkeypatch):
    monkeypatch.setattr(generalization, "DRAWS", 49)
    judge = generalization.judge
    basin, size = Choice("circuit", given="train loss"), Choice("circuit", measures.NORM, given="nothing")
    for effect, low in ((1.0, True), (0.0, False)):
        data = synthetic(effect, 0.0)
        found = [
            *(judge(data, s, Choice("circuit", s.predictor), null=True) for s in generalization.STATEMENTS),
            generalization.judge_basin(data, basin, null=True),
            generalization.judge_size(data, size, null=True),
        ]  # fmt: skip
        assert [v.p_value < 0.03 for v in found] == [low] * 4


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_calibrations_can_fail():
    data = synthetic(1.0, 0.0)
    found = generalization.verdict(data, generalization.Settings())
    assert [v.side for v in found[:12]] == [c for c in generalization.CASES for _ in range(4)]
    assert {v.outcome for v in found[:12]} == {"supported"}
    assert [v.outcome for v in found[12:]] == ["calibration-pass"] * 5
    assert "competitors" in found[0].notes[0]
    data["reference_ratio"][:, 1] = 1.3
    data["homogeneity_error"][0] = 1e-3
    data["eigenvalue"][0] *= 2.0
    outcomes = [v.outcome for v in generalization.verdict(data, generalization.Settings())[12:]]
    assert [o.removeprefix("calibration-") for o in outcomes] == ["pass", "fail", "pass", "fail", "fail"]


def test_predictors_are_those_of_the_library():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.exponential(size=7), [1e-6, 0.0]])
    padded = np.concatenate([values, [np.nan] * 3])
    assert measures.small_shares(padded, 1e-3) == float(qgeom.information.small_eigenvalue_share(values))
    kappa = measures.resolution(5000)
    expected = qgeom.information.effective_dimension(np.diag(values), 5000)
    np.testing.assert_allclose(measures.effective_dimensions(padded, kappa), float(expected), rtol=1e-12)
    # the mean of exp(-n d'F d / 2) over normal d
    d = 0.3 * rng.normal(size=(400_000, len(values)))
    drawn = np.log(np.mean(np.exp(-0.5 * 4.0 * (d**2) @ values)))
    assert float(measures.local_volumes(padded, 4.0 * 0.09)) == pytest.approx(drawn, abs=0.01)
    assert np.isnan(measures.small_shares(np.full(4, np.nan), 0.1))


@pytest.mark.slow
def test_a_cut_off_network_is_the_narrow_shallow_one():
    task = tasks.load("iris")
    family = sides.network_family(task, (2, 3), (1, 2), "float64")
    member = next(m for m in family.members if (m.width, m.depth) == (2, 1))
    small = circuits.MLP((4, 2, 3))
    assert member.mask.sum() == small.n_parameters
    theta = jax.random.normal(jax.random.key(0), (len(member.mask),)) * member.mask
    x = jnp.asarray(task.features[::40])
    flat = np.asarray(theta)[member.mask > 0]
    params = jax.flatten_util.ravel_pytree(small.init(jax.random.key(0)))[1](jnp.asarray(flat))
    found = sides.measure(
        family, np.array([family.members.index(member)]), np.asarray(theta)[None], np.asarray(x)[None], np.array([0])
    )  # fmt: skip
    metric = qgeom.information_metric(small, params, x)
    np.testing.assert_allclose(
        found.probabilities[0], jax.vmap(lambda v: small(params, v).probabilities)(x), rtol=1e-12
    )
    kept = found.eigenvalues["readout", "raw"][0, : len(flat)]
    np.testing.assert_allclose(kept, metric.eigenvalues(), atol=1e-12)
    np.testing.assert_allclose(found.fisher_rao["readout"][0], qgeom.information.fisher_rao_norm(metric))
    w = [np.square(np.asarray(layer["weight"])) for layer in params]
    b = [np.square(np.asarray(layer["bias"])) for layer in params]
    paths = (w[1] @ (w[0] @ np.ones(4) + b[0]) + b[1]).sum()
    np.testing.assert_allclose(found.norms[0], [np.linalg.norm(flat), np.sqrt(paths)])


@pytest.mark.slow
def test_a_cut_off_circuit_is_the_shallow_one():
    task = tasks.load("iris")
    family = sides.circuit_family(task, 2, (1, 2), "float64")
    circuit = circuits.data_reuploading(2, 1, 4, ("RZ", "RY"))
    measured = circuits.Measured(circuit, classes=circuits.modulo_classes(2, 3))
    member = family.members[0]
    theta = np.asarray(jax.random.uniform(jax.random.key(1), (len(member.mask),), minval=-3.0, maxval=3.0))
    theta = theta * member.mask
    flat, x = jnp.asarray(theta[member.mask > 0]), jnp.asarray(task.features[::40])
    found = sides.measure(family, np.array([0]), theta[None], np.asarray(x)[None], np.array([0]))
    for kind, description in (("readout", measured), ("state", circuit)):
        metric = qgeom.information_metric(description, flat, x)
        np.testing.assert_allclose(
            found.eigenvalues[kind, "raw"][0, : len(flat)], metric.eigenvalues(), atol=1e-12
        )
        natural = found.eigenvalues[kind, "natural"][0, : len(flat)]
        np.testing.assert_allclose(natural, 4.0 * metric.eigenvalues(), atol=1e-12)
    np.testing.assert_allclose(found.norms[0, 1], np.abs(flat).sum() / 2)


def test_noise_frequencies_and_distances():
    labels = np.arange(30) % 3
    noisy = sides.noisy_labels(labels, 0.3, 3, np.random.default_rng(0))
    assert (noisy != labels).sum() == 9
    assert set(noisy) <= {0, 1, 2}
    points = np.array([[0.0, 0.1, 0.2, 5.0]])
    frequency = measures.frequencies(np.abs(points[:, :, None] - points[:, None]), 0.5)
    np.testing.assert_allclose(frequency, [[2 / 3, 2 / 3, 2 / 3, 0.0]])
    p = np.array([[[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]])
    np.testing.assert_allclose(
        population.end_distances(p)[0], np.pi / np.sqrt(2) * (1 - np.eye(2)), atol=1e-7
    )
