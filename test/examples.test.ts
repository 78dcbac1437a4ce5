/** @file The numbered examples run as a reader runs them, and print what mathematics says they should. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { writeImageFolder } from './support/image-folder.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The lines that an example prints. It runs on the CPU backend: what it computes is tested on every adapter elsewhere. */
function run(example: string, ...args: string[]): string[] {
  const noDriver = { VK_ICD_FILENAMES: '/nonexistent.json', VK_DRIVER_FILES: '/nonexistent.json' };
  const child = spawnSync(process.execPath, ['node_modules/tsx/dist/cli.mjs', `examples/${example}`, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...noDriver },
    timeout: 170_000,
  });
  if (child.status !== 0) throw new Error(`${example} ended with ${child.status}: ${child.stderr}`);
  return child.stdout.trim().split('\n');
}

/** The numbers after the last colon of the line that starts so. */
function numbers(lines: readonly string[], start: string): number[] {
  const line = lines.find((l) => l.startsWith(start)) ?? '';
  return line
    .slice(line.lastIndexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
}

it('each is under 100 lines and has a test here', () => {
  const here = readFileSync(fileURLToPath(import.meta.url), 'utf8');
  const examples = readdirSync(`${root}/examples`).filter((name) => /^\d.*\.ts$/.test(name));
  expect(examples.length).toBeGreaterThan(0);
  for (const name of examples) {
    expect([name, readFileSync(`${root}/examples/${name}`, 'utf8').split('\n').length < 100]).toEqual([name, true]);
    expect([name, here.includes(`run('${name}'`)]).toEqual([name, true]);
  }
});

it('01 finds the plane y = 2 a - 3 b + 1 and leaves no tensor over', () => {
  expect(run('01-first-gradients.ts')).toEqual([
    'loss 3.5',
    'd loss / d weight -1.5 1',
    'd loss / d bias -1',
    'd loss / d prediction -0.5 -1.5 1 0',
    'weight after 100 steps 2 -3',
    'bias after 100 steps 1',
    'tensors left over 0',
  ]);
});

it('02 gives the derivatives of tanh, the Hessian of Rosenbrock and the gradient of a gradient penalty', () => {
  const lines = run('02-gradient-of-a-gradient.ts');
  const t = Math.tanh(0.5);
  const d = 1 - t * t;
  const tower = [t, d, -2 * t * d, (6 * t * t - 2) * d, (16 * t - 24 * t ** 3) * d];
  tower.forEach((value, order) => expect(numbers(lines, `tanh, derivative ${order}`)[0]).toBeCloseTo(value, 6));
  expect(numbers(lines, 'Hessian')).toEqual([802, -400]);
  // The slope is the sum of the weight's columns, (0.4, 0.5); the penalty (|slope| - 1)^2.
  const length = Math.hypot(0.4, 0.5);
  expect(numbers(lines, 'penalty')[0]).toBeCloseTo((length - 1) ** 2, 6);
  const expected = [0.4, 0.4, 0.5, 0.5].map((s) => (2 * (length - 1) * s) / length);
  numbers(lines, 'd penalty').forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
});

it('03 learns to read digits: above 90 % of 1,000 test images', () => {
  const lines = run('03-cnn-on-mnist.ts');
  expect(numbers(lines, 'parameters')).toEqual([8 * 9 + 16 + 16 * 8 * 9 + 32 + 784 * 10 + 10]);
  expect(numbers(lines, 'test accuracy')[0]).toBeGreaterThan(0.9);
}, 180_000);

it('05 trains to the bit as an eager step does, in less memory, and is told what cannot be replayed', () => {
  const lines = run('05-captured-step.ts');
  const [first, last] = /: ([\d.]+) at first, ([\d.]+)/.exec(lines[0]!)!.slice(1).map(Number);
  expect(last).toBeLessThan(0.8 * first!);
  expect(lines[1]).toBe('the same to the bit: true');
  const [, shared, unshared] = /share (\d+) bytes instead of (\d+)/.exec(lines[3]!)!.map(Number);
  expect(shared).toBeLessThan(unshared!);
  expect(lines[4]).toContain('host data inside a captured step');
});

it('04 searches: the loss and the entropy of alpha fall from ln 8 on, and the child reads digits without retraining', () => {
  const lines = run('04-snas-search.ts');
  expect(numbers(lines, 'entropy at the start')[0]).toBeCloseTo(Math.log(8), 2);
  const column = (name: string): number[] =>
    lines.filter((l) => l.startsWith('epoch ')).map((l) => Number(new RegExp(`${name} ([\\d.]+)`).exec(l)?.[1]));
  for (const name of ['loss', 'entropy']) {
    const values = column(name);
    expect(values.length).toBe(4);
    expect(values.at(-1)).toBeLessThan(values[0]!);
  }
  // Guessing gives 0.1 of 256 images, with a standard error of 0.02.
  expect(numbers(lines, 'test accuracy of the child')[0]).toBeGreaterThan(0.4);
  expect(lines.some((l) => l.startsWith('Genotype(normal=['))).toBe(true);
}, 180_000);

it("10 gives R_ij as the gate's finite difference, and integrated credits as the exact ones", () => {
  const lines = run('10-edge-credit.ts').slice(1);
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    const [taylor, difference, , integrated, exact] = numbers([line], 'edge') as [number, number, number, number, number];
    expect(Math.abs(taylor - difference)).toBeLessThan(2e-6);
    expect(Math.abs(integrated - exact)).toBeLessThan(2e-6);
  }
  expect(lines.some((line) => Math.abs(numbers([line], 'edge')[0]! - numbers([line], 'edge')[4]!) > 1e-3)).toBe(true);
});

