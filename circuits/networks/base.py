r"""What all networks share: outputs, layer strengths, the layout of parameters, and checks of what comes in.

A network maps one input ``x`` to outputs ``y``: the logits of a categorical distribution ``softmax(y)``, or the mean of
a Gaussian of unit variance. Its *blocks* (hidden layers, residual blocks) can be switched on one after the other: a
block of strength ``t`` gives ``(1 - t) identity + t block``, so that strength 0 passes the representation on unchanged
(cut off or filled up with zeros where the width changes) and the readout stays as it is. All points on the way lie on
the manifold of the target, and the first one, all blocks off, is the reference.

Parameters are a tuple of dicts of arrays. ``ravel_pytree`` flattens the tuple in order, each dict in the order of its
sorted keys (``bias`` before ``weight``), each array row by row; the row of a weight matrix ``(out, in)`` holds what
comes into one neuron.
"""

from __future__ import annotations

import abc
import functools
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Key

from circuits.description import Description, Distribution, Gaussian, Node, parameter_dtype

Output = Literal["categorical", "gaussian"]
LayerParams = dict[str, Array]
NetworkParams = tuple[LayerParams, ...]
Shapes = tuple[dict[str, tuple[int, ...]], ...]


class Network(Description):
    """A classical network: a description whose points are distributions of labels or of real vectors."""

    output: Output
    """What the outputs mean; every network has this field."""

    @property
    @abc.abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input x."""

    @property
    @abc.abstractmethod
    def n_blocks(self) -> int:
        """Number of blocks L that can be switched on."""

    @property
    @abc.abstractmethod
    def layers(self) -> tuple[tuple[str, dict[str, tuple[int, ...]]], ...]:
        """The layout of the parameters: per entry of the tuple its name and the shapes of its arrays."""

    @abc.abstractmethod
    def _outputs(self, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
        """The outputs for a checked input; ``strengths`` of shape ``(n_blocks,)``, None for all ones."""

    @abc.abstractmethod
    def _curve(self, params: NetworkParams, x: Array) -> Array:
        """The outputs with the first 0, 1, ... n_blocks blocks on, in one pass."""

    @abc.abstractmethod
    def _activations(self, params: NetworkParams, x: Array, nudge: Array) -> Array:
        """The value at each node, ``nudge`` (nodes,) added where the value is passed on."""

    @property
    def n_parameters(self) -> int:
        """Number of real parameters P."""
        return sum(math.prod(shape) for _, arrays in self.layers for shape in arrays.values())

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names such as ``layer1.weight[2,3]`` (neuron 2, input 3), in flattened order."""
        return _parameter_names(self)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The neurons or channels, layer by layer; a node's parameters are its incoming weights and its bias."""
        return _graph(self)[0]

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """Edges from node to node between consecutive layers."""
        return _graph(self)[1]

    @abc.abstractmethod
    def _build_graph(self) -> tuple[tuple[Node, ...], tuple[tuple[int, int], ...]]: ...

    def outputs(
        self, params: NetworkParams, x: Array | None, strengths: Array | float | None = None
    ) -> Float[Array, " outputs"]:
        """Logits (categorical) or mean (Gaussian) for one input: what comes before the softmax.

        Args:
            params: as `init` makes them; their dtype is the dtype of the result.
            x: one input, of shape `input_shape`; batch with ``jax.vmap``.
            strengths: strengths of the blocks, one number for all or ``(n_blocks,)``; all 1 unless given. Traced.

        Raises:
            ValueError: wrong shapes, NaN or infinity in the parameters (where they are not traced).
            TypeError: parameters that are not real floating-point arrays of one dtype, or a complex input.
        """
        dtype = check_parameters(self, params)
        x = check_input(self, x, dtype)
        if strengths is not None:
            strengths = jnp.broadcast_to(jnp.asarray(strengths, dtype), (self.n_blocks,))
        return _outputs(self, params, x, strengths)

    def activations(
        self, params: NetworkParams, x: Array | None, nudge: Array | None = None
    ) -> Float[Array, " nodes"]:
        """What each node passes on for one input, in the order of `nodes`; the outputs come last.

        A hidden neuron's value is taken after the activation function. A channel of an attention block has a value
        for every token, and a token one for every channel: their means.

        Args:
            params: as `init` makes them.
            x: one input, of shape `input_shape`; batch with ``jax.vmap``.
            nudge: numbers added to what the nodes pass on (to each of the values of a channel), ``(nodes,)``; zero
                unless given. Derivatives by it are the influence of one node on another.

        Raises as `outputs`.
        """
        dtype = check_parameters(self, params)
        x = check_input(self, x, dtype)
        nudge = jnp.zeros(len(self.nodes), dtype) if nudge is None else jnp.asarray(nudge, dtype)
        return _activations(self, params, x, nudge)

    def logits(self, params: NetworkParams, x: Array | None) -> Float[Array, " outputs"]:
        """The outputs of a categorical network, ``probabilities = softmax(logits)``.

        Raises:
            ValueError: if the output is Gaussian, and as `outputs`.
        """
        if self.output != "categorical":
            raise ValueError("only a categorical network has logits; use outputs, the mean of the Gaussian")
        return self.outputs(params, x)

    def point(self, outputs: Array) -> Distribution | Gaussian:
        """The point of the manifold that belongs to some outputs (last axis)."""
        if self.output == "categorical":
            return Distribution(jax.nn.softmax(outputs, axis=-1))
        return Gaussian(outputs)

    def __call__(self, params: NetworkParams, x: Array | None = None) -> Distribution | Gaussian:
        """The distribution for one input; batch with ``jax.vmap``. Raises as `outputs`."""
        return self.point(self.outputs(params, x))

    def partial(self, params: NetworkParams, x: Array | None, s: Array | float) -> Distribution | Gaussian:
        """The point with ``s`` blocks on, ``0 <= s <= n_blocks``: whole ones, and the next at the rest of ``s``."""
        return self.point(self.partial_outputs(params, x, s))

    def partial_outputs(
        self, params: NetworkParams, x: Array | None, s: Array | float
    ) -> Float[Array, " outputs"]:
        """`outputs` with ``s`` blocks on: block ``l`` has strength ``clip(s - l, 0, 1)``; ``s`` real, traced.

        Continuous in ``s``; the velocity jumps at whole numbers, where quadrature points should not lie.
        """
        dtype = check_parameters(self, params)
        steps = jnp.arange(self.n_blocks, dtype=dtype)
        return self.outputs(params, x, jnp.clip(jnp.asarray(s, dtype) - steps, 0.0, 1.0))

    def curve(self, params: NetworkParams, x: Array | None = None) -> Distribution | Gaussian:
        """The points with the first 0, 1, ... L blocks on: a leading axis of length ``n_blocks + 1``."""
        return self.point(self.curve_outputs(params, x))

    def curve_outputs(self, params: NetworkParams, x: Array | None) -> Float[Array, "points outputs"]:
        """The outputs along `curve`."""
        dtype = check_parameters(self, params)
        return _curve(self, params, check_input(self, x, dtype))


