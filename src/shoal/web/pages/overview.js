// Overview: how the pool is, right now and lately.
import { html, signal, useEffect, useMemo } from '../lib/html.js';
import { get, on } from '../lib/api.js';
import { TimeChart } from '../lib/chart.js';
import { ago, bytes, compact, duration, failure, isNumber, millis, number, percent, rate, word } from '../lib/format.js';
import { t, tOr } from '../lib/i18n.js';
import { WorldMap } from '../lib/map.js';
import { href } from '../lib/router.js';
import { now, recent, refreshStats, stats, statsError } from '../lib/state.js';
import { remember, remembered } from '../lib/store.js';
import { Badge, Bars, Card, Copy, Empty, Failed, Loading, Notice, Page, Segments, Tile } from '../lib/ui.js';
import { perSecond, ratio } from '../lib/series.js';

const SPANS = { '1h': 3_600, '24h': 86_400, '7d': 604_800 };
const span = signal(remembered('span') in SPANS ? remembered('span') : '1h');
const samples = signal(null);
const failed = signal(null);
let asking = 0;
const dated = (row) => ({ ...row, at: Date.parse(row.at) / 1000 });

/** The newest minutes behind those that are here; a week's points lie ten minutes apart and are asked for whole. */
async function growHistory() {
  const rows = samples.value;
  if (!rows?.length || span.value === '7d') {
    if (!rows?.length || Date.now() / 1000 - rows.at(-1).at > 600) await loadHistory();
    return;
  }
  const mine = asking;
  const last = rows.at(-1).at;
  try {
    const found = (await get(`/v1/stats/history?seconds=${Math.ceil(Date.now() / 1000 - last + 90)}`)).map(dated).filter((row) => row.at > last);
    if (mine === asking && found.length) samples.value = [...rows, ...found].filter((row) => row.at >= found.at(-1).at - SPANS[span.value]);
  } catch { /* the next minute asks again */ }
}

async function loadHistory() {
  const mine = ++asking;
  try {
    const rows = await get(`/v1/stats/history?seconds=${SPANS[span.value]}`);
    if (mine !== asking) return;
    samples.value = rows.map(dated);
    failed.value = null;
  } catch (problem) {
    if (mine === asking) failed.value = problem;
  }
}

