/** @file What the flags of `reparam search` mean, alone and together, without running a search. */
import { Command } from 'commander';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { STRATEGY_NAMES } from '../../../src/baselines/index.ts';
import { RunFolder } from '../../../src/cli/shared/run-folder.ts';
import { latencyOf, resolveSearch, type SearchFlags, searchSettings } from '../../../src/cli/settings/search.ts';
import { addOptions } from '../../../src/cli/settings/setting.ts';
import { UsageError } from '../../../src/command/usage-error.ts';
import { learns, samples } from '../../../src/jobs/index.ts';
import { PRESETS, SPACES } from '../../../src/snas/index.ts';

/** The flags of a command line; what commander refuses is thrown. */
function flags(...args: readonly string[]): SearchFlags {
  const command = addOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }), searchSettings);
  return command.parse(args, { from: 'user' }).opts<SearchFlags>();
}

it('eta is a number, or one of three strengths that fig13-15 found: 0.3, 3 and 10', () => {
  for (const [text, eta] of Object.entries({ mild: 0.3, moderate: 3, aggressive: 10, '0': 0, '0.25': 0.25 })) {
    expect(resolveSearch(flags('--eta', text)).search.eta).toBe(eta);
  }
  for (const text of ['strong', '-1', 'Infinity', ''])
    expect(() => flags('--eta', text)).toThrow(/--eta.*mild, moderate, aggressive/);
});

it('params and parameters are one cost, and a cost that is none is refused with the list', () => {
  expect(flags().cost).toBe('weighted');
  expect([flags('--cost', 'params').cost, flags('--cost', 'parameters').cost]).toEqual(['parameters', 'parameters']);
  for (const cost of ['flops', 'memory', 'latency', 'weighted'] as const) expect(flags('--cost', cost).cost).toBe(cost);
  expect(() => flags('--cost', 'time')).toThrow(/--cost.*weighted, params, flops, memory, latency/);
});

it('every strategy of the baselines can be named; an unknown one is refused with the list', () => {
  expect(flags().strategy).toBe('snas');
  for (const name of STRATEGY_NAMES) expect(flags('--strategy', name).strategy).toBe(name);
  expect(() => flags('--strategy', 'nas')).toThrow(/--strategy.*snas, .*uniform/);
});

it("the controller of ENAS gets the experiments' lower rate in short runs, the paper's rate in the paper's, and any that is asked for", () => {
  const rate = (...args: readonly string[]): number => resolveSearch(flags(...args)).search.architecture.lr;
  expect(rate('--strategy', 'enas')).toBe(0.01);
  expect(rate('--strategy', 'enas', '--preset', 'paper')).toBe(PRESETS.paper.architecture.lr);
  expect(rate('--strategy', 'enas', '--alpha-lr', '0.2')).toBe(0.2);
  expect(rate('--strategy', 'darts-1')).toBe(PRESETS.small.architecture.lr);
});

it('latency goes with strategies that sample, on every 4th step unless said otherwise', () => {
  expect(latencyOf(flags())).toBeUndefined();
  expect(latencyOf(flags('--cost', 'latency'))).toEqual({ every: 4 });
  expect(latencyOf(flags('--cost', 'latency', '--latency-every', '9', '--strategy', 'gdas'))).toEqual({ every: 9 });
  for (const name of STRATEGY_NAMES.filter((n) => !samples(n))) {
    const refused = (): unknown => latencyOf(flags('--cost', 'latency', '--strategy', name));
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(new RegExp(`--cost latency.*snas, dsnas, gdas, reinforce.*--strategy ${name} `));
  }
  expect(() => latencyOf(flags('--latency-every', '3'))).toThrow(/--latency-every is for --cost latency/);
});

it('strategies say themselves whether they sample and whether they learn, and an --eta is refused for those that learn nothing', () => {
  expect(STRATEGY_NAMES.filter(samples)).toEqual(['snas', 'dsnas', 'gdas', 'reinforce']);
  expect(STRATEGY_NAMES.filter((name) => !learns(name))).toEqual(['random', 'uniform']);
  for (const name of ['random', 'uniform']) {
    expect(() => latencyOf(flags('--strategy', name, '--eta', 'mild'))).toThrow(/--eta has nothing to act on/);
    expect(latencyOf(flags('--strategy', name))).toBeUndefined();
  }
});

it('a run folder written before there were formats is refused by the number that it has since', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'reparam-old-'));
  const { trainImages: _train, validationImages: _validation, ...settings } = PRESETS.smoke;
  const old = {
    preset: 'smoke',
    data: 'mnist',
    device: 'cpu',
    adapter: 'cpu float32',
    versions: { reparam: '0.1.0' },
    strategy: 'snas',
    cost: 'parameters',
    trainImages: 64,
    validationImages: 32,
    search: { ...settings, seed: 5, network: { ...SPACES['darts']!.presets.smoke, classes: 10, inChannels: 1 } },
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(old));
  const run = await RunFolder.open(folder);
  await expect(run.readConfig()).rejects.toThrow(/config\.json: run folders of format 1 are not continued/);
  expect(await run.readFormat()).toBe(1);
  rmSync(folder, { recursive: true });
});
