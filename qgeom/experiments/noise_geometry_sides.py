"""What ``noise-geometry`` computes: metrics and accuracies of trained models, noise stronger and stronger."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
import xarray as xr
from jaxtyping import Array

import circuits
from circuits.description import Description
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    MeasuredNoisy,
    NoiseModel,
    NoisyCircuit,
    NoisyNetwork,
    VariedNoise,
)
from qgeom import tasks
from qgeom.emergent.distance_formulas import distances
from qgeom.emergent.geometry_distance import gromov_wasserstein
from qgeom.emergent.relation import Relation
from qgeom.emergent.shared_fisher import HIDDEN, KIND, distinct_nodes, shared_information
from qgeom.emergent.units import parameter_units
from qgeom.information import effective_rank, information_metric
from qgeom.information.spectrum import numerical_rank
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import Adam, StopRule, train, unraveler

FAMILIES = ("circuit", "network")
METRICS = ("readout", "state")
KINDS = {"circuit": ("depolarizing", "amplitude damping"), "network": ("weight noise", "dropout")}
RANKS = ("effective rank", "visible directions", "numerical rank")
"""Exp of the entropy of the spectrum; eigenvalues above `VISIBLE` of the largest without noise; by the rank rule."""
MEASURES = ("accuracy", "probability of the right class", "agreement")
"""Of the most probable class; mean p(y | x); share of inputs with the class that the model gives without noise."""
VISIBLE = 1e-2


class Case(NamedTuple):
    """One kind of noise on one family: what is read, and what is between reading and noise.

    Attributes:
        trained: the description without noise, that is trained.
        structure: whose parameters and nodes these are.
        reads: noisy descriptions, one per metric; strengths are parameters.
    """

    family: str
    kind: str
    trained: Description
    structure: Description
    reads: tuple[VariedNoise, ...]


class Budget(NamedTuple):
    """How much is computed."""

    starts: int
    samples: int
    max_steps: int
    target_loss: float
    strengths: dict[str, tuple[float, ...]]


def cases(qubits: int, layers: int, width: int, draws: int, task: tasks.Task) -> tuple[Case, ...]:
    """A data re-uploading circuit with noise after every gate, and an MLP with noisy weights or dropout."""
    circuit = circuits.data_reuploading(qubits, layers, task.n_features)
    measured = circuits.Measured(circuit, classes=circuits.modulo_classes(qubits, task.n_classes))
    network = circuits.MLP((task.n_features, width, width, task.n_classes))
    found = []
    for kind, channel in zip(KINDS["circuit"], (Depolarizing(0.0), AmplitudeDamping(0.0)), strict=True):
        noise = NoiseModel().after(channel)
        reads = (VariedNoise(MeasuredNoisy(measured, noise)), VariedNoise(NoisyCircuit(circuit, noise)))
        found.append(Case("circuit", kind, measured, circuit, reads))
    for kind, name in zip(KINDS["network"], ("weights", "dropout"), strict=True):
        read = VariedNoise(NoisyNetwork(network, name, 0.0, draws))
        found.append(Case("network", kind, network, network, (read,)))
    return tuple(found)


def with_strength(read: VariedNoise, strength: float, dtype: Any) -> Array:
    """The strengths of a noisy description whose first one is the strength of the noise."""
    values = np.array(read.noisy.strengths)
    values[0] = strength
    return jnp.asarray(values, dtype)


def models(
    every: tuple[Case, ...], task: tasks.Task, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Train both families from several starts per seed; spectra, relations and accuracies at every strength."""
    dtype, starts = jnp.result_type(float), budget.starts
    splits = Split(*(np.repeat(part, starts, axis=0) for part in task.splits(seeds)))
    keys = tuple(1000 * s + k for s in seeds for k in range(starts))
    trained: dict[str, np.ndarray] = {}
    parts: list[xr.Dataset] = []
    for case in every:
        if case.family not in trained:
            progress.stage(f"training the {case.family}", budget.max_steps)
            trained[case.family] = train(
                case.trained, splits, keys, Adam(0.05),
                StopRule(max_steps=budget.max_steps, target_loss=budget.target_loss), dtype=dtype, progress=progress,
            ).final  # fmt: skip
        strengths = (0.0, *budget.strengths[case.kind])
        progress.stage(f"{case.kind} on the {case.family}", len(keys))
        rows = []
        for k in range(len(keys)):
            rows.append(
                _model(case, trained[case.family][k], splits, k, strengths, budget.samples, k % starts == 0)
            )
            progress.advance()
        parts.append(_dataset(case, rows, seeds, starts, strengths))
    most = max(part.sizes["mode"] for part in parts)
    padded = [part.pad({"mode": (0, most - part.sizes["mode"])}) for part in parts]
    return xr.concat(padded, dim="case", coords="different", compat="equals")


