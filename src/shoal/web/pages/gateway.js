// The gateway: where it listens, who uses it, and lines to copy that use it.
import { html, signal, useEffect, useState } from '../lib/html.js';
import { optional } from '../lib/api.js';
import { ago, bytes, compact, isNumber, number, percent } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { listOf, now, resource } from '../lib/state.js';
import { Card, Copy, Empty, Failed, Loading, Notice, Page, Segments, Table, Tile } from '../lib/ui.js';
import { SNIPPETS, hasPassword, snippet } from '../lib/snippets.js';

const gateway = resource('/v1/gateway');
const sessions = resource('/v1/sessions');
const listen = signal(null);
const kind = signal('curl');

/** Where the gateway is for this reader: the name under which they reach this page, and the gateway's port. */
function urlOf(told) {
  const given = told?.url || told?.address || (Array.isArray(told?.urls) ? told.urls[0] : null) || told?.listen || listen.value;
  if (!given) return null;
  const match = /^(?:(https?):\/\/)?(.*?):(\d+)\/?$/.exec(given);
  if (!match) return null;
  const [, scheme = 'http', host, port] = match;
  const isAny = ['', '0.0.0.0', '::', '[::]'].includes(host);
  const bare = location.hostname;
  return `${scheme}://${isAny ? bare : host}:${port}`;
}

function Snippets({ url, users }) {
  const user = users[0]?.name || users[0]?.user || null;
  const text = snippet(kind.value, url, user);
  return html`<${Card} id="snippets" title=${t('gateway.snippets')} actions=${html`<${Copy} text=${text} label=${t('copy')} />`}>
    <${Segments} label=${t('gateway.client')} value=${kind.value} options=${Object.entries(SNIPPETS)} onChange=${(value) => { kind.value = value; }} />
    <pre class="code" tabindex="0"><code>${text}</code></pre>
    <p class="hint">${t('gateway.params')}${hasPassword(user) ? ` ${t('gateway.password')}` : ''}</p>
  <//>`;
}

const share = (ok, all) => (all ? percent(ok / all, 1) : '–');
const okOf = (row) => row.ok ?? row.succeeded ?? (isNumber(row.failed) && isNumber(row.requests) ? row.requests - row.failed : undefined);
const allOf = (row) => row.requests ?? row.total ?? row.attempts;

const targetColumns = () => [
  { key: 'target', label: t('gateway.target'), class: 'main', cell: (row) => html`<code class="break">${row.target ?? row.host ?? row.name}</code>` },
  { key: 'requests', label: t('gateway.requests'), class: 'num', cell: (row) => number(allOf(row)) },
  { key: 'share', label: t('gateway.success'), class: 'num', cell: (row) => share(okOf(row), allOf(row)) },
  { key: 'last', label: t('links.last'), class: 'num mid', cell: (row) => ago(row.last ?? row.last_at ?? row.at, now.value) },
];
const userColumns = () => [
  { key: 'user', label: t('gateway.user'), class: 'main', cell: (row) => html`<span class="break">${row.name || row.user || t('gateway.anyone')}</span>` },
  { key: 'connections', label: t('gateway.connections'), class: 'num', cell: (row) => number(row.connections ?? row.open) },
  { key: 'requests', label: t('gateway.requests'), class: 'num', cell: (row) => compact(allOf(row)) },
  { key: 'success', label: t('gateway.success'), class: 'num mid', cell: (row) => share(okOf(row), allOf(row)) },
  { key: 'bytes', label: t('gateway.bytes'), class: 'num', cell: (row) => bytes(row.bytes ?? (isNumber(row.bytes_up) ? row.bytes_up + row.bytes_down : undefined)) },
];
const sessionColumns = () => [
  { key: 'session', label: t('gateway.session'), class: 'main', cell: (row) => html`<code class="break">${row.session ?? row.name ?? row.id}</code>` },
  { key: 'user', label: t('gateway.user'), class: 'mid', cell: (row) => html`<span class="break">${row.user || t('gateway.anyone')}</span>` },
  { key: 'proxy', label: t('col.proxy'), class: 'wide-cell', cell: (row) => html`<code class="break">${row.proxy ?? row.upstream ?? '–'}</code>` },
  { key: 'last', label: t('links.last'), class: 'num', cell: (row) => ago(row.last_used ?? row.last ?? row.last_seen, now.value) },
  { key: 'ends', label: t('links.ends'), class: 'num low', cell: (row) => ago(row.expires_at ?? row.ends_at, now.value) },
];
const liveColumns = () => [
  { key: 'target', label: t('gateway.target'), class: 'main', cell: (row) => html`<code class="break">${row.target ?? '–'}</code>` },
  { key: 'user', label: t('gateway.user'), class: 'mid', cell: (row) => html`<span class="break">${row.user || t('gateway.anyone')}</span>` },
  { key: 'kind', label: t('gateway.kind'), class: 'mid', cell: (row) => row.kind ?? row.protocol ?? '–' },
  { key: 'proxy', label: t('col.proxy'), class: 'wide-cell', cell: (row) => html`<code class="break">${row.proxy ?? row.upstream ?? '–'}</code>` },
  { key: 'since', label: t('gateway.since'), class: 'num', cell: (row) => ago(row.since ?? row.started_at ?? row.at, now.value) },
  { key: 'bytes', label: t('gateway.bytes'), class: 'num low', cell: (row) => bytes(row.bytes ?? (isNumber(row.bytes_up) ? row.bytes_up + row.bytes_down : undefined)) },
];

