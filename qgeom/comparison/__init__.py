"""Side by side: a circuit and a network learn the same data and are measured by the same metric.

``qgeom.compare({"circuit": ..., "network": ...}, task="iris")`` trains every description on the same splits to the
same stop rule and returns a :class:`Comparison`, with a table, a figure and files. What is measured, and how like is
compared with like, is in :mod:`qgeom.comparison.measures`; the default pair is in :mod:`qgeom.comparison.sides`.

:func:`synthesise` is the comparison whose task is a transformation: a circuit that learned a unitary beside networks
that learned a rotation, as built against the shortest path (:mod:`qgeom.comparison.synthesis`).
"""

from qgeom.comparison.result import Comparison
from qgeom.comparison.running import compare, run
from qgeom.comparison.settings import CompareSettings, SynthesisSettings
from qgeom.comparison.sides import default_circuit, default_network
from qgeom.comparison.synthesis import run as synthesise
from qgeom.comparison.synthesis_result import Synthesis

__all__ = [
    "CompareSettings",
    "Comparison",
    "Synthesis",
    "SynthesisSettings",
    "compare",
    "default_circuit",
    "default_network",
    "run",
    "synthesise",
]
