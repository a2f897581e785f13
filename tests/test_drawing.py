"""Drawings: exact text, every gate drawn, nothing lost in wrapping, and no overlapping text in figures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import circuits
from circuits import drawing, gates
from circuits.gates import CX, CZ, RX, RY, RZ, H, Input, Op, Param


def every_gate() -> circuits.Circuit:
    ops, count = [], 0
    for name, signature in gates.SIGNATURES.items():
        wires = (3, 0, 2)[: signature.n_wires or 3]
        angles = tuple(Param(count + k) for k in range(signature.n_angles))
        count += len(angles)
        ops.append(Op(name, wires, angles, "XYZ" if name == "PAULIROT" else ""))
    return circuits.Circuit(4, ops)


def test_text_of_a_small_circuit():
    c = circuits.Circuit(3, [H(0), RY(Param(0), 1), CX(0, 2), RZ(2 * Param(1) + 0.1, 1), CZ(1, 2)])
    assert c.draw() == "\n".join(
        [
            "q0: ───H─────●──────────────────",
            "             │",
            "q1: ─RY(θ₀)──┼──RZ(2θ₁+0.1)──●──",
            "             │               │",
            "q2: ─────────⊕───────────────●──",
        ]
    )


@pytest.mark.parametrize(
    ("angle", "text"),
    [
        (gates.fixed(0.3), "0.3"),
        (gates.fixed(np.pi / 2), "π/2"),
        (gates.fixed(-3 * np.pi / 4), "-3π/4"),
        (gates.fixed(-np.pi), "-π"),
        (gates.fixed(0.0), "0"),
        (Param(12), "θ₁₂"),
        (-Param(0), "-θ₀"),
        (Param(1, 0.5, -0.25), "0.5θ₁-0.25"),
        (Param(1, np.pi / 2), "(π/2)θ₁"),
        (2 * Param(3) * Input(0), "2θ₃x₀"),
        (Input(1), "x₁"),
    ],
)
def test_angles_read_like_formulas(angle, text):
    assert drawing.angle_text(angle) == text


def test_every_gate_is_in_the_text():
    text = every_gate().draw(width=10_000)
    for label in ("S†", "√X†", "iSWAP", "XX+YY", "R:X", "R:Z", "SU4(θ", "U3(θ", "⊕", "×", "●"):
        assert label in text


@pytest.mark.parametrize("width", [20, 40, 80])
def test_wrapped_text_keeps_its_width_and_all_gates(width):
    c = circuits.hardware_efficient(3, 3)
    text = c.draw(width=width)
    assert max(map(len, text.splitlines())) <= width
    assert [text.count(f"θ{drawing.angle_text(Param(k))[1:]})") for k in range(c.n_parameters)] == [
        1
    ] * c.n_parameters
    assert text.count("●") == 2 * 9


def test_lines_of_a_block_are_equally_long():
    lines = [line for line in every_gate().draw(width=10_000).splitlines() if line.startswith("q")]
    assert len({len(line) for line in lines}) == 1


def test_layers_that_fit_are_not_broken():
    assert drawing.wrap([2, 2, 2, 2], [2], 5) == [range(2), range(2, 4)]
    assert drawing.wrap([2, 2, 2, 2], [], 6) == [range(3), range(3, 4)]
    assert drawing.wrap([9, 9], [], 5) == [range(1), range(1, 2)]
    assert drawing.wrap([], [], 5) == [range(0)]


def test_a_circuit_without_gates_shows_its_wires():
    assert circuits.Circuit(2, []).draw().splitlines()[2].startswith("q1: ─")


@pytest.mark.parametrize(
    "circuit",
    [
        every_gate(),
        circuits.hardware_efficient(4, 2),
        circuits.brickwall(5, 3),
        circuits.data_reuploading(3, 2, 2, trainable_scaling=True),
        circuits.Circuit(12, [RX(Param(0) - 0.125, 11)]),
        circuits.Circuit(1, []),
    ],
)
@pytest.mark.parametrize("width", [3.4, 7.0])
def test_figures_have_no_overlapping_text_and_fit_the_column(circuit, width):
    figure = circuit.draw("mpl", width=width)
    assert figure.get_figwidth() <= width + 1e-9
    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    boxes = [text.get_window_extent(renderer) for axes in figure.axes for text in axes.texts]
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 and b.y1 <= page.y1 for b in boxes)
    inner = [b.padded(-0.5) for b in boxes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(inner, 2))


@pytest.mark.parametrize("kind", ["text", "mpl"])
def test_a_width_that_is_too_small_is_refused(kind):
    with pytest.raises(ValueError, match="width must be"):
        circuits.Circuit(1, [H(0)]).draw(kind, width=0)
