// The page's address: `#/proxies?country=US`. What stands behind the question mark is what the API is asked.
import { signal } from './html.js';

const parse = () => {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/').map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { page: page || 'overview', rest, params: new URLSearchParams(query) };
};

export const route = signal(parse());
addEventListener('hashchange', () => { route.value = parse(); });

export function href(page, params, ...rest) {
  const query = params ? new URLSearchParams(params).toString() : '';
  const path = [page, ...rest].map(encodeURIComponent).join('/');
  return `#/${path}${query ? `?${query}` : ''}`;
}

export function go(page, params, ...rest) {
  location.hash = href(page, params, ...rest);
}

/** Other parameters for the page that is open, without an entry in the history. */
export function adjust(params) {
  const { page, rest } = route.value;
  history.replaceState(null, '', href(page, params, ...rest));
  route.value = parse();
}
