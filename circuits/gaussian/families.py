r"""Families of ground and thermal states: parameters are couplings of a quadratic Hamiltonian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from circuits.description import Description, Node, parameter_dtype
from circuits.gaussian.bosons import BosonicGaussian
from circuits.gaussian.fermions import FermionicGaussian
from circuits.gaussian.quadratic import BosonicHamiltonian, FermionicHamiltonian

Hamiltonian = FermionicHamiltonian | BosonicHamiltonian


class QuadraticFamily(Description):
    """The ground state, or the thermal state, of ``hamiltonian(theta)``, as a description.

    Its information metric is the fidelity susceptibility (times 4) of the family: with zero temperature it diverges at
    critical points (Zanardi, Giorda and Cozzini, PRL 99, 100603 (2007)). Differentiable where there is a gap.

    Args:
        hamiltonian: a function from parameters (P,) to a quadratic Hamiltonian, traceable; e.g.
            ``lambda theta: lattices.xy(64, theta[0], theta[1])``. Two families are equal if they share it.
        n_parameters: P.
        inverse_temperature: b of the thermal state ``exp(-b H)/Z``; ground states unless given.
        names: names of the parameters.
        reference: parameters (P,) at which the curve begins; all ones unless given.
        steps: number of steps of the curve, along the straight line of couplings.
    """

    def __init__(
        self,
        hamiltonian: Callable[[Array], Hamiltonian],
        n_parameters: int,
        inverse_temperature: float | None = None,
        names: Sequence[str] | None = None,
        reference: Sequence[float] | None = None,
        steps: int = 16,
    ) -> None:
        if n_parameters < 1 or steps < 1:
            raise ValueError(f"a family needs 1 parameter and 1 step or more, not {n_parameters} and {steps}")
        if inverse_temperature is not None and not 0.0 < inverse_temperature < np.inf:
            raise ValueError("the inverse temperature is a positive number; leave it out for ground states")
        self.hamiltonian = hamiltonian
        self._n_parameters = int(n_parameters)
        self.inverse_temperature = None if inverse_temperature is None else float(inverse_temperature)
        self._names = (
            tuple(names) if names is not None else tuple(f"coupling[{i}]" for i in range(n_parameters))
        )
        self.reference = (1.0,) * n_parameters if reference is None else tuple(map(float, reference))
        self.steps = int(steps)
        for what, values in (("names", self._names), ("reference", self.reference)):
            if len(values) != n_parameters:
                raise ValueError(
                    f"{what} has {len(values)} entries, expected {n_parameters}: one per parameter"
                )
        self._value = (
            hamiltonian,
            self._n_parameters,
            self.inverse_temperature,
            self._names,
            self.reference,
            self.steps,
        )

    def __hash__(self) -> int:
        return hash(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuadraticFamily) and self._value == other._value

    def __repr__(self) -> str:
        beta = self.inverse_temperature
        kind = "ground states" if beta is None else f"thermal states at b = {beta:g}"
        return f"QuadraticFamily({', '.join(self._names)}; {kind})"

    @property
    def n_parameters(self) -> int:
        """P."""
        return self._n_parameters

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the couplings."""
        return self._names

    @property
    def nodes(self) -> tuple[Node, ...]:
        """One node per coupling: all act at once."""
        return tuple(Node(name, "coupling", (), (i,), 0) for i, name in enumerate(self._names))

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """None: the couplings have no causal order."""
        return ()

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Float[Array, " P"]:
        """Random couplings, uniform on [0.5, 1.5). Float64 unless ``dtype`` is given."""
        return jax.random.uniform(key, (self.n_parameters,), parameter_dtype(dtype), 0.5, 1.5)

    def __call__(
        self, params: Float[Array, " P"], x: Array | None = None
    ) -> FermionicGaussian | BosonicGaussian:
        """The state at these couplings."""
        if x is not None:
            raise ValueError("a family of states takes no input x")
        theta = jnp.asarray(params)
        if theta.shape != (self.n_parameters,):
            raise ValueError(f"the couplings must have shape ({self.n_parameters},), not {theta.shape}")
        hamiltonian = self.hamiltonian(theta)
        if self.inverse_temperature is None:
            return hamiltonian.ground_state()
        return hamiltonian.thermal_state(self.inverse_temperature)

    def curve(
        self, params: Float[Array, " P"], x: Array | None = None
    ) -> FermionicGaussian | BosonicGaussian:
        """The states on the straight line of couplings from the reference, in ``steps`` steps."""
        theta = jnp.asarray(params)
        start = jnp.asarray(self.reference, theta.dtype)
        times = jnp.linspace(0.0, 1.0, self.steps + 1, dtype=theta.dtype)
        return jax.lax.map(lambda t: self(start + t * (theta - start), x), times)
