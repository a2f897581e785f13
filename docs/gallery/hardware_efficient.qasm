// A hardware-efficient ansatz: Euler rotations of every qubit between fixed entanglers, three times, on three qubits.
// Kandala, Mezzacapo, Temme, Takita, Brink, Chow, Gambetta, Nature 549, 242 (2017). Its entangler there is the
// evolution under a cross-resonance drive; here two of them in a row.
OPENQASM 3.0;
include "stdgates.inc";
input float b0_0;
input float c0_0;
input float b0_1;
input float c0_1;
input float b0_2;
input float c0_2;
input float a1_0;
input float b1_0;
input float c1_0;
input float a1_1;
input float b1_1;
input float c1_1;
input float a1_2;
input float b1_2;
input float c1_2;
input float a2_0;
input float b2_0;
input float c2_0;
input float a2_1;
input float b2_1;
input float c2_1;
input float a2_2;
input float b2_2;
input float c2_2;
input float a3_0;
input float b3_0;
input float c3_0;
input float a3_1;
input float b3_1;
input float c3_1;
input float a3_2;
input float b3_2;
input float c3_2;
gate cross_resonance a, b { h b; cx a, b; rz(pi/2) b; cx a, b; h b; }
gate euler(a, b, c) x { rz(a) x; rx(b) x; rz(c) x; }
qubit[3] q;
rx(b0_0) q[0];
rz(c0_0) q[0];
rx(b0_1) q[1];
rz(c0_1) q[1];
rx(b0_2) q[2];
rz(c0_2) q[2];
for int k in [0:1] { cross_resonance q[k], q[k + 1]; }
euler(a1_0, b1_0, c1_0) q[0];
euler(a1_1, b1_1, c1_1) q[1];
euler(a1_2, b1_2, c1_2) q[2];
for int k in [0:1] { cross_resonance q[k], q[k + 1]; }
euler(a2_0, b2_0, c2_0) q[0];
euler(a2_1, b2_1, c2_1) q[1];
euler(a2_2, b2_2, c2_2) q[2];
for int k in [0:1] { cross_resonance q[k], q[k + 1]; }
euler(a3_0, b3_0, c3_0) q[0];
euler(a3_1, b3_1, c3_1) q[1];
euler(a3_2, b3_2, c3_2) q[2];
