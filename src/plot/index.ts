/** @file Pictures as SVG text: line charts and heat maps, made by string building, the same in Node and in a page. */
export { heatMap, type HeatMapOptions } from './heat-map.ts';
export { lineChart, type LineChartOptions, type LinePoint, type LineSeries, type ReferenceLine } from './line-chart.ts';
export { palette } from './palette.ts';
