/** @file What is done with the child of a search: `reparam evaluate`, `predict`, `train --from`, and budgets on the command line. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestStop } from '../../../src/command/stop.ts';
import { cpu } from '../../../src/index.ts';
import { RunChild } from '../../../src/cli/shared/run-child.ts';
import { nodeFileSystem, useFileSystem } from '../../../src/files/system.ts';
import { quadrants } from '../../support/tiny-search.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';
import { writeImageFolder } from '../../support/image-folder.ts';
import { npyBytes, npyOfBytes, zipBytes } from '../../support/npz.ts';
import { type Ended, runReparam } from '../../support/run-reparam.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-children-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 48);
const own = path.join(scratch, 'own');

const SIZES: Readonly<Record<string, string>> = {
  darts: '--nodes 1 --cells 2 --channels 2',
  nasbench201: '--channels 2 --cells 1',
  chain: '--channels 2 --layers 3',
  mlp: '--width 16 --layers 2',
};
const search = (space: string, out: string, ...args: readonly string[]): Promise<Ended> =>
  runReparam(
    ...`search --space ${space} ${SIZES[space]} --preset smoke --device cpu --train-images 64 --validation-images 32 --epochs 2 --seed 5 --quiet --out ${out}`.split(
      ' ',
    ),
    ...(args.includes('--data') ? [] : ['--data', data]),
    ...args,
  );
const run = (space: string): string => path.join(scratch, space);

interface Found {
  readonly testAccuracy: number;
  readonly choices: Record<string, string>;
  readonly [name: string]: unknown;
}
const found = (folder: string): Found => JSON.parse(readFileSync(path.join(folder, 'genotype.json'), 'utf8')) as Found;
/** A copy of a run, to be damaged. */
const copy = (space: string, name: string): string => {
  const to = path.join(scratch, name);
  cpSync(run(space), to, { recursive: true });
  return to;
};
/** A copy whose genotype.json is another, and on no list. */
const changed = (space: string, name: string, change: object): string => {
  const to = copy(space, name);
  writeFileSync(path.join(to, 'genotype.json'), JSON.stringify({ ...found(run(space)), ...change }));
  rmSync(path.join(to, 'files.json'));
  return to;
};

function whole({ code, err }: Ended): void {
  if (code !== 0 || err !== '') throw new Error(`ended with ${code}: ${err}`);
}

beforeAll(async () => {
  for (const space of Object.keys(SIZES)) whole(await search(space, run(space)));
  await writeImageFolder(own, 12);
  const sizes = '--size 8 --train-images 16 --validation-images 8 --batch-size 8'.split(' ');
  whole(await search('chain', path.join(scratch, 'pictures'), '--data', own, ...sizes));
}, 120_000);

