"""gate-spacetime: what it computes against closed forms, and its verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from qgeom.emergent.gate_phases import phase_blocks
from qgeom.experiments import base, gate_spacetime
from qgeom.experiments import gate_spacetime_sides as sides
from qgeom.information import information_metric
from qgeom.progress import Silent


def synthetic(slope: float, noise: float = 0.3, seeds: int = 12, rare: float = 1.0) -> xr.Dataset:
    """Sensitivities ``exp(slope layer)``; blocks of three equal dimensions, or of one at rare gates of large s."""
    rng = np.random.default_rng(0)
    layer = np.repeat(np.arange(6.0), 3)
    n, shape = len(layer), (4, 2, 2, seeds)
    effect = slope * layer + noise * rng.normal(size=(*shape, n)) * (
        1 + 3 * rng.normal(size=(*shape, 1)) ** 2
    )
    sensitivity = np.exp(effect) * np.array([1.0, 100.0])[:, None, None, None]
    line = np.array([1.0, -1.0, 0.0, 0.0])
    block = np.broadcast_to(np.eye(4) - 0.25, (2, *shape, n, 4, 4)).copy()
    block[0, ..., 0, :, :] = (1 - rare) * 1e3 * np.outer(line, line) + rare * block[0, ..., 0, :, :]
    return xr.Dataset(
        {
            "sensitivity": (("case", "metric", "treatment", "seed", "point"), np.minimum(sensitivity, 1e30)),
            "phase_block": (("rescaled", "case", "metric", "treatment", "seed", "gate", "row", "column"), block),
            "layer": (("case", "point"), np.tile(layer, (4, 1))),
            "chain": (("case", "point"), np.tile(layer, (4, 1))),
            "cone": (("case", "point"), np.ones((4, n))),
            "parameters": (("case", "point"), np.full((4, n), 3.0)),
        },
        coords={
            "case": ["circuit", "brick wall", "MLP", "wide MLP"], "metric": list(sides.METRICS),
            "treatment": list(sides.TREATMENTS), "seed": np.arange(seeds), "rescaled": ["no", "per input"],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "noise", "outcome"),
    [(-0.5, 0.3, "supported"), (0.5, 0.3, "refuted"), (0.0, 0.05, "refuted"), (-0.06, 0.3, "inconclusive")],
)
def test_every_outcome_of_the_arrow_is_possible(slope, noise, outcome):
    data = synthetic(slope, noise, seeds=24 if slope == 0.0 else 12)
    found = gate_spacetime.verdict(data, gate_spacetime.Settings())
    assert [v.side for v in found[:3]] == ["circuit", "network", "circuit-quantum"]
    assert outcome in [v.outcome for v in found[:3]]
    if abs(slope) == 0.5:
        assert [v.outcome for v in found[:3]] == [outcome] * 3
        assert np.sign(found[0].estimate) == np.sign(slope)


@pytest.mark.slow
def test_the_dimension_may_fall_rise_or_stay():
    same = gate_spacetime.verdict(synthetic(-0.5), gate_spacetime.Settings())[3]
    assert same.outcome == "refuted"
    assert same.estimate == pytest.approx(0.0, abs=1e-9)
    rises = gate_spacetime.verdict(synthetic(-0.5, rare=0.0), gate_spacetime.Settings())[3]
    assert rises.outcome == "refuted"
    assert rises.estimate < -1.0
    data = synthetic(-0.5)  # one line at all gates but an insensitive line: divided by s they weigh the same
    line = np.outer(np.array([1.0, -1, 0, 0]), np.array([1.0, -1, 0, 0]))
    data["phase_block"][0, ..., 1:, :, :] = 1e-3 * line
    assert gate_spacetime.verdict(data, gate_spacetime.Settings())[3].outcome == "supported"


def test_calibrations_can_fail():
    data = synthetic(-0.5)
    data["phase_block"][0, 0, 0, 0, 0, 0, 0, 0] += 1.0
    data["sensitivity"][0, 0] *= 1e3
    found = gate_spacetime.verdict(data, gate_spacetime.Settings())[5:]
    assert [v.outcome for v in found] == ["calibration-fail"] * 2


@pytest.mark.slow
def test_the_gates_are_whole_and_their_three_angles_are_their_phases():
    circuit = sides.gate_circuit(3, 2, 2)
    theta, x = circuit.init(jax.random.key(1)), jnp.asarray([0.3, -0.8])
    whole = sides.with_whole_gates(circuit)
    np.testing.assert_allclose(whole(theta, x).vector, circuit(theta, x).vector, atol=1e-12)
    where = sides.points_of(circuit)
    matrix = np.asarray(information_metric(circuit, theta, x[None]).as_matrix())
    blocks = phase_blocks(whole, np.asarray(theta), (0,), np.asarray(x)).quantum
    # XX, YY, ZZ have entries +-1 on the phases: the sum of their information is four times the trace of the block.
    for positions, block in zip(where.parameters, blocks, strict=True):
        assert np.sum(np.diag(matrix)[positions]) == pytest.approx(np.trace(block))  # angle theta = 2 phi


@pytest.mark.slow
def test_gates_that_cannot_reach_the_readout_are_outside_its_cone():
    circuit = sides.gate_circuit(4, 2, 0)
    where = sides.points_of(circuit)
    theta = circuit.init(jax.random.key(0))
    diagonal = np.asarray(information_metric(circuits.Measured(circuit, (0,)), theta).diagonal())
    seen = np.array([diagonal[p].sum() > 1e-12 for p in where.parameters])
    np.testing.assert_array_equal(where.cone, [True, True, True, True, False, False])
    np.testing.assert_array_equal(seen, where.cone)


def test_a_task_of_three_classes_is_refused():
    settings = base.parse_settings(gate_spacetime.Settings, ["task=iris"])
    with pytest.raises(ValueError, match="two classes"):
        gate_spacetime.compute(settings, 0, Silent())
