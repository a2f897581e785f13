r"""Neural quantum states: a network gives every amplitude (Carleo and Troyer, Science 355, 602 (2017)).

A configuration is ``s`` in ``{+1, -1}^n``: ``s_i = 1 - 2 x_i`` for the bits ``x_0 ... x_{n-1}``, qubit 0 the most
significant. The network gives ``f(s) = ln psi(s)`` up to a constant, and the point is the state of norm one

    |psi> = sum_s exp(f(s)) |s> / sqrt(sum_s exp(2 Re f(s))),

summed over all 2^n configurations: exact, for small sizes, with no sampling. Two fixed choices say what ``|s>`` is, so
that amplitudes that a network finds easy (positive, smooth) are those of the wanted state:

* ``basis``: "Z", the computational basis, or "X", where ``|s>`` is a product of ``|+>`` and ``|->``. In the basis of
  its coupling, the ground state of a transverse-field Ising chain is positive everywhere; in the other, half of its
  amplitudes vanish by symmetry.
* ``marshall``: ``|s>`` takes the sign ``(-1)^(number of -1 on odd sites)`` (Marshall, Proc. R. Soc. A 232, 48 (1955)),
  with which ground states of antiferromagnetic chains are positive.

The metric of such a state is that of its logarithmic derivatives ``O_i = d_i f``: ``F_ij = 4 Re cov(O_i, O_j)`` under
``|psi|^2``, the matrix of stochastic reconfiguration (Sorella, PRL 80, 4558 (1998)). Of real amplitudes it is the
classical Fisher matrix of ``|psi|^2``.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Key

from circuits.description import Description, Node, Params, Reading, State, parameter_dtype
from circuits.networks.activations import Activation
from circuits.networks.base import check_sizes
from circuits.networks.mlp import MLP

MAX_SITES = 20  # the sum is over all configurations
_SPREAD = 0.1  # of the initial parameters of a Boltzmann machine: nearly the uniform state

Basis = Literal["Z", "X"]


class NeuralQuantumState(Description):
    """A network whose output is ``ln psi(s)``, as a description of a pure state; the point is the `State`."""

    n_sites: int
    """Number of qubits; every neural quantum state has this field."""
    basis: Basis
    """The basis of the configurations; every neural quantum state has this field."""
    marshall: bool
    """Whether configurations take Marshall's sign; every neural quantum state has this field."""

    @property
    @abc.abstractmethod
    def n_layers(self) -> int:
        """Number of layers that `curve` switches on."""

    @abc.abstractmethod
    def log_amplitudes(self, params: Params, strengths: Array | None = None) -> Inexact[Array, " dim"]:
        """``ln psi(s)`` of all 2^n configurations, not normalised; complex where amplitudes are.

        Args:
            params: as `init` makes them.
            strengths: strengths of the layers ``(n_layers,)`` in [0, 1], all 1 unless given. Traced.
        """

    def __call__(self, params: Params, x: Array | None = None) -> State:
        """The state, of norm one.

        Raises:
            ValueError: if there is an input ``x`` (the state takes none), or the parameters do not fit.
        """
        if x is not None:
            raise ValueError("a neural quantum state takes no input x")
        return self._state(self.log_amplitudes(params))

    def partial(self, params: Params, x: Array | None, s: Array | float) -> State:
        """The state with ``s`` layers on, ``0 <= s <= n_layers``: whole ones, and the next at the rest of ``s``."""
        if x is not None:
            raise ValueError("a neural quantum state takes no input x")
        dtype = jax.tree.leaves(params)[0].dtype
        steps = jnp.arange(self.n_layers, dtype=dtype)
        return self._state(self.log_amplitudes(params, jnp.clip(jnp.asarray(s, dtype) - steps, 0.0, 1.0)))

    def curve(self, params: Params, x: Array | None = None) -> State:
        """The states with the first 0, 1, ... layers on, ``n_layers + 1`` points; first the uniform sum of all ``|s>``.

        A layer of strength t below 1: see the network.
        """
        dtype = jax.tree.leaves(params)[0].dtype
        return jax.vmap(lambda s: self.partial(params, x, s))(jnp.arange(self.n_layers + 1, dtype=dtype))

    def _state(self, logarithms: Array) -> State:
        size = logarithms.real
        shift = lax.stop_gradient(jnp.max(size))
        vector = jnp.exp(logarithms - shift.astype(logarithms.dtype))
        norm = jnp.sqrt(jnp.sum(jnp.exp(2.0 * (size - shift))))
        vector = vector / norm.astype(vector.dtype)
        if self.marshall:
            odd = configurations(self.n_sites, size.dtype)[:, 1::2]
            vector = vector * jnp.prod(odd, axis=1).astype(vector.dtype)
        if self.basis == "X":
            vector = _hadamard(vector, self.n_sites)
        return State(vector.astype(np.result_type(vector.dtype, np.complex64)))


