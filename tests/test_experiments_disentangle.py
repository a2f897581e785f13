"""disentangle: both autoencoders against the library and brute force, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import xarray as xr
from jax.flatten_util import ravel_pytree

from circuits import gates
from circuits.circuit import Circuit
from circuits.ops import Param
from qgeom.experiments import base, disentangle
from qgeom.experiments import disentangle_sides as sides
from qgeom.experiments import number_autoencoder as numbers
from qgeom.experiments import qubit_autoencoder as qubits
from qgeom.information import information_metric

CASES = (*sides.NETWORKS, "circuit")


def synthetic(effect: float, noise: float = 0.02, rival: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Gaps of 0.3 plus the effect where complexity is in the cost; turned latents have 0.3 wherever."""
    rng = np.random.default_rng(0)
    where = (len(CASES), len(sides.FAMILIES), sides.N_STRENGTHS, seeds)
    own = np.array([0.0, effect, effect, rival, rival])[:, None, None]
    individual = effect * noise * 5 * rng.normal(size=(len(CASES), 1, 1, seeds))
    gap = 0.3 + own + individual * (own != 0) + noise * rng.normal(size=where)
    strengths = np.arange(sides.N_STRENGTHS)[:, None]
    error = np.exp(-4.0 + 0.5 * (1 + strengths) + 0.05 * rng.normal(size=where))
    error[:, 0] = np.exp(-4.0)
    error[:, 3, -1] *= 1.5  # the rival's errors bracket the others'
    tables = sides.empty_tables(len(CASES), seeds, 20)
    for name in tables:
        tables[name] = np.abs(rng.normal(size=tables[name].shape))
    tables |= {
        "error": error, "gap": np.stack([gap, gap], axis=-1), "disentanglement": gap, "completeness": gap,
        "rotated": 0.3 + noise * rng.normal(size=(*where, 20)), "complexity": 2.0 - gap, "quantum": 2.0 - gap,
        "correlation": 1.0 - gap, "gate_entropy": 1.0 - gap, "turned": 0.0 * gap, "turned_quantum": 0.0 * gap,
        "excess": 0.0 * gap - 1.0,
    }  # fmt: skip
    for table in tables.values():
        table[:, 0, 1:] = np.nan
        table[:2, 2] = np.nan
    return sides.as_dataset(tables, CASES, tuple(range(seeds)))


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(0.3, 0.02, "supported"), (-0.3, 0.02, "refuted"), (0.0, 0.02, "refuted"), (0.11, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise)
    for side, choice in disentangle.MAINS.items():
        found = disentangle.judge(data, choice, side, null=True)
        assert found.outcome == outcome
        assert found.n_seeds == 12
        if noise < 0.1:
            assert (found.p_value < 0.06) == (effect > 0)


def test_a_rival_that_does_as_well_refutes_the_claim_though_rotations_are_worse():
    found = disentangle.judge(synthetic(0.3, rival=0.3), disentangle.MAINS["network"], "network", null=True)
    assert found.outcome == "refuted"
    against_none = disentangle.MAINS["network"]._replace(rival="none")
    assert disentangle.judge(synthetic(0.3, rival=0.3), against_none, "network").outcome == "supported"


def test_only_equal_errors_are_compared():
    data = synthetic(0.0, noise=0.0)
    # Gaps that depend on the error alone are equal at equal error, whatever the strengths did to the errors.
    data["gap"] = data["gap"] * 0.0 + 0.1 * np.log(data["error"])
    assert np.ptp(data["error"].sel(case="network", family="complexity", strength=2).values) > 0
    found = disentangle.gaps(data, disentangle.MAINS["network"], data["gap"].sel(bins=10))
    np.testing.assert_allclose(found, 0.0, atol=1e-12)
    data["error"].loc[{"family": "complexity"}] = 100.0
    assert np.isnan(disentangle.gaps(data, disentangle.MAINS["network"], data["gap"].sel(bins=10))).all()


@pytest.mark.slow
def test_measured_complexity_latents_and_gates_have_verdicts_of_both_kinds():
    up, down = synthetic(0.3), synthetic(-0.3)
    assert disentangle.judge_measured(up, "network").outcome == "supported"
    wrong = up.assign(complexity=-up["complexity"])
    assert disentangle.judge_measured(wrong, "network").outcome == "refuted"
    assert disentangle.judge_latents(up, "complexity", "circuit").outcome == "supported"
    assert disentangle.judge_latents(down, "complexity", "circuit").outcome == "refuted"
    assert disentangle.judge_gates(up).outcome == "supported"
    assert disentangle.judge_gates(up.assign(gate_entropy=-up["gate_entropy"])).outcome == "refuted"


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_calibrations_can_fail():
    data = synthetic(0.3)
    found = disentangle.verdict(data, disentangle.Settings())
    assert [v.side for v in found[:3]] == list(disentangle.MAINS)
    assert [v.outcome for v in found[-3:]] == ["calibration-pass"] * 3
    assert {row["against"] for row in found[0].multiverse} == set(disentangle.RIVALS)
    assert {row["latents"] for row in found[1].multiverse} == {"as main", "bounded"}
    data["turned"][0, 1, 0, 0] = data["turned_quantum"][2, 1, 0, 0] = data["excess"][2, 1, 0, 0] = 0.5
    assert [v.outcome for v in disentangle.verdict(data, disentangle.Settings())[-3:]] == [
        "calibration-fail"
    ] * 3
    assert len(disentangle.draw(data, found).axes) == 3


