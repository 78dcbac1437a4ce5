/**
 * @file The order of layers, lowest first: which rooms of src/ there are, and which earlier rooms each may import. `npm run check` refuses
 * any other import (scripts/structure.mjs); docs/architecture.md shows the same list.
 */

/**
 * `room` is a folder or file under src/, and the longest name that fits a file says where it lives. `node: true` lets all files of a room
 * import Node; elsewhere only files named `*.node.ts` may.
 */
export const layers = [
  { room: 'contract', imports: [] },
  { room: 'core', imports: ['contract'] },
  { room: 'backends/shared', imports: ['contract'] },
  { room: 'backends/cpu', imports: ['contract', 'backends/shared'] },
  { room: 'backends/wasm', imports: ['contract', 'backends/shared', 'backends/cpu'] },
  { room: 'backends/webgpu', imports: ['contract', 'backends/shared'] },
  { room: 'devices', imports: ['contract', 'core', 'backends/cpu', 'backends/wasm', 'backends/webgpu'] },
  { room: 'index.ts', imports: ['contract', 'core', 'devices'] },
  { room: 'nn', imports: ['contract', 'core'] },
  { room: 'optim', imports: ['contract', 'core', 'nn'] },
  { room: 'distributions', imports: ['contract', 'core'] },
  { room: 'data', imports: ['contract', 'core'] },
  { room: 'plot', imports: ['contract'] },
  { room: 'export', imports: ['contract', 'nn', 'data'] },
  { room: 'snas/keys.ts', imports: [] },
  { room: 'snas/space', imports: ['contract', 'core', 'nn', 'plot'] },
  { room: 'snas/strategies', imports: ['contract', 'core', 'distributions', 'snas/space'] },
  { room: 'snas/cost', imports: ['contract', 'core', 'nn', 'distributions', 'snas/space', 'snas/strategies'] },
  { room: 'snas/child', imports: ['contract', 'core', 'nn', 'optim', 'data', 'snas/keys.ts', 'snas/space', 'snas/cost'] },
  {
    room: 'snas/search',
    imports: [
      'contract',
      'core',
      'nn',
      'optim',
      'data',
      'snas/keys.ts',
      'snas/space',
      'snas/strategies',
      'snas/cost',
      'snas/child',
    ],
  },
  {
    room: 'snas/index.ts',
    imports: ['snas/keys.ts', 'snas/space', 'snas/strategies', 'snas/cost', 'snas/child', 'snas/search'],
  },
  { room: 'baselines', imports: ['contract', 'core', 'nn', 'distributions', 'snas/space', 'snas/strategies', 'snas/cost'] },
  { room: 'credit', imports: ['contract', 'core', 'optim', 'distributions', 'data', 'plot', 'snas/space', 'snas/child'] },
  { room: 'testing', imports: ['contract', 'core', 'backends/cpu', 'devices', 'distributions'] },
  {
    room: 'cli',
    node: true,
    imports: [
      'contract',
      'core',
      'backends/webgpu',
      'devices',
      'nn',
      'distributions',
      'data',
      'plot',
      'export',
      'snas/keys.ts',
      'snas/space',
      'snas/strategies',
      'snas/cost',
      'snas/child',
      'snas/search',
      'baselines',
      'credit',
      'testing',
    ],
  },
];
