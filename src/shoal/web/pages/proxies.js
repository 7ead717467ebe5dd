// Proxies: a table of any size, paged by the server; its filters are the API's query and stand in the address.
import { html, useEffect, useRef, useState } from '../lib/html.js';
import { address, ask, download, post, textOf } from '../lib/api.js';
import { ago, country, millis, number, percent, word } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { adjust, go, href, route } from '../lib/router.js';
import { now } from '../lib/state.js';
import { Filters, queryOf } from '../lib/filters.js';
import { Badge, Button, Copy, Dialog, Empty, Failed, Field, Loading, Page, Select, Table, attempt, copyText, toast } from '../lib/ui.js';
import { ProxyDrawer } from './proxy.js';

const SIZES = [25, 50, 100, 200];
const FORMATS = ['txt', 'plain', 'json', 'jsonl', 'csv', 'clash', 'sing-box', 'proxychains', 'pac', 'curl', 'haproxy', 'env'];
const ENDS = { txt: 'txt', plain: 'txt', json: 'json', jsonl: 'jsonl', csv: 'csv', clash: 'yaml', 'sing-box': 'json', proxychains: 'conf', pac: 'pac', curl: 'conf', haproxy: 'cfg', env: 'env' };
const HONESTY = { clean: 'good', unknown: 'none', tampers: 'bad', intercepts: 'bad', fakes: 'bad' };

export const Forecast = ({ value }) => html`<span class="forecast" title=${t('forecast.why')}>
  <span class="forecast-bar" aria-hidden="true"><span style=${{ width: `${Math.round(value * 100)}%` }}></span></span>${percent(value)}</span>`;

/** host:port as people write it. */
export const hostPort = (row) => (row.host.includes(':') ? `[${row.host}]:${row.port}` : `${row.host}:${row.port}`);

/** What decides whether a proxy will do; the rest is in its drawer. */
const MAIN = ['forward', 'tunnel', 'ipv6_exit'];
export const Abilities = ({ row, only }) => row.capabilities.length
  ? row.capabilities.filter((name) => !only || only.includes(name)).map((name) => html`<${Badge} key=${name} title=${t(`capability.${name}.why`)}>${word('capability', name)}<//> `) : '–';

const columns = () => [
  { key: 'proxy', label: t('col.proxy'), class: 'main', cell: (row) => html`<code class="break">${row.username ? html`<span class="muted">${row.username}@</span>` : ''}${hostPort(row)}</code>` },
  { key: 'scheme', label: t('col.scheme'), cell: (row) => row.scheme },
  { key: 'forecast', label: t('col.forecast'), cell: (row) => html`<${Forecast} value=${row.forecast.probability} />` },
  { key: 'latency', label: t('col.latency'), class: 'num', cell: (row) => millis(row.latency_ms) },
  { key: 'country', label: t('col.exit'), cell: (row) => (row.country ? html`<span class="clip" title=${row.exit || ''}>${country(row.country)}</span>` : html`<span class="muted">–</span>`) },
  { key: 'anonymity', label: t('col.anonymity'), cell: (row) => word('anonymity', row.anonymity) },
  { key: 'honesty', label: t('col.honesty'), cell: (row) => html`<${Badge} tone=${HONESTY[row.honesty]}>${word('honesty', row.honesty)}<//>` },
  { key: 'can', label: t('col.capability'), class: 'low', cell: (row) => html`<span class="nowrap"><${Abilities} row=${row} only=${MAIN} /></span>` },
  { key: 'ok', label: t('col.lastOk'), class: 'num mid', cell: (row) => html`<time datetime=${row.last_ok}>${ago(row.last_ok, now.value)}</time>` },
  { key: 'sources', label: t('col.source'), class: 'low', cell: (row) => html`<span class="clip" title=${row.sources.join(', ')}>${row.sources.join(', ') || '–'}</span>` },
];

