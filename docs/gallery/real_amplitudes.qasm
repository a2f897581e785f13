// Real amplitudes: rotations about Y and controlled NOTs give real states, which fill the sphere of 2^n - 1 dimensions.
// Circuit family of Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019), and of
// Abbas et al., Nature Computational Science 1, 403 (2021). Three qubits, three repetitions.
OPENQASM 3.0;
include "stdgates.inc";
input float t0;
input float t1;
input float t2;
input float t3;
input float t4;
input float t5;
input float t6;
input float t7;
input float t8;
input float t9;
input float t10;
input float t11;
qubit[3] q;
ry(t0) q[0];
ry(t1) q[1];
ry(t2) q[2];
cx q[0:1], q[1:2];
ry(t3) q[0];
ry(t4) q[1];
ry(t5) q[2];
cx q[0:1], q[1:2];
ry(t6) q[0];
ry(t7) q[1];
ry(t8) q[2];
cx q[0:1], q[1:2];
ry(t9) q[0];
ry(t10) q[1];
ry(t11) q[2];
