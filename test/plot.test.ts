/** @file The SVG plots: where points land, what is left out, and that pictures carry their text. */
import { expect, it } from 'vitest';
import { heatMap, lineChart } from '../src/plot/index.ts';
import { makeScale } from '../src/plot/scale.ts';

it('a linear scale maps its end ticks to the ends and is affine', () => {
  const s = makeScale('linear', [0, 10], 100, 200);
  expect(s.at(s.ticks[0]!)).toBe(100);
  expect(s.at(s.ticks.at(-1)!)).toBe(200);
  expect(s.at(5) - s.at(4)).toBeCloseTo(s.at(9) - s.at(8), 12);
});

it('a logarithmic scale gives equal distances to equal ratios and refuses zero', () => {
  const s = makeScale('log', [1, 1000], 0, 300);
  expect(s.at(100) - s.at(10)).toBeCloseTo(s.at(1000) - s.at(100), 10);
  expect(s.accepts(0)).toBe(false);
  expect(s.ticks).toContain(10);
});

it('an axis without a drawable value is an error', () => {
  expect(() => makeScale('log', [0, -1, NaN], 0, 1)).toThrow(/no positive finite value/);
});

const chart = {
  title: 'Bias & spread',
  description: 'Bias falls <fast>.',
  xLabel: 'temperature',
  yLabel: 'bias',
  series: [
    {
      name: 'pathwise',
      points: [
        { x: 0.1, y: 0.2, low: 0.1, high: 0.3 },
        { x: 1, y: 0.4, low: 0.3, high: 0.5 },
        { x: 2, y: NaN },
      ],
    },
    {
      name: 'exact',
      points: [
        { x: 0.1, y: 0.1 },
        { x: 1, y: 0.1 },
      ],
    },
  ],
};

it('a chart carries title, description and every series name, escaped', () => {
  const svg = lineChart({ ...chart, xScale: 'log' });
  expect(svg).toContain('<title id="title">Bias &#38; spread</title>');
  expect(svg).toContain('Bias falls &#60;fast&#62;.');
  expect(svg).toContain('>pathwise</text>');
  expect(svg).toContain('>exact</text>');
});

it('points that are not finite are left out, not drawn as NaN', () => {
  const svg = lineChart(chart);
  expect(svg).not.toContain('NaN');
  expect(svg.match(/<circle/g)).toHaveLength(4);
});

it('a chart of series without points has its title, empty axes and no NaN', () => {
  const svg = lineChart({ ...chart, series: [{ name: 'nothing yet', points: [] }] });
  expect(svg).toContain('Bias &#38; spread');
  expect(svg).not.toMatch(/NaN|Infinity/);
});

it('series differ by dash pattern as well as by colour', () => {
  const lines = [...lineChart(chart).matchAll(/<path [^>]*stroke-width="1.8"[^>]*>/g)].map((m) => m[0]);
  expect(lines).toHaveLength(2);
  expect(lines.map((l) => /stroke-dasharray="([^"]*)"/.exec(l)?.[1])).toEqual([undefined, '7 3']);
});

it('a heat map colours equal and opposite values on opposite sides of white, and leaves gaps grey', () => {
  const svg = heatMap({ title: 't', description: 'd', rows: ['a'], columns: ['x', 'y', 'z', 'w'], values: [[1, -1, 0, NaN]] });
  const fills = [...svg.matchAll(/fill="(#[0-9a-f]{6})"><title>/g)].map((m) => m[1]);
  expect(fills).toEqual(['#b44b00', '#05508c', '#f7f7f7', '#bbbbbb']);
});

it('a heat map whose values do not match its labels is an error', () => {
  expect(() => heatMap({ title: 't', description: 'd', rows: ['a'], columns: ['x'], values: [[1, 2]] })).toThrow(
    /1 rows of 1 columns/,
  );
});
