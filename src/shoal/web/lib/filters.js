// Filters of the API as fields of a form. What stands in the page's address is the query that is asked.
import { html, useEffect, useRef, useState } from './html.js';
import { word } from './format.js';
import { t } from './i18n.js';
import { Button, Field, Icon, Select } from './ui.js';

export const CHOICES = {
  scheme: ['http', 'https', 'socks4', 'socks4a', 'socks5'],
  capability: ['forward', 'tunnel', 'tunnel_any_port', 'keep_alive', 'remote_dns', 'ipv6_exit'],
  anonymity: ['elite', 'anonymous', 'transparent', 'unknown'],
  honesty: ['clean', 'unknown', 'tampers', 'intercepts', 'fakes'],
};
const TEXTS = { country: 'US, !CN', source: 'name', tag: 'fast, !slow', asn: 'AS64500', target: 'example.com', exclude: 'HOST:PORT' };
const FIGURES = { min_forecast: { min: 0, max: 1, step: 0.05, placeholder: '0.7' }, max_latency_ms: { min: 1, step: 100, placeholder: '1500' } };
export const ORDERS = ['forecast', 'latency', 'last_check', 'first_seen'];
/** What an API query may hold; anything else in the address is the page's own. */
export const NAMES = [...Object.keys(CHOICES), ...Object.keys(TEXTS), ...Object.keys(FIGURES), 'trust', 'max_age', 'order'];

/** The API's query of a page's address: filters with a value, in one order. */
export function queryOf(params) {
  const query = new URLSearchParams();
  for (const name of NAMES) for (const value of params.getAll(name)) if (value.trim()) query.append(name, value.trim());
  return query;
}

const itemsOf = (params, name) => params.getAll(name).join(',').split(',').map((item) => item.trim()).filter(Boolean);

function Multi({ name, params, change }) {
  const box = useRef(null);
  const chosen = itemsOf(params, name);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return undefined;
    const shut = (event) => { if (!box.current?.contains(event.target)) setOpen(false); };
    const escape = (event) => { if (event.key === 'Escape') { setOpen(false); box.current?.querySelector('button')?.focus(); } };
    document.addEventListener('pointerdown', shut);
    document.addEventListener('keydown', escape);
    return () => { document.removeEventListener('pointerdown', shut); document.removeEventListener('keydown', escape); };
  }, [open]);
  const toggle = (value) => {
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    change(name, next.join(','));
  };
  const shown = chosen.length === 0 ? t('any') : chosen.map((one) => (one.startsWith('!') ? `${t('not')} ${word(name, one.slice(1))}` : word(name, one))).join(', ');
  return html`<div class="multi" ref=${box}>
    <span class="field-label" id=${`multi-${name}`}>${t(`col.${name}`)}</span>
    <button type="button" class="select-like" aria-expanded=${open ? 'true' : 'false'} aria-labelledby=${`multi-${name} multi-${name}-value`}
      onClick=${() => setOpen(!open)}><span id=${`multi-${name}-value`}>${shown}</span></button>
    ${open && html`<div class="popover" role="group" aria-labelledby=${`multi-${name}`}>
      ${CHOICES[name].map((value) => html`<label key=${value} class="tick"><input type="checkbox" checked=${chosen.includes(value)} onChange=${() => toggle(value)} /> ${word(name, value)}</label>`)}
    </div>`}
  </div>`;
}

/** A text that is taken once the typing pauses. */
function Text({ name, params, change, ...rest }) {
  const outside = params.getAll(name).join(',');
  const [text, setText] = useState(outside);
  const timer = useRef(0);
  useEffect(() => { if (!timer.current) setText(outside); }, [outside]);
  const type = (event) => {
    const value = event.currentTarget.value;
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => { timer.current = 0; change(name, value.trim()); }, 450);
  };
  return html`<${Field} label=${t(`col.${name}`)}><input name=${name} value=${text} onInput=${type} autocomplete="off" spellcheck=${false} ...${rest} /><//>`;
}

export function Filters({ params, onChange }) {
  const more = ['tag', 'asn', 'target', 'exclude', 'min_forecast', 'max_latency_ms', 'max_age', 'trust', 'honesty'];
  const count = more.filter((name) => params.get(name)).length;
  const [isOpen, setOpen] = useState(count > 0);
  const [isShown, setShown] = useState(false);
  const change = (name, value) => {
    const next = new URLSearchParams(params);
    next.delete(name);
    if (value) next.set(name, value);
    onChange(next);
  };
  const shared = { params, change };
  const all = NAMES.filter((name) => name !== 'order' && params.get(name)).length;
  return html`<form class=${`filters ${isShown ? 'is-shown' : ''}`} role="search" aria-label=${t('filters')} onSubmit=${(event) => event.preventDefault()}>
    <${Button} icon="filter" class="filters-toggle" aria-expanded=${isShown ? 'true' : 'false'} onClick=${() => setShown(!isShown)}>${t('filters')}${all ? ` (${all})` : ''}<//>
    <div class="filter-fields">
      ${['scheme', 'capability', 'anonymity'].map((name) => html`<${Multi} key=${name} name=${name} ...${shared} />`)}
      ${['country', 'source'].map((name) => html`<${Text} key=${name} name=${name} placeholder=${TEXTS[name]} ...${shared} />`)}
      <${Field} label=${t('col.order')}><${Select} value=${params.get('order') || 'forecast'} onChange=${(value) => change('order', value === 'forecast' ? '' : value)}
        options=${ORDERS.map((name) => [name, t(`order.${name}`)])} /><//>
      <div class="filter-buttons">
        <button type="button" class="button quiet" aria-expanded=${isOpen ? 'true' : 'false'} onClick=${() => setOpen(!isOpen)}><${Icon} name="filter" /><span>${t('filters.more')}${count ? ` (${count})` : ''}</span></button>
        ${all > 0 && html`<${Button} class="quiet" icon="close" onClick=${() => onChange(new URLSearchParams())}>${t('filters.clear')}<//>`}
      </div>
    </div>
    ${isOpen && html`<div class="filter-fields second">
      <${Multi} name="honesty" ...${shared} />
      <${Field} label=${t('col.trust')}><${Select} value=${params.get('trust') || ''} onChange=${(value) => change('trust', value)}
        options=${[['', t('any')], ['own', t('trust.own')], ['public', t('trust.public')]]} /><//>
      ${Object.entries(FIGURES).map(([name, limits]) => html`<${Text} key=${name} name=${name} type="number" inputmode="decimal" ...${limits} ...${shared} />`)}
      <${Text} name="max_age" placeholder="30m" ...${shared} />
      ${['tag', 'asn', 'target', 'exclude'].map((name) => html`<${Text} key=${name} name=${name} placeholder=${TEXTS[name]} ...${shared} />`)}
    </div>`}
  </form>`;
}