# Jitted, and inlined under an outer jit: without one, a call compiles one program and not one per operation.
@functools.partial(jax.jit, static_argnums=0, inline=True)
def _outputs(network: Network, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
    return network._outputs(params, x, strengths)


@functools.partial(jax.jit, static_argnums=0, inline=True)
def _activations(network: Network, params: NetworkParams, x: Array, nudge: Array) -> Array:
    return network._activations(params, x, nudge)


@functools.partial(jax.jit, static_argnums=0, inline=True)
def _curve(network: Network, params: NetworkParams, x: Array) -> Array:
    return network._curve(params, x)


def check_output(output: str, n_outputs: int) -> None:
    """Refuse an unknown kind of output, or a categorical one with a single outcome."""
    if output not in ("categorical", "gaussian"):
        raise ValueError(f"output must be 'categorical' or 'gaussian', got {output!r}")
    if output == "categorical" and n_outputs < 2:
        raise ValueError(f"a categorical output needs at least 2 outcomes, got {n_outputs}")


def check_sizes(**sizes: int) -> None:
    """Refuse sizes that are not positive integers."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"{name} must be a positive integer, got {size!r}")


def check_parameters(network: Network, params: NetworkParams) -> Any:
    """The dtype of the parameters, after a check of their structure and, where they are not traced, of their values."""
    layers = network.layers
    if not isinstance(params, (tuple, list)) or len(params) != len(layers):
        raise ValueError(
            f"parameters of this network are a tuple of {len(layers)} dicts, as init(key) makes them; "
            f"got {type(params).__name__}"
            + (f" of length {len(params)}" if hasattr(params, "__len__") else "")
        )
    dtypes = set()
    for (name, arrays), given in zip(layers, params, strict=True):
        if not isinstance(given, dict) or given.keys() != arrays.keys():
            raise ValueError(
                f"parameters of {name} are a dict with keys {sorted(arrays)}, as init(key) makes them"
            )
        for key, shape in arrays.items():
            value = given[key]
            if np.shape(value) != shape:
                raise ValueError(f"{name}.{key} has shape {np.shape(value)}, expected {shape}")
            dtypes.add(np.dtype(value.dtype) if hasattr(value, "dtype") else np.result_type(value))
            if not isinstance(value, Tracer) and not np.isfinite(np.asarray(value)).all():
                raise ValueError(f"{name}.{key} holds NaN or infinity; parameters must be finite")
    if len(dtypes) > 1:
        raise TypeError(f"parameters must all have one dtype, got {', '.join(sorted(map(str, dtypes)))}")
    return parameter_dtype(dtypes.pop()) if dtypes else parameter_dtype()


def check_input(network: Network, x: Array | None, dtype: Any) -> Array:
    """One input, cast to the dtype of the parameters."""
    shape = network.input_shape
    if x is None:
        raise ValueError(f"a network needs an input x of shape {shape}")
    if np.shape(x) != shape:
        raise ValueError(
            f"x has shape {np.shape(x)}, expected {shape}: one input; batch with jax.vmap over x"
        )
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"x must be real, got {x.dtype}")
    return x.astype(dtype)


def fit_width(h: Array, width: int) -> Array:
    """The identity between layers of unequal width, on the last axis: cut off, or filled up with zeros."""
    if h.shape[-1] >= width:
        return h[..., :width]
    return jnp.pad(h, [(0, 0)] * (h.ndim - 1) + [(0, width - h.shape[-1])])


def affine(layer: LayerParams, h: Array) -> Array:
    """``W h + b`` on the last axis, with ``W`` of shape (out, in); no ``b`` where the layer has none."""
    z = jnp.matmul(h, layer["weight"].T)
    return z + layer["bias"] if "bias" in layer else z


def affine_shapes(n_in: int, n_out: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of `affine`."""
    weight: dict[str, tuple[int, ...]] = {"weight": (n_out, n_in)}
    return {"bias": (n_out,), **weight} if bias else weight


def normal_weights(
    key: Key[Array, ""], shapes: dict[str, tuple[int, ...]], gain: float, dtype: Any
) -> LayerParams:
    """Biases zero; weights normal of variance ``gain / fan_in``, fan_in the last axis."""
    dtype = parameter_dtype(dtype)
    out = {}
    for i, (name, shape) in enumerate(sorted(shapes.items())):
        if name.startswith("bias"):
            out[name] = jnp.zeros(shape, dtype)
        else:
            scale = math.sqrt(gain / shape[-1])
            out[name] = scale * jax.random.normal(jax.random.fold_in(key, i), shape, dtype)
    return out


def positions(network: Network) -> tuple[dict[str, np.ndarray], ...]:
    """Positions in the flattened parameter vector, in the layout of the parameters."""
    start, out = 0, []
    for _, arrays in network.layers:
        entry = {}
        for name, shape in sorted(arrays.items()):
            size = math.prod(shape)
            entry[name] = np.arange(start, start + size).reshape(shape)
            start += size
        out.append(entry)
    return tuple(out)


def incoming(entry: dict[str, np.ndarray], j: int) -> tuple[int, ...]:
    """Positions of the bias and the weights that come into neuron ``j`` of an affine layer."""
    rows = [np.ravel(array[j]) for _, array in sorted(entry.items())]
    return tuple(int(i) for row in rows for i in row)


@functools.lru_cache(maxsize=64)
def _parameter_names(network: Network) -> tuple[str, ...]:
    names = []
    for layer, arrays in network.layers:
        for name, shape in sorted(arrays.items()):
            names += [f"{layer}.{name}[{','.join(map(str, index))}]" for index in np.ndindex(*shape)]
    return tuple(names)


@functools.lru_cache(maxsize=64)
def _graph(network: Network) -> tuple[tuple[Node, ...], tuple[tuple[int, int], ...]]:
    return network._build_graph()


def chain_graph(
    groups: list[tuple[str, str, list[tuple[int, ...]]]],
) -> tuple[tuple[Node, ...], tuple[tuple[int, int], ...]]:
    """Nodes and wires of layers in a row, each wired fully to the next.

    Args:
        groups: per layer its name, the kind of its nodes, and the parameters of each node.
    """
    nodes, edges, previous = [], [], range(0)
    for layer, (name, kind, parameters) in enumerate(groups):
        current = range(len(nodes), len(nodes) + len(parameters))
        nodes += [Node(f"{name}[{j}]", kind, (j,), p, layer) for j, p in enumerate(parameters)]
        edges += [(i, j) for i in previous for j in current]
        previous = current
    return tuple(nodes), tuple(edges)
