// Short links: made, copied, counted.
import { html, useEffect, useState } from '../lib/html.js';
import { ask, post, remove } from '../lib/api.js';
import { ago, moment, number, word } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { now } from '../lib/state.js';
import { Badge, Button, Card, Copy, Empty, Failed, Field, Loading, Page, Select, Table, attempt, confirm, copyText, toast } from '../lib/ui.js';

const LASTS = [['', 'links.forEver'], ['3600', 'links.hour'], ['86400', 'links.day'], ['604800', 'links.week'], ['2592000', 'links.month']];
const PAGE = 100;

function Make({ onMade }) {
  const [url, setUrl] = useState('');
  const [alias, setAlias] = useState('');
  const [seconds, setSeconds] = useState('');
  const [clicks, setClicks] = useState('');
  const [permanent, setPermanent] = useState(false);
  const [preview, setPreview] = useState(false);
  const [open, setOpen] = useState(false);
  const make = async (event) => {
    event.preventDefault();
    const made = await attempt(() => post('/v1/links', {
      url: url.trim(), permanent, preview,
      ...(alias.trim() ? { alias: alias.trim() } : {}), ...(seconds ? { seconds: Number(seconds) } : {}), ...(clicks ? { click_limit: Number(clicks) } : {}),
    }));
    if (!made) return;
    await copyText(made.short_url);
    toast(t('links.made', { url: made.short_url }));
    setUrl('');
    setAlias('');
    onMade();
  };
  const text = (set) => (event) => set(event.currentTarget.value);
  return html`<${Card} id="make" title=${t('links.make')}><form class="form" onSubmit=${make}>
    <div class="row main-row"><${Field} label=${t('links.url')} class="wide-field"><input required placeholder="https://example.com/a/long/address" value=${url} onInput=${text(setUrl)} spellcheck=${false} /><//>
      <button class="button primary" disabled=${!url.trim()}>${t('links.shorten')}</button></div>
    <button type="button" class="link" aria-expanded=${open ? 'true' : 'false'} onClick=${() => setOpen(!open)}>${t('links.options')}</button>
    ${open && html`<div class="row">
      <${Field} label=${t('links.alias')}><input value=${alias} onInput=${text(setAlias)} spellcheck=${false} /><//>
      <${Field} label=${t('links.lasts')}><${Select} value=${seconds} onChange=${setSeconds} options=${LASTS.map(([value, key]) => [value, t(key)])} /><//>
      <${Field} label=${t('links.limit')}><input type="number" min="1" value=${clicks} onInput=${text(setClicks)} /><//>
      <label class="tick"><input type="checkbox" checked=${permanent} onChange=${(event) => setPermanent(event.currentTarget.checked)} /> ${t('links.permanent')}</label>
      <label class="tick"><input type="checkbox" checked=${preview} onChange=${(event) => setPreview(event.currentTarget.checked)} /> ${t('links.preview')}</label>
    </div>`}
  </form><//>`;
}

export function Links() {
  const [rows, setRows] = useState(null);
  const [next, setNext] = useState(null);
  const [error, setError] = useState(null);
  const load = async (cursor) => {
    try {
      const { data, headers } = await ask('GET', `/v1/links?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      setRows((before) => (cursor ? [...(before || []), ...data] : data));
      setNext(headers.get('X-Next-Cursor'));
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => { load(); }, []);
  const away = async (row) => {
    if (!(await confirm(t('links.delete.ask', { code: row.code }), t('links.delete')))) return;
    if (await attempt(async () => { await remove(`/v1/links/${encodeURIComponent(row.code)}`); return true; }, t('links.deleted'))) setRows(rows.filter((one) => one.code !== row.code));
  };
  const columns = [
    { key: 'short', label: t('links.short'), class: 'main', cell: (row) => html`<span class="copy-line bare"><a class="break" href=${row.short_url} target="_blank" rel="noreferrer noopener">${row.short_url}</a><${Copy} text=${row.short_url} /></span>` },
    { key: 'kind', label: t('links.kind'), cell: (row) => html`<${Badge} tone=${row.kind === 'query' ? 'mid' : 'none'}>${word('kind', row.kind)}<//>` },
    { key: 'target', label: t('links.target'), class: 'wide-cell', cell: (row) => html`<code class="break">${row.target || t('save.everything')}</code>` },
    { key: 'clicks', label: t('links.clicks'), class: 'num', cell: (row) => html`${number(row.clicks)}${row.click_limit ? html`<span class="muted"> / ${number(row.click_limit)}</span>` : ''}` },
    { key: 'last', label: t('links.last'), class: 'num mid', cell: (row) => html`<span title=${moment(row.last_click)}>${ago(row.last_click, now.value)}</span>` },
    { key: 'made', label: t('links.created'), class: 'num low', cell: (row) => html`<span title=${moment(row.created_at)}>${ago(row.created_at, now.value)}</span>` },
    { key: 'ends', label: t('links.ends'), class: 'num low', cell: (row) => (row.expires_at ? html`<span title=${moment(row.expires_at)}>${ago(row.expires_at, now.value)}</span>` : t('links.never')) },
    { key: 'do', label: html`<span class="visually-hidden">${t('col.actions')}</span>`, class: 'num', cell: (row) => html`<${Button} class="quiet icon-only" icon="trash" aria-label=${`${t('links.delete')} ${row.code}`} onClick=${() => away(row)} />` },
  ];
  return html`
    <${Page} title=${t('page.links')} intro=${t('links.intro')} />
    <${Make} onMade=${() => load()} />
    <${Failed} problem=${error} retry=${() => load()} />
    <${Card} class="flush">
      ${rows === null && !error && html`<${Loading} lines=${4} />`}
      ${rows?.length === 0 && html`<${Empty} title=${t('links.none')}>${t('links.none.why')}<//>`}
      ${rows?.length > 0 && html`<${Table} columns=${columns} rows=${rows} caption=${t('page.links')} rowKey=${(row) => row.code} />`}
      ${next && rows?.length > 0 && html`<footer class="pager"><${Button} onClick=${() => load(next)}>${t('more')}<//></footer>`}
    <//>`;
}