# --- numbers ---------------------------------------------------------------


def small() -> tuple[numbers.Autoencoder, tuple, jax.Array]:
    model = numbers.autoencoder(9, 4, 2)
    params = jax.tree.map(lambda leaf: leaf[0], numbers.start(model, np.array([3])))
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)  # biases that are not zero
    data = jnp.asarray(numbers.pictures(np.random.default_rng(0).random((5, 2)), 3))
    return model, params, data


def test_pictures_have_mean_zero_and_variance_one_and_a_factor_for_every_latent():
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 15)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    x = numbers.pictures(grid, 5)
    assert np.abs(x.mean(axis=0)).max() < 0.1
    assert x.var(axis=0).mean() == pytest.approx(1.0, abs=0.1)
    plain, wide = numbers.pictures(np.array([[0.5, 0.5, 0.1], [0.5, 0.5, 0.9]]), 5)
    assert (wide > plain - 1e-9).all()
    first = numbers.pictures(np.array([[0.9, 0.5]]), 5).reshape(5, 5)
    assert first[2].argmax() > 2
    np.testing.assert_allclose(first, first[::-1], atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("bounded", [False, True])
def test_the_complexity_is_the_trace_of_the_fisher_matrix_in_units_of_the_arrays(bounded):
    model, params, data = small()

    def output(p, x):
        z = model.encoder.outputs(p[0], x)
        return model.decoder.outputs(p[1], jnp.tanh(z) if bounded else z)

    flat, unravel = ravel_pytree(params)
    jacobian = jax.vmap(jax.jacrev(lambda t, x: output(unravel(t), x)), (None, 0))(flat, data)
    units = ravel_pytree(jax.tree.map(lambda a: jnp.full(a.shape, jnp.sqrt(jnp.mean(a**2))), params))[0]
    expected = jnp.mean(jnp.sum((jacobian * units) ** 2, axis=(1, 2)))
    found = numbers.exact_complexity(params, jnp.asarray(bounded), data)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    stacked = jax.tree.map(lambda a: a[None, None], params)
    read = numbers.measured(stacked, jnp.asarray([bounded]), data[None])
    errors = jnp.mean((jax.vmap(output, (None, 0))(params, data) - data) ** 2)
    np.testing.assert_allclose(read.error[0, 0], errors, rtol=1e-12)


@pytest.mark.slow
def test_a_rotation_of_linear_latents_changes_nothing_and_of_bounded_ones_something():
    _, params, data = small()
    turn = jnp.asarray(scipy.stats.ortho_group.rvs(2, random_state=0))
    both = [jax.tree.map(lambda a: a[None, None], p) for p in (params, numbers.turned(params, turn))]
    one, other = (numbers.measured(p, jnp.asarray([False]), data[None]) for p in both)
    np.testing.assert_allclose(other.complexity, one.complexity, rtol=1e-9)
    np.testing.assert_allclose(other.error, one.error, rtol=1e-12)
    np.testing.assert_allclose(other.latents[0, 0], one.latents[0, 0] @ turn.T, atol=1e-12)
    one, other = (numbers.measured(p, jnp.asarray([True]), data[None]) for p in both)
    assert abs(other.complexity[0, 0] / one.complexity[0, 0] - 1) > 1e-4


# --- qubits ----------------------------------------------------------------

SHAPE = qubits.Shape(3, 2, 2)


def as_circuit(shape: qubits.Shape) -> Circuit:
    """The encoder in the library's gates; entry k of the flattened table is parameter k."""
    n, width = shape.qubits, shape.table[1]
    ops = []
    for row in range(shape.rows + 1):
        ops += [gates.RY(Param(row * width + q), q) for q in range(n)]
        ops += [gates.RZ(Param(row * width + n + q), q) for q in range(n)]
        if row < shape.rows:
            ops += [gates.RZZ(Param(row * width + 2 * n + k), *pair) for k, pair in enumerate(shape.pairs)]
    return Circuit(n, ops)


def test_the_encoder_is_the_circuit_and_its_complexities_are_the_traces():
    circuit = as_circuit(SHAPE)
    table = np.random.default_rng(1).normal(size=SHAPE.table) * SHAPE.used
    zero = np.zeros((1, 8), complex)
    zero[0, 0] = 1.0
    theta = jnp.asarray(table.ravel()[: circuit.n_parameters])
    state, means = qubits.evolve(SHAPE, jnp.asarray(table), jnp.asarray(zero[0]))
    np.testing.assert_allclose(state, circuit(theta).vector, atol=1e-12)
    metric = information_metric(circuit, theta)
    np.testing.assert_allclose(
        qubits.quantum_trace(SHAPE, means), metric.as_matrix().trace() / SHAPE.used.sum(), rtol=1e-10
    )
    found = qubits.complexities(SHAPE, jnp.asarray(table), jnp.asarray(zero), jnp.eye(4, dtype=complex))
    np.testing.assert_allclose(found[1], qubits.quantum_trace(SHAPE, means), rtol=1e-9)
    slope = jax.jacfwd(lambda t: qubits.amplitudes(SHAPE, t, jnp.asarray(zero[0])))(jnp.asarray(table))
    np.testing.assert_allclose(
        found[0], np.sum(np.square(slope)[:, SHAPE.used]) / SHAPE.used.sum(), rtol=1e-9
    )
    assert found[0] <= found[1]


def test_a_unitary_on_the_latents_leaves_the_quantum_complexity_and_the_infidelity():
    rng = np.random.default_rng(2)
    table = jnp.asarray(rng.normal(size=SHAPE.table) * SHAPE.used)
    states = jnp.asarray(qubits.product_states(rng.random((3, 2)), 3))
    turn = scipy.stats.unitary_group.rvs(4, random_state=1)
    one, other = (qubits.complexities(SHAPE, table, states, jnp.asarray(w)) for w in (np.eye(4) + 0j, turn))
    np.testing.assert_allclose(one[1], other[1], rtol=1e-9)
    assert abs(one[0] / other[0] - 1) > 1e-3
    out = jax.vmap(lambda psi: qubits.evolve(SHAPE, table, psi)[0])(states)
    spun = jnp.einsum("ab,nbt->nat", turn, out.reshape(3, 4, -1)).reshape(3, 8)
    np.testing.assert_allclose(qubits.infidelity(SHAPE, out), qubits.infidelity(SHAPE, spun), atol=1e-12)


def test_mixed_states_are_brought_apart_again_and_the_mean_state_is_enough():
    rng = np.random.default_rng(3)
    table = rng.normal(size=SHAPE.table) * SHAPE.used
    factors = rng.random((40, 2))
    plain = qubits.product_states(factors, 3)
    states = qubits.mixed(SHAPE, table, plain)
    back = states @ np.asarray(qubits.unitary(SHAPE, jnp.asarray(table))).T
    np.testing.assert_allclose(back, plain, atol=1e-12)
    np.testing.assert_allclose(qubits.infidelity(SHAPE, jnp.asarray(back)), 0.0, atol=1e-12)
    other = np.asarray(qubits.unitary(SHAPE, jnp.asarray(table + 0.3))).T
    left = np.mean(qubits.infidelity(SHAPE, jnp.asarray(states @ other)))
    main = qubits.principal(states, 4)
    np.testing.assert_allclose(np.sum(qubits.infidelity(SHAPE, jnp.asarray(main @ other))), left, atol=1e-12)
    angle = np.pi * factors[:, 0]
    np.testing.assert_allclose(
        qubits.bloch(plain, 1)[:, 0], np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1), atol=1e-12
    )


def test_entropies_at_gates():
    bell = np.zeros((1, 8), complex)
    bell[0, 0] = bell[0, 6] = np.sqrt(0.5)  # qubits 0 and 1
    assert qubits.entropy(bell, (0,), 3)[0] == pytest.approx(np.log(2))
    assert qubits.entropy(bell, (0, 1), 3)[0] == pytest.approx(0.0, abs=1e-12)
    found = qubits.entropies_at_gates(SHAPE, np.zeros(SHAPE.table), bell)
    expected = [0.0 if set(pair) == {0, 1} else np.log(2) for pair in SHAPE.pairs]
    np.testing.assert_allclose(found, [expected] * 2, atol=1e-12)


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="no trash"):
        base.parse_settings(disentangle.Settings, ["factors=3", "qubits=3"])
    with pytest.raises(ValueError, match="positive and rise"):
        base.parse_settings(disentangle.Settings, ["norm_circuit=1,2,3,3,5"])
    with pytest.raises(ValueError, match="below 1"):
        base.parse_settings(disentangle.Settings, ["dropout=0.1,0.2,0.3,0.4,1"])
