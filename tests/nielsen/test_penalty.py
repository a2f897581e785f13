"""Tables of weights, by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qgeom.nielsen import (
    PauliGroup,
    Penalty,
    binding_penalty,
    flat_penalty,
    graph_penalty,
    local_penalty,
    plane_penalty,
    weight_penalty,
)


def test_strings_beyond_max_weight_cost_q_and_single_ones_can_be_set():
    table = local_penalty(3, 10.0, max_weight=2, weights={"XYZ": 5.0, "IIX": 0.5}).table()
    assert table["XYZ"] == 5.0
    assert table["IIX"] == 0.5
    for string, weight in table.items():
        if string not in ("XYZ", "IIX"):
            assert weight == (10.0 if "I" not in string else 1.0)


def test_any_function_of_the_weight():
    table = weight_penalty(3, lambda k: 4.0**k).table()
    assert (table["IZI"], table["XIY"], table["ZZZ"]) == (4.0, 16.0, 64.0)


def test_weights_by_distance_on_a_graph():
    """On a line 0-1-2-3: XIIY is three edges apart, XZIY needs the whole line, a star joins through its centre."""
    line = graph_penalty(4, [(0, 1), (1, 2), (2, 3)], lambda edges: 10.0**edges).table()
    assert (line["IXII"], line["XYII"], line["XIZI"], line["XIIY"], line["XZIY"]) == (
        1.0,
        10.0,
        100.0,
        1e3,
        1e3,
    )
    star = graph_penalty(4, [(0, 1), (0, 2), (0, 3)], lambda edges: 1.0 + edges).table()
    assert (star["IXYI"], star["IXYZ"], star["ZXYZ"]) == (3.0, 4.0, 4.0)


def test_strings_that_bind_parts_cost_a_factor():
    base = weight_penalty(4, float)
    table = binding_penalty(4, [(0, 1), (2, 3)], 7.0, base).table()
    assert (table["XYII"], table["IIZZ"], table["XIZI"], table["XYZI"]) == (2.0, 2.0, 14.0, 21.0)


def test_planes_of_rotations():
    table = plane_penalty(4, 9.0).table()
    assert table == {"0-1": 1.0, "0-2": 9.0, "0-3": 9.0, "1-2": 1.0, "1-3": 9.0, "2-3": 1.0}
    assert plane_penalty(4, 9.0, periodic=True).table()["0-3"] == 1.0


def test_weights_are_traced_so_that_a_sweep_compiles_once():
    traces = []

    @jax.jit
    def speed(penalty, h):
        traces.append(1)
        return penalty.speed(h)

    h = jnp.ones(15)
    for q in (1.0, 4.0, 9.0):
        np.testing.assert_allclose(speed(local_penalty(2, q, 1), h), np.sqrt(6.0 + 9.0 * q))
    assert len(traces) == 1


def test_infinite_weights_forbid():
    penalty = local_penalty(2, np.inf, max_weight=1)
    assert float(penalty.inverse.min()) == 0.0
    allowed = jnp.zeros(15).at[0].set(2.0)
    np.testing.assert_allclose(penalty.speed(allowed), 2.0)
    assert np.isinf(penalty.speed(jnp.ones(15)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Penalty(PauliGroup(1), [1.0, 1.0]), "expected 3 weights, one for each of X, Y, Z"),
        (lambda: Penalty(PauliGroup(1), [1.0, 0.0, 1.0]), "weight of Y is 0; .* must be positive"),
        (lambda: Penalty(PauliGroup(1), [1.0, np.nan, 1.0]), "weight of Y is nan"),
        (lambda: Penalty(PauliGroup(1), [np.inf] * 3), "every weight is infinite"),
        (lambda: local_penalty(2, -1.0, 1), "must be positive"),
        (lambda: local_penalty(2, 1.0, 0), "max_weight"),
        (lambda: local_penalty(2, 1.0, weights={"XQ": 1.0}), "'XQ' is not a Pauli string on 2 qubits"),
        (lambda: local_penalty(0, 1.0), "at least one qubit"),
        (lambda: flat_penalty(12), "geodesics stop at 8 qubits"),
        (lambda: graph_penalty(3, [(0, 1)], float), "must be connected"),
        (lambda: graph_penalty(2, [(0, 2)], float), "does not join two of the qubits"),
        (lambda: binding_penalty(3, [(0, 1)], 2.0), "each of the qubits 0 to 2 once"),
    ],
)
def test_bad_tables_are_refused_in_one_line(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
