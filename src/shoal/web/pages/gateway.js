// The gateway: where it listens, who uses it, and lines to copy that use it.
import { html, signal, useEffect, useState } from '../lib/html.js';
import { remove } from '../lib/api.js';
import { ago, bytes, compact, country, number, percent } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { now, resource } from '../lib/state.js';
import { Button, Card, Copy, Empty, Failed, Loading, Notice, Page, Segments, Table, Tile, attempt } from '../lib/ui.js';
import { SNIPPETS, hasPassword, snippet } from '../lib/snippets.js';

const gateway = resource('/v1/gateway');
const sessions = resource('/v1/sessions');
/** The usual address, for a server that does not tell. */
const LISTEN = '127.0.0.1:5011';
const kind = signal('curl');

/** Where the gateway is for this reader: the name under which they reach this page stands for "every address". */
function urlOf(told) {
  const given = told === null ? `http://${LISTEN}` : told?.url;
  const match = /^(https?):\/\/(.*):(\d+)\/?$/.exec(given || '');
  if (!match) return null;
  const [, scheme, host, port] = match;
  return `${scheme}://${['0.0.0.0', '[::]', '::'].includes(host) ? location.hostname : host}:${port}`;
}

function Snippets({ url, users }) {
  const user = users.find((one) => one.name)?.name || null;
  const text = snippet(kind.value, url, user);
  return html`<${Card} id="snippets" title=${t('gateway.snippets')} actions=${html`<${Copy} text=${text} label=${t('copy')} />`}>
    <${Segments} label=${t('gateway.client')} value=${kind.value} options=${Object.entries(SNIPPETS)} onChange=${(value) => { kind.value = value; }} />
    <pre class="code" tabindex="0"><code>${text}</code></pre>
    <p class="hint">${t('gateway.params')}${hasPassword(user) ? ` ${t('gateway.password')}` : ''}</p>
  <//>`;
}

const share = (row) => (row.ok + row.failed > 0 ? percent(row.ok / (row.ok + row.failed), 1) : '–');
const userName = (row) => html`<span class="clip">${row.user || row.name || t('gateway.anyone')}</span>`;
const proxyOf = (row) => html`<code class="break">${row.proxy ?? '–'}</code>`;

const targetColumns = () => [
  { key: 'target', label: t('gateway.target'), class: 'main', cell: (row) => html`<code class="break">${row.target}</code>` },
  { key: 'requests', label: t('gateway.requests'), class: 'num', cell: (row) => compact(row.requests) },
  { key: 'share', label: t('gateway.success'), class: 'num', cell: (row) => percent(row.success, 1) },
  { key: 'replaced', label: t('gateway.replaced'), class: 'num mid', cell: (row) => compact(row.attempts_failed) },
  { key: 'last', label: t('links.last'), class: 'num mid', cell: (row) => ago(row.last_at, now.value) },
];
const userColumns = () => [
  { key: 'user', label: t('gateway.user'), class: 'main', cell: userName },
  { key: 'connections', label: t('gateway.connections'), class: 'num', cell: (row) => number(row.connections) },
  { key: 'requests', label: t('gateway.requests'), class: 'num', cell: (row) => compact(row.requests) },
  { key: 'success', label: t('gateway.success'), class: 'num', cell: share },
  { key: 'refused', label: t('gateway.refused'), class: 'num mid', cell: (row) => compact(row.refused) },
  { key: 'bytes', label: t('gateway.bytes'), class: 'num mid', cell: (row) => bytes(row.bytes_up + row.bytes_down) },
];
const sessionColumns = (renew) => [
  { key: 'session', label: t('gateway.session'), class: 'main', cell: (row) => html`<code class="break">${row.session}</code>` },
  { key: 'user', label: t('gateway.user'), class: 'mid', cell: userName },
  { key: 'proxy', label: t('col.proxy'), class: 'wide-cell', cell: (row) => html`<a href=${href('proxies', null, row.proxy_id)}>${proxyOf(row)}</a>` },
  { key: 'exit', label: t('col.exit'), class: 'low', cell: (row) => country(row.country) },
  { key: 'last', label: t('links.last'), class: 'num', cell: (row) => ago(row.last_used, now.value) },
  { key: 'ends', label: t('links.ends'), class: 'num low', cell: (row) => ago(row.expires_at, now.value) },
  { key: 'do', label: html`<span class="visually-hidden">${t('col.actions')}</span>`, class: 'num', cell: (row) => html`<${Button} class="quiet icon-only" icon="refresh" title=${t('gateway.rotate')} aria-label=${`${t('gateway.rotate')}: ${row.session}`} onClick=${() => renew(row)} />` },
];
const liveColumns = () => [
  { key: 'target', label: t('gateway.target'), class: 'main', cell: (row) => html`<code class="break">${row.target}</code>` },
  { key: 'user', label: t('gateway.user'), class: 'mid', cell: userName },
  { key: 'kind', label: t('gateway.kind'), class: 'low', cell: (row) => row.kind },
  { key: 'proxy', label: t('col.proxy'), class: 'wide-cell', cell: proxyOf },
  { key: 'since', label: t('gateway.since'), class: 'num', cell: (row) => ago(row.since, now.value) },
  { key: 'bytes', label: t('gateway.bytes'), class: 'num low', cell: (row) => bytes(row.bytes_up + row.bytes_down) },
];