describe('reparam evaluate', () => {
  it.each(Object.keys(SIZES))(
    'finds the accuracy that the search found, of a child of space %s, and says what was taken for what',
    async (space) => {
      const ended = await runReparam('evaluate', run(space), '--device', 'cpu', '--data', data);
      expect(ended.code).toBe(0);
      const { testAccuracy } = found(run(space));
      expect(ended.out).toContain(`accuracy   ${(100 * testAccuracy).toFixed(2)} %, loss `);
      const evaluation = JSON.parse(readFileSync(path.join(run(space), 'evaluation.json'), 'utf8')) as {
        counts: number[][];
        images: number;
        accuracy: number;
      };
      expect(evaluation.accuracy).toBeCloseTo(testAccuracy, 12);
      expect(evaluation.images).toBe(48);
      const { labels } = quadrants(48, 2);
      for (const [label, row] of evaluation.counts.entries())
        expect(row.reduce((a, b) => a + b, 0)).toBe(labels.filter((l) => l === label).length);
      // The same table for people.
      const rows = ended.out.split('\n').filter((line) => /^\d +\d/.test(line));
      expect(rows.map((line) => line.trim().split(/ +/).slice(1, 11).map(Number))).toEqual(evaluation.counts);
      expect(readFileSync(path.join(run(space), 'confusion.svg'), 'utf8')).toMatch(/^<svg[^]*What was taken for what[^]*<\/svg>/);
      expect((await runReparam('verify', run(space))).code).toBe(0);
    },
  );

  it('needs no training set, takes the data of the search where none are named, other folders for its files, and any part', async () => {
    const quiet = await runReparam(
      'evaluate',
      run('chain'),
      '--device',
      'cpu',
      '--quiet',
      '--out',
      path.join(scratch, 'elsewhere'),
    );
    expect(quiet).toMatchObject({ code: 0, err: '' });
    expect(quiet.out).toMatch(/^accuracy   \d+\.\d\d %, loss \d+\.\d{4} nats\n$/);
    expect(readdirSync(path.join(scratch, 'elsewhere')).sort()).toEqual(['confusion.svg', 'evaluation.json', 'files.json']);
    // The statistics are those of the search's training images, not of what is evaluated: one image alone gets the same answer.
    const one = path.join(scratch, 'one');
    writeIdxFolder(one, 1, 1);
    const all = await runReparam(
      'evaluate',
      run('chain'),
      '--device',
      'cpu',
      '--data',
      one,
      '--part',
      'all',
      '--out',
      path.join(scratch, 'elsewhere'),
    );
    expect(all.out).toContain(`${one}: 2 images`);
  });

  it('goes by the names of classes, and refuses one that the child does not know', async () => {
    const pictures = path.join(scratch, 'pictures');
    const whole = await runReparam('evaluate', pictures, '--device', 'cpu', '--part', 'all');
    expect(whole.out).toMatch(/class-a +class-b +class-c/);
    // Without the first class the others have other numbers, and the same names.
    const fewer = path.join(scratch, 'fewer');
    for (const name of ['class-b', 'class-c']) cpSync(path.join(own, name), path.join(fewer, name), { recursive: true });
    const part = await runReparam('evaluate', pictures, '--device', 'cpu', '--data', fewer, '--part', 'all');
    const table = (text: string): string[] => text.split('\n').filter((line) => /^class-[bc] /.test(line));
    expect(table(part.out).map((line) => line.split(/ +/))).toEqual(table(whole.out).map((line) => line.split(/ +/)));
    cpSync(path.join(own, 'class-a'), path.join(fewer, 'zebra'), { recursive: true });
    const unknown = await runReparam('evaluate', pictures, '--device', 'cpu', '--data', fewer, '--quiet');
    expect(unknown.code).not.toBe(0);
    expect(unknown.err).toMatch(
      /^reparam: .*fewer has the class 'zebra', which the child in .*pictures does not know: it knows class-a, class-b, class-c\n$/,
    );
  });

  it('refuses in one line what holds no child, other sizes, and what was changed, naming the file', async () => {
    const refused = async (folder: string, message: RegExp, ...args: readonly string[]): Promise<void> => {
      const ended = await runReparam('evaluate', folder, '--device', 'cpu', '--quiet', ...args);
      expect(ended.code).not.toBe(0);
      expect(ended.err).toMatch(/^reparam: [^\n]*\n$/);
      expect(ended.err).toMatch(message);
    };
    await refused(
      path.join(scratch, 'nothing'),
      /nothing holds no child: there is no genotype\.json; it is written when a search has ended/,
    );
    expect(existsSync(path.join(scratch, 'nothing'))).toBe(false);
    await refused(
      run('chain'),
      /own has items of \[3, 10, 12\], and the child in .*chain takes \[1, 8, 8\]: say --size 8 --colour grey/,
      '--data',
      own,
    );
    const damaged = copy('chain', 'damaged');
    const bytes = readFileSync(path.join(damaged, 'child.safetensors'));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path.join(damaged, 'child.safetensors'), bytes);
    await refused(damaged, /child\.safetensors is damaged/);
    await refused(
      changed('chain', 'shorter', { settings: { channels: 2, layers: 2 } }),
      /genotype\.json does not fit the space chain: .*layer3/,
    );
    await refused(
      changed('chain', 'wider', { settings: { channels: 3, layers: 3 } }),
      /genotype\.json does not fit the space chain: .*shape/,
    );
    await refused(
      changed('chain', 'other', { space: 'nasbench201', settings: { channels: 2, cells: 1 } }),
      /does not fit the space nasbench201: .*layer1/,
    );
    await refused(changed('darts', 'cells', { choices: found(run('chain')).choices }), /does not fit the space darts: .*layer1/);
    await refused(changed('chain', 'unknown', { space: 'ladder' }), /the space 'ladder' is none of darts, nasbench201, chain, mlp/);
    await refused(
      changed('chain', 'sizes', { settings: { channels: 0, layers: 3 } }),
      /genotype\.json: the settings of space chain: .*channels/,
    );
    const old = copy('darts', 'old');
    const { genotype, literal } = found(run('darts'));
    writeFileSync(path.join(old, 'genotype.json'), JSON.stringify({ literal, genotype, testAccuracy: 1 }));
    rmSync(path.join(old, 'files.json'));
    await refused(old, /space: .*written by an earlier version.*train --genotype still reads its cell/);
  });
});