def configurations(n_sites: int, dtype: Any) -> Float[Array, "dim n"]:
    """All configurations as rows of ``+1`` (bit 0) and ``-1`` (bit 1), in the order of the state vector."""
    numbers = np.arange(2**n_sites)[:, None]
    return jnp.asarray(1 - 2 * ((numbers >> np.arange(n_sites - 1, -1, -1)) & 1), dtype)


@dataclass(frozen=True)
class RBMState(NeuralQuantumState):
    r"""A restricted Boltzmann machine, ``psi(s) = exp(sum_i a_i s_i) prod_j cosh(b_j + sum_i W_ji s_i)``.

    Carleo and Troyer, Science 355, 602 (2017), Eq. 2 (without its constant factor ``2^m``).

    Args:
        n_sites: number n of qubits.
        n_hidden: number m of hidden neurons.
        field: "complex" parameters, or "real" ones: positive amplitudes, up to Marshall's sign.
        basis: "Z" or "X"; see the module.
        marshall: see the module.

    Parameters: ``{"hidden": b (m,), "visible": a (n,), "weight": W (m, n)}``, real arrays; for complex parameters each
    has a leading axis of two, real and imaginary parts.

    Layers: the visible biases, then the hidden neurons. At strength t the layer's part of ``ln psi`` is multiplied by
    t; all off is the uniform sum of all ``|s>``.

    Raises:
        ValueError: a size that is not positive, more than 20 sites, an unknown field or basis.
    """

    n_sites: int
    n_hidden: int
    field: Literal["real", "complex"] = "complex"
    basis: Basis = "Z"
    marshall: bool = False

    def __post_init__(self) -> None:
        check_sizes(n_hidden=self.n_hidden)
        _check(self.n_sites, self.basis)
        if self.field not in ("real", "complex"):
            raise ValueError(f"field must be 'real' or 'complex'; got {self.field!r}")

    @property
    def n_layers(self) -> int:
        """Two: visible biases, hidden neurons."""
        return 2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters, sorted by key as they are flattened."""
        n, m = self.n_sites, self.n_hidden
        lead = (2,) if self.field == "complex" else ()
        return {"hidden": (*lead, m), "visible": (*lead, n), "weight": (*lead, m, n)}

    @property
    def n_parameters(self) -> int:
        """``n + m + n m``, twice for complex ones."""
        n, m = self.n_sites, self.n_hidden
        return (n + m + n * m) * (2 if self.field == "complex" else 1)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """``weight[hidden,visible]``, with ``.re`` and ``.im`` for complex ones."""
        parts = (".re", ".im") if self.field == "complex" else ("",)
        return tuple(
            f"{name}{part}[{','.join(map(str, index))}]"
            for name, shape in self.shapes.items()
            for part in parts
            for index in np.ndindex(*shape[len(parts) - 1 :])
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The neurons: visible ones with their bias, hidden ones with their bias and incoming weights."""
        hidden, visible, weight = self._positions()
        seen = [
            Node(f"visible[{i}]", "neuron", (i,), tuple(map(int, visible[:, i])), 0)
            for i in range(self.n_sites)
        ]
        own = [(*hidden[:, j], *weight[:, j].ravel()) for j in range(self.n_hidden)]
        return (
            *seen,
            *(Node(f"hidden[{j}]", "neuron", (j,), tuple(map(int, own[j])), 1) for j in range(self.n_hidden)),
        )

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """From every visible neuron to every hidden one."""
        n = self.n_sites
        return tuple((i, n + j) for i in range(n) for j in range(self.n_hidden))

    def init(self, key: Key[Array, ""], dtype: Any = None) -> dict[str, Array]:
        """Normal parameters of standard deviation 0.1: near the uniform sum of all ``|s>``."""
        real = parameter_dtype(dtype)
        keys = jax.random.split(key, len(self.shapes))
        return {
            name: _SPREAD * jax.random.normal(k, shape, real)
            for k, (name, shape) in zip(keys, self.shapes.items(), strict=True)
        }

    def log_amplitudes(
        self, params: dict[str, Array], strengths: Array | None = None
    ) -> Inexact[Array, " dim"]:
        """``t_0 sum_i a_i s_i + t_1 sum_j ln cosh(b_j + sum_i W_ji s_i)``; raises ValueError for wrong shapes."""
        found = {name: jnp.shape(value) for name, value in params.items()}
        if found != self.shapes:
            raise ValueError(f"the parameters of this machine have shapes {self.shapes}; got {found}")
        hidden, visible, weight = (
            lax.complex(p[0], p[1]) if self.field == "complex" else p
            for p in (params["hidden"], params["visible"], params["weight"])
        )
        s = configurations(self.n_sites, visible.dtype)
        first, second = s @ visible, jnp.sum(log_cosh(s @ weight.T + hidden), axis=1)
        if strengths is not None:
            t = strengths.astype(first.dtype)
            first, second = t[0] * first, t[1] * second
        return first + second

    def _positions(self) -> list[np.ndarray]:
        """Positions in the flattened parameters, with a leading axis over real and imaginary parts."""
        found, start = [], 0
        for shape in self.shapes.values():
            size = int(np.prod(shape))
            block = np.arange(start, start + size).reshape(shape)
            found.append(block if self.field == "complex" else block[None])
            start += size
        return found


