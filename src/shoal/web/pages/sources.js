// Sources: what each one lists, what of it works, and a new one tried before it is kept.
import { html, useEffect, useState } from '../lib/html.js';
import { on, patch, post, remove } from '../lib/api.js';
import { ago, duration, isNumber, moment, number, percent, word } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { listOf, now, resource } from '../lib/state.js';
import { Badge, Button, Card, Definitions, Dialog, Empty, Failed, Field, Loading, Notice, Page, Select, Table, attempt, confirm } from '../lib/ui.js';

// The catalogue's rows that are off are shown when they are asked for.
const sources = resource('/v1/sources');
const everything = resource('/v1/sources?all=1');
const name = (row) => encodeURIComponent(row.name);
const refusedOf = (row) => Object.values(row.refused || {}).reduce((sum, count) => sum + count, 0);

function Status({ row }) {
  if (row.enabled === false) return html`<${Badge} tone="none" title=${row.note}>${t('source.off')}<//>`;
  if (row.paused) return html`<${Badge} tone="none">${t('source.paused')}<//>`;
  if (row.error) return html`<${Badge} tone="bad" title=${row.error}>${t('source.failing', { count: number(row.failures) })}<//>`;
  if (row.reachable === false) return html`<${Badge} tone="bad">${t('source.unreachable')}<//>`;
  if (!row.last_run) return html`<${Badge} tone="none">${t('source.waiting')}<//>`;
  return html`<${Badge} tone="good">${t('source.ok')}<//>`;
}

const columns = () => [
  { key: 'name', label: t('col.name'), class: 'main', cell: (row) => html`<span class="break">${row.name}</span>` },
  { key: 'status', label: t('col.status'), cell: (row) => html`<${Status} row=${row} />` },
  { key: 'working', label: t('source.working'), class: 'num', cell: (row) => html`<strong>${number(row.working)}</strong>` },
  { key: 'only', label: t('source.only'), class: 'num mid', cell: (row) => number(row.only) },
  { key: 'found', label: t('source.found'), class: 'num', cell: (row) => number(row.found) },
  { key: 'new', label: t('source.new'), class: 'num mid', cell: (row) => number(row.new) },
  { key: 'refused', label: t('source.refused'), class: 'num low', cell: (row) => number(refusedOf(row)) },
  { key: 'yield', label: t('source.yield'), class: 'num mid', cell: (row) => (row.found ? percent(Math.min(1, row.working / row.found), 1) : '–') },
  { key: 'lag', label: t('source.lag'), class: 'num low', cell: (row) => duration(row.lag_seconds) },
  { key: 'last', label: t('source.last'), class: 'num', cell: (row) => html`<time datetime=${row.last_success}>${ago(row.last_success, now.value)}</time>` },
  { key: 'next', label: t('source.next'), class: 'num low', cell: (row) => (row.paused ? '–' : ago(row.next_run, now.value)) },
];

const reload = () => { sources.load(); if (everything.data.value) everything.load(); };

