// What this browser remembers, where it may remember anything.
const read = (storage, key) => {
  try { return storage().getItem(`shoal.${key}`); } catch { return null; }
};
const write = (storage, key, value) => {
  try {
    if (value === null || value === undefined) storage().removeItem(`shoal.${key}`);
    else storage().setItem(`shoal.${key}`, value);
  } catch { /* private windows may refuse; then it lasts as long as the page */ }
};

export const remembered = (key) => read(() => localStorage, key);
export const remember = (key, value) => write(() => localStorage, key, value);
export const sessionValue = (key) => read(() => sessionStorage, key);
export const keepInSession = (key, value) => write(() => sessionStorage, key, value);
