// The open Ising chain of four sites, H = -J sum Z Z - h sum X, to time t = 1 in ten Trotter steps of second order,
// as a function of its two couplings.
// Lloyd, Science 273, 1073 (1996); Suzuki, Phys. Lett. A 146, 319 (1990).
OPENQASM 3.0;
include "stdgates.inc";
input float J;
input float h_x;
const int n = 4;
const int steps = 10;
const float dt = 1.0/steps;
gate bond(angle_zz) a, b { cx a, b; rz(angle_zz) b; cx a, b; }
qubit[n] q;
ry(pi/4) q;
for int step in [1:steps] {
  rx(-h_x*dt) q;
  for int k in [0:n - 2] { bond(-2*J*dt) q[k], q[k + 1]; }
  rx(-h_x*dt) q;
}
