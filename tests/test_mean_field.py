"""Mean-field statistics of F against closed forms and wide random networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from qgeom.information.mean_field import fisher_statistics, order_parameters, pair_averages


def test_averages_of_pairs_are_those_in_closed_form():
    q, c = 0.7, -0.3
    np.testing.assert_allclose(
        pair_averages("sin", q, c), [np.exp(-q) * np.sinh(c), np.exp(-q) * np.cosh(c)], atol=1e-12
    )
    np.testing.assert_allclose(pair_averages("identity", q, c), [c, 1.0], atol=1e-12)
    # equal arguments: half of a centred normal variable is cut off
    np.testing.assert_allclose(pair_averages("relu", q, q), [q / 2, 0.5], atol=1e-12)
    np.testing.assert_allclose(pair_averages("relu", q, -q), [0.0, 0.0], atol=1e-12)
    rng = np.random.default_rng(0)
    u, w = rng.normal(size=(2, 400_000)) * np.sqrt(q)
    v = c / q * u + np.sqrt(1 - (c / q) ** 2) * w
    drawn = [np.mean(np.maximum(u, 0) * np.maximum(v, 0)), np.mean((u > 0) & (v > 0))]
    np.testing.assert_allclose(pair_averages("relu", q, c), drawn, atol=3e-3)


def test_one_linear_layer_is_exact():
    # F = E[x x'] + bias for each output: the Gram matrix has |x|^2 + 1 on its diagonal, x.x' + 1 beside it.
    found = fisher_statistics((50, 3), order_parameters("tanh", 1, 2.0, 0.1, 0.8, 0.2), 5)
    own, other = 50 * 0.8 + 1, 50 * 0.2 + 1
    gram = (np.full((5, 5), other) + (own - other) * np.eye(5)) / 5
    values = np.concatenate([np.linalg.eigvalsh(gram)] * 3)
    expected = values.sum() / 153, (values**2).sum() / 153, values.max()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def brute_force(activation, slope, widths, weight_variance, bias_variance, n_inputs, rng):
    """Eigenvalues of F that can differ from zero: rows of J have (delta . delta') (h . h' + 1) as products."""
    h = rng.normal(size=(n_inputs, widths[0]))
    passed, weights, slopes = [], [], []
    for l, (a, b) in enumerate(itertools.pairwise(widths)):
        passed.append(h)
        weights.append(rng.normal(size=(b, a)) * np.sqrt(weight_variance / a))
        u = h @ weights[-1].T + rng.normal(size=b) * np.sqrt(bias_variance)
        if l < len(widths) - 2:
            slopes.append(slope(u))
            h = activation(u)
    outputs = widths[-1]
    delta = np.broadcast_to(np.eye(outputs), (n_inputs, outputs, outputs))
    gram = np.zeros((n_inputs * outputs,) * 2)
    for l in reversed(range(len(weights))):
        flat = delta.reshape(n_inputs * outputs, -1)
        entering = np.repeat(np.repeat(passed[l] @ passed[l].T + 1, outputs, 0), outputs, 1)
        gram += (flat @ flat.T) * entering
        if l > 0:
            delta = (delta @ weights[l]) * slopes[l - 1][:, None, :]
    return np.linalg.eigvalsh(gram / n_inputs)


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_wide_random_networks_have_these_statistics(name):
    function, slope = {
        "tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
        "relu": (lambda u: np.maximum(u, 0), lambda u: (u > 0).astype(float)),
    }[name]
    widths, variances, n = (400, 600, 400, 3), (1.8, 0.4), 8
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(6):
        values = brute_force(function, slope, widths, *variances, n, rng)
        size = sum((a + 1) * b for a, b in itertools.pairwise(widths))
        rows.append((values.sum() / size, (values**2).sum() / size, values[-3:].mean()))
    theory = fisher_statistics(widths, order_parameters(name, 3, *variances), n)
    np.testing.assert_allclose(np.mean(rows, axis=0), theory, rtol=0.05)
    # the largest eigenvalue grows with the width, the mean falls
    wider = tuple(4 * w for w in widths[:-1]) + widths[-1:]
    larger = fisher_statistics(wider, order_parameters(name, 3, *variances), n)
    assert larger.largest == pytest.approx(4 * theory.largest, rel=0.01)
    assert larger.mean == pytest.approx(theory.mean / 4, rel=0.01)


def test_errors_are_one_clear_line():
    with pytest.raises(ValueError, match="n_layers must be 1"):
        order_parameters("tanh", 0, 1.0, 0.0)
    with pytest.raises(ValueError, match="zero or positive"):
        order_parameters("tanh", 2, -1.0, 0.0)
    with pytest.raises(ValueError, match="input_overlap"):
        order_parameters("tanh", 2, 1.0, 0.0, 0.5, 0.7)
    with pytest.raises(ValueError, match="widths"):
        fisher_statistics((3, 2), order_parameters("tanh", 2, 1.0, 0.0), 4)
