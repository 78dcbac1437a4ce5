/** @file Public names of `reparam/runs`: the folder of a search as it was: network, data, the state of a step, records. In Node. */
export { type LoadedConfig, LoadedRun, type LoadRunOptions, loadRun, type RunPart } from './loaded-run.ts';