it('11 shows the published identity exact for a linear head only, and its corrected forms exact for all', () => {
  const lines = run('11-identity.ts');
  for (const head of ['linear', 'quadratic', 'softmax', 'relu']) {
    const [path, published, corrected, ablation] = lines.filter((l) => l.startsWith(`${head}:`)).map((l) => numbers([l], head)[0]!);
    expect(corrected).toBe(path);
    expect(ablation).toBe(path);
    expect(published === path).toBe(head === 'linear');
  }
});

it('12 finds the unbiased estimators unbiased and the relaxed ones less biased at the lower temperature', () => {
  const lines = run('12-estimators.ts');
  const at = (name: string): number[][] => lines.filter((l) => l.startsWith(name)).map((l) => numbers([l], name));
  for (const name of ['REINFORCE (', 'REINFORCE, counterfactual']) for (const [, low] of at(name)) expect(low).toBe(0);
  const [warm, cold] = at('concrete pathwise');
  expect(warm![1]).toBeGreaterThan(0.1);
  expect(cold![0]).toBeLessThan(warm![0]!);
});

it('13 meets the closed form of TD(0), and its gradients spread with depth for REINFORCE alone', () => {
  const lines = run('13-delayed-reward.ts');
  const [learnt, closed] = numbers(lines, 'first state');
  expect(Math.abs(learnt! - closed!)).toBeLessThan(1e-12);
  expect(numbers(lines, 'TD(0),')).toEqual([37, 77, 157, 317]);
  expect(numbers(lines, 'TD(1),')).toEqual([7, 7, 7, 7]);
  const spread = (name: string, T: number): number => numbers(lines, `T = ${T}, ${name}`)[0]!;
  expect(spread('REINFORCE', 27)).toBeGreaterThan(2.5 * spread('REINFORCE', 3));
  expect(spread('concrete pathwise', 27)).toBeLessThan(1.5 * spread('concrete pathwise', 3));
});

