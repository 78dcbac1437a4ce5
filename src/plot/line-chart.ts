/** @file Line charts: series with error bands on linear or logarithmic axes, with a legend. */
import { largestOf } from '../contract/extremes.ts';
import { dashes, palette } from './palette.ts';
import { makeScale, type Scale, type ScaleKind } from './scale.ts';
import { escapeXml, round, showNumber, svgDocument, text } from './svg.ts';

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** Bounds of an interval about y, drawn as a band. */
  readonly low?: number;
  readonly high?: number;
}

export interface LineSeries {
  readonly name: string;
  readonly points: readonly LinePoint[];
  /** Draw dots at the points. Default: at most 30 points. */
  readonly markers?: boolean;
  /** Index of the colour and dash pattern; default the series' place. */
  readonly style?: number;
}

/** A horizontal line with a name, for a known value. */
export interface ReferenceLine {
  readonly y: number;
  readonly label: string;
}

export interface LineChartOptions {
  readonly title: string;
  /** What is drawn and what it shows, for those who cannot see it. */
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly LineSeries[];
  readonly references?: readonly ReferenceLine[];
  readonly xScale?: ScaleKind;
  readonly yScale?: ScaleKind;
  /** Values that the y axis must include, such as 0. */
  readonly yInclude?: readonly number[];
  readonly width?: number;
  readonly height?: number;
}

/** The chart as an SVG document. Points that an axis cannot hold (not finite; not positive on a log axis) are left out. */
export function lineChart(options: LineChartOptions): string {
  const { series, references = [], xScale = 'linear', yScale = 'linear', width = 760, height = 440 } = options;
  const legendWidth = Math.min(
    260,
    44 +
      6.6 *
        largestOf(
          series.map((s) => s.name.length),
          0,
        ),
  );
  const left = 66;
  const right = width - legendWidth - 14;
  const top = 40;
  const bottom = height - 48;
  const points = series.flatMap((s) => s.points);
  const x = makeScale(
    xScale,
    points.map((p) => p.x),
    left,
    right,
  );
  const ys = [
    ...points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]),
    ...references.map((r) => r.y),
    ...(options.yInclude ?? []),
  ];
  const y = makeScale(yScale, ys, bottom, top);
  const body = [
    text(left, 24, options.title, 'start', 'font-size="15" font-weight="600"'),
    ...axes(x, y, { left, right, top, bottom }),
    text((left + right) / 2, height - 10, options.xLabel, 'middle'),
    text(0, 0, options.yLabel, 'middle', `transform="translate(16 ${(top + bottom) / 2}) rotate(-90)"`),
    ...references.flatMap((r) => reference(r, y, left, right)),
    ...series.flatMap((s, i) => drawSeries(s, s.style ?? i, x, y, bottom, top)),
    ...legend(series, right + 14, top + 6),
  ];
  return svgDocument({ title: options.title, description: options.description, width, height }, body);
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function axes(x: Scale, y: Scale, { left, right, top, bottom }: Box): string[] {
  const grid = [
    ...x.ticks.map((t) => `M${round(x.at(t))} ${top}V${bottom}`),
    ...y.ticks.map((t) => `M${left} ${round(y.at(t))}H${right}`),
  ].join('');
  return [
    `<path d="${grid}" stroke="#e2e2e2" fill="none"/>`,
    `<path d="M${left} ${top}V${bottom}H${right}" stroke="#555" fill="none"/>`,
    ...x.ticks.map((t) => text(x.at(t), bottom + 17, showNumber(t), 'middle')),
    ...y.ticks.map((t) => text(left - 7, y.at(t) + 4, showNumber(t), 'end')),
  ];
}

function reference({ y: value, label }: ReferenceLine, y: Scale, left: number, right: number): string[] {
  if (!y.accepts(value)) return [];
  const at = round(y.at(value));
  return [
    `<path d="M${left} ${at}H${right}" stroke="#777" stroke-dasharray="3 3" fill="none"/>`,
    text(right - 4, at - 4, label, 'end', 'fill="#555" font-size="11"'),
  ];
}

function drawSeries(series: LineSeries, style: number, x: Scale, y: Scale, bottom: number, top: number): string[] {
  const drawn = series.points.filter((p) => x.accepts(p.x) && y.accepts(p.y));
  if (drawn.length === 0) return [];
  const colour = palette[style % palette.length]!;
  const dash = dashes[style % dashes.length]!;
  const clip = (v: number, otherwise: number): number => (y.accepts(v) ? Math.min(bottom, Math.max(top, y.at(v))) : otherwise);
  const at = (p: LinePoint): string => `${round(x.at(p.x))} ${round(clip(p.y, bottom))}`;
  const out = [`<g><title>${escapeXml(series.name)}</title>`];
  const banded = drawn.filter((p) => p.low !== undefined && p.high !== undefined);
  if (banded.length > 1) {
    const upper = banded.map((p) => `${round(x.at(p.x))} ${round(clip(p.high!, top))}`);
    const lower = banded.map((p) => `${round(x.at(p.x))} ${round(clip(p.low!, bottom))}`).reverse();
    out.push(`<path d="M${[...upper, ...lower].join('L')}Z" fill="${colour}" fill-opacity="0.15"/>`);
  }
  out.push(
    `<path d="M${drawn.map(at).join('L')}" stroke="${colour}" stroke-width="1.8"${dash && ` stroke-dasharray="${dash}"`} fill="none"/>`,
  );
  if (series.markers ?? drawn.length <= 30) {
    for (const p of drawn) {
      const [cx, cy] = at(p).split(' ');
      out.push(`<circle cx="${cx}" cy="${cy}" r="2.6" fill="${colour}"/>`);
    }
  }
  out.push('</g>');
  return out;
}

function legend(series: readonly LineSeries[], left: number, top: number): string[] {
  return series.flatMap((s, i) => {
    const style = s.style ?? i;
    const y = top + i * 18;
    const dash = dashes[style % dashes.length]!;
    return [
      `<path d="M${left} ${y}h26" stroke="${palette[style % palette.length]!}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`} fill="none"/>`,
      text(left + 32, y + 4, s.name),
    ];
  });
}
