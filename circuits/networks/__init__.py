"""Classical networks, through the same contract as circuits: structure here, parameters and inputs from the caller."""

from circuits.networks.activations import Activation
from circuits.networks.attention import Attention
from circuits.networks.base import Network, NetworkParams
from circuits.networks.features import RandomFeatures
from circuits.networks.mlp import MLP
from circuits.networks.quantum_state import MLPState, RBMState
from circuits.networks.residual import ResNet

__all__ = [
    "MLP",
    "Activation",
    "Attention",
    "MLPState",
    "Network",
    "NetworkParams",
    "RBMState",
    "RandomFeatures",
    "ResNet",
]