@dataclass(frozen=True, init=False)
class MLPState(Reading, NeuralQuantumState):
    r"""A feed-forward network on the configuration: ``ln |psi(s)|``, and the phase as a second output if asked for.

    Args:
        n_sites: number n of qubits, the width of the input.
        hidden: widths of the hidden layers.
        field: "real" for positive amplitudes (up to Marshall's sign), "complex" for modulus and phase,
            ``psi = exp(y_0 + i y_1)``.
        activation: as of `MLP`.
        basis: "Z" or "X"; see the module.
        marshall: see the module.

    Parameters: as of the `MLP` of sizes ``(n, *hidden, 1 or 2)``. The bias of its readout has no effect on the state
    (norm and global phase): it is in the kernel of the metric.

    Layers: the readout, then the hidden layers from the first. At strength t the readout's outputs are multiplied by t;
    hidden layers as of `MLP`. All off is the uniform sum of all ``|s>``.

    Raises:
        ValueError: a size that is not positive, more than 20 sites, an unknown field, basis or activation.
    """

    n_sites: int
    network: MLP
    field: Literal["real", "complex"]
    basis: Basis
    marshall: bool

    def __init__(
        self,
        n_sites: int,
        hidden: Sequence[int] = (8,),
        field: Literal["real", "complex"] = "complex",
        activation: Activation = "tanh",
        basis: Basis = "Z",
        marshall: bool = False,
    ) -> None:
        _check(n_sites, basis)
        if field not in ("real", "complex"):
            raise ValueError(f"field must be 'real' or 'complex'; got {field!r}")
        sizes = (n_sites, *hidden, 2 if field == "complex" else 1)
        object.__setattr__(self, "n_sites", int(n_sites))
        object.__setattr__(self, "network", MLP(sizes, activation, "gaussian"))
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "basis", basis)
        object.__setattr__(self, "marshall", bool(marshall))

    @property
    def structure(self) -> MLP:
        """The network."""
        return self.network

    @property
    def n_layers(self) -> int:
        """The readout and the hidden layers."""
        return 1 + self.network.n_blocks

    def log_amplitudes(self, params: Params, strengths: Array | None = None) -> Inexact[Array, " dim"]:
        """``y_0`` or ``y_0 + i y_1`` of every configuration; raises as `MLP.outputs`."""
        s = configurations(self.n_sites, jax.tree.leaves(params)[0].dtype)
        if strengths is None:
            y = jax.vmap(lambda row: self.network.outputs(params, row))(s)
        else:
            y = strengths[0] * jax.vmap(lambda row: self.network.outputs(params, row, strengths[1:]))(s)
        return lax.complex(y[:, 0], y[:, 1]) if self.field == "complex" else y[:, 0]


def log_cosh(z: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
    """``ln cosh z`` without overflow: ``z + ln(1 + exp(-2 z)) - ln 2`` on the side where ``Re z >= 0``."""
    z = jnp.where(z.real < 0.0, -z, z)
    return z + jnp.log1p(jnp.exp(-2.0 * z)) - float(np.log(2.0))


def _hadamard(vector: Array, n_sites: int) -> Array:
    """A Hadamard gate on every qubit; each turn takes the first axis and puts it last."""

    def turn(_: int, v: Array) -> Array:
        up, down = v.reshape(2, -1)
        return jnp.stack([up + down, up - down], axis=-1).reshape(-1) * 0.5**0.5

    return lax.fori_loop(0, n_sites, turn, vector)


def _check(n_sites: int, basis: str) -> None:
    check_sizes(n_sites=n_sites)
    if n_sites > MAX_SITES:
        raise ValueError(
            f"a neural quantum state sums over all 2^n configurations, up to {MAX_SITES} sites; got {n_sites}"
        )
    if basis not in ("Z", "X"):
        raise ValueError(f"basis must be 'Z' or 'X'; got {basis!r}")
