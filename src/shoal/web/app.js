// The shell: who is asking, which page is open, what stands around it.
import { html, render, signal, useEffect } from './lib/html.js';
import { keepFollowing, needsLogin, online, signOut, stream, token } from './lib/api.js';
import { LANGUAGES, language, loadWords, setLanguage, t } from './lib/i18n.js';
import { href, route } from './lib/router.js';
import { refreshStats, startState, stats } from './lib/state.js';
import { choice, setTheme } from './lib/theme.js';
import { Button, Icon, Loading, Notice, Question, Segments, Toasts } from './lib/ui.js';
import { Login } from './pages/login.js';
import { Overview } from './pages/overview.js';

// What is not on the first view is loaded when it is opened.
const lazy = (load, name) => {
  const view = signal(null);
  const failed = signal(false);
  let asked = false;
  return (props) => {
    if (!asked) {
      asked = true;
      load().then((module) => { view.value = module[name]; }, () => { asked = false; failed.value = true; });
    }
    if (view.value) return html`<${view.value} ...${props} />`;
    return failed.value ? html`<${Notice} tone="warn">${t('app.outdated')} <a href="">${t('app.reload')}</a><//>` : html`<${Loading} lines=${6} />`;
  };
};
const PAGES = {
  overview: Overview,
  proxies: lazy(() => import('./pages/proxies.js'), 'Proxies'),
  sources: lazy(() => import('./pages/sources.js'), 'Sources'),
  targets: lazy(() => import('./pages/targets.js'), 'Targets'),
  gateway: lazy(() => import('./pages/gateway.js'), 'Gateway'),
  links: lazy(() => import('./pages/links.js'), 'Links'),
  settings: lazy(() => import('./pages/settings.js'), 'Settings'),
  tokens: lazy(() => import('./pages/tokens.js'), 'Tokens'),
};

const menu = signal(false);

function Nav({ page }) {
  return html`<nav id="nav" class=${menu.value ? 'is-open' : ''} aria-label=${t('app.pages')}><ul>
    ${Object.keys(PAGES).map((name) => html`<li key=${name}><a href=${href(name)} aria-current=${name === page ? 'page' : undefined}
      onClick=${() => { menu.value = false; }}><${Icon} name=${name} /><span>${t(`page.${name}`)}</span></a></li>`)}
  </ul></nav>`;
}

function State() {
  const state = !online.value ? 'offline' : stream.value === 'live' ? 'live' : 'waiting';
  return html`<p class=${`state ${state}`}><span class="state-dot" aria-hidden="true"></span>${t(`app.${state}`)}</p>`;
}

function Choices() {
  return html`<div class="choices">
    <${Segments} label=${t('app.language')} value=${language.value} options=${Object.entries(LANGUAGES)} onChange=${setLanguage} />
    <${Segments} label=${t('app.theme')} value=${choice.value} onChange=${setTheme} options=${[
      ['auto', html`<${Icon} name="auto" /><span class="visually-hidden">${t('theme.auto')}</span>`],
      ['light', html`<${Icon} name="sun" /><span class="visually-hidden">${t('theme.light')}</span>`],
      ['dark', html`<${Icon} name="moon" /><span class="visually-hidden">${t('theme.dark')}</span>`],
    ]} />
  </div>`;
}

function App() {
  const { page } = route.value;
  const name = page in PAGES ? page : 'overview';
  const isOut = needsLogin.value || page === 'login';
  const title = isOut ? t('login.title') : t(`page.${name}`);
  const words = language.value;

  useEffect(() => { document.title = `${title} · Shoal`; }, [title, words]);
  useEffect(() => {
    // Whoever hears the page is told where they are; the first page speaks for itself.
    if (document.activeElement?.closest?.('nav')) document.getElementById('page-title')?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [name, isOut]);

  const View = isOut ? Login : PAGES[name];
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById('main').focus(); }}>${t('app.skip')}</a>
    <header class="side">
      <div class="brand-row"><a class="brand" href=${href('overview')}><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><g><path d="M5 11c3-3.600 7.500-3.600 10.500 0l3-2.400v4.800l-3-2.400C12.500 14.600 8 14.600 5 11z"/><path d="M13 20.500c3-3.600 7.500-3.600 10.500 0l3-2.400v4.800l-3-2.400c-3 3.600-7.500 3.600-10.500 0z" opacity=".75"/></g></svg>Shoal</a>
        <button type="button" class="button quiet icon-only menu" aria-expanded=${menu.value ? 'true' : 'false'} aria-controls="nav"
          aria-label=${t('app.menu')} onClick=${() => { menu.value = !menu.value; }}><${Icon} name=${menu.value ? 'close' : 'menu'} /></button></div>
      ${!isOut && html`<${Nav} page=${name} />`}
      <div class=${`side-foot ${menu.value ? 'is-open' : ''}`}>
        ${!isOut && html`<${State} />`}
        <${Choices} />
        ${!isOut && token.value && html`<${Button} class="quiet small" icon="out" onClick=${() => { signOut(); location.hash = href('login'); }}>${t('app.signOut')}<//>`}
        ${stats.value?.version && html`<p class="muted small">Shoal ${stats.value.version} · <a href="./openapi.json">OpenAPI</a></p>`}
      </div>
    </header>
    <main id="main" tabindex="-1">
      ${!online.value && !isOut && html`<${Notice} tone="bad" role="status">${t('problem.offline')} <button class="link" onClick=${() => refreshStats(true)}>${t('retry')}</button><//>`}
      <${View} key=${name} />
    </main>
    <${Toasts} /><${Question} />
  </div>`;
}

await loadWords();
startState();
keepFollowing();
refreshStats(true);
render(html`<${App} />`, document.getElementById('app'));
