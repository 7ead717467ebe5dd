// The small parts that all pages are made of.
import { Fragment, html, signal, useEffect, useRef, useState } from './html.js';
import { t } from './i18n.js';
import { number, percent } from './format.js';

const ICONS = {
  overview: 'M3 12h4l2-6 4 12 2-6h6', proxies: 'M4 6h16M4 12h16M4 18h16', sources: 'M12 3v12m0 0-4-4m4 4 4-4M4 17v4h16v-4',
  targets: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z', gateway: 'M3 8h13m0 0-4-4m4 4-4 4M21 16H8m0 0 4-4m-4 4 4 4',
  links: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  settings: 'M4 7h10m4 0h2M4 17h2m4 0h10M16 4.500v5M8 14.500v5', tokens: 'M15 4a5 5 0 1 0 2.500 9.300L21 17v3h-3v-2h-2v-2l-1.500-1.500',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1', check: 'M4 12l5 5L20 6', close: 'M6 6l12 12M18 6 6 18', ban: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM6 6l12 12',
  refresh: 'M20 11a8 8 0 0 0-14-4L3 10m0-6v6h6M4 13a8 8 0 0 0 14 4l3-3m0 6v-6h-6', play: 'M7 4v16l12-8z', pause: 'M8 5v14M16 5v14',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13', plus: 'M12 5v14M5 12h14', download: 'M12 3v12m0 0-4-4m4 4 4-4M4 21h16', warn: 'M12 4 2 20h20L12 4zm0 6v4m0 3v.500',
  left: 'M15 5l-7 7 7 7', right: 'M9 5l7 7-7 7', menu: 'M4 7h16M4 12h16M4 17h16', sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.500 1.500m11 11L19 19M5 19l1.500-1.500m11-11L19 5',
  moon: 'M20 14a8 8 0 0 1-10-10 8 8 0 1 0 10 10z', auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0v18', filter: 'M3 5h18l-7 8v6l-4-2v-4z', out: 'M14 4h6v6m0-6-9 9M18 14v6H4V6h6',
};

export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${ICONS[name] || ''} /></svg>`;

export const Card = ({ title, note, actions, children, class: more = '', id }) => html`
  <section class=${`card ${more}`} aria-labelledby=${title && id ? `${id}-title` : undefined}>
    ${(title || actions) && html`<header class="card-head">
      ${title && html`<h2 id=${id ? `${id}-title` : undefined}>${title}</h2>`}
      ${note && html`<span class="muted small">${note}</span>`}
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>`}
    ${children}
  </section>`;

export const Tile = ({ label, value, sub, tone, title }) => html`
  <div class=${`tile ${tone || ''}`} title=${title}>
    <dt>${label}</dt><dd><span class="figure">${value}</span>${sub && html`<span class="sub">${sub}</span>`}</dd>
  </div>`;

export const Badge = ({ tone = '', children, title }) => html`<span class=${`badge ${tone}`} title=${title}>${children}</span>`;

/** Horizontal bars; rows are {label, value, tone, href}. */
export function Bars({ rows, total, label, unit = number }) {
  const sum = total ?? rows.reduce((all, row) => all + row.value, 0);
  const most = Math.max(1, ...rows.map((row) => row.value));
  return html`<ul class="bars" aria-label=${label}>
    ${rows.map((row) => html`<li key=${row.key ?? row.label}>
      <span class="bar-label" title=${row.label}>${row.href ? html`<a href=${row.href}>${row.label}</a>` : row.label}</span>
      <span class="bar-value">${unit(row.value)}${sum > 0 && html` <span class="muted">${percent(row.value / sum)}</span>`}</span>
      <span class="bar-track" aria-hidden="true"><span class=${`bar-fill ${row.tone || ''}`} style=${{ width: `${(100 * row.value) / most}%` }}></span></span>
    </li>`)}
  </ul>`;
}

export const Empty = ({ title, children, action }) => html`
  <div class="empty"><p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}${action}</div>`;

export const Notice = ({ tone = 'info', title, children, role }) => html`
  <div class=${`notice ${tone}`} role=${role}>
    ${(tone === 'bad' || tone === 'warn') && html`<${Icon} name="warn" />`}
    <div>${title && html`<strong>${title}</strong>`} ${children}</div>
  </div>`;

/** What went wrong with a request, in words. */
export function problemText(problem) {
  if (!problem) return '';
  if (problem.code === 'offline') return t('problem.offline');
  if (problem.status === 401) return t('problem.token');
  if (problem.status === 403 && problem.code === 'scope_missing') return t('problem.scope');
  return problem.detail || problem.message || String(problem);
}

export const Failed = ({ problem, retry }) => problem && html`
  <${Notice} tone=${problem.status === 403 ? 'info' : 'bad'}>${problemText(problem)}
    ${retry && problem.status !== 403 && html` <button class="link" onClick=${retry}>${t('retry')}</button>`}
  <//>`;

export const Loading = ({ lines = 3 }) => html`
  <div class="skeleton" aria-busy="true"><span class="visually-hidden">${t('loading')}</span>
    ${Array.from({ length: lines }, (_, i) => html`<div key=${i}></div>`)}</div>`;

// --- toasts: the one live region -------------------------------------------------------------------------------

const toasts = signal([]);
let serial = 0;
export function toast(text, tone = 'good') {
  const id = ++serial;
  toasts.value = [...toasts.value, { id, text, tone }].slice(-4);
  setTimeout(() => { toasts.value = toasts.value.filter((one) => one.id !== id); }, tone === 'bad' ? 9_000 : 4_500);
}
export const Toasts = () => html`<div class="toasts" role="status" aria-live="polite">
  ${toasts.value.map((one) => html`<div key=${one.id} class=${`toast ${one.tone}`}>${one.text}</div>`)}</div>`;

