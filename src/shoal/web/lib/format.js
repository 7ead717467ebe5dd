// Figures, times and countries as the reader's language writes them.
import { locale, t, tOr } from './i18n.js';

const cache = new Map();
const made = (kind, options, make) => {
  const key = `${kind}${locale.value}${JSON.stringify(options)}`;
  if (!cache.has(key)) cache.set(key, make(locale.value, options));
  return cache.get(key);
};
const formatter = (options) => made('n', options, (l, o) => new Intl.NumberFormat(l, o));

export const NONE = '–';
export const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

export const number = (value, digits = 0) =>
  isNumber(value) ? formatter({ maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value) : NONE;
export const compact = (value) =>
  !isNumber(value) ? NONE : Math.abs(value) < 10_000 ? number(value, Math.abs(value) < 10 ? 1 : 0) : formatter({ notation: 'compact', maximumFractionDigits: 1 }).format(value);
export const percent = (value, digits = 0) =>
  isNumber(value) ? formatter({ style: 'percent', maximumFractionDigits: digits }).format(value) : NONE;
export const rate = (value) => (isNumber(value) ? number(value, Math.abs(value) < 10 ? 1 : 0) : NONE);

export function bytes(value) {
  if (!isNumber(value)) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let step = 0;
  while (Math.abs(value) >= 1000 && step < units.length - 1) { value /= 1000; step += 1; }
  return `${number(value, step && value < 100 ? 1 : 0)} ${units[step]}`;
}

export const millis = (value) =>
  !isNumber(value) ? NONE : value >= 10_000 ? `${number(value / 1000, 1)} s` : `${number(value)} ms`;

export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  for (const [unit, size] of [['d', 86_400], ['h', 3_600], ['min', 60]]) {
    if (seconds >= size * 1.5) return `${number(seconds / size, seconds < size * 10 ? 1 : 0)} ${t(`unit.${unit}`)}`;
  }
  return `${number(seconds, seconds < 10 ? 1 : 0)} ${t('unit.s')}`;
}

/** "3 minutes ago", "in 2 hours". Whoever hands in the signal of the time is drawn again as it goes on. */
export function ago(text) {
  const at = text ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) return NONE;
  const seconds = (at - Date.now()) / 1000;
  const relative = made('r', {}, (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto', style: 'short' }));
  for (const [unit, size] of [['day', 86_400], ['hour', 3_600], ['minute', 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.round(seconds), 'second');
}

export function moment(text) {
  const at = text ? new Date(text) : null;
  if (!at || Number.isNaN(at.getTime())) return NONE;
  return made('d', {}, (l) => new Intl.DateTimeFormat(l, { dateStyle: 'medium', timeStyle: 'medium' })).format(at);
}

export function clock(seconds, long = false) {
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const options = long ? { month: 'short', day: 'numeric', ...time } : time;
  return made('c', options, (l, o) => new Intl.DateTimeFormat(l, o)).format(new Date(seconds * 1000));
}

export function country(code) {
  if (!code) return NONE;
  try {
    return made('p', {}, (l) => new Intl.DisplayNames(l, { type: 'region' })).of(code) || code;
  } catch { return code; }
}

const asWords = (text) => String(text ?? '').replaceAll('_', ' ');
/** "connect.timeout" in words. */
export function failure(kind) {
  const [stage, reason = ''] = String(kind).split('.');
  return `${tOr(`stage.${stage}`, asWords(stage))}${t('colon')}${tOr(`reason.${reason}`, asWords(reason))}`;
}
export const word = (group, value) => tOr(`${group}.${value}`, asWords(value));
