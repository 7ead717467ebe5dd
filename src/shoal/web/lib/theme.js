// Light, dark, or what the system has.
import { signal } from './html.js';
import { remember, remembered } from './store.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
/** 'auto', 'light' or 'dark': what was chosen. */
export const choice = signal(['light', 'dark'].includes(remembered('theme')) ? remembered('theme') : 'auto');
/** 'light' or 'dark': what is shown. */
export const theme = signal('light');

const apply = () => {
  if (choice.value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice.value;
  theme.value = choice.value === 'auto' ? (dark.matches ? 'dark' : 'light') : choice.value;
};
dark.addEventListener('change', apply);
apply();

export function setTheme(name) {
  choice.value = name;
  remember('theme', name === 'auto' ? null : name);
  apply();
}
