"""What is measured on qgeom alone: time in evaluations of the state, memory in states, the cost of a first call.

Memory is XLA's own analysis of the compiled call: temporaries, arguments and outputs. One state of n qubits is
16 * 2^n bytes in complex128. Every function returns a flat dictionary of numbers and runs in a fresh process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import inputs
import jax
import jax.numpy as jnp
import numpy as np
from peers.qgeom_ import circuit, hamiltonian

import circuits
import qgeom
from circuits import gates
from circuits.program import compile_circuit

REPEATS = 7


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def _alternate(*calls: Callable[[], Any]) -> list[float]:
    """Median seconds of each call, made in turn after one call of each that does not count."""
    for call in calls:
        jax.block_until_ready(call())
    return [
        median(times)
        for times in zip(*([_seconds(call) for call in calls] for _ in range(REPEATS)), strict=True)
    ]


def _memory(compiled: Any) -> int:
    """Bytes of temporaries, arguments and outputs of a compiled call."""
    analysis = compiled.memory_analysis()
    return analysis.temp_size_in_bytes + analysis.argument_size_in_bytes + analysis.output_size_in_bytes


def _angles(n_qubits: int, n_layers: int) -> jax.Array:
    return jnp.asarray(inputs.angles(n_qubits, n_layers, 0))


def fisher_product(n_qubits: int, n_layers: int) -> dict[str, float]:
    """F v against one evaluation of the state, both compiled, called in alternation."""
    c, theta = circuit(n_qubits, n_layers), _angles(n_qubits, n_layers)
    v = jnp.asarray(np.random.default_rng(1).normal(size=theta.shape))
    state = jax.jit(lambda t: c(t).vector).lower(theta).compile()
    product = jax.jit(lambda t, u: qgeom.information_metric(c, t).mv(u)).lower(theta, v).compile()
    metric = qgeom.information_metric(c, theta)
    state_s, product_s, called_s = _alternate(
        lambda: state(theta), lambda: product(theta, v), lambda: metric.mv(v)
    )
    return {
        "evaluation_s": state_s,
        "product_s": product_s,
        "product_in_evaluations": product_s / state_s,
        "outside_jit_in_evaluations": called_s / state_s,
        "memory_in_states": _memory(product) / (16 * 2**n_qubits),
        "evaluation_memory_in_states": _memory(state) / (16 * 2**n_qubits),
    }


def gradient_memory(n_qubits: int, n_layers: int) -> dict[str, float]:
    """Memory and time of the compiled gradient of the energy."""
    c, h, theta = circuit(n_qubits, n_layers), hamiltonian(n_qubits), _angles(n_qubits, n_layers)
    start = time.perf_counter()
    gradient = jax.jit(jax.grad(lambda t: circuits.expectation(c, t, h))).lower(theta).compile()
    compile_s = time.perf_counter() - start
    return {
        "memory_in_states": _memory(gradient) / (16 * 2**n_qubits),
        "compile_s": compile_s,
        "gradient_s": _seconds(lambda: gradient(theta)),
    }


def _gate_by_gate(n_qubits: int, n_layers: int, shared: bool) -> Any:
    """The same circuit from a plain loop over gates; `shared`: every layer has the parameters of the first."""
    ops, k = [], 0
    for layer in range(n_layers):
        k = 0 if shared else 2 * n_qubits * layer
        for q in range(n_qubits):
            ops += [gates.RY(circuits.Param(k), q), gates.RZ(circuits.Param(k + 1), q)]
            k += 2
        ops += [gates.CZ(i, j) for i, j in inputs.ring(n_qubits)]
    return circuits.Circuit(n_qubits, ops)


def _shared_family(n_qubits: int, n_layers: int) -> Any:
    """One layer, repeated with its own parameters."""
    layer = _gate_by_gate(n_qubits, 1, shared=True)
    return circuits.Circuit(n_qubits, layer.ops * n_layers, layers=(len(layer.ops),) * n_layers)


_BUILDS: dict[str, Callable[[int, int], Any]] = {
    "family": circuit,
    "gate by gate": lambda n, layers: _gate_by_gate(n, layers, shared=False),
    "shared parameters": _shared_family,
    "shared, gate by gate": lambda n, layers: _gate_by_gate(n, layers, shared=True),
}


def first_call(build: str, n_qubits: int, n_layers: int) -> dict[str, float]:
    """Seconds to build the circuit, to its first state, and to its first gradient; the backend is already up."""
    jax.block_until_ready(jnp.zeros(1) + 1)
    start = time.perf_counter()
    c = _BUILDS[build](n_qubits, n_layers)
    build_s = time.perf_counter() - start
    theta = jnp.asarray(np.random.default_rng(0).uniform(-np.pi, np.pi, c.n_parameters))
    h = hamiltonian(n_qubits)
    first_call_s = _seconds(lambda: jax.jit(lambda t: c(t).vector)(theta))
    gradient_s = _seconds(lambda: jax.jit(jax.grad(lambda t: circuits.expectation(c, t, h)))(theta))
    return {"build_s": build_s, "first_call_s": first_call_s, "gradient_first_call_s": gradient_s}


def _random_gates(n_qubits: int, n_gates: int) -> Iterable[Any]:
    """Gates of random kind on random qubits: nothing repeats."""
    rng = np.random.default_rng(5)
    single = (gates.RX, gates.RY, gates.RZ, gates.P)
    double = (gates.RXX, gates.RZZ, gates.CRY, gates.CP)
    fixed = (gates.CX, gates.CZ, gates.SWAP)
    for k in range(n_gates):
        a, b = (int(q) for q in rng.choice(n_qubits, size=2, replace=False))
        kind = rng.integers(11)
        if kind < 4:
            yield single[kind](circuits.Param(k), a)
        elif kind < 8:
            yield double[kind - 4](circuits.Param(k), a, b)
        else:
            yield fixed[kind - 8](a, b)


def _renumbered(ops: Iterable[Any]) -> list[Any]:
    """Parameters numbered without gaps, in the order of the gates."""
    result, k = [], 0
    for op in ops:
        if op.angles:
            op, k = op._replace(angles=(circuits.Param(k),)), k + 1
        result.append(op)
    return result


def unrepeated(n_qubits: int, n_gates: int) -> dict[str, float]:
    """First call of a long circuit without repeats: to build it, its state, its gradient, and the state again."""
    jax.block_until_ready(jnp.zeros(1) + 1)
    ops = _renumbered(_random_gates(n_qubits, n_gates))
    start = time.perf_counter()
    c = circuits.Circuit(n_qubits, ops)
    build_s = time.perf_counter() - start
    theta = jnp.asarray(np.random.default_rng(0).uniform(-np.pi, np.pi, c.n_parameters))
    h = hamiltonian(n_qubits)
    state = jax.jit(lambda t: c(t).vector)
    gradient = jax.jit(jax.grad(lambda t: circuits.expectation(c, t, h)))
    first_call_s = _seconds(lambda: state(theta))
    gradient_s = _seconds(lambda: gradient(theta))
    return {
        "build_s": build_s,
        "first_call_s": first_call_s,
        "gradient_first_call_s": gradient_s,
        "warm_s": _seconds(lambda: state(theta)),
    }


def gpu_count() -> dict[str, float]:
    """Number of GPUs that JAX sees."""
    return {"gpus": sum(device.platform == "gpu" for device in jax.devices())}


def gpu_layer(n_qubits: int) -> dict[str, float]:
    """One layer (RY, RZ on each qubit, CZ ring) against a copy of the state: both read and write 2^n amplitudes.

    The layer's time is the slope between 2 and 18 layers. `share_of_copy_bandwidth` counts one read and one write of
    the state per fused block of gates, so that it says how well one pass uses the memory; `layer_in_copies` says what
    the whole layer costs.
    """
    state_bytes = 8 * 2**n_qubits
    x = jnp.ones((2, 2**n_qubits), jnp.float32)
    copy = jax.jit(lambda a: a + 1)
    shallow, deep = circuit(n_qubits, 2), circuit(n_qubits, 18)
    theta = jnp.asarray(inputs.angles(n_qubits, 18, 0), jnp.float32)
    # two amplitudes, not the state: joining real and imaginary parts at the end is no part of a layer
    run_shallow = jax.jit(lambda t: shallow(t).vector[:2])
    run_deep = jax.jit(lambda t: deep(t).vector[:2])
    copy_s, shallow_s, deep_s = _alternate(
        lambda: copy(x), lambda: run_shallow(theta[: shallow.n_parameters]), lambda: run_deep(theta)
    )
    layer_s = (deep_s - shallow_s) / 16
    passes = _passes(deep)
    return {
        "copy_gb_per_s": 2 * state_bytes / copy_s / 1e9,
        "layer_s": layer_s,
        "layer_in_copies": layer_s / copy_s,
        "passes_per_layer": passes,
        "share_of_copy_bandwidth": passes * copy_s / layer_s,
    }


def _passes(c: Any) -> int:
    """How often one layer reads and writes the state: once per fused group of wires, once per diagonal."""
    segment = max(compile_circuit(c).segments, key=lambda s: getattr(s, "repeats", 0))
    return sum(len(getattr(step, "groups", (step,))) for step in segment.steps)


def gpu_qfim(n_qubits: int, n_layers: int) -> dict[str, float]:
    """Cold and warm seconds of the dense QFIM, complex64 and complex128."""
    figures = {}
    for dtype, name in ((jnp.float32, "warm_s"), (jnp.float64, "complex128_warm_s")):
        c, theta = circuit(n_qubits, n_layers), _angles(n_qubits, n_layers).astype(dtype)
        matrix = lambda c=c, theta=theta: qgeom.information_metric(c, theta).as_matrix()  # noqa: E731
        figures[name.replace("warm", "cold")] = _seconds(matrix)
        figures[name] = median(_seconds(matrix) for _ in range(REPEATS))
    return figures
