"""complexity-growth: its models, lines and training, and its verdict for every outcome."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import xarray as xr

from qgeom.experiments import base, complexity_growth, growing_models
from qgeom.experiments.linear_training import train_residual
from qgeom.experiments.straight_growth import (
    generator_lines,
    hamiltonian_lines,
    rotation_lines,
    unitary_lines,
)
from qgeom.experiments.weak_gates import embedded, weak_gate
from qgeom.nielsen.lattice import straight_line_of
from qgeom.nielsen.penalty import plane_penalty
from qgeom.nielsen.string_weights import local_rule
from qgeom.nielsen.subgroups import rotation_distance
from qgeom.progress import Silent


def synthetic(excess: float, share: float, slope: float, noise: float = 0.01, seeds: int = 12) -> xr.Dataset:
    """Plateaus 1 and 1 + excess (reference 1); a share of growing steps from the identity, half from elsewhere."""
    rng = np.random.default_rng(0)
    models = len(growing_models.MODELS)
    late = np.ones((models, 2, 2, seeds, 3)) + noise * rng.normal(size=(models, 2, 2, seeds, 1))
    late[2:4] += excess
    network = np.ones((3, 2, seeds, 3)) + noise * rng.normal(size=(3, 2, seeds, 1))
    network[1] += excess
    steps = np.where(rng.random((2, 2, seeds, 200)) < np.array([share, 0.5])[None, :, None, None], 1.0, -1.0)
    arrow = np.concatenate([np.zeros((2, 2, seeds, 1)), np.cumsum(steps, axis=-1)], axis=-1)
    blocks = np.asarray(complexity_growth.DEPTHS)
    distance = np.exp(slope * np.log(blocks))[:, None] * np.exp(
        noise * rng.normal(size=(2, 2, 2, len(blocks), seeds))
    )
    return xr.Dataset(
        {
            "late": (("model", "qubits", "q", "seed", "late_time"), late),
            "network_late": (("layer", "q", "seed", "late_time"), network),
            "arrow": (("arrow_model", "start", "seed", "arrow_step"), arrow),
            "network_arrow": (("arrow_layer", "start", "seed", "arrow_step"), arrow),
            "block_distance": (("metric", "trained", "scale", "blocks", "seed"), distance),
            "growth": (("model", "seed", "time"), np.ones((models, seeds, 2))),
            "growth_lower": (("model", "seed", "time"), np.zeros((models, seeds, 2))),
            "geodesic": (("geodesic_bound", "small_time"), np.ones((3, 2))),
        },
        coords={
            "model": list(growing_models.MODELS), "layer": list(growing_models.LAYERS),
            "qubits": [4, 5], "q": [10.0, 100.0], "seed": np.arange(seeds), "start": ["identity", "typical"],
            "arrow_model": list(complexity_growth.ARROW_MODELS),
            "arrow_layer": list(complexity_growth.ARROW_LAYERS),
            "metric": ["flat", "penalised"], "trained": [False, True], "scale": [0.01, 0.1],
            "blocks": blocks, "time": [0.0, 1.0], "small_time": [1.0, 2.0],
            "geodesic_bound": ["geodesic", "lower bound", "straight line"],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("excess", "share", "slope", "noise", "outcome"),
    [
        (0.3, 0.9, -1.0, 0.01, "supported"),
        (0.0, 0.5, 0.0, 0.01, "refuted"),
        (-0.3, 0.2, -0.5, 0.01, "refuted"),
        (0.1, 0.6, -0.9, 0.25, "inconclusive"),
    ],
)
def test_every_outcome_is_possible(excess, share, slope, noise, outcome):
    verdicts = complexity_growth.verdict(synthetic(excess, share, slope, noise), complexity_growth.Settings())
    assert [v.outcome for v in verdicts[:5]] == [outcome] * 5
    assert [v.side for v in verdicts[:5]] == ["circuit", "network", "circuit", "network", "network"]
    assert [v.outcome for v in verdicts[5:]] == ["calibration-pass"] * 2


def test_a_bound_below_the_flat_distance_fails():
    data = synthetic(0.3, 0.9, -1.0)
    data["growth_lower"][:] = 2.0
    assert complexity_growth.verdict(data, complexity_growth.Settings())[5].outcome == "calibration-fail"


@pytest.mark.parametrize("model", growing_models.MODELS)
def test_hamiltonians_are_of_unit_norm(model):
    h = growing_models.hamiltonian(model, 3, 1)
    assert np.max(np.abs(h - h.conj().T)) < 1e-12
    assert np.trace(h) == pytest.approx(0, abs=1e-12)
    assert np.trace(h @ h).real == pytest.approx(8)


def test_the_chaotic_chain_is_the_integrable_one_in_a_longitudinal_field():
    """Free fermions: the many-body energies of the Ising chain are sums of single-particle ones; not with the field."""

    def is_free(model: str) -> bool:
        e = np.linalg.eigvalsh(growing_models.hamiltonian(model, 3, 0))
        first, second, third = e[1] - e[0], e[2] - e[0], e[3] - e[0]
        sums = [first + second, first + third, second + third]
        return min(abs(third - s) for s in sums[:1]) < 1e-9 or all(
            np.min(np.abs(e - e[0] - s)) < 1e-9 for s in sums
        )

    assert is_free("Ising")
    assert not is_free("mixed-field Ising")


def test_layers_are_of_unit_norm_and_where_they_should_be():
    for kind, planes in zip(growing_models.LAYERS, (3, 5, 15), strict=True):
        x = growing_models.layer(kind, 6, 0)
        assert np.max(np.abs(x + x.T)) == 0
        assert np.sum(x**2) / 2 == pytest.approx(1)
        assert np.count_nonzero(np.triu(x)) == planes


def test_lines_agree_with_the_lattice_of_the_library_or_are_longer():
    h = growing_models.hamiltonian("mixed-field Ising", 3, 0)
    rule = local_rule(3, 30.0)
    energies, lines = hamiltonian_lines(h, rule)
    values, vectors = np.linalg.eigh(h)
    for t in (0.5, 3.0, 40.0):
        exact = straight_line_of(values * t, vectors, rule, reduce=False)
        assert exact.shortest
        found = lines.length(energies * t)
        assert exact.length - 1e-9 <= found <= 1.1 * exact.length
    assert lines.length(energies * 0.5) == pytest.approx(0.5)  # two-local, unit norm: its own line


def test_lines_to_a_unitary_start_at_its_logarithm():
    rng = np.random.default_rng(0)
    u = scipy.stats.unitary_group.rvs(8, random_state=rng)
    phases, lines = unitary_lines(u, local_rule(3, 1.0))
    # In the flat metric the eigenvectors do not matter.
    from_library = straight_line_of(phases, np.eye(8), local_rule(3, 1.0), reduce=False)
    assert lines.length(phases) == pytest.approx(from_library.length)


def test_lines_of_rotations_by_brute_force():
    x = growing_models.layer("random", 5, 2)
    penalty = plane_penalty(5, 20.0)
    velocities, lines = generator_lines(x, penalty)
    t = 4.0
    angles, other = rotation_lines(scipy.linalg.expm(t * x), penalty)
    grid = 2 * np.pi * np.stack(np.meshgrid(np.arange(-4, 5), np.arange(-4, 5)), axis=-1).reshape(-1, 2)
    best = min(np.sqrt((velocities * t + k) @ lines.form @ (velocities * t + k)) for k in grid)
    assert lines.length(velocities * t) == pytest.approx(best)
    assert other.length(angles) == pytest.approx(best)
    flat_angles, flat = rotation_lines(scipy.linalg.expm(t * x), plane_penalty(5, 1.0))
    assert flat.length(flat_angles) == pytest.approx(rotation_distance(scipy.linalg.expm(t * x)))


def test_training_reaches_its_target_and_its_gradient_is_right():
    target = scipy.linalg.expm(growing_models.layer("random", 3, 0))[None]
    blocks, loss = train_residual(target, 3, 0.05, np.random.default_rng(0), 800)
    assert loss[0] < 1e-12
    assert blocks[0, 2] @ blocks[0, 1] @ blocks[0, 0] == pytest.approx(target[0], abs=1e-6)


def test_weak_gates_have_the_length_they_say():
    gate = weak_gate(np.random.default_rng(0), 0.2)
    h = 1j * np.asarray(scipy.linalg.logm(gate))
    assert np.sqrt(np.trace(h @ h).real / 4) == pytest.approx(0.2)
    swap = np.eye(4)[[0, 2, 1, 3]]
    assert embedded(gate, (1, 0), 2) == pytest.approx(swap @ gate @ swap)
    assert embedded(gate, (1, 2), 3) == pytest.approx(np.kron(np.eye(2), gate))


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="qubits are 3 to 8"):
        base.parse_settings(complexity_growth.Settings, ["qubits=2"])


@pytest.mark.slow
def test_geodesics_are_no_longer_than_lines():
    tiny = [
        "seeds=2", "qubits=3", "late_times=2", "growth_times=3", "arrow_qubits=3", "arrow_steps=3", "dimension=4",
        "trained_dimension=2", "training_steps=20", "circuit_depth=3", "geodesic_times=1",
    ]  # fmt: skip
    settings = base.parse_settings(complexity_growth.Settings, tiny)
    data = complexity_growth.compute(settings, 0, Silent())
    assert complexity_growth.verdict(data, settings)[6].outcome == "calibration-pass"
