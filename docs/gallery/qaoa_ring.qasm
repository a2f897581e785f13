// QAOA for MaxCut on a ring of four vertices, three layers: a layer is one angle of the cost and one of the mixer.
// Farhi, Goldstone, Gutmann, arXiv:1411.4028 (2014). A ring of n (even) is n/2 free spins, so states fill n dimensions
// at most (Larocca et al., Nature Computational Science 3, 542 (2023)): four of these six angles count.
OPENQASM 3.0;
include "stdgates.inc";
const int n = 4;
input float gamma0;
input float beta0;
input float gamma1;
input float beta1;
input float gamma2;
input float beta2;
gate cost(gamma) a, b { cx a, b; rz(-gamma) b; cx a, b; }
qubit[n] q;
h q;
for int k in [0:n - 1] { cost(gamma0) q[k], q[(k + 1) % n]; }
rx(2*beta0) q;
for int k in [0:n - 1] { cost(gamma1) q[k], q[(k + 1) % n]; }
rx(2*beta1) q;
for int k in [0:n - 1] { cost(gamma2) q[k], q[(k + 1) % n]; }
rx(2*beta2) q;
