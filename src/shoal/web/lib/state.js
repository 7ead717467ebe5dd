// What several pages show: the pool's figures, kept fresh by its events.
import { batch, signal } from './html.js';
import { get, on, optional } from './api.js';

export const stats = signal(null);
export const statsError = signal(null);
/** Ticks twice a minute, so that "3 minutes ago" stays true. */
export const now = signal(Date.now());
/** The last events, newest first. */
export const recent = signal([]);

const PACE = 5_000;
const SLOWEST = 60_000;
let due = 0;
let pending = null;

/** Ask for all figures, unless it was done lately. A server that needs long for them is asked less often. */
export function refreshStats(force = false) {
  if (pending || (!force && performance.now() < due)) return pending;
  const begun = performance.now();
  pending = get('/v1/stats')
    .then((data) => batch(() => { stats.value = data; statsError.value = null; now.value = Date.now(); }))
    .catch((problem) => { statsError.value = problem; })
    .finally(() => {
      pending = null;
      const took = performance.now() - begun;
      due = begun + Math.min(Math.max(took * 150, PACE * 0.9), SLOWEST);
    });
  return pending;
}

export function startState() {
  on('stats', (data) => {
    if (stats.value) {
      const known = Object.fromEntries(Object.entries(data).filter(([key]) => key in stats.value && key !== 'at'));
      stats.value = { ...stats.value, ...known };
    }
    refreshStats();
  });
  on('problems', () => refreshStats(true));
  on('reset', () => refreshStats(true));
  on('open', () => refreshStats(true));
  on('*', (data, kind) => {
    if (kind !== 'stats' && kind !== 'open' && kind !== 'reset') {
      recent.value = [{ kind, ...data }, ...recent.value].slice(0, 30);
    }
  });
  setInterval(() => { if (!document.hidden) now.value = Date.now(); }, 30_000);
  setInterval(() => { if (!document.hidden) refreshStats(); }, 15_000);
}

/** A signal with what a route answers; `load` asks again. Rows stay while they are asked for anew. */
export function resource(path, { isOptional = true } = {}) {
  const data = signal(undefined);
  const error = signal(null);
  const busy = signal(false);
  const load = async () => {
    busy.value = true;
    try {
      const found = await (isOptional ? optional(path) : get(path));
      batch(() => { data.value = found; error.value = null; });
    } catch (problem) {
      error.value = problem;
    } finally {
      busy.value = false;
    }
  };
  return { data, error, busy, load };
}

/** The list in an answer that is one, or holds one under a name. */
export const listOf = (answer, ...names) => {
  if (Array.isArray(answer)) return answer;
  for (const name of [...names, 'items']) if (Array.isArray(answer?.[name])) return answer[name];
  return [];
};
