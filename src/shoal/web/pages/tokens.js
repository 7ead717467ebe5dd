// Tokens: who may do what. The text of one is shown once.
import { html, useEffect, useState } from '../lib/html.js';
import { post, remove } from '../lib/api.js';
import { ago, moment, number } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { listOf, now, resource } from '../lib/state.js';
import { Badge, Button, Card, Copy, Dialog, Empty, Failed, Field, Loading, Notice, Page, Select, Table, attempt, confirm } from '../lib/ui.js';

const tokens = resource('/v1/tokens', { isOptional: false });
const SCOPES = ['read', 'use', 'write', 'admin'];
const LASTS = [['', 'links.forEver'], ['86400', 'links.day'], ['2592000', 'links.month'], ['31536000', 'links.year']];

function Make({ onClose }) {
  const [name, setName] = useState('');
  const [scope, setScope] = useState('use');
  const [seconds, setSeconds] = useState('');
  const [rate, setRate] = useState('');
  const [made, setMade] = useState(null);
  const make = async (event) => {
    event.preventDefault();
    const answer = await attempt(() => post('/v1/tokens', { name: name.trim(), scope, ...(seconds ? { seconds: Number(seconds) } : {}), ...(rate ? { rate: Number(rate) } : {}) }));
    if (answer) { setMade(answer); tokens.load(); }
  };
  return html`<${Dialog} title=${t('tokens.make')} onClose=${onClose} class="narrow">
    ${made ? html`<${Notice} tone="warn">${t('tokens.once')}<//><div class="copy-line big"><code class="break">${made.token}</code><${Copy} text=${made.token} /></div>
        <p class="hint"><code class="break">Authorization: Bearer …</code></p>
        <div class="dialog-actions"><${Button} class="primary" onClick=${onClose}>${t('close')}<//></div>`
    : html`<form class="form" onSubmit=${make}>
        <${Field} label=${t('col.name')}><input required maxlength="200" value=${name} onInput=${(event) => setName(event.currentTarget.value)} /><//>
        <${Field} label=${t('tokens.scope')} hint=${t(`scope.${scope}.why`)}><${Select} value=${scope} onChange=${setScope} options=${SCOPES.map((one) => [one, t(`scope.${one}`)])} /><//>
        <div class="row"><${Field} label=${t('links.lasts')}><${Select} value=${seconds} onChange=${setSeconds} options=${LASTS.map(([value, key]) => [value, t(key)])} /><//>
          <${Field} label=${t('tokens.rate')}><input type="number" min="0.001" step="any" value=${rate} onInput=${(event) => setRate(event.currentTarget.value)} /><//></div>
        <div class="dialog-actions"><${Button} onClick=${onClose}>${t('cancel')}<//><button class="button primary" disabled=${!name.trim()}>${t('tokens.make')}</button></div>
      </form>`}
  <//>`;
}

export function Tokens() {
  const [making, setMaking] = useState(false);
  useEffect(() => { tokens.load(); }, []);
  const revoke = async (row) => {
    if (!(await confirm(t('tokens.revoke.ask', { name: row.name }), t('tokens.revoke')))) return;
    if (await attempt(async () => { await remove(`/v1/tokens/${encodeURIComponent(row.id)}`); return true; }, t('tokens.revoked'))) tokens.load();
  };
  const rows = listOf(tokens.data.value, 'tokens');
  const columns = [
    { key: 'name', label: t('col.name'), class: 'main', cell: (row) => html`<span class="break">${row.name}</span>` },
    { key: 'scope', label: t('tokens.scope'), cell: (row) => html`<${Badge} tone=${row.scope === 'admin' ? 'bad' : row.scope === 'write' ? 'mid' : 'none'} title=${t(`scope.${row.scope}.why`)}>${t(`scope.${row.scope}`)}<//>` },
    { key: 'made', label: t('links.created'), class: 'num', cell: (row) => html`<span title=${moment(row.created_at)}>${ago(row.created_at, now.value)}</span>` },
    { key: 'ends', label: t('links.ends'), class: 'num', cell: (row) => (row.expires_at ? html`<span title=${moment(row.expires_at)}>${ago(row.expires_at, now.value)}</span>` : t('links.never')) },
    { key: 'rate', label: t('tokens.rate'), class: 'num mid', cell: (row) => (row.rate ? number(row.rate, 3) : '–') },
    { key: 'do', label: html`<span class="visually-hidden">${t('col.actions')}</span>`, class: 'num', cell: (row) => html`<${Button} class="quiet" icon="trash" onClick=${() => revoke(row)}>${t('tokens.revoke')}<//>` },
  ];
  return html`
    <${Page} title=${t('page.tokens')} intro=${t('tokens.intro')} actions=${html`<${Button} icon="plus" class="primary" onClick=${() => setMaking(true)}>${t('tokens.make')}<//>`} />
    <${Failed} problem=${tokens.error.value} retry=${tokens.load} />
    <${Card} class="flush">
      ${tokens.data.value === undefined && !tokens.error.value && html`<${Loading} lines=${4} />`}
      ${tokens.data.value && rows.length === 0 && html`<${Empty} title=${t('tokens.none')}>${t('tokens.none.why')}<//>`}
      ${rows.length > 0 && html`<${Table} columns=${columns} rows=${rows} caption=${t('page.tokens')} />`}
    <//>
    ${making && html`<${Make} onClose=${() => setMaking(false)} />`}`;
}
