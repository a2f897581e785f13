"""Side by side: a circuit and a network learn the same data and are measured by the same metric.

``qgeom.compare({"circuit": ..., "network": ...}, task="iris")`` trains every description on the same splits to the
same stop rule and returns a :class:`Comparison`, with a table, a figure and files. What is measured, and how like is
compared with like, is in :mod:`qgeom.comparison.measures`; the default pair is in :mod:`qgeom.comparison.sides`.

:func:`synthesise` is the comparison whose task is a transformation: a circuit that learned a unitary beside networks
that learned a rotation, as built against the shortest path (:mod:`qgeom.comparison.synthesis`).
:func:`ground_states` is the one whose task is the ground state of a spin chain: circuit, MPS, MERA and network
(:mod:`qgeom.comparison.ground_state`). :func:`geometries` puts the geometries that emerge in a trained circuit and in a
trained network beside each other (:mod:`qgeom.comparison.geometry`).
"""

from qgeom.comparison.geometry import run as geometries
from qgeom.comparison.geometry_result import Geometries
from qgeom.comparison.geometry_settings import GeometrySettings
from qgeom.comparison.ground_state import run as ground_states
from qgeom.comparison.ground_state_result import GroundStates
from qgeom.comparison.ground_state_settings import GroundStateSettings
from qgeom.comparison.result import Comparison
from qgeom.comparison.running import compare, run
from qgeom.comparison.settings import CompareSettings, SynthesisSettings
from qgeom.comparison.sides import default_circuit, default_network
from qgeom.comparison.synthesis import run as synthesise
from qgeom.comparison.synthesis_result import Synthesis

__all__ = [
    "CompareSettings",
    "Comparison",
    "Geometries",
    "GeometrySettings",
    "GroundStateSettings",
    "GroundStates",
    "Synthesis",
    "SynthesisSettings",
    "compare",
    "default_circuit",
    "default_network",
    "geometries",
    "ground_states",
    "run",
    "synthesise",
]
