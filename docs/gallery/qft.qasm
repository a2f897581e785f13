// The quantum Fourier transform of four qubits, the most significant first, with the final reversal.
// Coppersmith, IBM Research Report RC 19642 (1994), arXiv:quant-ph/0201067.
OPENQASM 2.0;
include "qelib1.inc";
gate reversal a, b, c, d { swap a, d; swap b, c; }
qreg q[4];
h q[0];
cu1(pi/2) q[1], q[0];
cu1(pi/4) q[2], q[0];
cu1(pi/8) q[3], q[0];
h q[1];
cu1(pi/2) q[2], q[1];
cu1(pi/4) q[3], q[1];
h q[2];
cu1(pi/2) q[3], q[2];
h q[3];
reversal q[0], q[1], q[2], q[3];
