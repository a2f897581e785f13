"""switchback: counting against brute force, and its verdict for every outcome."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from qgeom.experiments import base, light_cones, switchback


def logistic(t: np.ndarray, n: int, rate: float) -> np.ndarray:
    """Share of n that grows by ``e^rate`` per step from 1/n to 1."""
    grown = np.exp(rate * t) / n
    return grown / (1 + grown)


def synthetic(rate_of_count: float, rate_of_size: float, noise: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Everything that is counted grows at one rate, every size at another, in its own time for each seed."""
    generator = np.random.default_rng(0)
    sizes, steps = (16, 64, 256), np.arange(1, 81)
    count, size = np.empty((2, seeds, len(sizes), len(steps)))
    for s in range(seeds):
        for j, n in enumerate(sizes):
            count[s, j] = logistic(steps * np.exp(noise * generator.normal()), n, rate_of_count)
            size[s, j] = logistic(steps, n, rate_of_size)
    two, three = (len(switchback.SCHEDULES),), (len(switchback.SCHEDULES), len(switchback.GATES))
    dims = ("seed", "qubits")

    def spread(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        wide = a.reshape(*a.shape[:2], *(1,) * len(shape), -1)
        return np.broadcast_to(wide, (*a.shape[:2], *shape, a.shape[-1]))

    return xr.Dataset(
        {
            "cone_gates": ((*dims, "schedule", "step"), spread(count, two)),
            "operator_gates": ((*dims, "schedule", "gates", "step"), spread(count, three)),
            "operator_size": ((*dims, "schedule", "gates", "step"), spread(size, three)),
            "toffoli_gates": (("count", *dims, "step"), np.stack([count] * 3)),
            "toffoli_size": ((*dims, "step"), size),
            "null_gates": (("side", *dims, "step"), np.full((2, *count.shape), 0.5)),
        },
        coords={
            "seed": np.arange(seeds), "qubits": list(sizes), "schedule": list(switchback.SCHEDULES),
            "gates": list(switchback.GATES), "count": list(switchback.CLASSICAL_COUNTS),
            "side": ["circuit", "classical"], "step": steps,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "size", "noise", "outcome"),
    [
        (0.5, 0.5, 0.0, "supported"),
        (0.8, 0.5, 0.0, "refuted"),
        (0.4, 0.6, 0.0, "refuted"),
        (0.45, 0.5, 0.3, "inconclusive"),
    ],
)
def test_every_outcome_is_possible(count, size, noise, outcome):
    verdicts = switchback.verdict(synthetic(count, size, noise), switchback.Settings())
    assert [v.outcome for v in verdicts[:2]] == [outcome] * 2
    assert [v.side for v in verdicts[:2]] == ["circuit", "network"]
    if noise == 0:
        assert verdicts[0].estimate == pytest.approx(size / count, rel=0.05)


def test_a_delay_without_a_light_cone_fails_the_calibration():
    data = synthetic(0.5, 0.5)
    data["null_gates"][:, :, :, :20] = 0.0
    assert [v.outcome for v in switchback.verdict(data, switchback.Settings())[3:]] == [
        "calibration-fail"
    ] * 2


def test_the_late_line_and_the_crossing_of_a_known_curve():
    t0, k = light_cones.delay(np.where(np.arange(1, 61) > 7, 3.0, 0.0))
    assert t0 == pytest.approx(7.0)
    assert k == pytest.approx(3.0)
    assert light_cones.crossing(np.array([0.2, 0.4, 0.8, 0.8, 0.8, 0.8]), 0.1) == pytest.approx(2.0)


def test_the_light_cone_is_the_set_of_qubits_reached():
    """Against a set grown gate by gate."""
    rng = np.random.default_rng(3)
    for schedule in switchback.SCHEDULES:
        pairs = light_cones.random_pairs(rng, 10, 6, 1, schedule)
        if schedule == "together":
            assert np.array_equal(np.sort(pairs.reshape(6, 10), axis=1), np.tile(np.arange(10), (6, 1)))
        grown = light_cones.light_cone(pairs, np.eye(10, dtype=bool)[None, 4:5])
        inside, counts, sizes = {4}, [], []
        for step in pairs:
            counts.append(0)
            for a, b in step.reshape(-1, 2):
                if {int(a), int(b)} & inside:
                    counts[-1] += 1
                    inside |= {int(a), int(b)}
            sizes.append(len(inside) / 10)
        assert grown.gates[:, 0] * 10 == pytest.approx(counts)
        assert grown.size[:, 0] == pytest.approx(sizes)


def test_a_haar_gate_spreads_a_string_over_the_fifteen():
    rng = np.random.default_rng(0)
    pairs = light_cones.random_pairs(rng, 2, 1, 40_000, "together")
    for start in ([True, False], [True, True]):
        starts = np.tile(np.array(start), (40_000, 1, 1))
        grown = light_cones.operator_size(pairs, starts, "Haar", rng)
        share = np.bincount(np.round(2 * grown.size[0]).astype(int), minlength=3) / 40_000
        assert share == pytest.approx([0.0, 0.4, 0.6], abs=0.01)  # 6 of 15 strings act on one qubit
        assert np.all(grown.gates == 0.5)
    one = light_cones.operator_size(pairs, np.tile([True, False], (40_000, 1, 1)), "CX", rng)
    assert np.mean(one.size[0]) == pytest.approx((1 / 3 * 1 + 2 / 3 * 2) / 2, abs=0.01)


def test_toffoli_gates_that_are_dropped_do_commute():
    """Brute force: the permutation of all 2^n inputs that W has become commutes with every gate that cancels."""
    n, steps = 6, 5
    everything = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 == 1
    for seed in range(12):
        found = light_cones.toffoli_differences(np.random.default_rng(seed), n, steps, 1, 400)
        rng = np.random.default_rng(seed)  # the same draws in the same order
        place = int(rng.choice(n, 1, replace=False)[0])
        rng.random((400, n))
        w = np.arange(1 << n) ^ (1 << place)
        for step in range(steps):
            a, b, c = rng.permutation(n)[: 3 * (n // 3)].reshape(3, -1)
            left = 0
            for x, y, z in zip(a, b, c, strict=True):
                gate = np.arange(1 << n) ^ ((everything[:, x] & everything[:, y]).astype(int) << z)
                left += not np.array_equal(gate[w], w[gate])
                w = gate[w[gate]]
            assert left <= round(found.cone[step] * n) <= round(found.structure[step] * n)
            assert found.changed[step] <= found.cone[step]


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="even numbers of qubits"):
        base.parse_settings(switchback.Settings, ["sizes=7,9"])
