"""The result of a time evolution."""

from __future__ import annotations

from typing import NamedTuple

from circuits.mps.state import MPS


class Evolved(NamedTuple):
    """A state after a time evolution.

    Attributes:
        state: the `MPS`, of norm one.
        time: how far it was evolved.
        discarded: the weight cut off, summed over all truncations: the state's error is at most of the order of its
            root, besides the errors of the time step and, for TDVP, of the projection.
        log_norm: ``ln |exp(-H t) psi|`` in imaginary time (for partition functions); 0 in real time.
        krylov_error: TDVP: the largest estimated error of an exponential; raise ``krylov_steps`` or shorten the step if
            it is too large.
    """

    state: MPS
    time: float
    discarded: float
    log_norm: float
    krylov_error: float = 0.0
