// One proxy: all that is known of it, how its last tries went and why, and what can be done with it.
import { html, useEffect, useState } from '../lib/html.js';
import { get, optional, post, remove } from '../lib/api.js';
import { Spark } from '../lib/chart.js';
import { ago, country, failure, isNumber, millis, moment, number, percent, word } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { listOf, now } from '../lib/state.js';
import { Badge, Button, Copy, Definitions, Dialog, Failed, Loading, Notice, attempt, confirm } from '../lib/ui.js';
import { Abilities, Forecast, hostPort } from './proxies.js';

const kindOf = (told) => (told ? `${told.stage}.${told.reason}` : null);

/** A failure in words; the server's own sentence and what it noted stand below. */
const Told = ({ failure: told }) => html`${failure(kindOf(told))}
  ${told.blame && html` <${Badge} tone=${told.blame === 'proxy' ? 'bad' : 'none'}>${word('blame', told.blame)}<//>`}
  ${(told.detail || told.sentence) && html`<div class="small muted break" lang="en">${told.detail || told.sentence}</div>`}`;

function Strip({ rows }) {
  return html`<ol class="strip" aria-label=${t('proxy.results')}>
    ${rows.map((row, place) => {
      const text = `${moment(row.at)}: ${row.ok ? t('proxy.worked') : failure(kindOf(row.failure))}${isNumber(row.latency_ms) ? `, ${millis(row.latency_ms)}` : ''}`;
      return html`<li key=${`${row.at}${place}`} class=${`${row.ok ? 'ok' : 'bad'} ${row.kind === 'use' ? 'use' : ''}`} title=${text}><span class="visually-hidden">${text}</span></li>`;
    })}</ol>`;
}

function Past({ rows }) {
  if (!rows.length) return html`<p class="muted small">${t('proxy.noHistory')}</p>`;
  const good = rows.filter((row) => row.ok).length;
  const bad = rows.filter((row) => !row.ok).reverse().slice(0, 6);
  return html`
    <${Strip} rows=${rows} />
    <p class="small muted">${t('proxy.strip', { good: number(good), count: number(rows.length) })}</p>
    ${rows.some((row) => isNumber(row.latency_ms)) && html`<div class="spark-line"><${Spark} values=${rows.map((row) => (row.ok ? row.latency_ms ?? null : null))} label=${t('proxy.latency')} />
      <span class="small muted">${t('proxy.latency')}</span></div>`}
    ${bad.length > 0 && html`<h3>${t('proxy.whyFailed')}</h3><ul class="list">${bad.map((row, place) => html`<li key=${place}>
      <span class="grow">${failure(kindOf(row.failure))}${row.failure?.detail && html`<div class="small muted break">${row.failure.detail}</div>`}</span>
      <time class="muted small" datetime=${row.at} title=${moment(row.at)}>${ago(row.at, now.value)}</time></li>`)}</ul>`}`;
}

function Reaches({ rows }) {
  return html`<h3>${t('page.targets')}</h3><ul class="list">${rows.map((row) => html`<li key=${row.target}>
    <span class="grow break">${row.target}${row.why && html`<div class="small muted break">${row.why}</div>`}</span>
    ${row.banned_until && Date.parse(row.banned_until) > now.value
      ? html`<${Badge} tone="bad">${t('proxy.bannedUntil', { when: ago(row.banned_until, now.value) })}<//>`
      : html`<${Badge} tone=${row.reaches ? 'good' : 'none'}>${row.reaches ? t('proxy.reaches') : t('proxy.fails')}<//>`}</li>`)}</ul>`;
}

function PathCard({ path, past }) {
  return html`<section class="path">
    <header><strong>${path.scheme}</strong> <${Forecast} value=${path.forecast.probability} />
      <span class="muted small">${t('proxy.sure', { share: percent(path.forecast.confidence) })}</span><${Copy} text=${path.proxy} /></header>
    <${Definitions} rows=${[
      [t('col.latency'), millis(path.latency_ms)],
      [t('col.capability'), html`<${Abilities} row=${path} />`],
      [t('col.anonymity'), word('anonymity', path.anonymity)],
      [t('col.honesty'), word('honesty', path.honesty)],
      [t('col.exit'), path.exit || path.country ? html`<span class="break">${path.country ? `${country(path.country)} ` : ''}${path.exit ? html`<code>${path.exit}</code>` : ''}${path.asn ? ` AS${path.asn}` : ''}</span>` : '–'],
      [t('col.lastOk'), html`<span title=${moment(path.last_ok)}>${ago(path.last_ok, now.value)}</span>`],
      path.failure && [t('proxy.lastFault'), html`<${Told} failure=${path.failure} />`],
    ]} />
    ${past && html`<h3>${t('proxy.results')}</h3><${Past} rows=${past} />`}
    ${path.targets?.length > 0 && html`<${Reaches} rows=${path.targets} />`}
  </section>`;
}

