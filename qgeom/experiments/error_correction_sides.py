"""What ``error-correction`` computes: erasures of holographic codes, perturbations in the layers of generators."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from qgeom.emergent import HolographicCode, concatenated_code, pentagon_code, recovery_curve
from qgeom.emergent.tiling import Inflation
from qgeom.emergent.wedge import greedy_wedges
from qgeom.experiments import generator as net
from qgeom.progress import Progress

INFLATIONS: tuple[Inflation, ...] = ("vertex", "edge")
"""[[25,11]], [[95,51]] and [[20,6]], [[55,21]]."""
READINGS = ("others arbitrary", "others fixed")
"""What the other bulk qubits are when one is recovered."""
DECODERS = ("exact", "greedy")
SHELLS = 3
SITES_PER_SHELL = 5
MEASURES = ("on", "off", "off, whole")
POINTS = 32
CURVES = ("[[5,1,3]]", "[[25,11]]", "[[25,11]], others fixed", "tree [[25,1,9]]", "[[20,6]]")


def bulk_sites(code: HolographicCode) -> tuple[np.ndarray, np.ndarray]:
    """Bulk qubits spread evenly over each shell, and their depth below the outermost shell."""
    assert code.tiling is not None
    shells = np.asarray(code.tiling.shells)
    chosen = []
    for shell in range(int(shells.max()) + 1):
        members = np.flatnonzero(shells == shell)
        count = min(SITES_PER_SHELL, len(members))
        chosen += [int(members[(k * len(members)) // count]) for k in range(count)]
    sites = np.array(chosen)
    return sites, shells.max() - shells[sites]


def failures(rates: Sequence[float], samples: int, seeds: np.ndarray, progress: Progress) -> xr.Dataset:
    """How often bulk qubits of three shells are lost under independent erasures, the same patterns for all of them."""
    codes = [pentagon_code(SHELLS, inflation) for inflation in INFLATIONS]
    chosen = [bulk_sites(code) for code in codes]
    most = max(len(sites) for sites, _ in chosen)
    shape = (len(INFLATIONS), len(READINGS), len(DECODERS), len(rates), len(seeds), most)
    lost = np.full(shape, np.nan)
    depth = np.full((len(INFLATIONS), most), np.nan)
    progress.stage("three shells", len(codes) * (1 + len(seeds)))
    for a, (code, (sites, below)) in enumerate(zip(codes, chosen, strict=True)):
        depth[a, : len(sites)] = below
        tensors = np.asarray(code.graph.bulk)[sites]
        progress.advance()
        for s, seed in enumerate(seeds):
            for p, rate in enumerate(rates):
                rng = np.random.default_rng((int(seed), p, a))
                kept = rng.random((samples, code.code.n_qubits)) >= rate
                held = greedy_wedges(code.graph, kept)[:, tensors].mean(axis=0)
                for r, others in enumerate((None, "Z")):
                    saved = code.code.recoverable_each(kept, sites.tolist(), others)
                    lost[a, r, 0, p, s, : len(sites)] = 1.0 - saved.mean(axis=0)
                lost[a, :, 1, p, s, : len(sites)] = 1.0 - held
            progress.advance()
    dims = ("inflation", "reading", "decoder", "rate", "seed", "site")
    return xr.Dataset(
        {
            "lost": (dims, lost, {"long_name": "share of patterns in which a bulk qubit is lost"}),
            "depth": (("inflation", "site"), depth, {"units": "shells below the boundary"}),
        },
        coords={
            "inflation": list(INFLATIONS), "reading": list(READINGS), "decoder": list(DECODERS),
            "rate": list(rates), "seed": seeds,
        },
        attrs={"samples": samples},
    )  # fmt: skip


def two_shells(rates: Sequence[float], samples: int, seeds: np.ndarray, progress: Progress) -> xr.Dataset:
    """Exact recovery curves of the centre, all patterns counted; and the two decoders on sampled patterns."""
    full = pentagon_code(2, "vertex")
    codes = (pentagon_code(1), full, full.central(), concatenated_code(2), pentagon_code(2, "edge"))
    progress.stage("two shells", len(codes) + len(seeds))
    erased = np.full((len(CURVES), len(DECODERS), 26), np.nan)
    half = np.zeros((len(CURVES), len(DECODERS)))
    qubits = np.zeros(len(CURVES), int)
    for c, code in enumerate(codes):
        curve = recovery_curve(code)
        qubits[c] = curve.n_qubits
        for d, points in enumerate((curve.exact, curve.greedy)):
            erased[c, d, : len(points)] = [point.value for point in points]
            half[c, d] = curve.half_point(greedy=d == 1).value
        progress.advance()
    saved = np.zeros((len(READINGS), len(DECODERS), len(rates), len(seeds)))
    for s, seed in enumerate(seeds):
        for p, rate in enumerate(rates):
            kept = np.random.default_rng((int(seed), p, 9)).random((samples, full.code.n_qubits)) >= rate
            saved[:, 1, p, s] = greedy_wedges(full.graph, kept)[:, 0].mean()
            saved[0, 0, p, s] = np.mean(full.code.recoverable(kept, 0))
            saved[1, 0, p, s] = np.mean(codes[2].code.recoverable(kept, 0))
        progress.advance()
    return xr.Dataset(
        {
            "recovered": (("code", "decoder", "erasures"), erased),
            "half_point": (("code", "decoder"), half, {"units": "probability of erasure"}),
            "qubits": ("code", qubits),
            "saved": (("reading", "decoder", "rate", "seed"), saved),
        },
        coords={"code": list(CURVES), "decoder": list(DECODERS), "reading": list(READINGS), "rate": list(rates)},
    )  # fmt: skip


def generators(
    latent: int, width: int, depth: int, components: int, steps: int, activations: Sequence[str],
    seeds: np.ndarray, progress: Progress,
) -> xr.Dataset:  # fmt: skip
    """Perturbations of trained and untrained decoders: logarithms of root mean squares."""
    chunks = -(-steps // net.CHUNK)
    shape = (len(net.DATA), len(activations), 2, len(seeds), len(MEASURES), depth + 1)
    size, loss = np.zeros(shape), np.zeros((len(net.DATA), len(activations), len(seeds)))
    progress.stage("generators", len(net.DATA) * len(activations) * chunks)
    for i, name in enumerate(net.DATA):
        x = jnp.asarray(np.stack([net.data(name, components, int(s)) for s in seeds]), jnp.result_type(float))
        probes = x[:, :POINTS]
        for j, activation in enumerate(activations):
            model = net.generator(latent, width, depth, components, activation)
            params = net.start(model, seeds)
            size[i, j, 0] = np.asarray(net.perturbations(model, params, probes))
            state = net.optimizer_state(params)
            for c in range(chunks):
                keys = jax.vmap(lambda s, c=c: jax.random.fold_in(jax.random.key(s), c))(
                    jnp.asarray(seeds, jnp.uint32)
                )
                state, loss[i, j] = net.train(model, state, x, keys, net.CHUNK)
                progress.advance()
            size[i, j, 1] = np.asarray(net.perturbations(model, state[0], probes))
    dims = ("data", "activation", "training", "seed", "measure", "layer")
    return xr.Dataset(
        {
            "size": (dims, size, {"long_name": "ln of the size of a perturbation of unit size in layer 1"}),
            "loss": (("data", "activation", "seed"), loss, {"units": "mean variance of a component"}),
        },
        coords={
            "data": list(net.DATA), "activation": list(activations), "training": ["untrained", "trained"],
            "seed": seeds, "measure": list(MEASURES), "layer": np.arange(1, depth + 2),
        },
    )  # fmt: skip