function Detail({ row, onClose }) {
  const run = () => attempt(() => post(`/v1/sources/${name(row)}/run`), t('source.asked'));
  const pause = async () => {
    await attempt(() => post(`/v1/sources/${name(row)}/${row.paused ? 'resume' : 'pause'}`), row.paused ? t('source.resumed') : t('source.isPaused'));
    reload();
  };
  const turn = async () => {
    await attempt(() => patch(`/v1/sources/${name(row)}`, { enabled: !row.enabled }), row.enabled ? t('source.isOff') : t('source.isOn'));
    reload();
  };
  const away = async () => {
    if (!(await confirm(t('source.delete.ask', { name: row.name }), t('source.delete')))) return;
    if (await attempt(async () => { await remove(`/v1/sources/${name(row)}`); return true; }, t('source.deleted'))) { reload(); onClose(); }
  };
  const refused = Object.entries(row.refused || {}).sort((a, b) => b[1] - a[1]);
  return html`<${Dialog} title=${html`<span class="break">${row.name}</span>`} onClose=${onClose} class="drawer">
    <div class="actions">${row.enabled !== false && html`<${Button} icon="refresh" class="primary" onClick=${run}>${t('source.run')}<//>
      <${Button} icon=${row.paused ? 'play' : 'pause'} onClick=${pause}>${row.paused ? t('source.resume') : t('source.pause')}<//>`}
      ${row.editable && row.origin !== 'api' && html`<${Button} icon=${row.enabled ? 'ban' : 'play'} onClick=${turn}>${row.enabled ? t('source.turnOff') : t('source.turnOn')}<//>`}
      <a class="button" href=${href('proxies', { source: row.name })}>${t('source.show')}</a>
      ${row.origin === 'api' && html`<${Button} icon="trash" class="quiet" onClick=${away}>${t('source.delete')}<//>`}</div>
    ${row.error && html`<${Notice} tone="bad"><span class="break" lang="en">${row.error}</span><//>`}
    <${Definitions} rows=${[
      [t('col.status'), html`<${Status} row=${row} />`],
      row.note && [t('source.note'), html`<span class="break" lang="en">${row.note}</span>`],
      row.origin && [t('source.origin'), word('origin', row.origin)],
      row.contacts && [t('source.contacts'), html`<code class="break">${row.contacts}</code>`],
      [t('col.trust'), word('trust', row.trust)],
      [t('col.scheme'), row.scheme || t('scheme.find')],
      [t('source.interval'), duration(row.interval)],
      [t('source.last'), moment(row.last_success)],
      [t('source.tried'), moment(row.last_run)],
      [t('source.next'), row.paused ? '–' : moment(row.next_run)],
      [t('source.found'), number(row.found)], [t('source.new'), number(row.new)],
      [t('source.working'), number(row.working)], [t('source.worked'), number(row.worked)], [t('source.only'), number(row.only)],
      isNumber(row.credit) && [t('source.credit'), number(row.credit, 3)],
      [t('source.lag'), duration(row.lag_seconds)],
    ]} />
    ${refused.length > 0 && html`<h3>${t('source.refused')}</h3><${Definitions} rows=${refused.map(([reason, count]) => [word('refusal', reason), number(count)])} />`}
  <//>`;
}

