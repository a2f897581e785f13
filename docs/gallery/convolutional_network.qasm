// A quantum convolutional network on four qubits: a layer applies one gate to all neighbours (shared parameters),
// then pools two qubits into the others by controlled rotations; measurements are deferred, so the circuit is unitary.
// Cong, Choi, Lukin, Nature Physics 15, 1273 (2019).
OPENQASM 3.0;
include "stdgates.inc";
input float c0_0;
input float c0_1;
input float c0_2;
input float c0_3;
input float c0_4;
input float c0_5;
input float c1_0;
input float c1_1;
input float c1_2;
input float c1_3;
input float c1_4;
input float c1_5;
input float p0_0;
input float p0_1;
input float p1_0;
input float p1_1;
gate convolution(a, b, c, d, e, f) x, y {
  U(a, b, 0) x;
  U(c, d, 0) y;
  cx x, y;
  rz(e) y;
  cx x, y;
  ry(f) x;
}
gate pooling(a, b) x, y { ctrl @ rz(a) x, y; negctrl @ rx(b) x, y; }
qubit[4] q;
let kept = q[1:2:3];
ry(pi/3) q;
for int k in {0, 2} { convolution(c0_0, c0_1, c0_2, c0_3, c0_4, c0_5) q[k], q[k + 1]; }
convolution(c0_0, c0_1, c0_2, c0_3, c0_4, c0_5) q[1], q[2];
pooling(p0_0, p0_1) q[0:2:2], kept;
convolution(c1_0, c1_1, c1_2, c1_3, c1_4, c1_5) kept[0], kept[1];
pooling(p1_0, p1_1) kept[0], kept[1];
