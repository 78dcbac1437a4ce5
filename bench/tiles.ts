/**
 * @file `npm run bench:tiles`: how fast the inner loop of matrix products and convolutions is for tiles of every shape, on numbers that lie in
 * the nearest cache: what chose the tiles of src/backends/wasm. A tile of m x 4 v sums takes m weights and v vectors at each step.
 */
import { type FunctionWriter, type Local, ModuleWriter } from '../src/backends/wasm/runtime/assembler.ts';
import { type Code, doWhile, i32, type Kernels, multiplyAdds, shuffle, v128 } from '../src/backends/wasm/runtime/instructions.ts';
import { relaxedRuns } from '../src/backends/wasm/runtime/linker.ts';
import { figure, table } from './table.ts';

interface Tile {
  readonly rows: number;
  readonly vectors: number;
}

const TILES: readonly Tile[] = [
  { rows: 2, vectors: 2 },
  { rows: 2, vectors: 4 },
  { rows: 3, vectors: 2 },
  { rows: 3, vectors: 3 },
  { rows: 4, vectors: 1 },
  { rows: 4, vectors: 2 },
  { rows: 4, vectors: 3 },
  { rows: 5, vectors: 2 },
  { rows: 6, vectors: 1 },
  { rows: 6, vectors: 2 },
  { rows: 8, vectors: 1 },
];

/** How a weight comes into all lanes: loaded so, or shuffled out of four that stay in a register. */
const WAYS = ['broadcast', 'shuffle'] as const;
const STEPS = 256;
const ROUNDS = 200;
const REPEATS = 400;

/** Address of the vectors, of the weights, and of the results. */
const [VECTORS, WEIGHTS, RESULTS] = [4096, 32_768, 61_440];

/** `run(repeats)`: the loop of one tile over STEPS steps, so many times. */
function tileModule({ rows, vectors }: Tile, kernels: Kernels, way: (typeof WAYS)[number]): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter('run');
  const multiplyAdd = multiplyAdds[kernels];
  module.add('run', 'repeats', (f: FunctionWriter, { repeats }) => {
    const sums = Array.from({ length: rows }, () => f.localArray('v128', vectors));
    const loaded = f.localArray('v128', vectors);
    const four = f.localArray('v128', Math.ceil(rows / 4));
    const { weight } = f.locals('v128', 'weight');
    const { repeat, b, a, end } = f.locals('i32', 'repeat b a end');
    const each = (body: (sum: Local, r: number, v: number) => Code): Code =>
      sums.flatMap((row, r) => row.flatMap((sum, v) => body(sum, r, v)));
    const splat = (r: number): Code => {
      if (way === 'broadcast') return v128.loadSplat(a.get, 4 * r);
      const from = four[Math.floor(r / 4)]!.get;
      return shuffle(from, from, [r % 4, r % 4, r % 4, r % 4]);
    };
    return f.loop(repeat, i32.const(0), repeats.get, 1, [
      ...each((sum) => sum.set(v128.zero)),
      ...b.set(i32.const(VECTORS)),
      ...a.set(i32.const(WEIGHTS)),
      ...end.set(i32.const(VECTORS + 16 * vectors * STEPS)),
      ...doWhile(
        [
          ...loaded.flatMap((vector, v) => vector.set(v128.load(b.get, 16 * v))),
          ...(way === 'shuffle' ? four.flatMap((w, i) => w.set(v128.load(a.get, 16 * i))) : []),
          ...sums.flatMap((row, r) => [
            ...weight.set(splat(r)),
            ...row.flatMap((sum, v) => sum.set(multiplyAdd(weight.get, loaded[v]!.get, sum.get))),
          ]),
          ...b.advance(16 * vectors),
          ...a.advance(16 * Math.ceil(rows / 4)),
        ],
        i32.lessThan(b.get, end.get),
      ),
      ...each((sum, r, v) => v128.store(i32.const(RESULTS), sum.get, 16 * (r * vectors + v))),
    ]);
  });
  return module.assemble().bytes(false);
}

/** Billions of multiplications and additions a second, of the fastest of many rounds. */
function speed(tile: Tile, run: (repeats: number) => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run(REPEATS);
    best = Math.min(best, performance.now() - start);
  }
  return (8 * tile.rows * tile.vectors * STEPS * REPEATS) / best / 1e6;
}

const kinds: readonly Kernels[] = relaxedRuns() ? ['plain', 'relaxed'] : ['plain'];
const memory = new WebAssembly.Memory({ initial: 2 });
const lines = TILES.map((tile) => {
  const { rows, vectors } = tile;
  const speeds = kinds.flatMap((kernels) =>
    WAYS.map((way) => {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(tileModule(tile, kernels, way)), { reparam: { memory } });
      return figure(speed(tile, exports['run'] as (repeats: number) => void));
    }),
  );
  return [`${rows} x ${4 * vectors}`, String(rows * vectors), figure((rows * vectors) / (rows + vectors)), ...speeds];
});
const heads = kinds.flatMap((kernels) => WAYS.map((way) => `${kernels}, ${way}, GFLOP/s`));
process.stdout.write(`${new Date().toISOString().slice(0, 10)}; Node ${process.version}.\n\n`);
process.stdout.write(`${table(['tile', 'sums, vectors', 'arithmetic a load', ...heads], lines)}\n`);
