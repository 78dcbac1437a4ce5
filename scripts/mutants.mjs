/**
 * @file `npm run mutants`: one-line faults that are planted in a copy of the sources, each with the test that must notice it. Names after the
 * command choose among them. Fails if a fault goes unnoticed, or if its line is not there any more.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** What is changed to what, once, and which test must fail on which device. */
const MUTANTS = [
  {
    name: 'another density in the surface term of the derivation',
    file: 'src/credit/derivation/evaluate.ts',
    from: 'return total + (jumps[i]! * e) / (1 + e) ** 2;',
    to: 'return total + jumps[i]! * e;',
    project: 'cpu',
    test: 'test/credit/derivation/evaluate.test.ts',
  },
  {
    name: 'half of the curvature in the derivation',
    file: 'src/credit/derivation/evaluate.ts',
    from: 'const correction = { curvature: -curvature,',
    to: 'const correction = { curvature: -curvature / 2,',
    project: 'cpu',
    test: 'test/credit/derivation/evaluate.test.ts',
  },
  {
    name: 'half of the curvature in the derivation, on its generated page',
    file: 'src/credit/derivation/evaluate.ts',
    from: 'const correction = { curvature: -curvature,',
    to: 'const correction = { curvature: -curvature / 2,',
    project: 'cpu',
    test: 'test/credit/derivation/report.test.ts',
  },
  {
    name: 'one tied place cut in the place of all',
    file: 'src/credit/credits.ts',
    from: 'lossesWithout(network, (e) => edges.includes(e)),',
    to: 'lossesWithout(network, (e) => e === edges[0]),',
    project: 'cpu',
    test: 'test/credit/places.test.ts',
  },
  {
    name: "a cell's output that is not counted in what leaves a node",
    file: 'src/credit/conservation.ts',
    from: 'outflow: sumOf((e) => edges[e]!.from === node) + elsewhere,',
    to: 'outflow: sumOf((e) => edges[e]!.from === node),',
    project: 'cpu',
    test: 'test/credit/conservation.test.ts',
  },
  {
    name: 'a record of credits under the temperature of the next step',
    file: 'src/cli/shared/credit-recording.ts',
    from: 'temperatureOf(step - 1)',
    to: 'temperatureOf(step)',
    project: 'cpu',
    test: 'test/runs/loaded-run.test.ts',
  },
  {
    name: 'a loaded run whose images are not standardised',
    file: 'src/runs/loaded-run.ts',
    from: 'positions), { standardise: this.statistics });',
    to: 'positions), {});',
    project: 'cpu',
    test: 'test/runs/loaded-run.test.ts',
  },
  {
    name: 'lengths of means with the noise of the means in them',
    file: 'experiments/laboratory/identity/supernet-terms.ts',
    from: 'all += sa * sb - same;',
    to: 'all += sa * sb;',
    project: 'cpu',
    test: 'test/experiments/laboratory/identity/supernet-terms.test.ts',
  },
  {
    name: 'a block without an ablation that counts as one of no effect',
    file: 'experiments/laboratory/identity/supernet-terms.ts',
    from: ' / block.counts[c]!;',
    to: ' / Math.max(1, block.counts[c]!);',
    project: 'cpu',
    test: 'test/experiments/laboratory/identity/supernet-terms.test.ts',
  },
  {
    name: 'an update by the ablation of choices that cuts one choice less',
    file: 'experiments/laboratory/swap/updates.ts',
    from: 'costs[i] = loss - at(s, r, 1 + c);',
    to: 'costs[i] = loss - at(s, r, 1 + (c % 2));',
    project: 'cpu',
    test: 'test/experiments/laboratory/swap/updates.test.ts',
  },
  {
    name: 'statistics updated twice by a checkpoint',
    file: 'src/core/recomputing.ts',
    from: 'return target.storage.born < since && since !== Infinity;',
    to: 'return target.storage.born < 0 && since !== Infinity;',
    project: 'cpu',
    test: 'test/core/checkpoint.devices.test.ts',
  },
  {
    name: 'a wrong lane in relaxed kernels',
    file: 'src/backends/wasm/runtime/instructions.ts',
    from: 'relaxed: (a, b, c) => [...a, ...b, ...c, ...simd(0x105)]',
    to: 'relaxed: (a, b, c) => [...a, ...b, ...shuffle(c, c, [1, 0, 2, 3]), ...simd(0x105)]',
    project: 'cpu',
    test: 'test/backends/wasm/kernels/matmul.test.ts',
  },
  {
    name: 'a wrong lane of a row in the sum of exponentials',
    file: 'src/backends/wasm/kernels/softmax.ts',
    from: 'shuffle(v.get, v.get, [2, 3, 2, 3])',
    to: 'shuffle(v.get, v.get, [2, 2, 2, 3])',
    project: 'cpu',
    test: 'test/backends/wasm/kernels/fused.test.ts',
  },
  {
    name: 'a claim that is held by its mean alone',
    file: 'src/credit/verdict.ts',
    from: "p < LEVEL ? (inside < outside ? 'held' : 'refuted') : 'undecided'",
    to: "inside < outside ? 'held' : p < LEVEL ? 'refuted' : 'undecided'",
    project: 'cpu',
    test: 'test/credit/verdict.test.ts',
  },
  {
    name: 'a correction that forgets how many comparisons there are',
    file: 'src/credit/verdict.ts',
    from: 'j.p * (order.length - rank)',
    to: 'j.p * (rank + 1)',
    project: 'cpu',
    test: 'test/credit/verdict.test.ts',
  },
  {
    name: 'a command that may be done before another has read what it writes',
    file: 'src/backends/shared/waves.ts',
    from: ', (read.get(memory) ?? -1) + 1);',
    to: ');',
    project: 'cpu',
    test: 'test/backends/shared/waves.test.ts',
  },
  {
    name: 'a call that two threads may claim',
    file: 'src/backends/wasm/threads/reparam-worker.js',
    from: 'if (Atomics.compareExchange(control, TURN, turn, turn + 1) !== turn) return true;',
    to: 'Atomics.store(control, TURN, turn + 1);',
    project: 'cpu',
    test: 'test/backends/wasm/threads/crew.test.ts',
  },
  {
    name: 'results shared across a write in place',
    file: 'src/core/share-equal.ts',
    from: 'return `t${t.id}v${t.storage.version}`;',
    to: 'return `t${t.id}`;',
    project: 'cpu',
    test: 'test/core/share-equal.devices.test.ts',
  },
  {
    name: 'a shared result changed under another caller',
    file: 'src/core/primitive.ts',
    from: 'if (!sharers || device.dry) return;',
    to: 'if (sharers || !sharers) return;',
    project: 'cpu',
    test: 'test/core/share-equal.devices.test.ts',
  },
  {
    name: 'addresses compared as signed numbers',
    file: 'src/backends/wasm/runtime/assembler.ts',
    from: 'const more = i32.lessThanUnsigned(i.get, to);',
    to: 'const more = i32.lessThan(i.get, to);',
    project: 'cpu',
    test: 'test/backends/wasm/runtime/heap/high-addresses.test.ts',
  },
  {
    name: 'a range of outputs that misses one',
    file: 'src/backends/wasm/runtime/calls.ts',
    from: '[at(part), at(part + 1)] as const',
    to: '[at(part), at(part + 1) - (part === 0 && parts > 1 ? 1 : 0)] as const',
    project: 'cpu',
    test: 'test/backends/wasm/runtime/runner.test.ts',
  },
  {
    name: 'a range of outputs that is dealt out twice',
    file: 'src/backends/wasm/runtime/calls.ts',
    from: '[at(part), at(part + 1)] as const',
    to: '[part === 1 ? 0 : at(part), at(part + 1)] as const',
    project: 'cpu',
    test: 'test/backends/wasm/runtime/runner.test.ts',
  },
  {
    name: 'the Z of computed options taken from the first ones',
    file: 'src/snas/space/pass.ts',
    from: 'slice(z, [from], [to])',
    to: 'slice(z, [0], [to - from])',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'weights of a layer that is used twice counted twice',
    file: 'src/snas/cost/space-table.ts',
    from: 'return first ? cost :',
    to: 'return first || cost ? cost :',
    project: 'cpu',
    test: 'test/snas/cost/space-table.test.ts',
  },
  {
    name: 'a choice taken as reached whatever is taken around it',
    file: 'src/snas/strategies/probabilities.ts',
    from: 'return sum + p * probabilityOfAny(left, rows);',
    to: 'return sum + p;',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'a child that inherits no weights',
    file: 'src/snas/space/search-space.ts',
    from: '      assign(tensor, from);',
    to: '      assign(tensor, tensor);',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'a budget that one option may go beyond',
    file: 'src/snas/cost/within-budget.ts',
    from: 'Math.max(0, cost[r] - limits[r]!) * units[r]!',
    to: 'Math.max(0, cost[r] - 1.05 * limits[r]!) * units[r]!',
    project: 'cpu',
    test: 'test/snas/cost/within-budget.test.ts',
  },
  {
    name: "an architecture's noise one number further on",
    file: 'src/snas/space/layout.ts',
    from: 'out[row * options + i] = numbers[offset + i]!',
    to: 'out[row * options + i] = numbers[(offset + i + 1) % numbers.length]!',
    project: 'cpu',
    test: 'test/cli/commands/search/golden.test.ts',
  },
  {
    name: "an option's layer that a function closes over let through",
    file: 'src/snas/space/search-space.ts',
    from: '!held.has(tensor) && !tensor.disposed',
    to: '!held.has(tensor) && tensor.disposed',
    project: 'cpu',
    test: 'test/snas/space/choice.test.ts',
  },
  {
    name: 'a record of a child for other settings taken',
    file: 'src/snas/space/child-record.ts',
    from: 'if (differing.length > 0)',
    to: 'if (differing.length > 9)',
    project: 'cpu',
    test: 'test/snas/space/child-record.test.ts',
  },
  {
    name: 'a shared Z that is not shared',
    file: 'src/snas/space/pass.ts',
    from: 'const row = this.#row(choice);',
    to: 'const row = this.#row(place % this.#layout.choices.length);',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'the probability of an outer option ignored in the cost',
    file: 'src/snas/cost/space-cost.ts',
    from: 'terms.push(place.path.reduce(',
    to: 'terms.push(place.path.slice(1).reduce(',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'rows of Z in another order',
    file: 'src/snas/space/layout.ts',
    from: 'rows[choices[Math.floor(i / options)]!]',
    to: 'rows[choices.at(-1 - Math.floor(i / options))!]',
    project: 'cpu',
    test: 'test/snas/space/search-space/random.devices.test.ts',
  },
  {
    name: 'a check left out of a fused kernel',
    file: 'src/core/batch-norm.ts',
    from: '(t.rank !== 1 || t.shape[0] !== c)',
    to: 't.rank > 4',
    project: 'cpu',
    test: 'test/core/fused-rows/admission.devices.test.ts',
  },
  {
    name: 'known operands that are compared without their shapes',
    file: 'src/core/fused-rows.ts',
    from: ' || !sameShape(s.shapes[i]!, inputs[i]!.shape)',
    to: '',
    project: 'cpu',
    test: 'test/core/fused-rows/admission.devices.test.ts',
  },
  {
    name: 'NaN dropped in a shader',
    file: 'shaders/elementwise/unary.wgsl',
    from: '(v < vec4f(0.0)) & !isNan(v)); }\n    case step',
    to: '!(v > vec4f(0.0))); }\n    case step',
    project: 'webgpu',
    test: 'test/core/ops/special-values.devices.test.ts',
  },
  {
    name: 'a NaN lost by the maximum of a row',
    file: 'shaders/reduce.wgsl',
    from: 'largest > 0x7f800000u',
    to: 'largest > 0xff800000u',
    project: 'webgpu',
    test: 'test/core/ops/special-values.devices.test.ts',
  },
  {
    name: 'a label clamped',
    file: 'shaders/softmax/cross-entropy.wgsl',
    from: 'known && isClass(label));',
    to: 'known);',
    project: 'webgpu',
    test: 'test/core/cross-entropy.devices.test.ts',
  },
  {
    name: 'a label clamped in the gradient',
    file: 'shaders/softmax/cross-entropy.wgsl',
    from: 'isNan(best) || !isClass(label);',
    to: 'isNan(best);',
    project: 'webgpu',
    test: 'test/core/cross-entropy.devices.test.ts',
  },
  {
    name: 'a constant not freed',
    file: 'src/core/constants.ts',
    from: '      tensor.dispose();',
    to: '',
    project: 'cpu',
    test: 'test/core/constants.devices.test.ts',
  },
  {
    name: 'a shared module counted twice',
    file: 'src/nn/module.ts',
    from: '    if (seen.has(this)) return;',
    to: '    if (prefix.length > 40) return;',
    project: 'cpu',
    test: 'test/nn/module.devices.test.ts',
  },
  {
    name: '1 - beta from a rounded beta',
    file: 'src/optim/adam.ts',
    from: '1 - b1, 1 - b2, this.eps',
    to: '1 - Math.fround(b1), 1 - Math.fround(b2), this.eps',
    project: 'cpu',
    test: 'test/optim/clip.devices.test.ts',
  },
  {
    name: 'a file that is not flushed',
    file: 'src/files/write.ts',
    from: '    await target.flush();',
    to: '',
    project: 'cpu',
    test: 'test/files/listed-folder/power-cut.test.ts',
  },
  {
    name: 'a recording that runs what it records',
    file: 'src/core/device.ts',
    from: 'if (this.#dry) return recorder?.operation(op, params, inputs, outputs);',
    to: 'if (this.#dry) recorder?.operation(op, params, inputs, outputs);',
    project: 'cpu',
    test: 'test/core/record-shapes.devices.test.ts',
  },
  {
    name: 'a kept constant counted as a parameter',
    file: 'src/core/device.ts',
    from: 'return this.#dry ? this.empty(kept.shape) : new Tensor(kept.storage',
    to: 'return new Tensor(kept.storage',
    project: 'cpu',
    test: 'test/snas/cost/counted.test.ts',
  },
  {
    name: 'groups that are not counted in multiply-adds',
    file: 'src/snas/cost/counted.ts',
    from: 'sizeOf(filter.slice(1))',
    to: 'sizeOf(filter.slice(2))',
    project: 'cpu',
    test: 'test/snas/cost/counted.test.ts',
  },
  {
    name: "a child's second choice that takes the mask of the first",
    file: 'src/snas/space/path-masks.ts',
    from: 'rows.set(module, rows.size);',
    to: 'rows.set(module, rows.size >> 1);',
    project: 'cpu',
    test: 'test/snas/space/path-masks.test.ts',
  },
  {
    name: 'a kernel of one row applied as one of one column',
    file: 'src/snas/spaces/darts/operations.ts',
    from: '[1, kernel], { stride: [1, stride], padding: [0, padding]',
    to: '[kernel, 1], { stride: [1, stride], padding: [padding, 0]',
    project: 'cpu',
    test: 'test/snas/spaces/darts/operations.test.ts',
  },
  {
    name: 'a column counted in half characters',
    file: 'src/snas/spaces/darts/literal-tokens.ts',
    from: 'Array.from(lines.at(-1)!).length',
    to: 'lines.at(-1)!.length',
    project: 'cpu',
    test: 'test/snas/spaces/darts/genotype-literal.test.ts',
  },
  {
    name: 'entries of a list for each node read in pairs',
    file: 'src/snas/spaces/darts/literal-reader.ts',
    from: 'cell.nodes ? this.#listed(cell.nodes, concat)',
    to: 'cell.nodes?.length === 99 ? this.#listed(cell.nodes, concat)',
    project: 'cpu',
    test: 'test/snas/spaces/darts/genotype-literal.test.ts',
  },
  {
    name: 'a checkpoint with a NaN kept',
    file: 'src/cli/shared/non-finite.ts',
    from: 'if (entry !== undefined) throw',
    to: 'if (entry === "") throw',
    project: 'cpu',
    test: 'test/cli/commands/search/locate-nan.test.ts',
  },
];