/** Runs something that may fail, and says how it went. Returns its result, undefined after a failure. */
export async function attempt(work, done) {
  try {
    const result = await work();
    if (done) toast(typeof done === 'function' ? done(result) : done);
    return result;
  } catch (problem) {
    toast(problemText(problem), 'bad');
    return undefined;
  }
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages of a secure origin have the clipboard; a selection works everywhere.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    (document.querySelector('dialog[open]') || document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

export function Copy({ text, label, class: more = '' }) {
  const [done, setDone] = useState(false);
  const copy = async (event) => {
    event.stopPropagation();
    await copyText(typeof text === 'function' ? text() : text);
    setDone(true);
    setTimeout(() => setDone(false), 1_600);
  };
  return html`<button type="button" class=${`button quiet ${label ? '' : 'icon-only'} ${more}`} onClick=${copy}
    title=${t('copy')} aria-label=${label ? undefined : t('copy')}>
    <${Icon} name=${done ? 'check' : 'copy'} />${label && html`<span>${done ? t('copied') : label}</span>`}</button>`;
}

export const Button = ({ icon, children, class: more = '', busy, ...rest }) => html`
  <button type="button" class=${`button ${more}`} disabled=${busy || rest.disabled} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}</button>`;

export function Field({ label, hint, children, class: more = '' }) {
  return html`<label class=${`field ${more}`}><span class="field-label">${label}</span>${children}
    ${hint && html`<span class="hint">${hint}</span>`}</label>`;
}

export const Select = ({ value, options, onChange, ...rest }) => html`
  <select value=${value} onChange=${(event) => onChange(event.currentTarget.value)} ...${rest}>
    ${options.map(([key, label]) => html`<option key=${key} value=${key} selected=${key === value}>${label}</option>`)}
  </select>`;

/** A choice of few, as a row of buttons. */
export const Segments = ({ value, options, onChange, label }) => html`
  <div class="segments" role="group" aria-label=${label}>
    ${options.map(([key, text]) => html`<button type="button" key=${key} aria-pressed=${key === value ? 'true' : 'false'}
      onClick=${() => onChange(key)}>${text}</button>`)}
  </div>`;

export function Dialog({ title, onClose, children, class: more = '' }) {
  const box = useRef(null);
  useEffect(() => {
    const opener = document.activeElement;
    box.current.showModal();
    return () => { if (opener?.isConnected) opener.focus?.(); };
  }, []);
  return html`<dialog ref=${box} class=${`dialog ${more}`} aria-labelledby="dialog-title"
    onClose=${onClose} onCancel=${(event) => { event.preventDefault(); onClose(); }}
    onClick=${(event) => event.target === box.current && onClose()}>
    <div class="dialog-box">
      <header class="dialog-head"><h2 id="dialog-title">${title}</h2>
        <button type="button" class="button quiet icon-only" onClick=${onClose} aria-label=${t('close')}><${Icon} name="close" /></button></header>
      <div class="dialog-body">${children}</div>
    </div>
  </dialog>`;
}

/** Asks before what cannot be undone; a promise of the answer. */
const question = signal(null);
export const confirm = (text, action) => new Promise((resolve) => { question.value = { text, action, resolve }; });
export function Question() {
  if (!question.value) return null;
  const { text, action, resolve } = question.value;
  const end = (answer) => { question.value = null; resolve(answer); };
  return html`<${Dialog} title=${action} onClose=${() => end(false)} class="narrow">
    <p>${text}</p>
    <div class="dialog-actions"><${Button} onClick=${() => end(false)}>${t('cancel')}<//>
      <${Button} class="danger" onClick=${() => end(true)}>${action}<//></div>
  <//>`;
}

/**
 * A table. Columns are {key, label, cell, class, sort}; rows need a key. `onRow` makes each row lead somewhere: its
 * first cell holds the button, so that the keyboard reaches it too.
 */
export function Table({ columns, rows, caption, rowKey = (row) => row.id, onRow, isCurrent, compact: isCompact }) {
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${caption}><table class=${isCompact ? 'compact' : ''}>
    <caption class="visually-hidden">${caption}</caption>
    <thead><tr>${columns.map((column) => html`<th key=${column.key} scope="col" class=${column.class || ''} aria-sort=${column.sort}>${column.label}</th>`)}</tr></thead>
    <tbody>${rows.map((row, place) => html`<tr key=${rowKey(row, place)} class=${`${onRow ? 'is-link' : ''} ${isCurrent?.(row) ? 'is-current' : ''}`}
        onClick=${onRow && ((event) => { if (!event.target.closest('a,button,input,select,label') && !String(getSelection())) onRow(row); })}>
      ${columns.map((column, at) => html`<td key=${column.key} class=${column.class || ''} data-label=${typeof column.label === 'string' ? column.label : ''}>${
        onRow && at === 0
          ? html`<button type="button" class="row-link" onClick=${() => onRow(row)}>${column.cell(row)}</button>`
          : column.cell(row)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

export const Page = ({ title, intro, actions, children }) => html`
  <div class="page-head"><div><h1 id="page-title" tabindex="-1">${title}</h1>${intro && html`<p class="muted">${intro}</p>`}</div>
    ${actions && html`<div class="actions">${actions}</div>`}</div>
  ${children}`;

export const Definitions = ({ rows }) => html`<dl class="definitions">
  ${rows.filter(Boolean).map(([label, value]) => html`<${Fragment} key=${label}><dt>${label}</dt><dd>${value}</dd><//>`)}</dl>`;