function Section({ id, title, rows, columns, none, rowKey }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, 25);
  return html`<${Card} id=${id} title=${title} note=${rows.length ? number(rows.length) : ''} class="flush">
    ${rows.length ? html`<${Table} columns=${columns} rows=${shown} caption=${title} rowKey=${rowKey} compact />` : html`<${Empty} title=${none} />`}
    ${rows.length > shown.length && html`<footer class="pager"><button class="link" onClick=${() => setAll(true)}>${t('all', { count: number(rows.length) })}</button></footer>`}
  <//>`;
}

export function Gateway() {
  const load = () => { gateway.load(); sessions.load(); };
  useEffect(() => {
    load();
    // Only an administrator may read settings; whoever may not gets the usual address.
    if (!listen.value) optional('/v1/settings').then((rows) => { listen.value = rows?.find((row) => row.key === 'gateway.listen')?.value || '127.0.0.1:5011'; }, () => { listen.value = '127.0.0.1:5011'; });
    const timer = setInterval(() => { if (!document.hidden) load(); }, 10_000);
    return () => clearInterval(timer);
  }, []);
  const told = gateway.data.value;
  const url = urlOf(told);
  const users = listOf(told?.users);
  const targets = listOf(told?.targets);
  const live = listOf(told?.connections ?? told?.live, 'live', 'list');
  const totals = told?.totals ?? told ?? {};
  const open = isNumber(totals.connections) ? totals.connections : isNumber(totals.open) ? totals.open : live.length;
  const isOff = told && (told.listening === false || told.enabled === false || (told.url === null && told.listen === undefined));
  return html`
    <${Page} title=${t('page.gateway')} intro=${t('gateway.intro')} actions=${url && !isOff && html`<div class="copy-line"><code>${url}</code><${Copy} text=${url} /></div>`} />
    <${Failed} problem=${gateway.error.value} retry=${load} />
    ${isOff && html`<${Notice} tone="warn">${t('gateway.off')}<//>`}
    ${told === undefined && !gateway.error.value && html`<${Loading} lines=${5} />`}
    ${told && html`<dl class="tiles">
      <${Tile} label=${t('gateway.connections')} value=${number(open)} tone="accent" />
      ${isNumber(totals.requests) && html`<${Tile} label=${t('gateway.requests')} value=${compact(totals.requests)} sub=${t('gateway.sinceStart')} />`}
      ${isNumber(allOf(totals)) && allOf(totals) > 0 && isNumber(okOf(totals)) && html`<${Tile} label=${t('gateway.success')} value=${share(okOf(totals), allOf(totals))} />`}
      ${isNumber(totals.retries) && html`<${Tile} label=${t('gateway.retries')} value=${compact(totals.retries)} />`}
      ${isNumber(totals.bytes_up) && html`<${Tile} label=${t('gateway.bytes')} value=${bytes(totals.bytes_up + totals.bytes_down)} sub=${`↑ ${bytes(totals.bytes_up)}  ↓ ${bytes(totals.bytes_down)}`} />`}
    </dl>`}
    ${url && html`<${Snippets} url=${url} users=${users} />`}
    ${told && html`<div class="grid two">
      <${Section} id="live" title=${t('gateway.live')} rows=${live} columns=${liveColumns()} none=${t('gateway.live.none')} rowKey=${(row, place) => row.id ?? `${row.target}${row.since ?? place}`} />
      <${Section} id="per-target" title=${t('gateway.targets')} rows=${targets} columns=${targetColumns()} none=${t('gateway.targets.none')} rowKey=${(row) => row.target ?? row.host ?? row.name} />
      <${Section} id="users" title=${t('gateway.users')} rows=${users} columns=${userColumns()} none=${t('gateway.users.none')} rowKey=${(row) => row.name ?? row.user} />
      ${sessions.data.value && html`<${Section} id="sessions" title=${t('gateway.sessions')} rows=${listOf(sessions.data.value, 'sessions')} columns=${sessionColumns()} none=${t('gateway.sessions.none')} rowKey=${(row) => `${row.user}/${row.session ?? row.name ?? row.id}`} />`}
    </div>`}`;
}
