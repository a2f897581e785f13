"""nielsen-geodesic: its circuits, the baseline, and its verdict for every outcome; the picture of a geodesic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import xarray as xr

from qgeom.experiments import base, known_circuits, nielsen_geodesic, relaxed_deformation
from qgeom.figures import geodesic as picture
from qgeom.nielsen.bounds import flat_distance
from qgeom.nielsen.built import circuit_cost
from qgeom.nielsen.penalty import local_penalty, plane_penalty
from qgeom.nielsen.targets import circuit_unitary

GATES = ("CNOT", "iSWAP", "Toffoli", "QFT")


def synthetic(shortest: float, carried: float, noise: float = 0.01, seeds: int = 12) -> xr.Dataset:
    """Built lengths 2; the shortest and the deformed are given at every q but 1."""
    rng = np.random.default_rng(0)
    shape = (seeds, 3)
    values = {
        "shortest": shortest * np.exp(noise * rng.normal(size=shape)), "upper_bound": np.full(shape, shortest),
        "lower_bound": np.full(shape, 0.1), "conjugate_time": np.full(shape, np.inf), "index": np.zeros(shape),
        "unique": np.ones(shape), "geodesics": np.ones(shape), "residual": np.zeros(shape),
        "deformed": carried * np.exp(noise * rng.normal(size=shape)),
    }  # fmt: skip
    values["shortest"] = np.sort(values["shortest"], axis=1)  # rises with q
    out: dict[str, Any] = {
        f"{kind}_{k}": (("seed", "q"), v) for kind in ("unitary", "rotation") for k, v in values.items()
    }
    out |= {f"gate_{k}": (("gate", "q"), v[:4]) for k, v in values.items()}
    out["unitary_built"] = (("circuit", "seed", "q", "schedule"), np.full((2, *shape, 2), 2.0))
    out["rotation_built"] = (("seed", "schedule"), np.full((seeds, 2), 2.0))
    out["gate_built"] = (("gate", "q", "schedule"), np.full((4, 3, 2), 2.0))
    coords = {
        "seed": np.arange(seeds), "q": [1.0, 10.0, 100.0], "gate": list(GATES),
        "schedule": list(nielsen_geodesic.SCHEDULES), "circuit": list(nielsen_geodesic.CIRCUITS),
    }  # fmt: skip
    return xr.Dataset(out, coords)


@pytest.mark.parametrize(
    ("shortest", "carried", "noise", "outcome"),
    [
        (1.0, 1.5, 0.01, "supported"),
        (2.0, 2.0, 0.01, "refuted"),
        (1.65, 1.93, 0.1, "inconclusive"),
    ],
)
def test_every_outcome_is_possible(shortest, carried, noise, outcome):
    verdicts = nielsen_geodesic.verdict(synthetic(shortest, carried, noise), nielsen_geodesic.Settings())
    assert [v.outcome for v in verdicts[:4]] == [outcome] * 4
    assert [v.side for v in verdicts[:4]] == ["circuit", "network", "circuit", "network"]
    if noise < 0.1:
        assert verdicts[0].estimate == pytest.approx(1 - shortest / 2, abs=0.02)
        assert verdicts[2].estimate == pytest.approx(1 - shortest / carried, abs=0.02)


@pytest.mark.parametrize(
    ("name", "value", "which"),
    [("lower_bound", 5.0, 4), ("shortest", 5.0, 5), ("residual", 0.1, 6), ("index", 1.0, 7)],
)
def test_what_must_hold_can_fail(name, value, which):
    data = synthetic(1.0, 1.5)
    assert nielsen_geodesic.verdict(data, nielsen_geodesic.Settings())[which].outcome == "calibration-pass"
    data[f"unitary_{name}"][0, 0] = value
    assert nielsen_geodesic.verdict(data, nielsen_geodesic.Settings())[which].outcome == "calibration-fail"


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.trace(a.conj().T @ b)) / len(a) - 1) < 1e-12


def test_circuits_of_the_gates_are_these_gates():
    known = {name: circuit_unitary(gate.circuit) for name, gate in known_circuits.known_gates().items()}
    assert same(known["CNOT"], np.eye(4)[[0, 1, 3, 2]])
    assert same(known["iSWAP"], np.array([[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]]))
    assert same(known["Toffoli"], np.eye(8)[[0, 1, 2, 3, 4, 5, 7, 6]])
    assert same(known["QFT"], np.exp(2j * np.pi * np.outer(np.arange(8), np.arange(8)) / 8) / 8**0.5)


def test_the_shannon_decomposition_is_exact_and_of_two_qubit_gates():
    target = scipy.stats.unitary_group.rvs(8, random_state=np.random.default_rng(1))
    circuit = known_circuits.shannon(target)
    assert same(circuit_unitary(circuit), target)
    cheap, dear = (circuit_cost(circuit, local_penalty(3, q)) for q in (1.0, 100.0))
    assert cheap.length == pytest.approx(dear.length)  # no string on three qubits is used
    assert cheap.counts["CX"] == 12


@pytest.mark.slow
def test_fitted_blocks_reach_a_target_that_they_hold():
    rng = np.random.default_rng(2)
    target = scipy.stats.unitary_group.rvs(8, random_state=rng)
    circuit = known_circuits.fitted_blocks(target, 7, rng)
    assert same(circuit_unitary(circuit), target)
    assert circuit_cost(circuit, local_penalty(3, 1.0)).multi_qubit_gates == 7


@pytest.mark.parametrize("d", [3, 4, 5])
def test_givens_rotations_make_the_rotation(d):
    target = scipy.stats.special_ortho_group.rvs(d, random_state=np.random.default_rng(d))
    cost = known_circuits.givens(target)
    product = np.eye(d)
    for i, angle in zip(cost.planes, cost.angles, strict=True):
        turn = np.zeros((d, d))
        turn[i + 1, i], turn[i, i + 1] = angle, -angle
        product = product @ scipy.linalg.expm(turn)
    assert product == pytest.approx(target)
    assert flat_distance(plane_penalty(d, 1.0).group, target) <= cost.together <= cost.sequential
    assert cost.sequential == pytest.approx(np.abs(cost.angles).sum())


@pytest.mark.slow
def test_deformation_keeps_a_straight_line_that_stays_a_geodesic():
    """A rotation in the plane 0-2 of SO(3): its own line at weight 1; beaten by neighbouring planes at a large one."""
    turn = np.zeros((3, 3))
    turn[2, 0], turn[0, 2] = 0.4, -0.4
    target = scipy.linalg.expm(turn)
    metrics = [plane_penalty(3, q) for q in (1.0, 1.2)]
    found = relaxed_deformation.deformed(target, metrics, [True, True])
    assert [f.is_geodesic for f in found] == [True, True]
    assert found[0].length == pytest.approx(0.4)
    assert found[1].length == pytest.approx(0.4 * 1.2**0.5)


def test_weights_between_rise_to_the_largest():
    grid = nielsen_geodesic._between(100.0)
    assert len(grid) == 8
    assert grid[3] == pytest.approx(10.0)
    assert grid[-1] == pytest.approx(100.0)


def test_penalties_must_rise():
    with pytest.raises(ValueError, match="penalties rise"):
        base.parse_settings(nielsen_geodesic.Settings, ["penalties=10,1"])


def geodesic_data() -> dict[str, Any]:
    t = np.linspace(0, 1, 9)
    h = np.stack([np.cos(t), 0.1 * np.sin(t), 0.2 + 0 * t], axis=1)
    return {"times": t, "controls": h, "names": ("XI", "ZZ", "IY"), "weights": np.array([1.0, 10.0, 1.0])}


def test_the_picture_of_a_geodesic_shows_what_it_is_given():
    figure = picture.draw(
        **geodesic_data(), length=1.0, lower_bound=0.5, upper_bound=1.0, conjugate_time=0.5,
        alternatives=[1.2], built=2.0,
    )  # fmt: skip
    figure.draw_without_rendering()
    legends = [legend for axes in figure.axes if (legend := axes.get_legend()) is not None]
    labels = [text.get_text() for legend in legends for text in legend.get_texts()]
    assert any(label.startswith("XI") for label in labels)
    assert {"conjugate point", "as built"} <= set(labels)
    assert any(label.startswith("1 qubit:") for label in labels)
    assert any(label.startswith("2 qubits:") for label in labels)


def test_the_picture_of_a_geodesic_says_what_does_not_fit():
    data = geodesic_data()
    data["weights"] = np.ones(2)
    with pytest.raises(ValueError, match="need controls"):
        picture.draw(**data, length=1.0, lower_bound=0.5, upper_bound=1.0)
    with pytest.raises(ValueError, match="can be named"):
        picture.draw(**geodesic_data(), length=1.0, lower_bound=0.5, upper_bound=1.0, count=20)


def test_the_figure_of_the_experiment():
    data = synthetic(1.0, 1.5)
    assert len(nielsen_geodesic.draw(data, ()).axes) == 8
