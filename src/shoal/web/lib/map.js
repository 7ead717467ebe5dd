// The map of exits: land drawn beforehand, a circle per country, and the same as a table.
import { html, signal, useEffect, useRef, useState } from './html.js';
import { country, number, percent } from './format.js';
import { t } from './i18n.js';
import { href } from './router.js';
import { Button, Empty } from './ui.js';

const world = signal(null);
let asked = false;

function loadWorld() {
  if (asked) return;
  asked = true;
  // A request that yields a document: no text is ever made into markup here.
  const request = new XMLHttpRequest();
  request.open('GET', new URL('../world.svg', import.meta.url));
  request.responseType = 'document';
  request.overrideMimeType('image/svg+xml');
  request.onload = () => {
    const drawing = request.responseXML;
    if (!drawing) return;
    const points = {};
    for (const point of drawing.querySelectorAll('circle')) {
      points[point.id] = [Number(point.getAttribute('cx')), Number(point.getAttribute('cy'))];
    }
    world.value = {
      land: drawing.querySelector('#land').getAttribute('d'),
      box: drawing.documentElement.getAttribute('viewBox'),
      points,
    };
  };
  request.send();
}

export function WorldMap({ counts }) {
  const [asTable, setAsTable] = useState(false);
  const [shown, setShown] = useState(null);
  const frame = useRef(null);
  useEffect(loadWorld, []);
  const rows = Object.entries(counts).map(([code, value]) => [code.toUpperCase(), value]).filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
  const total = rows.reduce((sum, [, value]) => sum + value, 0);
  const most = rows.length ? rows[0][1] : 1;
  const drawing = world.value;
  const text = ([code, value]) => `${country(code)} ${number(value)} (${percent(value / total, 1)})`;

  if (!rows.length) return html`<${Empty} title=${t('map.none')}>${t('map.none.why')}<//>`;
  return html`<div class="map" ref=${frame}>
    <div class="map-switch"><${Button} class="quiet small" aria-pressed=${asTable ? 'true' : 'false'} onClick=${() => setAsTable(!asTable)}>${asTable ? t('map.asMap') : t('map.asTable')}<//></div>
    ${asTable || !drawing ? html`<div class="map-table" tabindex="0" role="region" aria-label=${t('overview.exits')}><table class="compact">
        <caption class="visually-hidden">${t('overview.exits')}</caption>
        <thead><tr><th scope="col">${t('col.country')}</th><th scope="col" class="num">${t('map.proxies')}</th><th scope="col" class="num">${t('map.share')}</th></tr></thead>
        <tbody>${rows.map(([code, value]) => html`<tr key=${code}><td><a href=${href('proxies', { country: code })}>${country(code)}</a> <span class="muted">${code}</span></td>
          <td class="num">${number(value)}</td><td class="num">${percent(value / total, 1)}</td></tr>`)}</tbody>
      </table></div>`
    : html`<svg viewBox=${drawing.box} role="img" aria-label=${`${t('overview.exits')}: ${rows.slice(0, 5).map(text).join(', ')}`}>
        <path class="land" transform="scale(.1)" d=${drawing.land} />
        ${rows.filter(([code]) => drawing.points[code]).map((row) => html`<circle key=${row[0]} class=${shown?.[0] === row[0] ? 'dot is-shown' : 'dot'}
          cx=${drawing.points[row[0]][0]} cy=${drawing.points[row[0]][1]} r=${(3 + 19 * Math.sqrt(row[1] / most)).toFixed(1)}
          onPointerEnter=${() => setShown(row)} onPointerLeave=${() => setShown(null)}
          onClick=${() => { location.hash = href('proxies', { country: row[0] }); }}><title>${text(row)}</title></circle>`)}
      </svg>
      <div class="map-line small">${shown ? html`<strong>${text(shown)}</strong>` : rows.slice(0, 6).map((row) => html`<a key=${row[0]} href=${href('proxies', { country: row[0] })}>${country(row[0])} <span class="muted">${number(row[1])}</span></a>`)}</div>`}
  </div>`;
}