/** What is wrong, in the reader's words where we know it; the server's own sentence says what to do. */
function Alerts({ now: figures }) {
  const found = [];
  const silent = figures.judges.filter((judge) => !judge.ok);
  if (!figures.vantage_healthy && figures.judges.length) {
    found.push(['bad', silent.length ? t('alert.judges', { judges: silent.map((judge) => judge.url).join(', ') }) : t('alert.vantage')]);
  } else if (silent.length && silent.length < figures.judges.length && figures.uptime > 20) {
    found.push(['warn', t('alert.judge', { judges: silent.map((judge) => judge.url).join(', ') })]);
  }
  if (figures.store_error) found.push(['bad', t('alert.store')]);
  if (figures.sources_total && !figures.sources_ok && figures.uptime > 20) found.push(['warn', t('alert.sources', { count: figures.sources_total })]);
  if (!found.length && !figures.problems.length) return null;
  return html`<div class="alerts" role="status">
    ${found.map(([tone, text]) => html`<${Notice} key=${text} tone=${tone} title=${text} />`)}
    ${figures.problems.map((text) => html`<${Notice} key=${text} tone=${found.length ? 'info' : 'warn'}><span lang="en">${text}</span><//>`)}
  </div>`;
}

function Tiles({ now: figures }) {
  const picks = figures.picks_total;
  const uses = figures.uses_total;
  const gate = figures.gateway;
  return html`<dl class="tiles">
    <${Tile} label=${t('tile.working')} value=${number(figures.working)} tone="accent" sub=${t('tile.ofVerified', { count: number(figures.verified) })} />
    ${isNumber(figures.expected) && html`<${Tile} label=${t('tile.expected')} value=${number(figures.expected)} sub=${t('tile.expected.sub')} title=${t('tile.expected.why')} />`}
    <${Tile} label=${t('tile.known')} value=${number(figures.known)} sub=${t('tile.unchecked', { count: number(figures.unchecked) })} />
    <${Tile} label=${t('tile.inCheck')} value=${number(figures.in_check)} sub=${t('tile.due', { count: number(figures.due) })} />
    <${Tile} label=${t('tile.rate')} value=${rate(figures.checks_per_second)} sub=${t('tile.checked', { count: compact(figures.checked_total) })} />
    ${isNumber(uses) && uses > 0
      ? html`<${Tile} label=${t('tile.success')} value=${percent(figures.use_success ?? (uses - figures.uses_failed) / uses, 1)} sub=${t('tile.uses', { count: compact(uses) })} />`
      : html`<${Tile} label=${t('tile.filled')} value=${picks ? percent(figures.pick_success ?? (picks - figures.picks_failed) / picks, 1) : '–'} sub=${t('tile.picks', { count: compact(picks) })} />`}
    ${gate && isNumber(gate.requests) && html`<${Tile} label=${t('tile.requests')} value=${compact(gate.requests)} sub=${isNumber(gate.connections) ? t('tile.open', { count: number(gate.connections) }) : ''} />`}
    ${gate && isNumber(gate.bytes_up) && html`<${Tile} label=${t('tile.bytes')} value=${bytes(gate.bytes_up + gate.bytes_down)} sub=${`↑ ${bytes(gate.bytes_up)}  ↓ ${bytes(gate.bytes_down)}`} />`}
  </dl>`;
}

function Charts() {
  const rows = samples.value;
  const seconds = SPANS[span.value];
  const series = useMemo(() => {
    if (!rows || rows.length < 2) return null;
    const times = rows.map((row) => row.at);
    const of = (name) => rows.map((row) => row[name] ?? null);
    const lines = {
      times,
      pool: [
        { label: t('chart.working'), values: of('working'), color: '--accent', fill: true },
        { label: t('chart.verified'), values: of('verified'), color: '--line-strong' },
      ],
      checks: [{ label: t('chart.checks'), values: perSecond(rows, 'checked_total'), color: '--series-2', fill: true }],
      picks: [{ label: t('chart.success'), values: ratio(rows, 'picks_total', 'picks_failed'), color: '--series-3' }],
    };
    if (rows.some((row) => isNumber(row.expected))) lines.pool.splice(1, 0, { label: t('chart.expected'), values: of('expected'), color: '--series-3' });
    if (rows.some((row) => row.uses_total > 0)) lines.picks = [{ label: t('chart.success'), values: ratio(rows, 'uses_total', 'uses_failed'), color: '--series-3' }];
    if (rows.some((row) => row.gateway_requests > 0)) {
      lines.gateway = [{ label: t('chart.requests'), values: perSecond(rows, 'gateway_requests'), color: '--series-4', fill: true }];
    }
    return lines;
  }, [rows, t('chart.working')]);
  const has = (name) => series[name]?.some((one) => one.values.filter((value) => value !== null).length > 1);
  const chart = (name, format, label, more) => has(name) && html`<figure><figcaption>${label}</figcaption>
    <${TimeChart} times=${series.times} series=${series[name]} span=${seconds} format=${format} label=${label} ...${more} /></figure>`;
  return html`<${Card} id="charts" title=${t('overview.time')} class="wide" actions=${html`<${Segments} label=${t('overview.span')} value=${span.value}
      options=${Object.keys(SPANS).map((key) => [key, t(`span.${key}`)])} onChange=${(key) => { span.value = key; remember('span', key); loadHistory(); }} />`}>
    <${Failed} problem=${failed.value} retry=${loadHistory} />
    ${!rows && !failed.value && html`<${Loading} lines=${5} />`}
    ${rows && !series && html`<${Empty} title=${t('chart.soon')}>${t('chart.soon.why')}<//>`}
    ${series && html`<div class="charts">
      ${chart('pool', compact, t('chart.pool'))}
      ${chart('checks', rate, t('chart.checks'))}
      ${chart('picks', (value) => percent(value), t('chart.success'), { range: () => [0, 1] })}
      ${chart('gateway', rate, t('chart.requests'))}
    </div>`}
  <//>`;
}

const TONES = { elite: 'good', anonymous: 'mid', transparent: 'low', clean: 'good', unknown: 'none', tampers: 'bad', intercepts: 'bad', fakes: 'bad' };
function Shares({ group, counts, field }) {
  const rows = Object.entries(counts || {}).sort((a, b) => b[1] - a[1])
    .map(([key, value]) => ({ key, label: word(group, key), value, tone: TONES[key], href: href('proxies', { [field]: key }) }));
  return rows.length ? html`<${Bars} rows=${rows} label=${t(`col.${field}`)} />` : html`<p class="muted small">${t('none.yet')}</p>`;
}