export function ProxyDrawer({ id, onClose, onChanged }) {
  const [record, setRecord] = useState(null);
  const [past, setPast] = useState(null);
  const [error, setError] = useState(null);
  const [canCheck, setCanCheck] = useState(true);
  const [busy, setBusy] = useState(null);
  const load = async () => {
    try {
      const [found, history] = await Promise.all([get(`/v1/proxies/${encodeURIComponent(id)}`), optional(`/v1/proxies/${encodeURIComponent(id)}/history`)]);
      setRecord(found);
      setPast(history === null ? null : listOf(history, 'results', 'history'));
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => {
    load();
    const timer = setInterval(() => { if (!document.hidden) load(); }, 20_000);
    return () => clearInterval(timer);
  }, [id]);

  const act = (name, work, done) => async () => {
    setBusy(name);
    const result = await attempt(work, done);
    setBusy(null);
    if (result !== undefined) { await load(); onChanged(); }
  };
  const check = async () => {
    setBusy('check');
    const answer = await attempt(async () => {
      try { return (await post(`/v1/proxies/${id}/check`)) ?? {}; } catch (problem) {
        if (problem.status === 404 || problem.status === 405) { setCanCheck(false); return {}; }
        throw problem;
      }
    }, canCheck ? t('proxy.checkAsked') : undefined);
    setBusy(null);
    if (answer !== undefined) await load();
  };
  const isBanned = record?.tags.includes('banned');
  const ban = (lift) => act('ban', async () => (await post(lift ? '/v1/bans/lift' : '/v1/bans', { proxies: [id] })) ?? {}, lift ? t('proxy.unbanned') : t('proxy.banned'));
  const away = async () => {
    if (!(await confirm(t('proxy.delete.ask'), t('proxy.delete')))) return;
    const done = await attempt(async () => { await remove(`/v1/proxies/${id}`); return true; }, t('proxy.deleted'));
    if (done) { onChanged(); onClose(); }
  };
  return html`<${Dialog} title=${record ? html`<code class="break">${hostPort(record)}</code>` : t('loading')} onClose=${onClose} class="drawer">
    <${Failed} problem=${error} retry=${load} />
    ${!record && !error && html`<${Loading} lines=${8} />`}
    ${record && html`
      <div class="actions">
        ${canCheck && html`<${Button} icon="refresh" class="primary" busy=${busy === 'check'} onClick=${check}>${t('proxy.check')}<//>`}
        <${Copy} text=${record.paths[0]?.proxy || hostPort(record)} label=${t('copy')} />
        <${Button} icon="ban" busy=${busy === 'ban'} onClick=${ban(isBanned)}>${isBanned ? t('proxy.unban') : t('proxy.ban')}<//>
        <${Button} icon="trash" class="quiet" onClick=${away}>${t('proxy.delete')}<//>
      </div>
      ${isBanned && html`<${Notice} tone="warn">${t('proxy.isBanned')}<//>`}
      <h3>${t('proxy.paths')}</h3>
      ${record.paths.length === 0 && html`<p class="muted">${t('proxy.noPath')}</p>`}
      ${record.paths.map((path) => html`<${PathCard} key=${path.scheme} path=${path} past=${past && past.filter((row) => row.scheme === path.scheme)} />`)}
      <h3>${t('proxy.record')}</h3>
      <${Definitions} rows=${[
        [t('proxy.lastCheck'), html`<span title=${moment(record.last_check)}>${ago(record.last_check, now.value)}</span>${record.failure ? html` · <${Told} failure=${record.failure} />` : record.last_check ? html` · ${t('proxy.worked')}` : ''}`],
        [t('proxy.nextCheck'), html`<span title=${moment(record.next_check)}>${ago(record.next_check, now.value)}</span>`],
        [t('proxy.checks'), number(record.checks)],
        record.username && [t('proxy.username'), html`<code class="break">${record.username}</code>`],
        [t('col.source'), record.sources.length ? record.sources.map((name) => html`<a key=${name} class="break" href=${href('proxies', { source: name })}>${name}</a> `) : '–'],
        [t('col.trust'), word('trust', record.trust)],
        [t('col.tag'), record.tags.length ? record.tags.map((name) => html`<${Badge} key=${name}>${name}<//> `) : '–'],
        [t('proxy.claims'), record.claims.join(', ') || '–'],
        [t('proxy.firstSeen'), moment(record.first_seen)],
        [t('proxy.lastSeen'), moment(record.last_seen)],
        [t('proxy.id'), html`<code class="break">${record.id}</code>`],
      ]} />`}
  <//>`;
}