const wanted = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const copy = mkdtempSync(path.join(tmpdir(), 'reparam-mutants-'));
let unnoticed = 0;
try {
  for (const part of ['src', 'shaders', 'test', 'scripts', 'reliability', 'fuzz', 'examples', 'experiments', 'bench', 'docs'])
    cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
  for (const file of ['package.json', 'tsconfig.json', 'vitest.config.ts']) cpSync(path.join(root, file), path.join(copy, file));
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'dir');
  for (const { name, file, from, to, project, test } of chosen) {
    const place = path.join(copy, file);
    const whole = readFileSync(place, 'utf8');
    if (whole.split(from).length !== 2) {
      unnoticed++;
      console.log(`GONE      ${name}: ${file} does not hold ${JSON.stringify(from)} once`);
      continue;
    }
    writeFileSync(
      place,
      whole.replace(from, () => to),
    );
    const { status, stdout } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--project', project, test], {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    writeFileSync(place, whole);
    const failed = Number(/Tests +(\d+) failed/.exec(stdout)?.[1] ?? 0);
    // A fault must fail a test, and not only keep the file from being loaded.
    const noticed = status !== 0 && failed > 0;
    if (!noticed) unnoticed++;
    console.log(`${noticed ? 'noticed  ' : 'UNNOTICED'} ${name} (${file}): ${failed} tests of ${test} on ${project} fail`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
console.log(`${chosen.length - unnoticed} of ${chosen.length} planted faults noticed`);
process.exitCode = unnoticed > 0 ? 1 : 0;
