r"""Section IV.B: probability and Riemannian distance, in measurement and in where training ends.

Two identities come first (calibration): the probability of an outcome is ``cos^2`` of the Fubini-Study distance from
its state, and the Bhattacharyya coefficient of two distributions is ``cos(d / 2)`` of their information distance. The
claim is an analogy with the first: training that starts at random ends where the distance from the start is short.

Many random starts are trained and their end functions (states) clustered; ``T`` is Spearman's correlation, over the
clusters, of their frequency and their information distance from the starts. The claim says that T is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pydantic
import scipy.cluster.hierarchy
import scipy.spatial.distance
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from matplotlib.figure import Figure

import circuits
from circuits.description import Description, Distribution, Point, State
from circuits.hamiltonians import PauliSum, from_strings
from qgeom.experiments import descent, statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import measurement_distance as picture
from qgeom.information import distance
from qgeom.progress import Progress
from qgeom.settings import BaseSettings
from qgeom.tasks import parity
from qgeom.training import unraveler

NAME = "measurement-distance"
CLAIM = "training from random starts ends more often where the information distance from the start is shorter"
SECTION = "IV.B"
COST = "1 min"
PAPER_COST = "4 min"
PAPER = {"starts": 1000}

THRESHOLDS = (0.3, 0.15, 0.6)
"""Largest distance within a cluster, in rad of information length; the first is the verdict's."""
RARE = 0.005
"""Clusters that hold a smaller share of all starts are left out."""
FEWEST = 4
"""A rank correlation needs that many clusters."""
LENGTHS = ("all starts", "own starts", "path")
"""Distance of a cluster from all starts; from those that end in it; and the length of their paths."""


class Settings(BaseSettings):
    """Settings of ``measurement-distance``; the defaults are the small preset. A seed is a block of ``starts``."""

    starts: Annotated[int, pydantic.Field(ge=20, description="random starts per seed")] = 200
    steps: Annotated[int, pydantic.Field(ge=1)] = 500
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.1
    hidden: Annotated[tuple[int, ...], pydantic.Field(min_length=1)] = (2, 3, 4)
    bits: Annotated[int, pydantic.Field(ge=2, le=5)] = 3
    qubits: Annotated[int, pydantic.Field(ge=2, le=6)] = 3
    layers: Annotated[tuple[int, ...], pydantic.Field(min_length=1)] = (0, 1)


class Case(NamedTuple):
    """One description and what it is trained for."""

    name: str
    side: str
    problem: Any


@dataclass(frozen=True)
class Parity:
    """Cross-entropy of a network on all words of some bits, entries -1 and 1."""

    network: Description
    bits: int
    dtype: str

    def points(self, theta: Array, context: Any) -> Point:
        params = unraveler(self.network, self.dtype)(theta)
        return jax.vmap(lambda x: self.network(params, x))(self._words[0].astype(theta.dtype))

    def loss(self, points: Point, context: Any) -> Array:
        assert isinstance(points, Distribution)
        labels = self._words[1][:, None]
        right = jnp.take_along_axis(points.probabilities, labels, axis=-1)
        return -jnp.mean(jnp.log(jnp.maximum(right, 1e-12)))

    @property
    def _words(self) -> tuple[Array, Array]:
        task = parity(self.bits)
        return jnp.asarray(2.0 * task.features - 1.0), jnp.asarray(task.labels)


@dataclass(frozen=True)
class Energy:
    """The energy of a circuit's state (variational quantum eigensolver)."""

    circuit: circuits.Circuit
    hamiltonian: PauliSum

    def points(self, theta: Array, context: Any) -> Point:
        return State(self.circuit(theta).vector[None])

    def loss(self, points: Point, context: Any) -> Array:
        assert isinstance(points, State)
        psi = points.vector[0]
        return jnp.vdot(psi, self.hamiltonian.apply(psi)).real


def parity_hamiltonian(n: int) -> PauliSum:
    """``-Z...Z - sum_q (0.1 + 0.05 q) Z_q - 0.3 sum_q X_q``: the 2^(n-1) words of even parity are its low states.

    The fields part their energies and join them by tunnelling. The Ising chain would not do: all starts end in one
    state; nor would a Hamiltonian with SU(2) symmetry, whose lowest states are a continuum that no clustering divides.
    """
    terms = {"Z" * n: -1.0}
    for q in range(n):
        at = {letter: "I" * q + letter + "I" * (n - q - 1) for letter in "ZX"}
        terms[at["Z"]] = terms.get(at["Z"], 0.0) - (0.1 + 0.05 * q)
        terms[at["X"]] = -0.3
    return from_strings(terms)


