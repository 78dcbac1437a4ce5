/** @file `reparam gradcheck` and the custom-operation example as processes: what they print and how they end. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function tsx(args: readonly string[]): { code: number | null; out: string; err: string } {
  const child = spawnSync(process.execPath, ['node_modules/tsx/dist/cli.mjs', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 170_000,
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

const gradcheck = (...args: string[]): ReturnType<typeof tsx> => tsx(['src/cli/main.ts', 'gradcheck', ...args]);

describe('reparam gradcheck', () => {
  it('checks every operation, primitive and fused kernel of the library, and all pass', () => {
    const { code, out } = gradcheck('--json', '--runs', '1');
    const report = JSON.parse(out) as {
      failed: number;
      unchecked: string[];
      worst: number[];
      derivatives: number;
      nonSmooth: number;
    };
    expect(report.unchecked).toEqual([]);
    expect(report.failed).toBe(0);
    expect(report.worst[0]).toBeLessThanOrEqual(1e-7);
    expect(report.worst[1]).toBeLessThanOrEqual(1e-5);
    expect(report.nonSmooth).toBeLessThanOrEqual(report.derivatives / 100);
    expect(code).toBe(0);
  }, 180_000);

  it('prints a line for each operation that matches, and the totals', () => {
    const { code, out } = gradcheck('--op', '^(exp|relu)$', '--runs', '3', '--seed', '4');
    expect(out).toMatch(/^exp( +\d\.\de-\d+){3}( +\d\.\d\d){2} +\d+ % +6$/m);
    expect(out).toMatch(/^relu +0 +0 +- /m);
    expect(out).toMatch(/2 operations, 12 cases, seed 4\n\d+ derivatives \(0 not judged\)/);
    expect(code).toBe(0);
  });

  it('runs a single case that a message printed', () => {
    const { code, out } = gradcheck('--op', '^exp$', '--case', '{"inputs":[{"shape":[2],"values":[0.5,1]}],"params":null}');
    expect(out).toContain('1 operations, 2 cases');
    expect(code).toBe(0);
  });

  it('fails with code 1, the case and the way to run it again where a result is wrong', () => {
    // Outside the domain of log there is nothing to compare, which is a failure, not a pass.
    const { code, out } = gradcheck(
      '--op',
      '^log$',
      '--only',
      'gradients',
      '--case',
      '{"inputs":[{"shape":[1],"values":[-1]}],"params":null}',
    );
    expect(out).toMatch(/log +.*FAILED/);
    expect(code).toBe(1);
  });

  it('refuses a name that no operation has, and a case that is none, with code 2', () => {
    expect(gradcheck('--op', '^nonsense$').code).toBe(2);
    expect(gradcheck('--case', '{').code).toBe(2);
  });
});

describe('reparam gradcheck --path', () => {
  it('with what is no path, or leads to no case, says so in one line', () => {
    for (const [path, code] of [
      ['abc', 2],
      ['', 2],
      ['0:1:2:9999:99', 1],
    ] as const) {
      const run = gradcheck('--op', '^exp$', '--only', 'gradients', '--runs', '3', '--path', path);
      expect(run.code, path).toBe(code);
      expect(run.err.trim().split('\n').length, run.err).toBeLessThanOrEqual(2);
      expect(run.err).toMatch(/path/);
      expect(run.err).not.toContain('    at ');
    }
  });
});

describe('the custom operation of the examples', () => {
  it('passes when it is right, and its planted bugs are found in the kernel and in the VJP', () => {
    const { code, out } = tsx(['examples/custom-op/check.ts']);
    expect(out).toContain('rmsNorm: gradient right, kernels right\n');
    expect(out).toContain('rmsNorm, wrong kernel: gradient right, kernels WRONG\n');
    expect(out).toMatch(/rmsNorm, wrong kernel: the gradient of input 0 is off by more than rounding explains/);
    expect(out).toMatch(/rmsNorm, wrong VJP: wrong derivative, at order 1\n +input +0 of shape \[2, 2\], element 0/);
    expect(code).toBe(0);
  });
});
