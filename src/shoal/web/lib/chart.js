// Charts: uPlot for time, a few lines of SVG for what is small.
import { html, useEffect, useRef } from './html.js';
import { clock } from './format.js';
import { language, t } from './i18n.js';
import { theme } from './theme.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `series` are {label, values, color (a CSS variable), fill, format}; `times` epoch seconds. */
export function TimeChart({ times, series, height = 150, label, format, span, range }) {
  const box = useRef(null);
  const plot = useRef(null);
  const look = `${language.value}/${theme.value}/${series.map((one) => one.label).join()}/${span}`;

  useEffect(() => {
    if (!window.uPlot || !box.current) return undefined;
    const line = css('--line');
    const muted = css('--muted');
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const width = () => Math.max(120, box.current?.clientWidth || 300);
    const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const isLong = span > 100_000;
    plot.current = new window.uPlot({
      width: width(), height, padding: [8, 22, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      legend: { show: true, live: true },
      scales: { x: { time: true, range: (_, from, to) => [Math.min(from ?? 0, (to ?? 0) - 600), to ?? 1] }, y: { range: range || ((_, low, high) => [0, high > 0 ? high * 1.1 : 1]) } },
      axes: [
        { ...axis, space: isLong ? 90 : 60, values: (_, at) => at.map((one) => clock(one, isLong)), size: 26, grid: { show: false } },
        { ...axis, size: 46, values: (_, at) => at.map((one) => format(one)), space: 32 },
      ],
      series: [
        { label: t('chart.time'), value: (_, at) => (at == null ? '' : clock(at, true)) },
        ...series.map((one) => ({
          label: one.label, stroke: css(one.color), width: 1.75, spanGaps: false,
          fill: one.fill ? `${css(one.color)}1f` : undefined, points: { show: false },
          value: (_, value) => (value == null ? '–' : (one.format || format)(value)),
        })),
      ],
    }, [times, ...series.map((one) => one.values)], box.current);
    const watch = new ResizeObserver(() => plot.current?.setSize({ width: width(), height }));
    watch.observe(box.current);
    return () => { watch.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, [look, height]);

  useEffect(() => { plot.current?.setData([times, ...series.map((one) => one.values)]); }, [times, series]);

  return html`<div class="chart" ref=${box} role="img" aria-label=${label} style=${{ minHeight: `${height + 26}px` }}></div>`;
}

/** A line without axes; `values` may hold null. */
export function Spark({ values, label, width = 220, height = 36 }) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length < 2) return null;
  const high = Math.max(...known) || 1;
  const step = width / Math.max(1, values.length - 1);
  let path = '';
  let pen = 'M';
  values.forEach((value, place) => {
    if (value === null || value === undefined) { pen = 'M'; return; }
    path += `${pen}${(place * step).toFixed(1)} ${(height - 3 - (value / high) * (height - 6)).toFixed(1)}`;
    pen = 'L';
  });
  return html`<svg class="spark" viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label=${label}><path d=${path} /></svg>`;
}