describe('reparam predict', () => {
  it('says of each image of an IDX or .npz file what evaluate counts, with probabilities', async () => {
    const idx = path.join(data, 't10k-images-idx3-ubyte');
    const { images, labels } = quadrants(48, 2);
    const npz = path.join(scratch, 'images.npz');
    writeFileSync(npz, zipBytes({ 'x.npy': npyOfBytes([48, 8, 8], images) }));
    const { testAccuracy } = found(run('chain'));
    const lines: string[][][] = [];
    for (const file of [idx, npz]) {
      const { code, out, err } = await runReparam('predict', run('chain'), file, '--device', 'cpu', '--top', '10');
      expect([code, err]).toEqual([0, '']);
      const rows = out
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
      expect(rows.map(([name]) => name)).toEqual(Array.from({ length: 48 }, (_, i) => `${file}[${i}]`));
      for (const row of rows) {
        const p = row.filter((_, i) => i > 0 && i % 2 === 0).map(Number);
        expect(p).toEqual(p.toSorted((a, b) => b - a));
        expect(Math.abs(p.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-3);
      }
      expect(rows.filter((row, i) => row[1] === String(labels[i])).length / 48).toBeCloseTo(testAccuracy, 12);
      lines.push(rows);
    }
    expect(lines[1]!.map(([, ...rest]) => rest)).toEqual(lines[0]!.map(([, ...rest]) => rest));
  });

  it('takes PNG, JPEG and WebP as the search took them, a line a file, and classes by name', async () => {
    const files = ['class-a/0.png', 'class-b/1.jpg', 'class-c/2.webp'].map((name) => path.join(own, name));
    const { code, out, err } = await runReparam('predict', path.join(scratch, 'pictures'), ...files, '--device', 'cpu');
    expect([code, err]).toEqual([0, '']);
    expect(out.trimEnd().split('\n')).toHaveLength(3);
    for (const [i, line] of out.trimEnd().split('\n').entries()) {
      const [file, name, p] = line.split('\t');
      expect(file).toBe(files[i]);
      expect(['class-a', 'class-b', 'class-c']).toContain(name);
      expect(Number(p)).toBeGreaterThan(1 / 3 - 1e-4);
    }
    // The same that evaluate says of all of them.
    const all = ['a', 'b', 'c'].flatMap((c) =>
      readdirSync(path.join(own, `class-${c}`)).map((name) => path.join(own, `class-${c}`, name)),
    );
    const each = await runReparam('predict', path.join(scratch, 'pictures'), ...all, '--device', 'cpu');
    await runReparam('evaluate', path.join(scratch, 'pictures'), '--device', 'cpu', '--part', 'all', '--quiet');
    const { counts } = JSON.parse(readFileSync(path.join(scratch, 'pictures/evaluation.json'), 'utf8')) as { counts: number[][] };
    const counted = counts.map((row) => row.map(() => 0));
    for (const line of each.out.trimEnd().split('\n')) {
      const [file, name] = line.split('\t') as [string, string];
      counted['abc'.indexOf(/class-(.)/.exec(file)![1]!)]!['abc'.indexOf(name.at(-1)!)]!++;
    }
    expect(counted).toEqual(counts);
  });

  it('prints the numbers of a regression, a line an item, and no classes', async () => {
    const file = path.join(scratch, 'numbers.npz');
    const npyOfFloats = (values: readonly number[], shape: readonly number[]): Uint8Array =>
      npyBytes({ descr: '<f4', shape }, new Uint8Array(Float32Array.from(values).buffer));
    const items = Array.from({ length: 64 }, (_, i) => i / 64);
    writeFileSync(
      file,
      zipBytes({
        'x_train.npy': npyOfFloats(items, [32, 2]),
        'y_train.npy': npyOfFloats(items.slice(0, 32), [32]),
        'x_test.npy': npyOfFloats(items.slice(0, 16), [8, 2]),
        'y_test.npy': npyOfFloats(items.slice(0, 8), [8]),
      }),
    );
    const out = path.join(scratch, 'regression');
    whole(await search('mlp', out, '--data', file, ...'--train-images 16 --validation-images 16 --batch-size 8'.split(' ')));
    const only = path.join(scratch, 'items.npz');
    writeFileSync(only, zipBytes({ 'images.npy': npyOfFloats(items.slice(0, 6), [3, 2]) }));
    const ended = await runReparam('predict', out, only, '--device', 'cpu');
    whole(ended);
    const lines = ended.out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const reference = cpu();
    const child = (await RunChild.read(out)).load(reference);
    const { standardise } = found(out) as unknown as { standardise: { mean: number[]; std: number[] } };
    const given = items.slice(0, 6).map((value, i) => (value - (standardise.mean[i % 2] ?? 0)) / (standardise.std[i % 2] ?? 1));
    const expected = await child.forward(reference.tensor(given, [3, 2])).data();
    expect(lines.map(([name]) => name)).toEqual([0, 1, 2].map((i) => `${only}[${i}]`));
    for (const [i, [, value, ...rest]] of lines.entries()) {
      expect(rest).toEqual([]);
      expect(Number(value)).toBeCloseTo(expected[i]!, 4);
    }
  });

  it('refuses another size unless it is told how to bring it to the child, and names a file that is no image', async () => {
    const file = path.join(own, 'class-a/0.png');
    const small = await runReparam('predict', run('chain'), file, '--device', 'cpu');
    expect(small.err).toMatch(
      /0\.png has 12 x 10 pixels, and the network takes 8 x 8: say how it is brought to that size \(--fit crop or --fit stretch\)\n$/,
    );
    expect(await runReparam('predict', run('chain'), file, '--device', 'cpu', '--fit', 'stretch')).toMatchObject({
      code: 0,
      err: '',
    });
    const text = path.join(scratch, 'text.png');
    writeFileSync(text, 'no image');
    const ended = await runReparam('predict', run('chain'), text, '--device', 'cpu');
    expect(ended.err).toMatch(/text\.png/);
    expect(ended.err.trimEnd().split('\n')).toHaveLength(1);
    expect((await runReparam('predict', run('chain'), path.join(scratch, 'gone.png'), '--device', 'cpu')).err).toMatch(
      /^reparam: .*gone\.png.*\n$/,
    );
  });
});

describe('reparam train --from', () => {
  const train = (from: string, out: string, ...args: readonly string[]): Promise<Ended> =>
    runReparam(
      ...`train --from ${from} --preset smoke --device cpu --train-images 48 --batch-size 16 --epochs 2 --quiet --checkpoint-minutes 1e-9 --seed 3 --out ${out}`.split(
        ' ',
      ),
      ...args,
    );
  interface Result {
    readonly cells: {
      readonly name: string;
      readonly parameters: number;
      readonly testError: number;
      readonly epochs: { readonly accuracy: number; readonly loss: number }[];
    }[];
  }
  const result = (folder: string): Result => JSON.parse(readFileSync(path.join(folder, 'result.json'), 'utf8')) as Result;

  it.each(Object.keys(SIZES))(
    'goes on with the child of space %s, and leaves a child that can be evaluated and trained on',
    async (space) => {
      const out = path.join(scratch, `trained-${space}`);
      expect(await train(run(space), out)).toMatchObject({ code: 0, err: '' });
      const [cell] = result(out).cells;
      const child = await RunChild.read(run(space));
      expect(cell).toMatchObject({ name: space, parameters: child.load(cpu({ dtype: 'float32' })).parameterCount() });
      const { testAccuracy, choices } = found(out);
      expect(choices).toEqual(found(run(space)).choices);
      expect(testAccuracy).toBeCloseTo(1 - cell!.testError, 12);
      const evaluated = await runReparam('evaluate', out, '--device', 'cpu', '--quiet');
      expect(evaluated.out).toContain(`accuracy   ${(100 * testAccuracy).toFixed(2)} %`);
      // At a rate of nearly nothing, the first step sees the weights of the search.
      const still = path.join(scratch, `still-${space}`);
      await train(run(space), still, '--lr', '1e-30', '--drop-path', '0', '--weight-decay', '0');
      const inherited = await RunChild.read(run(space));
      const kept = await RunChild.read(still);
      // Running statistics move, weights do not.
      const names = Object.keys(inherited.state).filter((name) => !name.includes('unning'));
      for (const name of names) expect(kept.state[name]!.data).toEqual(inherited.state[name]!.data);
    },
  );

  it('--scratch begins with new weights, by the seed alone', async () => {
    const outs = ['scratch-1', 'scratch-2'].map((name) => path.join(scratch, name));
    for (const out of outs) expect(await train(run('chain'), out, '--scratch')).toMatchObject({ code: 0, err: '' });
    const weights = outs.map((out) => readFileSync(path.join(out, 'child.safetensors')));
    expect(weights[1]!.equals(weights[0]!)).toBe(true);
    expect(existsSync(path.join(outs[0]!, 'start.safetensors'))).toBe(false);
    expect(result(outs[0]!).cells[0]!.epochs[0]!.loss).toBeGreaterThan(
      result(path.join(scratch, 'trained-chain')).cells[0]!.epochs[0]!.loss,
    );
  });

  it('is continued to the bit, from the weights that its folder keeps, also where the search is gone', async () => {
    const from = copy('chain', 'gone');
    const whole = path.join(scratch, 'whole');
    expect(await train(from, whole)).toMatchObject({ code: 0 });
    for (const n of [2, 5, 9]) {
      const out = path.join(scratch, `stopped-${n}`);
      cpSync(run('chain'), from, { recursive: true });
      let renames = 0;
      const undo = useFileSystem({
        ...nodeFileSystem,
        rename: async (a, b) => {
          await nodeFileSystem.rename(a, b);
          if (++renames === n) requestStop('SIGTERM');
        },
      });
      try {
        expect((await train(from, out)).code).toBe(143);
      } finally {
        undo();
      }
      rmSync(from, { recursive: true });
      expect(await runReparam('train', '--resume', out, '--quiet')).toMatchObject({ code: 0, err: '' });
      for (const name of ['child.safetensors', 'genotype.json', 'start.safetensors', 'training.json'])
        expect(readFileSync(path.join(out, name)).equals(readFileSync(path.join(whole, name)))).toBe(true);
      const figures = ({ cells }: Result): unknown => cells.map(({ testError, epochs }) => ({ testError, epochs }));
      expect(figures(result(out))).toEqual(figures(result(whole)));
    }
  });

  it('refuses sizes of cells, --scratch without it, and data of other classes or sizes', async () => {
    const out = path.join(scratch, 'refused');
    expect((await train(run('chain'), out, '--channels', '4')).err).toBe(
      'reparam: --channels is for cells of --genotype, not for --from: the child has its own network\n',
    );
    expect((await train(run('chain'), out, '--genotype', 'random')).err).toMatch(/--genotype is for cells/);
    expect((await runReparam('train', '--genotype', 'random', '--scratch')).err).toMatch(/--scratch is for --from/);
    expect((await train(run('chain'), out, '--data', own, '--size', '9', '--train-images', '16')).err).toMatch(/takes \[1, 8, 8\]/);
    expect((await train(path.join(scratch, 'nowhere'), out)).err).toMatch(/nowhere holds no child/);
    expect(existsSync(out)).toBe(false);
  });
});

describe('reparam search --max-params and --max-madds', () => {
  it('end with a child that keeps to them, say what was reached, and go on as they were', async () => {
    const out = path.join(scratch, 'budget');
    const args = ['--max-params', '900', '--max-madds', '16000', '--channels', '2'];
    const quiet = SIZES['chain']!;
    const ended = await runReparam(
      ...`search --space chain ${quiet} --preset smoke --device cpu --train-images 64 --validation-images 32 --epochs 2 --seed 5 --data ${data} --out ${out}`.split(
        ' ',
      ),
      ...args,
    );
    expect(ended.code).toBe(0);
    const line = /^budget {5}([\d,]+) parameters of at most 900 \(([\d,]+) expected, price \d+\.\d\d nats\)/m.exec(ended.out);
    const number = (text: string): number => Number(text.replaceAll(',', ''));
    expect(number(line![1]!)).toBeLessThanOrEqual(900);
    const madds = /^budget {5}([\d,]+) multiply-adds of at most 16,000/m.exec(ended.out);
    expect(number(madds![1]!)).toBeLessThanOrEqual(16_000);
    const child = await RunChild.read(out);
    expect(child.load(cpu({ dtype: 'float32' })).parameterCount()).toBe(number(line![1]!));
    expect(readFileSync(path.join(out, 'config.json'), 'utf8')).toMatch(/"budget": \{\s+"parameters": 900,\s+"flops": 16000\s+\}/);
    const other = await runReparam('search', '--resume', out, '--max-params', '1000', '--device', 'cpu');
    expect(other.err).toMatch(/--max-params 1000 cannot hold with --resume: the run in .* has 900/);
    expect((await runReparam('search', '--resume', out, '--epochs', '3', '--quiet')).code).toBe(0);
  });

  it('are refused where no child is so small, and where nothing is learned', async () => {
    const out = path.join(scratch, 'impossible');
    const small = await search('chain', out, '--max-params', '10');
    expect(small.code).not.toBe(0);
    expect(small.err).toMatch(
      /^reparam: budget: the smallest child of space chain has [\d,]+ parameters, more than the 10 asked for: ask for more, or take a smaller space\n$/,
    );
    const random = await search('chain', out, '--max-params', '1000', '--strategy', 'random');
    expect(random.err).toMatch(/--max-params has nothing to act on: --strategy random learns no architecture/);
    expect(existsSync(out)).toBe(false);
  });
});
