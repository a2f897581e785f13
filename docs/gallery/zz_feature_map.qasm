// The feature map of three data x, twice over: phases x_i and (pi - x_i)(pi - x_j), which are not linear in the data.
// Havlicek et al., Nature 567, 209 (2019).
OPENQASM 3.0;
include "stdgates.inc";
input float x_0;
input float x_1;
input float x_2;
gate pair(t) a, b { cx a, b; p(t) b; cx a, b; }
qubit[3] q;
for int repetition in [1:2] {
  h q;
  p(2*x_0) q[0];
  p(2*x_1) q[1];
  p(2*x_2) q[2];
  pair(2*(pi - x_0)*(pi - x_1)) q[0], q[1];
  pair(2*(pi - x_0)*(pi - x_2)) q[0], q[2];
  pair(2*(pi - x_1)*(pi - x_2)) q[1], q[2];
}