def cases(settings: Settings) -> tuple[Case, ...]:
    """Networks that learn parity, circuits that look for a ground state."""
    dtype = str(jnp.result_type(float))
    hamiltonian = parity_hamiltonian(settings.qubits)
    networks = [
        Case(f"{h} hidden", "network", Parity(circuits.MLP((settings.bits, h, 2)), settings.bits, dtype))
        for h in settings.hidden
    ]
    solvers = [
        Case(
            f"{layers} entangling",
            "circuit",
            Energy(
                circuits.hardware_efficient(
                    settings.qubits, layers, ("RY",), topology="linear", final_rotations=True),
                hamiltonian,
            ),
        )
        for layers in settings.layers
    ]  # fmt: skip
    return (*networks, *solvers)


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """The points at the start and at the end of every training, lengths of the paths, and the calibrations.

    Points are stored as coordinates ``(case, seed, start, row, outcome)``: square roots of probabilities on the
    network side, real and imaginary parts of the state on the circuit's, in one table padded with NaN.
    """
    every = cases(settings)
    found = [
        parts.part(f"{case.side}, {case.name}", lambda case=case: _trained(case, settings, seed, progress))
        for case in every
    ]
    progress.stage("identities", 1)
    born, bhattacharyya = _identities(settings, seed)
    progress.advance()
    return xr.concat(found, dim="case").assign(
        born=("seed", born, {"long_name": "largest |p - cos^2 d_FS|"}),
        bhattacharyya=("seed", bhattacharyya, {"long_name": "largest |B - cos(d/2)|"}),
        epsilon=float(jnp.finfo(jnp.result_type(float)).eps),
    ).assign_coords(
        case=[case.name for case in every],
        side=("case", [case.side for case in every]),
        seed=seed + np.arange(settings.seeds),
    )  # fmt: skip


def _trained(case: Case, settings: Settings, seed: int, progress: Progress) -> xr.Dataset:
    """Where every training of a case begins and ends."""
    most = max(2 ** (settings.bits + 1), 2 ** (settings.qubits + 1))
    shape = (settings.seeds, settings.starts)
    first, last = np.full((*shape, most), np.nan), np.full((*shape, most), np.nan)
    dtype = jnp.result_type(float)
    progress.stage(f"training {case.side}, {case.name}", settings.steps)
    keys = jax.vmap(lambda s: jax.random.split(jax.random.fold_in(jax.random.key(seed), s), settings.starts))(
        jnp.arange(settings.seeds)
    ).reshape(-1)
    description = case.problem.network if case.side == "network" else case.problem.circuit
    theta = jax.jit(jax.vmap(lambda k: ravel_pytree(description.init(k, dtype))[0]))(keys)
    found = descent.minimise(
        case.problem, theta, None, settings.steps, settings.learning_rate, progress, lengths=True
    )
    for table, at in ((first, theta), (last, jnp.asarray(found.theta))):
        points = jax.jit(jax.vmap(lambda t: _coordinates(case.problem.points(t, None))))(at)
        table[..., : points.shape[-1]] = np.asarray(points).reshape(*shape, -1)
    dims = ("seed", "start")
    return xr.Dataset(
        {
            "first": ((*dims, "coordinate"), first),
            "last": ((*dims, "coordinate"), last),
            "loss": (dims, found.loss.reshape(shape)),
            "path": (dims, found.length.reshape(shape), {"units": "rad"}),
        }
    )


def _coordinates(point: Point) -> Array:
    """Where the manifold is a sphere of radius 2: roots of probabilities, or the state as a real vector."""
    if isinstance(point, State):
        vector = point.vector[0]
        return jnp.concatenate([vector.real, vector.imag])
    assert isinstance(point, Distribution)
    return jnp.sqrt(point.probabilities).reshape(-1)


