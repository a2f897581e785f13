"""Pictures of an emergent geometry: where points are drawn, what is refused, and the page that opens offline."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
from circuits.networks import MLP
from qgeom.emergent import Estimate, extract, poincare_disc
from qgeom.figures import emergent, emergent_html, style
from qgeom.figures.emergent_data import GeometryData, curves, data_of, intervals, positions

EDGES = np.array([(0, 1), (1, 2), (2, 3)])


def made(**changes) -> GeometryData:
    """Four points on a line."""
    x = np.arange(4.0)
    given = {
        "names": ("a", "b", "c", "d"),
        "distances": np.abs(x[:, None] - x),
        "edges": EDGES,
        "curvature": np.array([0.5, -0.5, np.nan]),
        "coordinates": np.stack([x, x**2], axis=1),
        "stress": 0.1,
        "dimensions": {"correlation": (1.0, 0.8, np.inf), "spectral": "no scaling range"},
    }
    return GeometryData(**(given | changes))


@pytest.fixture(scope="module")
def geometry():
    import jax

    circuit = circuits.hardware_efficient(n_qubits=4, n_layers=2)
    return extract(circuit, circuit.init(jax.random.key(0)), relation="fisher")


def script(text: str, kind: str) -> str:
    found = re.search(rf"<script{kind}>(.*?)</script>", text, re.S)
    assert found
    return found[1]


def test_a_point_has_the_mean_curvature_of_its_edges():
    np.testing.assert_allclose(made().of_points, [0.5, 0.0, -0.5, np.nan])


def test_a_hyperbolic_embedding_is_drawn_as_the_poincare_disc():
    rng = np.random.default_rng(0)
    spatial, radius = rng.normal(size=(4, 2)), 1.7
    x = np.column_stack([np.sqrt(radius**2 + np.sum(spatial**2, axis=1)), spatial])
    data = made(coordinates=x, space="hyperbolic")
    np.testing.assert_allclose(positions(data, 2), poincare_disc(x), atol=1e-12)
    on_hyperboloid = positions(data, 3)
    np.testing.assert_allclose(
        on_hyperboloid[:, 2] ** 2 - np.sum(on_hyperboloid[:, :2] ** 2, axis=1), radius**2
    )


def test_the_map_of_a_sphere_keeps_distances_from_the_middle():
    angles = np.linspace(0, 2 * np.pi, 4, endpoint=False)
    polar, radius = 0.6, 3.0
    ring = np.column_stack(
        [np.full(4, np.cos(polar)), np.sin(polar) * np.cos(angles), np.sin(polar) * np.sin(angles)]
    )
    data = made(coordinates=radius * ring, space="spherical")
    np.testing.assert_allclose(np.linalg.norm(positions(data, 2), axis=1), radius * polar)
    np.testing.assert_allclose(np.linalg.norm(positions(data, 3), axis=1), radius)


def test_a_flat_embedding_is_drawn_as_it_is():
    x = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(positions(made(coordinates=x), 3), x)
    np.testing.assert_array_equal(positions(made(coordinates=x), 2), x[:, :2])
    np.testing.assert_array_equal(positions(made(coordinates=x[:, :1]), 3)[:, 1:], 0.0)


def test_edges_are_geodesics_of_the_space():
    """In the disc and on the map they pass where equal times cut equal lengths, and begin and end at the points."""
    rng = np.random.default_rng(1)
    spatial = rng.normal(size=(4, 2))
    hyperbolic = 1.3 * np.column_stack([np.sqrt(1 + np.sum(spatial**2, axis=1)), spatial])
    sphere = rng.normal(size=(4, 3))
    sphere = 2.0 * sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    for space, x in (("hyperbolic", hyperbolic), ("spherical", sphere)):
        data = made(coordinates=x, space=space)
        drawn, at = curves(data, 2), positions(data, 2)
        np.testing.assert_allclose(drawn[:, 0], at[EDGES[:, 0]], atol=1e-9)
        np.testing.assert_allclose(drawn[:, -1], at[EDGES[:, 1]], atol=1e-9)
        there = curves(data, 3, 9)  # on the surface itself
        signs = np.array([-1.0, -1.0, 1.0]) if space == "hyperbolic" else np.ones(3)
        np.testing.assert_allclose(np.sum(signs * there**2, axis=-1), 1.69 if space == "hyperbolic" else 4.0)
        inner = np.sum(signs * there[:, 1:] * there[:, :-1], axis=-1)
        np.testing.assert_allclose(inner, inner[:, :1] * np.ones(8))
    flat = curves(made(), 2)
    np.testing.assert_array_equal(flat, positions(made(), 2)[EDGES])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"distances": np.zeros((3, 3))}, r"4 names need \(4, 4\) distances"),
        ({"curvature": np.zeros(2)}, "one curvature each"),
        ({"edges": EDGES + 3}, "points from 0 to 3"),
        ({"coordinates": np.zeros((3, 2))}, "4 rows of coordinates"),
        ({"space": "flat"}, "not 'flat'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(changes, match):
    with pytest.raises(ValueError, match=match) as caught:
        made(**changes)
    assert "\n" not in str(caught.value)


def test_the_arrays_are_those_of_the_geometry(geometry):
    data = data_of(geometry)
    assert len(data.names) == len(geometry.points)
    assert len(data.edges) == geometry.graph.number_of_edges()
    nodes = list(geometry.graph)
    for (i, j), value in zip(data.edges, data.curvature, strict=True):
        assert value == geometry.curvature[nodes[i], nodes[j]]
    total = sum(geometry.time.sensitivity)
    assert np.nansum(data.sensitivity) == pytest.approx(total)
    assert data.dimensions["volume growth"] == intervals(geometry.dimension_table)["volume growth"]


@pytest.mark.parametrize("width", ["aps-1", "aps-2"])
def test_all_pictures_are_drawn_at_every_width_and_change_no_setting(geometry, width, tmp_path):
    import jax

    network = MLP((2, 5, 5, 2))
    inputs = np.random.default_rng(0).normal(size=(24, 2))
    other = extract(network, network.init(jax.random.key(0)), inputs, relation="fisher")
    before = dict(matplotlib.rcParams)
    figures = [
        emergent.picture(geometry, by="sensitivity", width=width),
        emergent.pair({"circuit": geometry, "network": other}, width=width),
    ]
    if width == "aps-1":
        figures += [emergent.plane(geometry, width=width), emergent.space(geometry, width=width)]
    assert dict(matplotlib.rcParams) == before
    for figure in figures:
        assert figure.get_figwidth() == pytest.approx(style.WIDTHS[width])
    assert style.save(figures[0], tmp_path / "picture", ("png",))[0].stat().st_size > 1000


def test_a_refusal_is_shown_in_words_and_never_as_a_point():
    data = made(coordinates=None, refused="too few points: 4, where at least 7 are needed")
    figure = emergent.draw(data)
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "too few points" in words.replace("\n", " ")
    panel = next(axes for axes in figure.axes if "dimension" in axes.get_xlabel())
    crosses = [line for line in panel.lines if line.get_marker() == "x"]
    assert len(crosses) == 1
    for draw in (emergent.plane, emergent.space):
        with pytest.raises(ValueError, match="too few points"):
            draw(data)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="two or three geometries"):
        emergent.pair({"circuit": made()})
    with pytest.raises(ValueError, match="no sensitivity is known"):
        emergent.plane(made(), by="sensitivity")
    with pytest.raises(ValueError, match="curvature or sensitivity, not 'depth'"):
        emergent.plane(made(), by="depth")
    with pytest.raises(ValueError, match="give one or more"):
        emergent_html.page({})


def test_the_page_asks_nothing_of_the_network(geometry, tmp_path):
    path = emergent_html.save_html(geometry, tmp_path / "view.html")
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"https?:|//[a-z]+\.|\bsrc\s*=|\bhref\s*=|@import|url\(|fetch\(|XMLHttp|import\s*\(", text
    )
    assert "prefers-color-scheme" in text
    assert "touch-action" in text
    assert len(text) < 60_000


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=30), st.lists(st.floats(-1e6, 1), min_size=3, max_size=3))
def test_names_and_numbers_of_the_page_round_trip(name, curvature):
    data = made(
        names=(name, "b", "</script><script>alert(1)</script>", "<!--"), curvature=np.array(curvature)
    )
    text = emergent_html.page({name: data}, title=name)
    assert text.count("</script>") == 2, "data must not end their own element"
    read = json.loads(script(text, r' type="application/json" id="data"'))
    (entry,) = read["geometries"]
    assert entry["name"] == name
    assert entry["names"] == list(data.names)
    np.testing.assert_allclose(entry["curvature"], curvature, rtol=1e-5)
    assert entry["edges"] == EDGES.tolist()
    assert np.max(np.linalg.norm(entry["points"], axis=1)) == pytest.approx(1.0, abs=1e-5)


def test_what_is_not_known_is_null_on_the_page():
    read = json.loads(script(emergent_html.page(made()), r' type="application/json" id="data"'))
    entry = read["geometries"][0]
    assert entry["curvature"] == [0.5, -0.5, None]
    assert entry["sensitivity"] == [None] * 4
    assert ["dimension, spectral", "refused"] in entry["facts"]
    assert intervals({"a": Estimate(1.0, 0.5, 2.0, "m"), "b": "why"}) == {"a": (1.0, 0.5, 2.0), "b": "why"}


STUB = r"""
const fs = require("fs"), text = fs.readFileSync(process.argv[2], "utf8");
const data = text.match(/id="data">([\s\S]*?)<\/script>/)[1], code = text.match(/<script>([\s\S]*?)<\/script>/)[1];
const counts = {}, on = {}, frames = [];
const context = new Proxy({}, {get: (t, k) => k in t ? t[k] : () => { counts[k] = (counts[k] || 0) + 1; },
  set: (t, k, v) => { t[k] = v; return true; }});