function Failures({ counts }) {
  const rows = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const total = rows.reduce((sum, [, value]) => sum + value, 0);
  const shown = rows.slice(0, 8).map(([key, value]) => ({ key, label: failure(key), value }));
  const rest = rows.slice(8).reduce((sum, [, value]) => sum + value, 0);
  if (rest) shown.push({ key: 'rest', label: t('rest'), value: rest, tone: 'none' });
  return shown.length ? html`<${Bars} rows=${shown} total=${total} label=${t('overview.failures')} />` : html`<p class="muted small">${t('none.yet')}</p>`;
}

function Judges({ judges }) {
  if (!judges.length) return html`<p class="muted small">${t('judges.none')}</p>`;
  return html`<ul class="list">${judges.map((judge) => html`<li key=${judge.url}>
    <div class="grow"><code class="break">${judge.url}</code>${judge.error && html`<div class="small muted break" lang="en">${judge.error}</div>`}</div>
    <span class="num small">${judge.ok ? millis(judge.latency_ms) : ''}</span>
    <${Badge} tone=${judge.ok ? 'good' : 'bad'}>${judge.ok ? t('judge.ok') : t('judge.silent')}<//>
  </li>`)}</ul>`;
}

function News() {
  const rows = recent.value;
  if (!rows.length) return html`<p class="muted small">${t('news.none')}</p>`;
  const text = (event) => t(`event.${event.kind}`, {
    name: event.name ?? '', found: number(event.found ?? 0), new: number(event.new ?? 0), known: number(event.known ?? 0),
    refused: number(event.refused ?? 0), records: number(event.records ?? 0), error: event.error ?? '',
    tags: [...(event.added || []), ...(event.removed || []).map((tag) => `−${tag}`)].join(', '), count: event.problems?.length ?? 0,
  });
  return html`<ul class="list news">${rows.slice(0, 8).map((event, place) => html`<li key=${`${event.at}${place}`}>
    <span class="grow break">${tOr(`event.${event.kind}`, null) ? text(event) : event.kind}${event.error && html` <span class="bad-text break" lang="en">${event.error}</span>`}</span>
    <time class="muted small" datetime=${event.at}>${ago(event.at, now.value)}</time></li>`)}</ul>`;
}

function Start() {
  const line = `curl ${new URL('get/', document.baseURI).href.replace(/#.*/, '')}`;
  return html`<p class="try"><span class="muted small">${t('overview.try')}</span> <code class="break">${line}</code><${Copy} text=${line} /></p>`;
}

export function Overview() {
  useEffect(() => {
    loadHistory();
    refreshStats(true);
    const timer = setInterval(() => { if (!document.hidden) growHistory(); }, 60_000);
    const off = on('open', loadHistory);
    return () => { clearInterval(timer); off(); };
  }, []);
  const figures = stats.value;
  if (!figures) {
    return html`<${Page} title=${t('page.overview')} /><${Failed} problem=${statsError.value} retry=${() => refreshStats(true)} />
      ${!statsError.value && html`<${Loading} lines=${8} />`}`;
  }
  return html`
    <${Page} title=${t('page.overview')} intro=${t('overview.intro', { uptime: duration(figures.uptime) })} actions=${html`<${Start} />`} />
    <${Alerts} now=${figures} />
    <${Tiles} now=${figures} />
    <div class="grid">
      <${Charts} />
      ${figures.by_country && html`<${Card} id="exits" title=${t('overview.exits')} class="map-card"><${WorldMap} counts=${figures.by_country} /><//>`}
      <${Card} id="shares" title=${t('overview.shares')} class="shares-card">
        <h3>${t('col.scheme')}</h3><${Shares} group="scheme" counts=${figures.by_scheme} field="scheme" />
        <h3>${t('col.anonymity')}</h3><${Shares} group="anonymity" counts=${figures.by_anonymity} field="anonymity" />
        <h3>${t('col.honesty')}</h3><${Shares} group="honesty" counts=${figures.by_honesty} field="honesty" />
      <//>
      <${Card} id="failures" title=${t('overview.failures')} note=${t('overview.failures.note')}><${Failures} counts=${figures.failures} /><//>
      <${Card} id="judges" class="half" title=${t('overview.judges')}><${Judges} judges=${figures.judges} />
        <h3>${t('page.sources')}</h3><p>${t('overview.sources', { ok: number(figures.sources_ok), total: number(figures.sources_total) })} <a href=${href('sources')}>${t('more')}</a></p><//>
      <${Card} id="news" class="half" title=${t('overview.news')}><${News} /><//>
    </div>`;
}
