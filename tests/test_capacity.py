"""Capacity: published numbers, identities and limits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from qgeom.information import capacity
from tests.zoo import Categorical, EntangledState, ProductRY


@pytest.mark.parametrize(
    ("weights", "readout", "expected"),
    [
        (10, "parity", 4.51202149),
        pytest.param(1, "parity", 3.97371533, marks=pytest.mark.slow),
        (10, "all", 5.90859124),
    ],
)
def test_effective_dimension_of_the_reference_model(weights, readout, expected):
    """The figures of qiskit-machine-learning's test of the model of Abbas et al. (2021)."""
    rng = np.random.default_rng(1234)
    ansatz = circuits.real_amplitudes(3, reps=1)
    model = circuits.Measured(
        circuits.z_feature_map(3, reps=1) + ansatz,
        classes=circuits.parity_classes(3) if readout == "parity" else None,
    )
    theta = rng.uniform(0.0, 1.0, (weights, ansatz.n_parameters))
    inputs = rng.normal(0.0, 1.0, (10, 3))
    metrics = capacity.metrics_at(model, jnp.asarray(theta), jnp.asarray(inputs))
    assert float(capacity.effective_dimension(metrics, n=5000)) == pytest.approx(expected, abs=1e-8)


def test_effective_dimension_by_the_integral_of_the_paper():
    metrics = np.asarray([np.diag([3.0, 1.0, 0.0]), np.diag([1.0, 0.5, 0.5])])
    kappa = 0.5 * 1000 / (2 * np.pi * np.log(1000))
    hat = 3 * metrics / np.mean(np.trace(metrics, axis1=1, axis2=2))
    root = np.sqrt(np.linalg.det(np.eye(3) + kappa * hat))
    expected = 2.0 * np.log(np.mean(root)) / np.log(kappa)
    assert float(capacity.effective_dimension(metrics, n=1000, gamma=0.5)) == pytest.approx(
        expected, abs=1e-12
    )


def test_effective_dimension_of_an_isotropic_metric_tends_to_the_number_of_parameters():
    values = [float(capacity.effective_dimension(np.eye(4), n)) for n in (10**3, 10**6, 10**12)]
    assert values[0] > values[1] > values[2] > 4.0
    assert values[2] == pytest.approx(4.0, abs=1e-8)


def test_local_effective_dimension_of_a_homogeneous_family_is_the_global_one():
    key = jax.random.key(0)
    theta = ProductRY(3).init(key)
    local = capacity.local_effective_dimension(ProductRY(3), theta, 1000, key, draws=3)
    everywhere = capacity.global_effective_dimension(ProductRY(3), 1000, key, draws=3)
    assert float(local) == pytest.approx(float(everywhere), abs=1e-10)


def test_too_few_samples_and_bad_gamma_are_refused():
    with pytest.raises(ValueError, match="too few"):
        capacity.effective_dimension(np.eye(2), n=10)
    with pytest.raises(ValueError, match="gamma must be in"):
        capacity.effective_dimension(np.eye(2), n=1000, gamma=1.5)


def test_effective_rank_and_small_eigenvalue_share():
    assert float(capacity.effective_rank([1.0, 1.0, 1.0, 0.0])) == pytest.approx(3.0, abs=1e-13)
    assert float(capacity.effective_rank([0.0, 0.0])) == 0.0
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert float(capacity.effective_rank([3.0, 1.0])) == pytest.approx(np.exp(entropy), abs=1e-13)
    assert float(capacity.small_eigenvalue_share([1.0, 1.0, 1e-4, 0.0])) == 0.5
    assert float(capacity.small_eigenvalue_share([0.0, 0.0])) == 1.0


def test_generic_rank_is_bounded_by_the_manifold():
    # All pure states of a qubit: two real dimensions, whatever the number of parameters.
    p = [circuits.Param(i) for i in range(4)]
    c = circuits.Circuit(1, [gates.RY(p[0], 0), gates.RZ(p[1], 0), gates.RX(p[2], 0), gates.RY(p[3], 0)])
    assert capacity.generic_rank(c, jax.random.key(0)) == 2
    # N inputs of k classes: at most N (k - 1).
    assert capacity.generic_rank(Categorical(), jax.random.key(0), jnp.asarray([[0.4]])) == 2


def test_fisher_rao_norm_is_the_quadratic_form_at_the_parameters():
    theta = EntangledState().init(jax.random.key(1))
    m = qgeom.information_metric(EntangledState(), theta)
    assert float(capacity.fisher_rao_norm(m)) ** 2 == pytest.approx(
        float(theta @ m.as_matrix() @ theta), abs=1e-12
    )


@pytest.mark.parametrize("output", ["categorical", "gaussian"])
@pytest.mark.parametrize("hidden", [(5,), (5, 4)])
def test_fisher_rao_norm_obeys_liangs_identity_for_relu_networks(output, hidden):
    """theta'F theta = (L+1)^2 E[(dl/df . f)^2], f the logits or the mean, y drawn from the model."""
    mlp = circuits.MLP((3, *hidden, 3), activation="relu", output=output, bias=False)
    params, x = mlp.init(jax.random.key(2)), jax.random.normal(jax.random.key(3), (6, 3))
    f = np.stack([np.asarray(mlp.outputs(params, row)) for row in x])
    if output == "categorical":
        p = np.exp(f - f.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        variance = np.sum(p * f**2, 1) - np.sum(p * f, 1) ** 2  # E_y[((e_y - p) . f)^2]
    else:
        variance = np.sum(f**2, 1)  # E_y[((y - f) . f)^2]
    expected = (len(hidden) + 1) ** 2 * np.mean(variance)
    m = qgeom.information_metric(mlp, params, x)
    assert float(capacity.fisher_rao_norm(m)) ** 2 == pytest.approx(expected, rel=1e-12)


def test_liangs_identity_fails_for_tanh():
    mlp = circuits.MLP((3, 5, 3), activation="tanh", output="gaussian", bias=False)
    params, x = mlp.init(jax.random.key(2)), jax.random.normal(jax.random.key(3), (6, 3))
    f = np.stack([np.asarray(mlp.outputs(params, row)) for row in x])
    norm = float(capacity.fisher_rao_norm(qgeom.information_metric(mlp, params, x))) ** 2
    assert abs(norm / (4.0 * np.mean(np.sum(f**2, 1))) - 1.0) > 0.05