def _identities(settings: Settings, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest deviations per seed, on random circuits: Born's rule, and the Bhattacharyya coefficient."""
    circuit = circuits.hardware_efficient(settings.qubits, 2, final_rotations=True)
    measured = circuits.Measured(circuit)
    dtype = jnp.result_type(float)

    @jax.jit
    def errors(key: Array) -> tuple[Array, Array]:
        a, b = jax.vmap(lambda k: circuit.init(k, dtype))(jax.random.split(key))
        state, p, q = circuit(a), measured(a), measured(b)
        basis = State(jnp.eye(2**settings.qubits, dtype=state.vector.dtype))
        angles = 0.5 * jax.vmap(lambda s: distance(state, s))(
            basis
        )  # Fubini-Study: half the information distance
        born = jnp.max(jnp.abs(p.probabilities - jnp.square(jnp.cos(angles))))
        overlap = jnp.sum(jnp.sqrt(p.probabilities * q.probabilities))
        return born, jnp.abs(overlap - jnp.cos(0.5 * distance(p, q)))

    found = [errors(jax.random.fold_in(jax.random.key(seed), 50_000 + s)) for s in range(settings.seeds)]
    return np.asarray([float(a) for a, _ in found]), np.asarray([float(b) for _, b in found])


# --- distances and clusters ------------------------------------------------------------


def sphere_distances(first: np.ndarray, last: np.ndarray, kind: str) -> np.ndarray:
    """Information distances of all pairs, (m, n), from coordinates (m, d) and (n, d).

    Args:
        kind: ``"network"``: root mean square over inputs of the distance of two-outcome distributions; ``"state"``;
            ``"outcomes"``: of the outcome distributions of states.
    """
    if kind == "network":
        # Two outcomes are an arc: its angle 2 arctan(sqrt(p1 / p0)) is an isometric coordinate.
        a, b = (2.0 * np.arctan2(t[:, 1::2], t[:, 0::2]) for t in (first, last))
        return scipy.spatial.distance.cdist(a, b) / np.sqrt(a.shape[1])
    half = first.shape[1] // 2
    a, b = first[:, :half] + 1j * first[:, half:], last[:, :half] + 1j * last[:, half:]
    overlap = np.abs(a @ b.conj().T) if kind == "state" else np.abs(a) @ np.abs(b).T
    return 2.0 * np.arccos(np.clip(overlap, 0.0, 1.0))


def clusters(points: np.ndarray, kind: str, threshold: float) -> np.ndarray:
    """Cluster labels from 0: complete linkage, so that no two members are further apart than the threshold."""
    return scipy.cluster.hierarchy.fcluster(_tree(points, kind), threshold, "distance") - 1


def _tree(points: np.ndarray, kind: str) -> np.ndarray:
    distances = sphere_distances(points, points, kind)
    condensed = scipy.spatial.distance.squareform(0.5 * (distances + distances.T), checks=False)
    return scipy.cluster.hierarchy.linkage(condensed, "complete")


class Found(NamedTuple):
    """Clusters of one case: of every seed and cluster the share of starts, and a distance; which cluster is best."""

    frequency: np.ndarray
    distance: np.ndarray
    loss: np.ndarray


class Ends:
    """The points of one case, and the tree of its ends, which serves every threshold."""

    def __init__(self, data: xr.Dataset, case: str) -> None:
        chosen = data.sel(case=case)
        kept = np.isfinite(chosen["last"].values).all(axis=(0, 1))
        self.first, self.last = (chosen[name].values[..., kept] for name in ("first", "last"))
        self.loss, self.path = chosen["loss"].values, chosen["path"].values
        flat = self.last.reshape(-1, self.last.shape[-1])
        # Clusters are of functions and states; a readout only measures the lengths.
        self._linkage = _tree(flat, "network" if chosen["side"].item() == "network" else "state")

    def found(self, kind: str, threshold: float, length: str) -> Found:
        """Frequencies and distances of the clusters that are not rare."""
        first, last = self.first, self.last
        n_seeds, n_starts = first.shape[:2]
        labels = scipy.cluster.hierarchy.fcluster(self._linkage, threshold, "distance") - 1
        counts = np.bincount(labels)
        common = np.flatnonzero(counts >= RARE * counts.sum())
        own = labels.reshape(n_seeds, n_starts)
        frequency = (own[:, :, None] == common).mean(axis=1)
        loss = np.array([self.loss[own == k].mean() for k in common])
        distances = np.full((n_seeds, len(common)), np.nan)
        for j, k in enumerate(common):
            centre = _medoid(last[own == k], kind)
            for s in range(n_seeds):
                mine = own[s] == k
                if length == "all starts":
                    distances[s, j] = sphere_distances(first[s], centre, kind).mean()
                elif length == "path":
                    distances[s, j] = self.path[s][mine].mean() if mine.any() else np.nan
                elif mine.any():
                    distances[s, j] = np.diagonal(
                        sphere_distances(first[s][mine], last[s][mine], kind)
                    ).mean()
        return Found(frequency, distances, loss)


def _medoid(members: np.ndarray, kind: str, most: int = 100) -> np.ndarray:
    """The member nearest to all others, (1, d), among at most ``most`` of them."""
    some = members[:: max(1, len(members) // most)]
    return some[np.argmin(sphere_distances(some, some, kind).sum(axis=1))][None]


def correlations(found: Found) -> np.ndarray:
    """T of every seed; NaN with too few clusters."""
    out = np.full(len(found.frequency), np.nan)
    for s, (frequency, length) in enumerate(zip(found.frequency, found.distance, strict=True)):
        kept = np.isfinite(length)
        if kept.sum() >= FEWEST:
            out[s] = statistics.spearman(frequency[kept], length[kept])
    return out


# --- verdicts ------------------------------------------------------------

SIDES = {"network": "network", "circuit": "outcomes", "circuit-quantum": "state"}
"""Side of a verdict, and the distance it uses."""


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """One verdict per side, its T averaged over the sizes; the identities."""
    out, ends = [], {str(name): Ends(data, str(name)) for name in data["case"].values}
    for side, kind in SIDES.items():
        names = [
            str(c)
            for c, s in zip(data["case"].values, data["side"].values, strict=True)
            if s == side.split("-")[0]
        ]
        lengths = (
            LENGTHS if kind != "outcomes" else LENGTHS[:2]
        )  # paths are measured in the metric of the points
        rows = []
        for threshold in THRESHOLDS:
            for length in lengths:
                every = {name: ends[name].found(kind, threshold, length) for name in names}
                first = (threshold, length) == (THRESHOLDS[0], LENGTHS[0])
                pooled = _judge(list(every.values()), side, null=first)
                if first:
                    main = pooled
                else:
                    rows.append(pooled.row(case="all", threshold=f"{threshold:g}", length=length))
                for name, found in every.items():
                    judged = _judge([found], side, null=False)
                    if judged.estimate == judged.estimate:
                        rows.append(judged.row(case=name, threshold=f"{threshold:g}", length=length))
        out.append(main.with_multiverse(rows))
    return (*out, *_calibrations(data))


def _judge(found: Sequence[Found], side: str, null: bool) -> Verdict:
    with np.errstate(all="ignore"):
        table = np.array([correlations(f) for f in found])
        kept = np.isfinite(table)
        values = np.where(kept, table, 0.0).sum(axis=0) / kept.sum(axis=0)
    values = values[np.isfinite(values)]
    counts = ", ".join(str(f.frequency.shape[1]) for f in found)
    notes = [f"clusters: {counts}; {FEWEST} are needed"]
    with np.errstate(all="ignore"):
        each = np.where(kept, table, 0.0).sum(axis=1) / kept.sum(axis=1)
    if np.isfinite(each).sum() > 1:
        notes.append(f"T of each size: {', '.join(f'{t:.2f}' for t in each)}")
    interval = statistics.bootstrap_interval(values) if len(values) > 1 else (np.nan, np.nan)
    estimate = float(values.mean()) if len(values) else float("nan")
    return statistics.judge(
        CLAIM, "Spearman(frequency of a cluster, information distance from the start)", estimate, interval,
        direction="less", margin=statistics.RANK_MARGIN, n_seeds=len(values),
        p_value=_shuffled(found, estimate) if null else float("nan"),
        null_model="labels of the clusters shuffled, the same way in all seeds", side=side, notes=notes,
    )  # fmt: skip


def _shuffled(found: Sequence[Found], estimate: float, draws: int = 499) -> float:
    """p-value when distances are dealt to clusters at random: seeds share the clusters, so they share the shuffle."""
    generator = np.random.default_rng(0)
    null = []
    for _ in range(draws):
        values = []
        for f in found:
            order = generator.permutation(f.frequency.shape[1])
            values.append(correlations(f._replace(distance=f.distance[:, order])))
        finite = np.array(values)[np.isfinite(np.array(values))]
        null.append(finite.mean() if finite.size else np.nan)
    return statistics.null_p_value(estimate, null, "less")


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    out = []
    bound = 1e4 * float(data["epsilon"])
    for name, claim in (
        ("born", "p = cos^2 of the Fubini-Study distance from the state of the outcome"),
        ("bhattacharyya", "sum sqrt(p q) = cos(d / 2)"),
    ):
        worst = data[name].values
        out.append(
            statistics.calibrate(
                claim, data[name].attrs["long_name"], float(worst.max()), (float(worst.min()), float(worst.max())),
                direction="less", bound=bound, n_seeds=len(worst), side="circuit",
            )
        )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Frequency against distance, cluster by cluster."""
    panels = []
    for case, side in zip(map(str, data["case"].values), map(str, data["side"].values), strict=True):
        kind = "network" if side == "network" else "outcomes"
        ends = Ends(data, case)
        panels.append((case, side, ends.found(kind, THRESHOLDS[0], LENGTHS[0])))
        if side == "circuit":
            panels.append((case, "circuit-quantum", ends.found("state", THRESHOLDS[0], LENGTHS[0])))
    return picture.draw(panels)