function Section({ id, title, rows, columns, none, rowKey }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, 25);
  return html`<${Card} id=${id} title=${title} note=${rows.length ? number(rows.length) : ''} class="flush">
    ${rows.length ? html`<${Table} columns=${columns} rows=${shown} caption=${title} rowKey=${rowKey} />` : html`<${Empty} title=${none} />`}
    ${rows.length > shown.length && html`<footer class="pager"><button class="link" onClick=${() => setAll(true)}>${t('all', { count: number(rows.length) })}</button></footer>`}
  <//>`;
}

export function Gateway() {
  const load = () => { gateway.load(); sessions.load(); };
  useEffect(() => {
    load();
    const timer = setInterval(() => { if (!document.hidden) load(); }, 10_000);
    return () => clearInterval(timer);
  }, []);
  const renew = async (row) => {
    await attempt(() => remove(`/v1/sessions/${encodeURIComponent(row.id)}`), t('gateway.rotated'));
    sessions.load();
  };
  const told = gateway.data.value;
  const url = urlOf(told);
  return html`
    <${Page} title=${t('page.gateway')} intro=${t('gateway.intro')} actions=${url && html`<div class="copy-line"><code>${url}</code><${Copy} text=${url} /></div>`} />
    <${Failed} problem=${gateway.error.value} retry=${load} />
    ${told?.listening === false && html`<${Notice} tone="warn">${t('gateway.off')}<//>`}
    ${told === undefined && !gateway.error.value && html`<${Loading} lines=${5} />`}
    ${told && html`<dl class="tiles">
      <${Tile} label=${t('gateway.connections')} value=${number(told.open)} tone="accent" sub=${t('gateway.clients', { count: number(told.clients) })} />
      <${Tile} label=${t('gateway.requests')} value=${compact(told.requests)} sub=${t('gateway.refusedCount', { count: compact(told.refused) })} />
      <${Tile} label=${t('gateway.success')} value=${share(told)} sub=${t('gateway.failedCount', { count: compact(told.failed) })} />
      <${Tile} label=${t('gateway.retries')} value=${compact(told.retries)} sub=${t('gateway.hedges', { count: compact(told.hedges) })} />
      <${Tile} label=${t('gateway.sessions')} value=${number(told.sessions)} />
      <${Tile} label=${t('gateway.bytes')} value=${bytes(told.bytes_up + told.bytes_down)} sub=${`↑ ${bytes(told.bytes_up)}  ↓ ${bytes(told.bytes_down)}`} />
    </dl>`}
    ${url && html`<${Snippets} url=${url} users=${told?.users || []} />`}
    ${told && html`<div class="grid two">
      <${Section} id="live" title=${t('gateway.live')} rows=${told.connections} columns=${liveColumns()} none=${t('gateway.live.none')} rowKey=${(row, place) => place} />
      <${Section} id="per-target" title=${t('gateway.targets')} rows=${told.targets} columns=${targetColumns()} none=${t('gateway.targets.none')} rowKey=${(row) => row.target} />
      <${Section} id="users" title=${t('gateway.users')} rows=${told.users} columns=${userColumns()} none=${t('gateway.users.none')} rowKey=${(row) => row.name} />
      ${sessions.data.value && html`<${Section} id="sessions" title=${t('gateway.sessions')} rows=${sessions.data.value} columns=${sessionColumns(renew)} none=${t('gateway.sessions.none')} rowKey=${(row) => row.id} />`}
    </div>`}`;
}
