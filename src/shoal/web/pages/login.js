// A token opens the API where it needs one; it stays in this tab unless the reader wants it kept.
import { html, useState } from '../lib/html.js';
import { get, signIn, token } from '../lib/api.js';
import { t } from '../lib/i18n.js';
import { go, route } from '../lib/router.js';
import { refreshStats } from '../lib/state.js';
import { Notice, Page, problemText } from '../lib/ui.js';

export function Login() {
  const [text, setText] = useState('');
  const [keep, setKeep] = useState(false);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const enter = async (event) => {
    event.preventDefault();
    const before = token.value;
    setBusy(true);
    setError(null);
    token.value = text.trim();
    try {
      await get('/v1/stats');
      signIn(text.trim(), keep);
      refreshStats(true);
      if (route.value.page === 'login') go('overview');
    } catch (problem) {
      token.value = before;
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="login"><${Page} title=${t('login.title')} intro=${t('login.intro')} />
    <form class="card" onSubmit=${enter}>
      <label class="field"><span class="field-label">${t('login.token')}</span>
        <input type="password" name="token" autocomplete="current-password" required autofocus value=${text} aria-describedby="login-hint"
          aria-invalid=${error ? 'true' : undefined} onInput=${(event) => setText(event.currentTarget.value)} /></label>
      <label class="tick"><input type="checkbox" checked=${keep} onChange=${(event) => setKeep(event.currentTarget.checked)} /> ${t('login.keep')}</label>
      <p id="login-hint" class="hint">${t('login.hint')}</p>
      ${error && html`<${Notice} tone="bad" role="alert">${error.status === 401 ? t('login.wrong') : problemText(error)}<//>`}
      <button class="button primary" disabled=${busy || !text.trim()}>${t('login.enter')}</button>
    </form></div>`;
}
