// Settings: value, default, and where each was set. They are changed in the file, the environment or by flags.
import { html, useEffect, useState } from '../lib/html.js';
import { t, tOr } from '../lib/i18n.js';
import { resource } from '../lib/state.js';
import { Badge, Card, Copy, Empty, Failed, Field, Loading, Page } from '../lib/ui.js';

const settings = resource('/v1/settings', { isOptional: false });
const shown = (value) => (value === null || value === undefined || value === '' ? '–'
  : Array.isArray(value) ? (value.length ? value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(', ') : '–')
  : typeof value === 'object' ? JSON.stringify(value)
  : value === true ? t('yes') : value === false ? t('no') : String(value));

function Row({ row }) {
  const isSet = row.origin !== 'default';
  return html`<li class=${`setting ${isSet ? 'is-set' : ''}`}>
    <div class="setting-name"><code class="break">${row.key}</code>${isSet && html` <${Badge} tone="mid">${tOr(`origin.${row.origin}`, row.origin)}<//>`}</div>
    <div class="setting-value"><code class="break">${shown(row.value)}</code>${isSet && html`<span class="muted small break">${t('settings.default', { value: shown(row.default) })}</span>`}</div>
    <div class="setting-help"><span lang="en">${row.help}</span>
      <span class="muted small">${row.environment && html`<code class="break">${row.environment}</code>`}${row.flag && html` <code>${row.flag}</code>`}</span></div>
  </li>`;
}

export function Settings() {
  const [text, setText] = useState('');
  const [onlySet, setOnlySet] = useState(false);
  useEffect(() => { settings.load(); }, []);
  const rows = settings.data.value || [];
  const wanted = text.trim().toLowerCase();
  const found = rows.filter((row) => (!onlySet || row.origin !== 'default')
    && (!wanted || `${row.key} ${row.help} ${row.environment} ${row.flag}`.toLowerCase().includes(wanted)));
  const groups = Map.groupBy ? Map.groupBy(found, (row) => row.key.split('.')[0])
    : found.reduce((all, row) => all.set(row.key.split('.')[0], [...(all.get(row.key.split('.')[0]) || []), row]), new Map());
  return html`
    <${Page} title=${t('page.settings')} intro=${t('settings.intro')} />
    <form class="filters is-shown" role="search" onSubmit=${(event) => event.preventDefault()}><div class="filter-fields">
      <${Field} label=${t('settings.search')}><input type="search" value=${text} onInput=${(event) => setText(event.currentTarget.value)} /><//>
      <label class="tick"><input type="checkbox" checked=${onlySet} onChange=${(event) => setOnlySet(event.currentTarget.checked)} /> ${t('settings.onlySet')}</label>
    </div></form>
    <${Failed} problem=${settings.error.value} retry=${settings.load} />
    ${settings.data.value === undefined && !settings.error.value && html`<${Card}><${Loading} lines=${10} /><//>`}
    ${settings.data.value && found.length === 0 && html`<${Card}><${Empty} title=${t('settings.none')} /><//>`}
    ${[...groups].map(([group, list]) => html`<${Card} key=${group} id=${`settings-${group}`} title=${tOr(`group.${group}`, group)} note=${html`<code>[${group}]</code>`} class="flush"><ul class="settings">${list.map((row) => html`<${Row} key=${row.key} row=${row} />`)}</ul><//>`)}`;
}
