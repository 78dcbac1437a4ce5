/** @file Heat maps: a matrix of numbers as coloured cells, with labels and a colour key. */
import { largestOf } from '../contract/extremes.ts';
import { OptionError } from '../contract/errors.ts';
import { diverging, sequential } from './palette.ts';
import { escapeXml, round, showNumber, svgDocument, text } from './svg.ts';

export interface HeatMapOptions {
  readonly title: string;
  /** What is drawn and what it shows, for those who cannot see it. */
  readonly description: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** values[row][column]; cells that are not finite stay grey. */
  readonly values: readonly (readonly number[])[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** 'diverging' is symmetric about 0 (credits); 'sequential' runs from the least to the greatest value. Default diverging. */
  readonly colours?: 'diverging' | 'sequential';
  readonly cellWidth?: number;
  readonly cellHeight?: number;
}

const KEY_STEPS = 21;

/** The heat map as an SVG document. Long axes label every k-th row or column. */
export function heatMap(options: HeatMapOptions): string {
  const { rows, columns, values, colours = 'diverging' } = options;
  if (values.length !== rows.length || values.some((r) => r.length !== columns.length)) {
    throw new OptionError(`heatMap: values must be ${rows.length} rows of ${columns.length} columns, like the labels`);
  }
  const cellWidth = options.cellWidth ?? Math.max(3, Math.min(36, 640 / Math.max(1, columns.length)));
  const cellHeight = options.cellHeight ?? Math.max(8, Math.min(24, 480 / Math.max(1, rows.length)));
  const finite = values.flat().filter(Number.isFinite);
  const extreme = finite.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
  const low = colours === 'diverging' ? -extreme : finite.reduce((m, v) => Math.min(m, v), Infinity);
  const high = colours === 'diverging' ? extreme : finite.reduce((m, v) => Math.max(m, v), -Infinity);
  const colour = (v: number): string => {
    if (!Number.isFinite(v)) return '#bbbbbb';
    return colours === 'diverging' ? diverging(v / extreme) : sequential(high > low ? (v - low) / (high - low) : 0);
  };
  const left =
    24 +
    6.6 *
      largestOf(
        rows.map((r) => r.length),
        0,
      );
  const top = 44;
  const right = left + cellWidth * columns.length;
  const bottom = top + cellHeight * rows.length;
  const width = Math.ceil(Math.max(right + 90, left + 9 * options.title.length));
  const height = Math.ceil(Math.max(bottom + 56, top + 180));
  const cells = values.flatMap((row, i) =>
    row.map((v, j) => {
      const label = `${rows[i]!}, ${columns[j]!}: ${Number.isFinite(v) ? v.toPrecision(4) : 'none'}`;
      return (
        `<rect x="${round(left + j * cellWidth)}" y="${round(top + i * cellHeight)}" width="${round(cellWidth + 0.2)}" ` +
        `height="${round(cellHeight + 0.2)}" fill="${colour(v)}"><title>${escapeXml(label)}</title></rect>`
      );
    }),
  );
  const every = Math.max(
    1,
    Math.ceil(
      (7 *
        largestOf(
          columns.map((c) => c.length),
          0,
        ) +
        6) /
        cellWidth,
    ),
  );
  const everyRow = Math.max(1, Math.ceil(12 / cellHeight));
  const body = [
    text(left, 24, options.title, 'start', 'font-size="15" font-weight="600"'),
    ...cells,
    ...rows.map((r, i) => (i % everyRow === 0 ? text(left - 6, top + (i + 0.5) * cellHeight + 4, r, 'end') : '')),
    ...columns.map((c, j) => (j % every === 0 ? text(left + (j + 0.5) * cellWidth, bottom + 16, c, 'middle') : '')),
    text((left + right) / 2, bottom + 38, options.xLabel ?? '', 'middle'),
    text(0, 0, options.yLabel ?? '', 'middle', `transform="translate(13 ${(top + bottom) / 2}) rotate(-90)"`),
    ...colourKey(low, high, colour, right + 16, top),
  ].filter((line) => line !== '');
  return svgDocument({ title: options.title, description: options.description, width, height }, body);
}

function colourKey(low: number, high: number, colour: (v: number) => string, left: number, top: number): string[] {
  if (!(high > low)) return [];
  const step = 120 / KEY_STEPS;
  const bars = Array.from({ length: KEY_STEPS }, (_, i) => {
    const v = high + ((low - high) * i) / (KEY_STEPS - 1);
    return `<rect x="${left}" y="${round(top + i * step)}" width="14" height="${round(step + 0.2)}" fill="${colour(v)}"/>`;
  });
  return [
    ...bars,
    text(left + 19, top + 9, showNumber(Number(high.toPrecision(2)))),
    text(left + 19, top + 64, showNumber(Number(((low + high) / 2).toPrecision(2)))),
    text(left + 19, top + 120, showNumber(Number(low.toPrecision(2)))),
  ];
}
