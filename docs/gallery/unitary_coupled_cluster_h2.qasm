// Molecular hydrogen in two qubits: one double excitation, exp(-i theta X Y), from the Hartree-Fock state.
// O'Malley et al., Phys. Rev. X 6, 031007 (2016).
OPENQASM 3.0;
include "stdgates.inc";
input float theta;
qubit[2] q;
x q[0];
h q[0];
rx(pi/2) q[1];
cx q[0], q[1];
rz(2*theta) q[1];
cx q[0], q[1];
rx(-pi/2) q[1];
h q[0];
