"""Noise: channels, noise models, density matrices, quantum trajectories, and networks with noisy weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from circuits.noise.aer import from_aer
    from circuits.noise.channel import Channel
    from circuits.noise.channels import (
        Depolarizing,
        KrausChannel,
        PauliChannel,
        bit_flip,
        bit_phase_flip,
        phase_flip,
    )
    from circuits.noise.noise_model import NoiseModel
    from circuits.noise.noisy import MeasuredNoisy, Noisy, NoisyCircuit, VariedNoise
    from circuits.noise.noisy_network import NoisyNetwork
    from circuits.noise.readout import JointReadoutError, ReadoutError
    from circuits.noise.relaxation import AmplitudeDamping, PhaseDamping, Reset, ThermalRelaxation
    from circuits.noise.trajectories import (
        Estimate,
        estimate_expectation,
        estimate_probabilities,
        sample_states,
    )

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("channels", "noise_model", "transfer"),
    names={
        "aer": ("from_aer",),
        "channel": ("Channel",),
        "channels": (
            "Depolarizing",
            "KrausChannel",
            "PauliChannel",
            "bit_flip",
            "bit_phase_flip",
            "phase_flip",
        ),
        "noise_model": ("NoiseModel",),
        "noisy": ("MeasuredNoisy", "Noisy", "NoisyCircuit", "VariedNoise"),
        "noisy_network": ("NoisyNetwork",),
        "readout": ("JointReadoutError", "ReadoutError"),
        "relaxation": ("AmplitudeDamping", "PhaseDamping", "Reset", "ThermalRelaxation"),
        "trajectories": ("Estimate", "estimate_expectation", "estimate_probabilities", "sample_states"),
    },
)
