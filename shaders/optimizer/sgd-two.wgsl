// Stochastic gradient descent in place on 2 parameters at once, each as in sgd.wgsl: workgroups with the same y take one of them.
// gradient_k, parameter_k, velocity_k: [n_k]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/fused.devices.test.ts.
//#include "shared/sgd-many.wgsl" with COUNT = 2
