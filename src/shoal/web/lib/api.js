// Requests to /v1: the token, problems as errors, and the event stream.
import { signal } from './html.js';
import { keepInSession, remember, remembered, sessionValue } from './store.js';

export const token = signal(sessionValue('token') || remembered('token') || '');
export const needsLogin = signal(false);
/** Whether the last request reached the server. */
export const online = signal(true);

export class Problem extends Error {
  constructor(status, code, detail, field = null, retryAfter = null) {
    super(detail);
    Object.assign(this, { status, code, detail, field, retryAfter });
  }
}

export function signIn(text, keep) {
  token.value = text;
  keepInSession('token', text || null);
  remember('token', text && keep ? text : null);
  needsLogin.value = false;
}

export function signOut() {
  signIn('', false);
}

export const address = (path) => new URL(path.replace(/^\//, ''), document.baseURI).href.replace(/#.*$/, '');

const headersOf = (more = {}) => {
  const headers = { Accept: 'application/json', ...more };
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  return headers;
};

async function send(method, path, { body, headers, signal: stop } = {}) {
  const isText = typeof body === 'string' || body instanceof Blob || body instanceof FormData;
  let response;
  try {
    response = await fetch(address(path), {
      method,
      headers: headersOf({ ...(body !== undefined && !isText ? { 'Content-Type': 'application/json' } : {}), ...headers }),
      body: body === undefined || isText ? body : JSON.stringify(body),
      // Without this a browser asks for a password itself when the answer is 401.
      credentials: 'omit',
      cache: 'no-store',
      signal: stop,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    online.value = false;
    throw new Problem(0, 'offline', '');
  }
  online.value = true;
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) needsLogin.value = true;
  throw new Problem(
    response.status, told.code || 'error', told.detail || told.title || `HTTP ${response.status}`, told.field ?? null,
    Number(response.headers.get('Retry-After')) || null,
  );
}

/** The answer as JSON (null when it is empty) and its headers. Throws Problem. */
export async function ask(method, path, more) {
  const response = await send(method, path, more);
  const text = await response.text();
  const isJson = (response.headers.get('Content-Type') || '').includes('json');
  return { data: text && isJson ? JSON.parse(text) : text || null, headers: response.headers };
}

export const get = async (path, more) => (await ask('GET', path, more)).data;
export const post = async (path, body, more) => (await ask('POST', path, { body, ...more })).data;
export const patch = async (path, body) => (await ask('PATCH', path, { body })).data;
export const remove = async (path) => (await ask('DELETE', path)).data;

/** A route that this server may not have yet: null instead of 404 and 405. */
export async function optional(path, more) {
  try {
    return await get(path, more);
  } catch (problem) {
    if (problem.status === 404 || problem.status === 405 || problem.status === 501) return null;
    throw problem;
  }
}

export async function download(path, name) {
  const response = await send('GET', path, { headers: { Accept: '*/*' } });
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const textOf = async (path) => (await send('GET', path, { headers: { Accept: '*/*' } })).text();

// --- events -----------------------------------------------------------------------------------------------------

const listeners = new Map();
/** 'closed', 'opening', 'live' or 'broken'. */
export const stream = signal('closed');
let lastId = null;
let current = null;

/** Call `listener` with the data of each event of a kind ('*': any); returns how to stop. */
export function on(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(listener);
  return () => listeners.get(kind).delete(listener);
}

function tell(kind, data) {
  for (const name of [kind, '*']) for (const listener of listeners.get(name) || []) listener(data, kind);
}

function readBlock(block) {
  let kind = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) kind = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).trim());
    else if (line.startsWith('id:')) lastId = line.slice(3).trim();
  }
  if (!data.length) return;
  try { tell(kind, JSON.parse(data.join('\n'))); } catch (error) { console.error(error); }
}

async function follow(stop) {
  stream.value = 'opening';
  // EventSource cannot carry a token, so the stream is read by hand.
  const response = await send('GET', '/v1/events', {
    headers: { Accept: 'text/event-stream', ...(lastId ? { 'Last-Event-ID': lastId } : {}) }, signal: stop,
  });
  stream.value = 'live';
  tell('open', {});
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value.replaceAll('\r', '');
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      readBlock(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
    }
  }
}

/** Follow the events while the page can be seen; begin again where it broke off. */
export function keepFollowing() {
  let wait = 1_000;
  const run = async () => {
    const mine = new AbortController();
    current = mine;
    while (!mine.signal.aborted) {
      const begun = performance.now();
      try {
        await follow(mine.signal);
      } catch (error) {
        if (mine.signal.aborted) break;
        if (error.status === 401 || error.status === 403) { stream.value = 'closed'; break; }
      }
      if (mine.signal.aborted) break;
      stream.value = 'broken';
      if (performance.now() - begun > 10_000) wait = 1_000;
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 1.7, 15_000);
    }
  };
  const stop = () => { current?.abort(); current = null; stream.value = 'closed'; };
  const decide = () => {
    if (document.hidden) stop();
    else if (!current) run();
  };
  document.addEventListener('visibilitychange', decide);
  addEventListener('pagehide', stop);
  addEventListener('pageshow', decide);
  token.subscribe(() => { stop(); lastId = null; decide(); });
}
