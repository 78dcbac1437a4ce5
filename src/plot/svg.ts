/** @file SVG text: escaping, the accessible frame of a picture, numbers for people. */

/** Text that is safe inside an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export interface FrameOptions {
  readonly title: string;
  /** One or two sentences for those who cannot see the picture: what is drawn, and what it shows. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
}

/** A whole SVG document with a title, a description and a white ground. */
export function svgDocument({ title, description, width, height }: FrameOptions, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ` +
      `aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="desc">${escapeXml(description)}</desc>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/** A text element; `anchor` is where x lies in the text. */
export function text(x: number, y: number, value: string, anchor: 'start' | 'middle' | 'end' = 'start', extra = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${extra && ` ${extra}`}>${escapeXml(value)}</text>`;
}

/** A coordinate with a tenth of a pixel: enough for a screen, and files stay small. */
export function round(v: number): number {
  return Math.round(v * 10) / 10;
}

/** A number as it stands on an axis. */
export function showNumber(v: number): string {
  if (v === 0) return '0';
  const size = Math.abs(v);
  if (size >= 1e5 || size < 1e-3) return v.toExponential(0).replace('e+', 'e');
  return String(Number(v.toPrecision(4)));
}
