// The GHZ state of four qubits. As a probe of a phase that every qubit picks up, its quantum Fisher information is n^2.
// Greenberger, Horne, Zeilinger, "Going beyond Bell's theorem" (1989), arXiv:0712.0921;
// Bollinger, Itano, Wineland, Heinzen, Phys. Rev. A 54, R4649 (1996).
OPENQASM 2.0;
include "qelib1.inc";
qreg q[4];
h q[0];
cx q[0], q[1];
cx q[1], q[2];
cx q[2], q[3];
