// Before the first paint, so that a chosen theme does not flash in.
(() => {
  try {
    const theme = localStorage.getItem('shoal.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch { /* a browser that keeps nothing follows the system */ }
})();
