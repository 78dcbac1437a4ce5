/** @file Modules are small enough for a page, whose main thread compiles at most 4,096 bytes at once: else a kernel would fail there alone. */
import { expect, it } from 'vitest';
import { batchNormModule } from '../../../../src/backends/wasm/kernels/batch-norm.ts';
import { columnTileRows, offsetColumns, showColumnTile } from '../../../../src/backends/wasm/kernels/conv/depthwise.ts';
import { dotProductsModule, type DotTile } from '../../../../src/backends/wasm/kernels/conv/dot-products.ts';
import { outputTilesModule } from '../../../../src/backends/wasm/kernels/conv/output-tiles.ts';
import { dotTile, outputTiles } from '../../../../src/backends/wasm/kernels/conv/plans.ts';
import { windowOffsets } from '../../../../src/backends/wasm/kernels/conv/sliding-window.ts';
import { gemmModule } from '../../../../src/backends/wasm/kernels/matmul/blocked.ts';
import { mixedGradientModule, mixedSumModule } from '../../../../src/backends/wasm/kernels/mixed-sum.ts';
import { crossEntropyModule, softmaxModule } from '../../../../src/backends/wasm/kernels/softmax.ts';
import type { WasmModule } from '../../../../src/backends/wasm/runtime/assembler.ts';
import { type MultiplyAdd, multiplyAdds } from '../../../../src/backends/wasm/runtime/instructions.ts';
import { KERNELS } from '../../../support/kernels.ts';

const MOST = 4096;

function* modules(multiplyAdd: MultiplyAdd): Generator<readonly [string, () => WasmModule<string>]> {
  yield ['gemm', () => gemmModule(multiplyAdd)];
  yield ['softmax', () => softmaxModule(multiplyAdd)];
  yield ['cross-entropy', () => crossEntropyModule(multiplyAdd)];
  yield ['batch norm', () => batchNormModule()];
  yield ['mixed sum of 32', () => mixedSumModule(32)];
  yield ['mixed sum gradient', () => mixedGradientModule()];
  // Every tile that a convolution may be planned with: channels, rows and columns of its output, and products of a sum.
  for (const outputs of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 64]) {
    for (const rows of [1, 2, 3, 4, 5, 8, 28]) {
      for (const columns of [4, 5, 7, 8, 9, 12, 14, 16, 28, 32]) {
        for (const block of [0, 32, 64]) {
          const { wide, narrow } = outputTiles(outputs, rows, columns, block);
          yield [`output tiles ${JSON.stringify([wide, narrow])}`, () => outputTilesModule(multiplyAdd, wide, narrow)];
        }
      }
    }
    for (const reads of [1, 2, 3, 4, 9, 400]) {
      for (const long of ['no', 'in blocks', 'in two numbers'] satisfies DotTile['long'][]) {
        const tile = dotTile(outputs, reads, long);
        yield [`dot products ${JSON.stringify(tile)}`, () => dotProductsModule(multiplyAdd, tile)];
      }
    }
  }
  // Depthwise convolutions of every window, stride and dilation that is taken column by column.
  for (let side = 2; side <= 17; side++) {
    for (const stride of [1, 2]) {
      for (const dilation of [1, 3]) {
        const geometry = {
          padding: [
            [0, 0],
            [0, 0],
          ],
          stride: [stride, stride],
          dilation: [dilation, dilation],
        } as const;
        const columns = offsetColumns(windowOffsets(geometry, side, 2), stride)?.columns;
        if (!columns) continue;
        for (let height = 1; height <= 9; height++) {
          const tile = { rows: columnTileRows(height), columns };
          yield [`columns ${showColumnTile(tile)}`, () => outputTilesModule(multiplyAdd, undefined, tile)];
          yield [`column dots ${showColumnTile(tile)}`, () => dotProductsModule(multiplyAdd, tile)];
        }
      }
    }
  }
}

it.each(KERNELS)('no module of %s kernels is longer than a page compiles at once', (kernels) => {
  const seen = new Map<string, number>();
  for (const [name, assemble] of modules(multiplyAdds[kernels])) if (!seen.has(name)) seen.set(name, assemble().bytes.length);
  expect(seen.size).toBeGreaterThan(100);
  expect([...seen].filter(([, size]) => size > MOST)).toEqual([]);
});