def opened(
    qubits: int,
    layers: int,
    strengths: tuple[tuple[float, ...], ...],
    seeds: tuple[int, ...],
    progress: Progress,
) -> xr.Dataset:
    """Numerical ranks of the state metric of a circuit with more parameters than its pure states have directions.

    RY and RZ on every qubit, CZ on a ring; angles uniform, one draw per seed. ``strengths`` by kind of noise.
    """
    circuit = circuits.hardware_efficient(qubits, layers)
    dtype = jnp.result_type(float)
    ranks_found = np.full((2, len(seeds), 1 + len(strengths[0])), np.nan)
    largest = np.full_like(ranks_found, np.nan)
    progress.stage("directions that noise opens", 2 * len(seeds))
    for k, channel in enumerate((Depolarizing(0.0), AmplitudeDamping(0.0))):
        read = VariedNoise(NoisyCircuit(circuit, NoiseModel().after(channel)))
        for s, seed in enumerate(seeds):
            theta = circuit.init(jax.random.key(seed), dtype)
            for step, strength in enumerate((0.0, *strengths[k])):
                point = (theta, with_strength(read, strength, dtype))
                metric = information_metric(read, point, subset=slice(0, circuit.n_parameters))
                values = np.asarray(metric.eigenvalues())
                ranks_found[k, s, step], largest[k, s, step] = numerical_rank(values), values[-1]
            progress.advance()
    dims = ("open_kind", "seed", "step")
    return xr.Dataset(
        {"open_rank": (dims, ranks_found), "open_largest": (dims, largest), "open_parameters": circuit.n_parameters,
         "open_strength": (("open_kind", "step"), [(0.0, *s) for s in strengths])},
        coords={"open_kind": list(KINDS["circuit"]), "seed": list(seeds)},
    )  # fmt: skip


def _model(
    case: Case,
    flat: np.ndarray,
    splits: Split,
    k: int,
    strengths: tuple[float, ...],
    samples: int,
    with_distance: bool,
) -> dict[str, np.ndarray]:
    """One model: everything at every strength, the first being none."""
    dtype = jnp.result_type(float)
    params = unraveler(case.structure, str(dtype))(jnp.asarray(flat, dtype))
    units, count = parameter_units(case.structure, params), case.structure.n_parameters
    data = jnp.asarray(splits.train_x[k, :samples], dtype)
    test, labels = jnp.asarray(splits.test_x[k], dtype), splits.test_y[k]
    matrices = np.full((2, len(strengths), count, count), np.nan)
    right = np.full((len(MEASURES), len(strengths)), np.nan)
    clean = np.zeros(0, int)
    for s, strength in enumerate(strengths):
        for m, read in enumerate(case.reads):
            point = (params, with_strength(read, strength, dtype))
            raw = information_metric(read, point, data, subset=slice(0, count)).as_matrix()
            matrices[m, s] = np.asarray(raw) * units[:, None] * units[None, :]
        read = case.reads[0]
        p = np.asarray(_probabilities(read, params, with_strength(read, strength, dtype), test))
        classes = np.argmax(p, axis=1)
        if s == 0:  # no noise
            clean = classes
        right[:, s] = (
            np.mean(classes == labels),
            np.mean(p[np.arange(len(labels)), labels]),
            np.mean(classes == clean),
        )
    eigenvalues = np.full((2, len(strengths), count), np.nan)
    for m in range(len(case.reads)):
        eigenvalues[m] = np.linalg.eigvalsh(matrices[m])
    found = {"eigenvalue": eigenvalues, "right": right, "rank": ranks(eigenvalues)}
    found["kept"], found["shared"], found["moved"] = _geometry(case, matrices, with_distance)
    found["excess"] = np.full(len(strengths), np.nan)
    if len(case.reads) == 2:
        gap = np.linalg.eigvalsh(matrices[1] - matrices[0])[:, 0]
        found["excess"] = gap / np.maximum(eigenvalues[1][:, -1], 1e-300)
    return found


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(read: VariedNoise, params: Any, strengths: Array, x: Array) -> Array:
    return jax.vmap(lambda one: read((params, strengths), one).probabilities)(x)  # type: ignore[union-attr]


