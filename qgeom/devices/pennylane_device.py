"""``qml.device("qgeom.jax", wires=n)``: QNodes on this engine (``pip install qgeom[pennylane]``).

Derivatives, without shots:

* JAX arrays: ``diff_method="backprop"`` (or ``"best"``), the whole execution is JAX: ``jax.grad``, ``jax.jvp``,
  ``jax.hessian``, ``jax.vmap``, ``jax.jit``. Gates are undone in the reverse sweep, so memory does not grow with depth;
* autograd (``pennylane.numpy``): the same, through the rule of :mod:`qgeom.devices.autograd_bridge`, to any order;
* Torch and TensorFlow, and autograd with ``diff_method="device"`` or ``"adjoint"``: Jacobian products, first order.

With shots, PennyLane's parameter-shift rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pennylane
from jax.core import Tracer
from jaxtyping import Array
from pennylane.decomposition.gate_set import GateSet
from pennylane.devices import Device, ExecutionConfig
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.devices.preprocess import (
    decompose,
    device_resolve_dynamic_wires,
    no_sampling,
    null_postprocessing,
    validate_device_wires,
    validate_measurements,
)
from pennylane.exceptions import DeviceError
from pennylane.math import Interface
from pennylane.measurements import (
    ClassicalShadowMP,
    CountsMP,
    DensityMatrixMP,
    ExpectationMP,
    SampleMeasurement,
    ShadowExpvalMP,
    StateMeasurement,
    StateMP,
)
from pennylane.operation import Channel
from pennylane.tape import QuantumScript as Tape
from pennylane.transforms import broadcast_expand, convert_to_numpy_parameters, defer_measurements
from pennylane.transforms.core import CompilePipeline, transform

from circuits.convert.pennylane_gates import TRANSLATED_NAMES
from qgeom.devices.autograd_bridge import called, is_traced
from qgeom.devices.tape_derivatives import results_and_jacobian, results_and_jvp, results_and_vjp
from qgeom.devices.tape_results import exact_host_results, exact_results, sampled_results, tape_state

qp: Any = pennylane  # its names carry no types

_SHADOWS = (ClassicalShadowMP, ShadowExpvalMP)
_STATES = (StateMP, DensityMatrixMP)
_JAX = (Interface.JAX, Interface.JAX_JIT)
# Interfaces whose tensors the engine differentiates through; None and NumPy have nothing to differentiate.
_BACKPROP = (*_JAX, Interface.AUTOGRAD, Interface.AUTO, Interface.NUMPY)
_DEVICE_METHODS = ("device", "adjoint")
_MATRICES = (qp.QubitUnitary, qp.ControlledQubitUnitary)
# For PennyLane's graph-based decompositions.
_GATE_SET = GateSet(
    {*TRANSLATED_NAMES, "SpecialUnitary", "QubitUnitary", "ControlledQubitUnitary"}, name="qgeom gates"
)


def is_supported(op: Any) -> bool:
    """Whether the engine applies an operation as it is; any other is decomposed."""
    if op.name in TRANSLATED_NAMES or isinstance(op, _MATRICES):
        return True
    if op.name == "SpecialUnitary":
        return len(op.wires) <= 2
    unitary = not isinstance(op, (Channel, qp.QubitDensityMatrix, qp.Projector))
    return unitary and op.has_matrix and not op.has_decomposition


def _has_eigenbasis(observable: Any, exact_mean: bool) -> bool:
    """Whether an observable can be measured; a mean without shots asks for a matrix only."""
    if isinstance(observable, qp.ops.CompositeOp):
        return all(_has_eigenbasis(o, exact_mean) for o in observable.operands)
    if isinstance(observable, qp.ops.SymbolicOp):
        return _has_eigenbasis(observable.base, exact_mean)
    if exact_mean and isinstance(observable, (qp.SparseHamiltonian, qp.Hermitian)):
        return True
    return observable.has_diagonalizing_gates


def _is_exact(mp: Any) -> bool:
    if not isinstance(mp, StateMeasurement):
        return False
    return mp.obs is None or _has_eigenbasis(mp.obs, isinstance(mp, ExpectationMP))


def _is_sampled(mp: Any) -> bool:
    if not isinstance(mp, (SampleMeasurement, *_SHADOWS)):
        return False
    return mp.obs is None or _has_eigenbasis(mp.obs, False)


@transform
def _shadows_one_by_one(tape: Tape) -> Any:
    """PennyLane's classical shadows take no batch."""
    if any(isinstance(mp, _SHADOWS) for mp in tape.measurements):
        return broadcast_expand(tape)
    return (tape,), null_postprocessing