it('20 passes the right gradient of springs and of a shader in float32, and names the planted fault, which the printed line replays', () => {
  const lines = run('20-check-a-hand-written-gradient.ts');
  expect(lines[0]).toBe('right: 10 derivatives, f in float64');
  expect(lines[1]).toMatch(/^right: 3 derivatives, f in float32, judged to \d\.\d %$/);
  expect(lines[2]).toBe('energy: wrong derivative');
  const [analytic, numeric] = ['  analytic', '  numeric'].map((start) =>
    Number(
      lines
        .find((l) => l.startsWith(start))!
        .trim()
        .split(/\s+/)[1],
    ),
  );
  // The force on the other end of a spring has the wrong sign.
  expect(numeric! / analytic!).toBeCloseTo(-1, 6);
  expect(lines.find((l) => l.startsWith('  component'))).toMatch(/input 0 \(points\)\[[12]\]\[[012]\]$/);
  expect(lines.at(-1)).toMatch(/^ {2}replay +await checkGradFunction\(energy, gradient, \[.*\], \{ seed: 0, shrink: false \}\)$/);
});
it('06 searches a space of its own: three layers of five options and their activations, priced', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'reparam-example-'));
  const picture = path.join(folder, 'found.svg');
  const lines = run('06-own-search-space.ts', picture);
  expect(lines[0]).toBe('choices: activation2 (3), layer2 (5), activation3 (3), layer3 (5), activation4 (3), layer4 (5)');
  // Three rows of three options, three of five.
  expect(lines[1]).toBe('matrices: [3, 3] [3, 5]');
  const costs = lines.filter((line) => line.startsWith('epoch')).map((line) => Number(line.split(' ').at(-1)));
  expect(costs).toHaveLength(3);
  // Four options and none alike: the mean of the table is between its ends. The price drives it down.
  expect(costs[0]).toBeLessThan(0.5);
  expect(costs[2]).toBeLessThan(costs[0]!);
  const found = Object.fromEntries(
    lines.flatMap((line) => (/^(layer|activation)\d/.test(line) ? [line.split(': ') as [string, string]] : [])),
  );
  expect(Object.keys(found).sort()).toEqual(['activation2', 'activation3', 'activation4', 'layer2', 'layer3', 'layer4']);
  const [supernet, child] = (/supernet (\d+), child (\d+)/.exec(lines.at(-1)!) ?? []).slice(1).map(Number) as [number, number];
  // By hand: the convolution at the start 80, the classifier 90; a layer of width w and kernel k has 8 w k k + w, a norm 2 w, back 8 w + 8.
  const size = (option: string): number => {
    const [, k, w] = /k(\d)_w(\d+)/.exec(option)?.map(Number) ?? [0, 0, 0];
    return option === 'none' ? 0 : 8 * w! * k! * k! + 3 * w! + 8 * w! + 8;
  };
  const chosen = ['layer2', 'layer3', 'layer4'].map((name) => size(found[name]!));
  expect(child).toBe(170 + chosen.reduce((a, b) => a + b, 0));
  expect(supernet).toBe(170 + 3 * ['k3_w8', 'k3_w16', 'k5_w8', 'k5_w16'].reduce((sum, option) => sum + size(option), 0));
  const drawn = readFileSync(picture, 'utf8');
  for (const name of ['layer2', 'layer3', 'layer4']) expect(drawn).toContain(`>${name}<`);
  rmSync(folder, { recursive: true });
}, 180_000);

it('07 searches on a folder of images: three colours are told apart', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'reparam-example-'));
  try {
    const lines = run('07-own-images.ts', await writeImageFolder(folder, 40, [24, 20]));
    expect(lines.slice(0, 4)).toEqual([
      'classes: class-a class-b class-c',
      'images: 96 24',
      'shape of an image: 3 16 16',
      'no test set there: 0.2 of each class was drawn for it by split seed 0',
    ]);
    expect(lines.filter((line) => line.startsWith('epoch '))).toHaveLength(3);
    expect(numbers(lines, 'test accuracy')[0]).toBeGreaterThan(0.9);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 180_000);