function Export({ query, total, onClose }) {
  const [format, setFormat] = useState('txt');
  const [secret, setSecret] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState('10000');
  const params = new URLSearchParams(query);
  params.set('format', format);
  params.set('limit', wanted || '100');
  if (secret) params.set('credentials', '1');
  const path = `/v1/proxies?${params}`;
  const run = (work, done) => async () => { setBusy(true); await attempt(work, done); setBusy(false); };
  return html`<${Dialog} title=${t('export.title')} onClose=${onClose} class="narrow">
    <p class="muted">${t('export.intro', { count: number(total) })}</p>
    <div class="form">
      <${Field} label=${t('export.format')}><${Select} value=${format} onChange=${setFormat} options=${FORMATS.map((name) => [name, t(`format.${name}`)])} /><//>
      <${Field} label=${t('export.limit')}><input type="number" min="1" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} /><//>
      <label class="tick"><input type="checkbox" checked=${secret} onChange=${(event) => setSecret(event.currentTarget.checked)} /> ${t('export.credentials')}</label>
      <${Field} label=${t('export.url')}><div class="copy-line"><code class="break">${address(path)}</code><${Copy} text=${address(path)} /></div><//>
    </div>
    <div class="dialog-actions">
      <${Button} icon="copy" busy=${busy} onClick=${run(async () => copyText(await textOf(path)), t('copied'))}>${t('export.copy')}<//>
      <${Button} icon="download" class="primary" busy=${busy} onClick=${run(() => download(path, `shoal-proxies.${ENDS[format]}`), t('export.done'))}>${t('export.download')}<//>
    </div>
  <//>`;
}

function SaveLink({ query, onClose }) {
  const [format, setFormat] = useState('txt');
  const [limit, setLimit] = useState('100');
  const [link, setLink] = useState(null);
  const save = async () => {
    const params = new URLSearchParams(query);
    params.set('format', format);
    params.set('limit', limit || '100');
    const made = await attempt(() => post('/v1/links', { query: `/v1/proxies?${params}` }));
    if (made) setLink(made);
  };
  return html`<${Dialog} title=${t('save.title')} onClose=${onClose} class="narrow">
    ${link ? html`<p>${t('save.done')}</p><div class="copy-line big"><code class="break">${link.short_url}</code><${Copy} text=${link.short_url} /></div>
        <p class="hint">${t('save.secret')}</p>
        <div class="dialog-actions"><a class="button" href=${href('links')}>${t('page.links')}</a><${Button} class="primary" onClick=${onClose}>${t('close')}<//></div>`
    : html`<p class="muted">${t('save.intro')}</p>
        <div class="form">
          <p class="small"><span class="field-label">${t('save.query')}</span> <code class="break">${String(query) || t('save.everything')}</code></p>
          <${Field} label=${t('export.format')}><${Select} value=${format} onChange=${setFormat} options=${FORMATS.map((name) => [name, t(`format.${name}`)])} /><//>
          <${Field} label=${t('export.limit')}><input type="number" min="1" value=${limit} onInput=${(event) => setLimit(event.currentTarget.value)} /><//>
        </div>
        <div class="dialog-actions"><${Button} onClick=${onClose}>${t('cancel')}<//><${Button} class="primary" onClick=${save}>${t('save.make')}<//></div>`}
  <//>`;
}

export function Import({ onClose, onDone }) {
  const [text, setText] = useState('');
  const [scheme, setScheme] = useState('');
  const [trust, setTrust] = useState('own');
  const [tag, setTag] = useState('');
  const send = async () => {
    const params = new URLSearchParams({ trust });
    if (scheme) params.set('scheme', scheme);
    if (tag.trim()) params.set('tag', tag.trim());
    const told = await attempt(() => post(`/v1/proxies?${params}`, text, { headers: { 'Content-Type': 'text/plain' } }));
    if (!told) return;
    const refused = Object.values(told.refused).reduce((sum, count) => sum + count, 0);
    toast(t('import.done', { new: number(told.new), known: number(told.known), refused: number(refused) }));
    onDone?.();
    onClose();
  };
  const read = async (event) => {
    const file = event.currentTarget.files[0];
    if (file) setText(await file.text());
  };
  return html`<${Dialog} title=${t('import.title')} onClose=${onClose} class="narrow">
    <p class="muted">${t('import.intro')}</p>
    <div class="form">
      <${Field} label=${t('import.list')}><textarea rows="8" spellcheck=${false} placeholder="192.0.2.10:3128\nsocks5://user:password@198.51.100.7:1080" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea><//>
      <${Field} label=${t('import.file')}><input type="file" onChange=${read} /><//>
      <div class="row">
        <${Field} label=${t('col.scheme')}><${Select} value=${scheme} onChange=${setScheme} options=${[['', t('scheme.find')], ...['http', 'https', 'socks4', 'socks4a', 'socks5'].map((one) => [one, one])]} /><//>
        <${Field} label=${t('col.trust')}><${Select} value=${trust} onChange=${setTrust} options=${[['own', t('trust.own')], ['public', t('trust.public')]]} /><//>
        <${Field} label=${t('col.tag')}><input value=${tag} onInput=${(event) => setTag(event.currentTarget.value)} /><//>
      </div>
    </div>
    <div class="dialog-actions"><${Button} onClick=${onClose}>${t('cancel')}<//><${Button} class="primary" disabled=${!text.trim()} onClick=${send}>${t('import.send')}<//></div>
  <//>`;
}