@transform
def _no_counts(tape: Tape) -> Any:
    if any(isinstance(mp, CountsMP) for mp in tape.measurements):
        raise NotImplementedError(
            "counts are no arrays and cannot leave jax.jit: use qml.sample or qml.probs"
        )
    return (tape,), null_postprocessing


@simulator_tracking
@single_tape_support
class QGeomDevice(Device):
    """Pure states on the qgeom engine, on any JAX backend.

    Precision: NumPy parameters are computed in double precision, whatever JAX is set to; JAX parameters keep theirs.
    A tape's gates are compiled once per structure; values of angles may change freely. Operations that are no gates of
    the engine are decomposed by PennyLane. Mid-circuit measurements are deferred (``qml.defer_measurements``), without
    postselection. Program capture is not supported.

    Args:
        wires: number of wires, or their labels; by default those of each circuit.
        shots: default number of shots; None for exact results.
        seed: of the samples: "global" draws one from NumPy's global generator, None from the operating system; an
            integer, NumPy generator or anything that ``numpy.random.default_rng`` takes; or a ``jax.random`` key, with
            which sampling is traceable, and every execution repeats the same samples.
    """

    _device_options = ("seed",)

    def __init__(self, wires: Any = None, shots: Any = None, seed: Any = "global") -> None:
        super().__init__(wires=wires, shots=shots)
        self._key: Array | None = None
        if isinstance(seed, str):
            if seed != "global":
                raise ValueError(f"a seed that is a string is 'global', not {seed!r}")
            seed = np.random.randint(0, high=10_000_000)  # noqa: NPY002 - PennyLane's convention for devices
        elif isinstance(seed, jax.Array):
            self._key, seed = seed, None
        self._rng = np.random.default_rng(seed)

    @property
    def name(self) -> str:
        """``qgeom.jax``."""
        return "qgeom.jax"

    # What PennyLane does before an execution.

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: Tape | None = None
    ) -> ExecutionConfig:
        """The configuration with what was left open filled in.

        Raises:
            DeviceError: for an unknown device option or method of mid-circuit measurement.
        """
        config = config or ExecutionConfig()
        middle: Any = config.mcm_config
        if config.device_options:
            raise DeviceError(f"qgeom.jax has no device options, not {', '.join(config.device_options)}")
        if middle.mcm_method not in (None, "deferred"):
            raise DeviceError(f"qgeom.jax has mcm_method 'deferred' only, not {str(middle.mcm_method)!r}")
        method = config.gradient_method
        if method == "best":
            method = "backprop" if config.interface in _BACKPROP else "device"
        elif method in _DEVICE_METHODS and config.interface in _JAX:
            method = "backprop"  # the same derivatives, without a call back from JAX to JAX
        on_device = method in _DEVICE_METHODS
        end_to_end = config.interface in _JAX and not on_device and config.derivative_order == 1
        sampled = circuit is not None and bool(circuit.shots)
        return replace(
            config,
            gradient_method=method,
            use_device_gradient=_default(config.use_device_gradient, on_device or method == "backprop"),
            use_device_jacobian_product=_default(config.use_device_jacobian_product, on_device),
            grad_on_execution=_default(config.grad_on_execution, False),
            # NumPy's samples are drawn anew in each call only outside of what JAX traces.
            convert_to_numpy=not (end_to_end and (not sampled or self._key is not None)),
            mcm_config=replace(middle, mcm_method="deferred"),
        )

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> CompilePipeline:
        """Deferred measurements, decomposition to the gate set, and checks."""
        config = execution_config or ExecutionConfig()
        pipeline = CompilePipeline()
        if config.interface == Interface.JAX_JIT:
            pipeline.add_transform(_no_counts)
        pipeline.add_transform(defer_measurements, allow_postselect=False)
        pipeline.add_transform(
            decompose,
            stopping_condition=is_supported,
            device_wires=self.wires,
            target_gates=_GATE_SET,
            name=self.name,
        )
        pipeline.add_transform(device_resolve_dynamic_wires, wires=self.wires, allow_resets=False)
        pipeline.add_transform(validate_device_wires, self.wires, name=self.name)
        pipeline.add_transform(
            validate_measurements,
            analytic_measurements=_is_exact,
            sample_measurements=_is_sampled,
            name=self.name,
        )
        pipeline.add_transform(_shadows_one_by_one)
        if config.gradient_method in (*_DEVICE_METHODS, "backprop"):
            pipeline.add_transform(no_sampling, name=f"{config.gradient_method} + {self.name}")
        if config.gradient_method in _DEVICE_METHODS:
            pipeline.add_transform(broadcast_expand)
        return pipeline

    # Execution.

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """The results of tapes, as PennyLane's ``Device.execute`` specifies them."""
        config = execution_config or ExecutionConfig()
        keys = (
            [None] * len(circuits) if self._key is None else list(jax.random.split(self._key, len(circuits)))
        )
        return tuple(self._execute_one(tape, config, key) for tape, key in zip(circuits, keys, strict=True))

    def _execute_one(self, tape: Tape, config: ExecutionConfig, key: Array | None) -> Any:
        tape = tape.map_to_standard_wires()
        parameters: list[Any] = tape.get_parameters(trainable_only=False)
        if any(isinstance(p, jax.Array) for p in parameters):
            return self._execute_in_jax(tape, key)
        traced = [k for k, p in enumerate(parameters) if is_traced(p)]
        if traced and config.gradient_method == "backprop":

            def function(*values: Any) -> Any:
                return exact_results(tape.bind_new_parameters(list(values), traced))

            return called(function, [parameters[k] for k in traced])
        convert: Any = convert_to_numpy_parameters
        (tape,), _ = convert(tape)
        # Eager, should someone else be tracing, since nothing here depends on what is traced.
        with jax.ensure_compile_time_eval(), jax.enable_x64(True):
            state = np.asarray(tape_state(tape))
        if not tape.shots:
            return exact_host_results(tape, state)
        return sampled_results(tape, state, self._rng, key)

    def _execute_in_jax(self, tape: Tape, key: Array | None) -> Any:
        # PennyLane mixes dtypes, which strict promotion forbids.
        with jax.numpy_dtype_promotion("standard"):
            if not tape.shots:
                return exact_results(tape)
            state: Any = tape_state(tape)
            if key is None and isinstance(state, Tracer):
                key = jax.random.key(int(self._rng.integers(2**31)))
            if key is None:
                state = np.asarray(state)
            return sampled_results(tape, state, self._rng, key)

    # Derivatives.

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: Tape | None = None
    ) -> bool:
        """Backpropagation through JAX and autograd; first derivatives of real results for any interface.

        No derivative with shots, or of the mean of a ``SparseHamiltonian``.
        """
        if execution_config is None:
            return True
        method, interface = execution_config.gradient_method, execution_config.interface
        if circuit is not None and (
            circuit.shots or any(isinstance(mp.obs, qp.SparseHamiltonian) for mp in circuit.measurements)
        ):
            return False
        if method == "backprop" or (method == "best" and interface in _BACKPROP):
            return interface in _BACKPROP
        states = circuit is not None and any(isinstance(mp, _STATES) for mp in circuit.measurements)
        return method in (*_DEVICE_METHODS, "best") and not states and execution_config.derivative_order == 1

    def supports_vjp(
        self, execution_config: ExecutionConfig | None = None, circuit: Tape | None = None
    ) -> bool:
        """Wherever there are derivatives."""
        return self.supports_derivatives(execution_config, circuit)

    def supports_jvp(
        self, execution_config: ExecutionConfig | None = None, circuit: Tape | None = None
    ) -> bool:
        """Wherever there are derivatives."""
        return self.supports_derivatives(execution_config, circuit)

    def compute_derivatives(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """The Jacobian of each tape in its trainable parameters."""
        return self._both(circuits, results_and_jacobian)[1]

    def execute_and_compute_derivatives(
        self, circuits: Any, execution_config: ExecutionConfig | None = None
    ) -> Any:
        """The results and Jacobians."""
        return self._both(circuits, results_and_jacobian)

    def compute_vjp(
        self, circuits: Any, cotangents: Sequence[Any], execution_config: ExecutionConfig | None = None
    ) -> Any:
        """For each tape, the cotangents of its trainable parameters."""
        return self._both(circuits, results_and_vjp, cotangents)[1]

    def execute_and_compute_vjp(
        self, circuits: Any, cotangents: Sequence[Any], execution_config: ExecutionConfig | None = None
    ) -> Any:
        """The results, and the cotangents of the trainable parameters."""
        return self._both(circuits, results_and_vjp, cotangents)

    def compute_jvp(
        self, circuits: Any, tangents: Sequence[Any], execution_config: ExecutionConfig | None = None
    ) -> Any:
        """For each tape, the derivative of its results along the tangents."""
        return self._both(circuits, results_and_jvp, tangents)[1]

    def execute_and_compute_jvp(
        self, circuits: Any, tangents: Sequence[Any], execution_config: ExecutionConfig | None = None
    ) -> Any:
        """The results, and their derivative along the tangents."""
        return self._both(circuits, results_and_jvp, tangents)

    def _both(self, circuits: Any, function: Any, *directions: Sequence[Any]) -> tuple[Any, Any]:
        pairs = [
            function(tape.map_to_standard_wires(), *direction)
            for tape, *direction in zip(circuits, *directions, strict=True)
        ]
        return tuple(results for results, _ in pairs), tuple(derivatives for _, derivatives in pairs)


def _default(value: bool | None, default: bool) -> bool:
    return default if value is None else value
