"""What ``fisher-gravity`` computes: curvatures of XY chains and Boltzmann machines, Einstein tensors, the first law."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import xarray as xr

from circuits import hamiltonians
from qgeom.experiments import gravity_families as families
from qgeom.information.geodesics import einstein, ricci
from qgeom.progress import Progress

SIDES = ("circuit", "network")
APPROACHES = ("disordered", "ordered")
WHERE = ("critical", "not critical")
ANISOTROPY = (0.5, 1.0)
DEGREES = (3, 4, 5, 6)
FIELD = (0.1, 0.5)
"""a of the field ``H = a t^(3/2)``, along which a mean-field transition is approached at fixed scaling."""
STEPS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3)
SITES, BLOCK = 8, 3


def run(distances: Sequence[float], momenta: int, seeds: np.ndarray, progress: Progress) -> xr.Dataset:
    """Everything; the seed draws g of the chain, q and a of the Boltzmann machine."""
    t = np.array(distances, float)
    drawn = [np.random.default_rng((int(s), 31)) for s in seeds]
    g = np.array([rng.uniform(*ANISOTROPY) for rng in drawn])
    q = np.array([int(rng.choice(DEGREES)) for rng in drawn])
    a = np.array([rng.uniform(*FIELD) for rng in drawn])
    sign = np.array([1.0, -1.0])  # disordered: large h, small J
    progress.stage("curvatures", 5 + len(seeds))
    curvature = np.zeros((len(SIDES), len(APPROACHES), len(WHERE), len(seeds), len(t)))
    grid = np.zeros((len(APPROACHES), len(WHERE), len(seeds), len(t), 2))
    centre = np.array([1.0, 2.0])[None, :, None, None]
    grid[..., 0] = centre * (1.0 + sign[:, None, None, None] * t)
    grid[..., 1] = g[:, None]
    curvature[0] = families.on_points(families.xy_scalar, grid, momenta)
    closed = np.vectorize(families.xy_curvature)(grid[..., 0], grid[..., 1])
    progress.advance()
    critical = np.array([families.bethe_critical(int(d)) for d in q])
    machine = np.zeros_like(grid)
    strength = np.stack([critical, 0.5 * critical])[None, :, :, None]
    machine[..., 0] = strength * (1.0 - sign[:, None, None, None] * t)
    machine[..., 1] = a[:, None] * t**1.5
    degrees = np.broadcast_to(q[:, None], machine.shape[:-1])
    starts = np.vectorize(families.bethe_fixed_point)(machine[..., 0], machine[..., 1], degrees)
    curvature[1] = families.bethe_scalar(
        machine.reshape(-1, 2), degrees.reshape(-1).astype(float), starts.reshape(-1)
    ).reshape(curvature.shape[1:])
    progress.advance()
    three = np.concatenate([grid[:, 0], np.zeros((*grid[:, 0].shape[:-1], 1))], axis=-1)
    kind = jnp.result_type(float)
    found = families.xy_ricci(jnp.asarray(three.reshape(-1, 3), kind), momenta)
    metric, tensor = (np.asarray(m, np.float64) for m in found)
    shape = three.shape[:-1]
    scalar = np.trace(np.linalg.solve(metric, tensor), axis1=-2, axis2=-1).reshape(shape)
    progress.advance()
    law = np.zeros((len(seeds), len(STEPS)))
    for k, s in enumerate(seeds):
        law[k] = first_law(np.random.default_rng((int(s), 32)))
        progress.advance()
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 3, 3))
    random = families.anisotropy(np.broadcast_to(np.eye(3), noise.shape), noise + np.swapaxes(noise, 1, 2))
    progress.advance()
    flat, sphere = _identities(momenta)
    progress.advance()
    return xr.Dataset(
        {
            "curvature": (("side", "approach", "where", "seed", "distance"), curvature, {"units": "sites"}),
            "curvature_3d": (("approach", "seed", "distance"), scalar),
            "anisotropy": (
                ("approach", "seed", "distance"), families.anisotropy(metric, tensor).reshape(shape),
                {"long_name": "share of the Ricci tensor without trace"},
            ),
            "random_anisotropy": ("draw", random),
            "first_law": (("seed", "step"), law, {"units": "nat"}),
            "closed_form_xy": (("approach", "where", "seed", "distance"), curvature[0] / closed - 1.0),
            "closed_form_ring": ("point", ising_ring()),
            "einstein_2d": flat,
            "sphere": sphere,
            "g": ("seed", g), "degree": ("seed", q), "field": ("seed", a),
        },
        coords={
            "side": list(SIDES), "approach": list(APPROACHES), "where": list(WHERE), "seed": seeds, "distance": t,
            "step": list(STEPS),
        },
    )  # fmt: skip


def first_law(rng: np.random.Generator) -> np.ndarray:
    """``|delta S - delta <K>|`` of a block of an Ising ring when its field changes by every step; K = -ln rho."""
    field = rng.uniform(0.5, 1.5)

    def reduced(h: float) -> np.ndarray:
        vector = np.asarray(hamiltonians.ising(SITES, h, periodic=True).ground_state()[0].vector)
        table = vector.reshape(2**BLOCK, -1)
        return table @ table.conj().T

    rho = reduced(field)
    values, vectors = np.linalg.eigh(rho)
    values = np.maximum(values, 1e-300)
    modular = -(vectors * np.log(values)) @ vectors.conj().T
    entropy = -float(np.sum(values * np.log(values)))
    out = []
    for step in STEPS:
        other = reduced(field + step)
        p = np.linalg.eigvalsh(other)
        p = p[p > 1e-15]
        change = -float(np.sum(p * np.log(p))) - entropy
        out.append(abs(change - float(np.trace((other - rho) @ modular).real)))
    return np.array(out)


def ising_ring() -> np.ndarray:
    """Degree 2 against Janyszek and Mrugala, Phys. Rev. A 39, 6515 (1989): ``1 + cosh H / sqrt(sinh^2 H + e^-4J)``."""
    points = np.array([[0.8, 0.4], [0.3, 0.1], [1.2, 0.7]])
    starts = np.array([families.bethe_fixed_point(j, h, 2) for j, h in points])
    found = families.bethe_scalar(points, np.full(len(points), 2.0), starts)
    j, h = points.T
    return found / (1.0 + np.cosh(h) / np.sqrt(np.sinh(h) ** 2 + np.exp(-4.0 * j))) - 1.0


def _identities(momenta: int) -> tuple[float, float]:
    """Einstein's tensor of the chain in (h, g) over its Ricci tensor; anisotropy of categorical distributions."""
    kind = jnp.result_type(float)
    theta = jnp.asarray([1.3, 0.7], kind)

    def chain(s: jnp.ndarray) -> jnp.ndarray:
        return families.xy_metric(s, momenta)

    flat = float(jnp.max(jnp.abs(einstein(chain, theta))) / jnp.max(jnp.abs(ricci(chain, theta))))

    def categorical(p: jnp.ndarray) -> jnp.ndarray:
        return jnp.diag(1.0 / p) + 1.0 / (1.0 - jnp.sum(p))

    p = jnp.asarray([0.2, 0.3, 0.1], kind)
    metric, tensor = np.asarray(categorical(p)), np.asarray(ricci(categorical, p))
    return flat, float(families.anisotropy(metric[None], tensor[None])[0])