export function Proxies() {
  const { params, rest } = route.value;
  const query = queryOf(params);
  const key = query.toString();
  const [rows, setRows] = useState(null);
  const [total, setTotal] = useState(0);
  const [next, setNext] = useState(null);
  const [trail, setTrail] = useState([]);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [size, setSize] = useState(50);
  const [shown, setShown] = useState(null);
  const asked = useRef(0);

  const load = async (cursors) => {
    const mine = ++asked.current;
    setBusy(true);
    const wanted = new URLSearchParams(key);
    wanted.set('limit', String(size));
    if (cursors.length) wanted.set('cursor', cursors.at(-1));
    try {
      const { data, headers } = await ask('GET', `/v1/proxies?${wanted}`);
      if (mine !== asked.current) return;
      setRows(data);
      setTotal(Number(headers.get('X-Total-Count') ?? data.length));
      setNext(headers.get('X-Next-Cursor'));
      setTrail(cursors);
      setError(null);
    } catch (problem) {
      if (mine === asked.current) setError(problem);
    } finally {
      if (mine === asked.current) setBusy(false);
    }
  };
  useEffect(() => { load([]); }, [key, size]);

  const first = trail.length * size;
  const open = rest[0];
  const copyPage = () => attempt(() => copyText(rows.map((row) => row.proxy).join('\n')), t('copied'));
  return html`
    <${Page} title=${t('page.proxies')} intro=${t('proxies.intro')} actions=${html`
      <${Button} icon="plus" onClick=${() => setShown('import')}>${t('import.title')}<//>
      <${Button} icon="download" onClick=${() => setShown('export')}>${t('export.title')}<//>
      <${Button} icon="links" onClick=${() => setShown('save')}>${t('save.title')}<//>`} />
    <${Filters} params=${params} onChange=${adjust} />
    <${Failed} problem=${error} retry=${() => load(trail)} />
    <section class="card flush" aria-busy=${busy ? 'true' : 'false'}>
      ${rows === null && !error && html`<${Loading} lines=${10} />`}
      ${rows?.length === 0 && html`<${Empty} title=${key ? t('proxies.noneFit') : t('proxies.none')} action=${key
        ? html`<${Button} onClick=${() => adjust(new URLSearchParams())}>${t('filters.clear')}<//>`
        : html`<a class="button" href=${href('sources')}>${t('page.sources')}</a>`}>${key ? t('proxies.noneFit.why') : t('proxies.none.why')}<//>`}
      ${rows?.length > 0 && html`<${Table} columns=${columns()} rows=${rows} caption=${t('page.proxies')} rowKey=${(row) => `${row.id}${row.scheme}`}
        isCurrent=${(row) => row.id === open} onRow=${(row) => go('proxies', key, row.id)} />
        <footer class="pager">
          <span class="muted" role="status">${t('pager.range', { from: number(first + 1), to: number(first + rows.length), total: number(total) })}</span>
          <label class="inline"><span>${t('pager.size')}</span><${Select} value=${String(size)} options=${SIZES.map((one) => [String(one), String(one)])} onChange=${(value) => setSize(Number(value))} /></label>
          <${Button} class="quiet" icon="copy" onClick=${copyPage}>${t('proxies.copyPage')}<//>
          <${Button} class="quiet" icon="refresh" busy=${busy} onClick=${() => load(trail)}>${t('refresh')}<//>
          <span class="pages"><${Button} icon="left" disabled=${!trail.length || busy} onClick=${() => load(trail.slice(0, -1))}>${t('pager.back')}<//>
          <${Button} icon="right" disabled=${!next || busy} onClick=${() => load([...trail, next])}>${t('pager.next')}<//></span>
        </footer>`}
    </section>
    ${shown === 'export' && html`<${Export} query=${query} total=${total} onClose=${() => setShown(null)} />`}
    ${shown === 'save' && html`<${SaveLink} query=${query} onClose=${() => setShown(null)} />`}
    ${shown === 'import' && html`<${Import} onClose=${() => setShown(null)} onDone=${() => load([])} />`}
    ${open && html`<${ProxyDrawer} key=${open} id=${open} onClose=${() => go('proxies', key)} onChanged=${() => load(trail)} />`}`;
}
