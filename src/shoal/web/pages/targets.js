// Targets: sites that matter to the reader, and which proxies reach them.
import { html, useEffect, useState } from '../lib/html.js';
import { post, remove } from '../lib/api.js';
import { ago, duration, millis, number, percent } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { listOf, now, resource } from '../lib/state.js';
import { Badge, Button, Card, Dialog, Empty, Failed, Field, Loading, Notice, Page, Table, attempt, confirm } from '../lib/ui.js';

const targets = resource('/v1/targets');

const columns = (away) => [
  { key: 'name', label: t('col.name'), class: 'main', cell: (row) => html`<a class="break" href=${href('proxies', { target: row.name })}>${row.name}</a><div class="small muted break">${row.url}</div>` },
  { key: 'expect', label: t('target.expect'), class: 'mid', cell: (row) => html`<span class="break">${expects(row.expect)}</span>` },
  { key: 'ok', label: t('target.reach'), class: 'num', cell: (row) => html`<strong>${number(row.reached)}</strong>` },
  { key: 'share', label: t('target.share'), class: 'num', cell: (row) => percent(row.success, 1) },
  { key: 'failed', label: t('target.failed'), class: 'num mid', cell: (row) => number(row.failed) },
  { key: 'banned', label: t('target.banned'), class: 'num', cell: (row) => number(row.banned) },
  { key: 'unknown', label: t('target.unknown'), class: 'num mid', cell: (row) => number(row.unknown) },
  { key: 'interval', label: t('source.interval'), class: 'num low', cell: (row) => duration(row.interval) },
  { key: 'last', label: t('proxy.lastCheck'), class: 'num mid', cell: (row) => ago(row.last_visit, now.value) },
  { key: 'do', label: html`<span class="visually-hidden">${t('col.actions')}</span>`, class: 'num', cell: (row) => (row.origin === 'file'
    ? html`<${Badge} tone="none">${t('origin.file')}<//>`
    : html`<${Button} class="quiet icon-only" icon="trash" aria-label=${`${t('target.delete')} ${row.name}`} onClick=${() => away(row)} />`) },
];
const expects = (expect) => [[].concat(expect?.status ?? []).join(', '), expect?.regex && `/${expect.regex}/`, expect?.not_regex && `${t('not')} /${expect.not_regex}/`].filter(Boolean).join(' · ') || t('target.anyGood');

function Add({ onClose }) {
  const [url, setUrl] = useState('');
  const [status, setStatus] = useState('');
  const [regex, setRegex] = useState('');
  const [notRegex, setNotRegex] = useState('');
  const [told, setTold] = useState(null);
  const [canTest, setCanTest] = useState(true);
  const [busy, setBusy] = useState(false);
  const body = () => ({
    url: url.trim(),
    expect: {
      ...(status.trim() ? { status: status.split(',').map((one) => Number(one.trim())).filter(Boolean) } : {}),
      ...(regex ? { regex } : {}), ...(notRegex ? { not_regex: notRegex } : {}),
    },
  });
  const test = async (event) => {
    event.preventDefault();
    setBusy(true);
    setTold(null);
    const answer = await attempt(async () => {
      try { return await post('/v1/targets/test', body()); } catch (problem) {
        if (problem.status === 404 || problem.status === 405) { setCanTest(false); return { tried: 0, results: [] }; }
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
  return html`<${Dialog} title=${t('target.add')} onClose=${onClose}>
    <p class="muted">${t('target.add.intro')}</p>
    <form class="form" onSubmit=${test}>
      <${Field} label=${t('target.url')}><input type="url" required placeholder="https://example.com/" value=${url} onInput=${(event) => { setUrl(event.currentTarget.value); setTold(null); }} /><//>
      <div class="row">
        <${Field} label=${t('target.status')}><input placeholder="200–399" value=${status} onInput=${(event) => setStatus(event.currentTarget.value)} /><//>
        <${Field} label=${t('target.regex')}><input value=${regex} spellcheck=${false} onInput=${(event) => setRegex(event.currentTarget.value)} /><//>
        <${Field} label=${t('target.notRegex')}><input value=${notRegex} spellcheck=${false} onInput=${(event) => setNotRegex(event.currentTarget.value)} /><//>
      </div>
      ${busy && !told && html`<${Loading} lines=${2} />`}
      ${told && canTest && html`<div class="preview">
        <p>${told.tried ? t('target.test.result', { ok: number(told.reached), count: number(told.tried) }) : t('target.test.none')}</p>
        <ul class="list">${told.results.map((one) => html`<li key=${one.proxy}><code class="grow break">${one.proxy}</code>
          <span class="small muted break">${one.why || (one.latency_ms ? millis(one.latency_ms) : '')}</span>
          <${Badge} tone=${one.ok ? 'good' : 'bad'}>${one.ok ? t('proxy.reaches') : one.banned ? t('target.isBan') : t('proxy.fails')}<//></li>`)}</ul>
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
    if (!(await confirm(t('target.delete.ask', { name: row.name }), t('target.delete')))) return;
    if (await attempt(async () => { await remove(`/v1/targets/${encodeURIComponent(row.name)}`); return true; }, t('target.deleted'))) targets.load();
  };
  const rows = listOf(targets.data.value, 'targets');
  const isMissing = targets.data.value === null;
  return html`
    <${Page} title=${t('page.targets')} intro=${t('targets.intro')} actions=${!isMissing && html`<${Button} icon="plus" class="primary" onClick=${() => setAdding(true)}>${t('target.add')}<//>`} />
    <${Failed} problem=${targets.error.value} retry=${targets.load} />
    ${rows.filter((row) => row.problem).map((row) => html`<${Notice} key=${row.name} tone="warn" title=${row.name}><span lang="en">${row.problem}</span><//>`)}
    <${Card} class="flush">
      ${targets.data.value === undefined && !targets.error.value && html`<${Loading} lines=${4} />`}
      ${isMissing && html`<${Empty} title=${t('missing.title')}>${t('missing.why')}<//>`}
      ${targets.data.value && rows.length === 0 && html`<${Empty} title=${t('targets.none')}>${t('targets.none.why')}<//>`}
      ${rows.length > 0 && html`<${Table} columns=${columns(away)} rows=${rows} caption=${t('page.targets')} rowKey=${(row) => row.name} />`}
    <//>
    ${adding && html`<${Add} onClose=${() => setAdding(false)} />`}`;
}