def ranks(eigenvalues: np.ndarray) -> np.ndarray:
    """The three ranks of spectra (metrics, strengths, P), the first strength being none: (3, metrics, strengths)."""
    out = np.full((len(RANKS), *eigenvalues.shape[:-1]), np.nan)
    for m, spectra in enumerate(eigenvalues):
        if np.isnan(spectra).any():
            continue
        for s, values in enumerate(spectra):
            out[0, m, s] = float(effective_rank(jnp.asarray(np.maximum(values, 0.0))))
            out[1, m, s] = np.sum(values > VISIBLE * spectra[0].max())
            out[2, m, s] = numerical_rank(values)
    return out


def _geometry(
    case: Case, matrices: np.ndarray, with_distance: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How G_Inf changes, by metric and strength: (2, strengths) each.

    Rank correlation of the relations of pairs of nodes with those without noise; mean relation; Gromov-Wasserstein
    distance of the two geometries (logarithmic distance, geodesic closure), of those nodes that both have;
    the latter takes long, and is left out (NaN) unless ``with_distance``.
    """
    nodes = case.structure.nodes
    positions = [np.array(nodes[k].parameters) for k in distinct_nodes(case.structure)]
    kept, shared, moved = (np.full(matrices.shape[:2], np.nan) for _ in range(3))
    for m, tables in enumerate(matrices):
        if np.isnan(tables).any():
            continue
        traces = np.array([[np.trace(t[np.ix_(p, p)]) for p in positions] for t in tables])
        seen = np.all(traces > HIDDEN * traces.mean(axis=1, keepdims=True), axis=0)
        there = [p for p, one in zip(positions, seen, strict=True) if one]
        if len(there) < 3:
            continue
        relations = [shared_information(t, there) for t in tables]
        upper = np.triu_indices(len(there), 1)
        first = relations[0][upper]
        for s, relation in enumerate(relations):
            kept[m, s] = rank_correlation(first, relation[upper])
            shared[m, s] = float(relation[upper].mean())
            if with_distance:
                moved[m, s] = _moved(relations[0], relation)
    return kept, shared, moved


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation; NaN where one side is constant."""
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return np.nan
    return float(scipy.stats.spearmanr(a, b).statistic)  # type: ignore[union-attr]


def _moved(first: np.ndarray, second: np.ndarray) -> float:
    """Gromov-Wasserstein distance of two tables of relations, the plain coupling and the sorted ones as starts."""
    try:
        tables = [distances(_relation(share), "log").require_connected("a distance of geometries") for share in
                  (first, second)]  # fmt: skip
        return float(gromov_wasserstein(*tables, starts=0))
    except ValueError:  # no scale, or parts that nothing relates
        return np.nan


def _relation(share: np.ndarray) -> Relation:
    names = tuple(str(k) for k in range(len(share)))
    return Relation(KIND, names, share, "", share, power=2)


def _dataset(
    case: Case,
    rows: list[dict[str, np.ndarray]],
    seeds: tuple[int, ...],
    starts: int,
    strengths: tuple[float, ...],
) -> xr.Dataset:
    stacked = {
        name: np.stack([row[name] for row in rows]).reshape(len(seeds), starts, *rows[0][name].shape)
        for name in rows[0]
    }
    dims = ("seed", "start")
    geometry = (*dims, "metric", "step")
    return xr.Dataset(
        {
            "eigenvalue": ((*dims, "metric", "step", "mode"), stacked["eigenvalue"], {"units": "natural units"}),
            "rank": ((*dims, "measure_of_rank", "metric", "step"), stacked["rank"]),
            "right": ((*dims, "measure", "step"), stacked["right"]),
            "kept": (geometry, stacked["kept"], {"long_name": "rank correlation with the relations without noise"}),
            "shared": (geometry, stacked["shared"], {"long_name": "mean relation of nodes"}),
            "moved": (geometry, stacked["moved"], {"long_name": "Gromov-Wasserstein from G_Inf without noise"}),
            "excess": ((*dims, "step"), stacked["excess"]),
            "strength": ("step", np.array(strengths)),
        },
        coords={
            "case": case.kind, "family": case.family, "seed": list(seeds), "metric": list(METRICS),
            "measure": list(MEASURES), "measure_of_rank": list(RANKS),
        },
    )  # fmt: skip
