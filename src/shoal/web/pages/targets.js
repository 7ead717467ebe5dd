// Targets: sites that matter to the reader, and which proxies reach them.
import { html, useEffect, useState } from '../lib/html.js';
import { post, remove } from '../lib/api.js';
import { ago, duration, isNumber, number, percent } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { listOf, now, resource } from '../lib/state.js';
import { Badge, Button, Card, Dialog, Empty, Failed, Field, Loading, Notice, Page, Table, attempt, confirm } from '../lib/ui.js';

const targets = resource('/v1/targets');
const nameOf = (row) => row.name || row.host || row.url;
const hostOf = (row) => { try { return row.target || row.host || new URL(row.url).host; } catch { return row.url; } };

const columns = (away) => [
  { key: 'url', label: t('target.url'), class: 'main', cell: (row) => html`<a class="break" href=${href('proxies', { target: hostOf(row) })}>${row.url || nameOf(row)}</a>` },
  { key: 'expect', label: t('target.expect'), class: 'mid', cell: (row) => html`<span class="break">${expects(row)}</span>` },
  { key: 'ok', label: t('target.reach'), class: 'num', cell: (row) => number(row.reach ?? row.ok ?? row.working) },
  { key: 'tried', label: t('target.tried'), class: 'num mid', cell: (row) => number(row.tried ?? row.checked) },
  { key: 'share', label: t('target.share'), class: 'num', cell: (row) => { const tried = row.tried ?? row.checked; const ok = row.reach ?? row.ok ?? row.working; return tried ? percent(ok / tried, 1) : '–'; } },
  { key: 'banned', label: t('target.banned'), class: 'num', cell: (row) => number(row.banned ?? row.bans) },
  { key: 'interval', label: t('source.interval'), class: 'num low', cell: (row) => duration(row.interval) },
  { key: 'last', label: t('proxy.lastCheck'), class: 'num mid', cell: (row) => ago(row.last_check ?? row.last_run, now.value) },
  { key: 'do', label: html`<span class="visually-hidden">${t('col.actions')}</span>`, class: 'num', cell: (row) => ((row.origin ?? 'api') === 'api' || row.editable) && html`<${Button} class="quiet icon-only" icon="trash" aria-label=${t('target.delete')} onClick=${() => away(row)} />` },
];
const expects = (row) => {
  const expect = row.expect && typeof row.expect === 'object' ? row.expect : row;
  return [expect.status && `${[].concat(expect.status).join(', ')}`, expect.regex && `/${expect.regex}/`, (expect.not_regex ?? expect['not-regex']) && `${t('not')} /${expect.not_regex ?? expect['not-regex']}/`].filter(Boolean).join(' · ') || '–';
};

function Add({ onClose }) {
  const [url, setUrl] = useState('');
  const [status, setStatus] = useState('200');
  const [regex, setRegex] = useState('');
  const [notRegex, setNotRegex] = useState('');
  const [told, setTold] = useState(null);
  const [canTest, setCanTest] = useState(true);
  const [busy, setBusy] = useState(false);
  const body = () => ({
    url: url.trim(),
    ...(status.trim() ? { status: status.split(',').map((one) => Number(one.trim())).filter(Boolean) } : {}),
    ...(regex ? { regex } : {}), ...(notRegex ? { not_regex: notRegex } : {}),
  });
  const test = async (event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await attempt(async () => {
      try { return (await post('/v1/targets/test', body())) ?? {}; } catch (problem) {
        if (problem.status === 404 || problem.status === 405) { setCanTest(false); return {}; }
        throw problem;
      }
    });
    setBusy(false);
    if (answer) setTold(answer);
  };
  const save = async () => {
    setBusy(true);
    const made = await attempt(async () => (await post('/v1/targets', body())) ?? {}, t('target.added'));
    setBusy(false);
    if (made) { targets.load(); onClose(); }
  };
  const results = listOf(told, 'results', 'tries');
  return html`<${Dialog} title=${t('target.add')} onClose=${onClose}>
    <p class="muted">${t('target.add.intro')}</p>
    <form class="form" onSubmit=${test}>
      <${Field} label=${t('target.url')}><input type="url" required placeholder="https://example.com/" value=${url} onInput=${(event) => { setUrl(event.currentTarget.value); setTold(null); }} /><//>
      <div class="row">
        <${Field} label=${t('target.status')}><input value=${status} onInput=${(event) => setStatus(event.currentTarget.value)} /><//>
        <${Field} label=${t('target.regex')}><input value=${regex} spellcheck="false" onInput=${(event) => setRegex(event.currentTarget.value)} /><//>
        <${Field} label=${t('target.notRegex')}><input value=${notRegex} spellcheck="false" onInput=${(event) => setNotRegex(event.currentTarget.value)} /><//>
      </div>
      ${told && canTest && html`<div class="preview">
        ${isNumber(told.reach ?? told.ok) && html`<p>${t('target.test.result', { ok: number(told.reach ?? told.ok), count: number(told.tried ?? results.length) })}</p>`}
        ${told.verdict && html`<p><${Badge} tone=${told.verdict === 'ok' ? 'good' : 'bad'}>${told.verdict}<//></p>`}
        ${told.detail && html`<p class="break" lang="en">${told.detail}</p>`}
        ${results.length > 0 && html`<ul class="list">${results.slice(0, 10).map((one, place) => html`<li key=${place}><code class="grow break">${one.proxy || one.id}</code><span class="break">${one.detail || one.verdict || one.status || (one.ok ? t('proxy.worked') : '')}</span></li>`)}</ul>`}
      </div>`}
      ${!canTest && html`<${Notice}>${t('target.noTest')}<//>`}
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t('cancel')}<//>
        ${canTest && html`<button class="button" disabled=${busy || !url.trim()}>${t('source.test')}</button>`}
        <${Button} class="primary" disabled=${busy || !url.trim() || (canTest && !told)} onClick=${save}>${t('source.save')}<//></div>
    </form>
  <//>`;
}

export function Targets() {
  const [adding, setAdding] = useState(false);
  useEffect(() => {
    targets.load();
    const timer = setInterval(() => { if (!document.hidden) targets.load(); }, 30_000);
    return () => clearInterval(timer);
  }, []);
  const away = async (row) => {
    if (!(await confirm(t('target.delete.ask', { name: nameOf(row) }), t('target.delete')))) return;
    if (await attempt(async () => { await remove(`/v1/targets/${encodeURIComponent(row.name ?? row.id ?? hostOf(row))}`); return true; }, t('target.deleted'))) targets.load();
  };
  const rows = listOf(targets.data.value, 'targets');
  const isMissing = targets.data.value === null;
  return html`
    <${Page} title=${t('page.targets')} intro=${t('targets.intro')} actions=${!isMissing && html`<${Button} icon="plus" class="primary" onClick=${() => setAdding(true)}>${t('target.add')}<//>`} />
    <${Failed} problem=${targets.error.value} retry=${targets.load} />
    <${Card} class="flush">
      ${targets.data.value === undefined && !targets.error.value && html`<${Loading} lines=${4} />`}
      ${isMissing && html`<${Empty} title=${t('missing.title')}>${t('missing.why')}<//>`}
      ${targets.data.value && rows.length === 0 && html`<${Empty} title=${t('targets.none')}>${t('targets.none.why')}<//>`}
      ${rows.length > 0 && html`<${Table} columns=${columns(away)} rows=${rows} caption=${t('page.targets')} rowKey=${(row) => row.id ?? nameOf(row)} />`}
    <//>
    ${adding && html`<${Add} onClose=${() => setAdding(false)} />`}`;
}
