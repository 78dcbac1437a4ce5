// six.wgsl with seven tensors a dispatch, for devices that bind more than eight buffers: an edge of SNAS has seven.
//   sum     y = z_first x_0 + z_(first + 1) x_1 + ...; where `carries`, x_0 is a running sum and has weight 1
//   dots    lane sums [k, lanes]: each lane's share of <g, x_k>, which partial-sums.wgsl adds
//   scale7  gx_k = z_k g for seven tensors
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/fused.devices.test.ts.
//#include "shared/mixed-sum.wgsl" with SLOTS = 7
//#include "shared/mixed-sum-scale.wgsl" with NUMBER = 7
