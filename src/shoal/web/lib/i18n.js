// Two dictionaries, i18n/en.json and i18n/zh.json, with the same keys; a test holds that.
import { computed, signal } from './html.js';
import { remember, remembered } from './store.js';

export const LANGUAGES = { en: 'English', zh: '中文' };
const words = signal({});
let english = {};

const first = () => {
  const kept = remembered('language');
  if (kept in LANGUAGES) return kept;
  for (const wanted of navigator.languages || [navigator.language]) {
    const short = wanted.toLowerCase().split('-')[0];
    if (short in LANGUAGES) return short;
  }
  return 'en';
};

export const language = signal(first());
/** What Intl takes. */
export const locale = computed(() => (language.value === 'zh' ? 'zh-CN' : navigator.languages?.find((l) => l.startsWith('en')) || 'en'));

const load = async (name) => (await fetch(new URL(`../i18n/${name}.json`, import.meta.url))).json();

export async function loadWords() {
  const [mine, base] = await Promise.all([load(language.value), language.value === 'en' ? null : load('en')]);
  english = base || mine;
  words.value = mine;
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
}

export async function setLanguage(name) {
  remember('language', name);
  language.value = name;
  await loadWords();
}

/** The sentence of a key, with {names} filled in. An unknown key shows itself. */
export function t(key, values) {
  let text = words.value[key] ?? english[key] ?? key;
  if (values) for (const [name, value] of Object.entries(values)) text = text.replaceAll(`{${name}}`, value);
  return text;
}

/** As `t`, or `fallback` where there is no such key: for words that a newer server may send. */
export const tOr = (key, fallback) => words.value[key] ?? english[key] ?? fallback;