const element = (id) => ({id, style: {}, value: "", checked: id === "edges", clientWidth: 800, clientHeight: 600,
  textContent: id === "data" ? data : "", children: [], append(c) { this.children.push(c); }, getContext: () => context,
  replaceChildren(...c) { this.children = c; }, addEventListener(name, f) { on[id + " " + name] = f; }});
const elements = {};
global.document = {getElementById: (id) => elements[id] || (elements[id] = element(id)), createElement: element,
  createTextNode: (t) => t};
global.window = {requestAnimationFrame: (f) => frames.push(f), addEventListener() {}};
eval(code);
const run = () => { while (frames.length) frames.shift()(); };
run();
const first = {...counts}, tips = new Set();
for (let x = 0; x < 800; x += 4) for (let y = 0; y < 600; y += 4) {
  on["view pointermove"]({pointerId: 9, clientX: x, clientY: y});
  if (elements.tip.style.display === "block") tips.add(elements.tip.textContent.split("\n")[0]);
}
on["view pointerdown"]({pointerId: 1, clientX: 400, clientY: 300});
on["view pointermove"]({pointerId: 1, clientX: 480, clientY: 320});
on["view wheel"]({deltaY: -100, preventDefault() {}});
run();
const names = [...tips].sort(), frames_drawn = counts.clearRect;
console.log(JSON.stringify({points: first.arc, edges: first.lineTo, frames: frames_drawn, names}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to run the page's script")
def test_the_script_draws_every_point_and_edge_and_names_what_is_hovered(tmp_path):
    path = emergent_html.save_html(made(), tmp_path / "view.html")
    (tmp_path / "stub.js").write_text(STUB)
    done = subprocess.run(
        ["node", str(tmp_path / "stub.js"), str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    seen = json.loads(done.stdout)
    assert (seen["points"], seen["edges"]) == (4, 3)
    assert seen["names"] == ["a", "b", "c", "d"]
    assert seen["frames"] > 1, "turning and zooming draw again"