function Preview({ told }) {
  const first = told.first || [];
  const refused = Object.entries(told.refused || {});
  return html`<div class="preview">
    ${told.error && html`<${Notice} tone="bad"><span class="break" lang="en">${told.error}</span><//>`}
    <${Definitions} rows=${[
      isNumber(told.found) && [t('source.found'), number(told.found)],
      isNumber(told.fetched_bytes) && [t('source.bytes'), number(told.fetched_bytes)],
      told.form && [t('source.form'), told.form],
      refused.length > 0 && [t('source.refused'), refused.map(([reason, count]) => `${word('refusal', reason)} ${number(count)}`).join(', ')],
    ]} />
    ${first.length > 0 && html`<h3>${t('source.first')}</h3><ol class="preview-list">${first.slice(0, 10).map((one, place) => html`<li key=${place}><code class="break">${one}</code></li>`)}</ol>`}
    ${!first.length && !told.error && html`<p class="muted">${t('source.nothing')}</p>`}
  </div>`;
}

/** A name for a list whose reader gave none: its host and the end of its path. */
function nameFrom(url) {
  try {
    const { hostname, pathname } = new URL(url.trim());
    const end = pathname.split('/').filter(Boolean).pop() || '';
    return `${hostname} ${end}`.replace(/[^A-Za-z0-9_ .:+-]/g, '-').replace(/^[^A-Za-z0-9_]+/, '').trim().slice(0, 64) || 'list';
  } catch { return 'list'; }
}

function Add({ onClose }) {
  const [url, setUrl] = useState('');
  const [label, setLabel] = useState('');
  const [scheme, setScheme] = useState('');
  const [trust, setTrust] = useState('public');
  const [told, setTold] = useState(null);
  const [busy, setBusy] = useState(false);
  const body = () => ({ name: label.trim() || nameFrom(url), url: url.trim(), ...(scheme ? { scheme } : {}), trust });
  const test = async (event) => {
    event.preventDefault();
    setBusy(true);
    setTold(null);
    const answer = await attempt(() => post('/v1/sources/test', body()));
    setBusy(false);
    if (answer) setTold(answer);
  };
  const save = async () => {
    setBusy(true);
    const made = await attempt(async () => (await post('/v1/sources', body())) ?? {}, t('source.added'));
    setBusy(false);
    if (made) { reload(); onClose(); }
  };
  const set = (change) => (event) => { change(event.currentTarget.value); setTold(null); };
  return html`<${Dialog} title=${t('source.add')} onClose=${onClose}>
    <p class="muted">${t('source.add.intro')}</p>
    <form class="form" onSubmit=${test}>
      <${Field} label=${t('source.url')}><input type="url" required placeholder="https://example.com/proxies.txt" value=${url} onInput=${set(setUrl)} spellcheck=${false} /><//>
      <div class="row">
        <${Field} label=${t('col.name')} hint=${t('source.name.hint')}><input value=${label} onInput=${set(setLabel)} /><//>
        <${Field} label=${t('col.scheme')}><${Select} value=${scheme} onChange=${(value) => { setScheme(value); setTold(null); }} options=${[['', t('scheme.find')], ...['http', 'https', 'socks4', 'socks4a', 'socks5'].map((one) => [one, one])]} /><//>
        <${Field} label=${t('col.trust')}><${Select} value=${trust} onChange=${setTrust} options=${[['public', t('trust.public')], ['own', t('trust.own')]]} /><//>
      </div>
      ${busy && !told && html`<${Loading} lines=${2} />`}
      ${told && html`<${Preview} told=${told} />`}
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t('cancel')}<//>
        <button class=${`button ${told ? '' : 'primary'}`} disabled=${busy || !url.trim()}>${t('source.test')}</button>
        <${Button} class=${told ? 'primary' : ''} disabled=${busy || !told || Boolean(told.error)} onClick=${save}>${t('source.save')}<//></div>
    </form>
  <//>`;
}

export function Sources() {
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState(null);
  const [adding, setAdding] = useState(false);
  useEffect(() => {
    sources.load();
    const offs = ['source', 'source_paused', 'source_resumed', 'source_added', 'source_removed', 'source_changed'].map((kind) => on(kind, reload));
    const timer = setInterval(() => { if (!document.hidden) sources.load(); }, 30_000);
    return () => { offs.forEach((off) => off()); clearInterval(timer); };
  }, []);
  const shown = all && everything.data.value ? everything.data.value : sources.data.value;
  const rows = listOf(shown, 'sources').slice().sort((a, b) => b.working - a.working || b.found - a.found || a.name.localeCompare(b.name));
  const current = rows.find((row) => row.name === open);
  return html`
    <${Page} title=${t('page.sources')} intro=${t('sources.intro')} actions=${html`
      <label class="tick"><input type="checkbox" checked=${all} onChange=${(event) => { setAll(event.currentTarget.checked); if (event.currentTarget.checked) everything.load(); }} /> ${t('sources.all')}</label>
      <${Button} icon="plus" class="primary" onClick=${() => setAdding(true)}>${t('source.add')}<//>`} />
    <${Failed} problem=${sources.error.value} retry=${sources.load} />
    <${Card} class="flush">
      ${sources.data.value === undefined && !sources.error.value && html`<${Loading} lines=${8} />`}
      ${sources.data.value !== undefined && rows.length === 0 && html`<${Empty} title=${t('sources.none')}>${t('sources.none.why')}<//>`}
      ${rows.length > 0 && html`<${Table} columns=${columns()} rows=${rows} caption=${t('page.sources')} rowKey=${(row) => row.name} onRow=${(row) => setOpen(row.name)} isCurrent=${(row) => row.name === open} />`}
    <//>
    ${current && html`<${Detail} row=${current} onClose=${() => setOpen(null)} />`}
    ${adding && html`<${Add} onClose=${() => setAdding(false)} />`}`;
}
