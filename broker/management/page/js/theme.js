// Light or dark: what the person chose here, else what the system says (no attribute at all).
// A classic script in the head, because a module would run after the first paint.
(function () {
  "use strict";
  const KEY = "leveret.theme";
  const root = document.documentElement;

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // Storage may be switched off; the choice then lasts as long as the page.
  }
  apply(chosen);

  window.leveretTheme = {
    get: () => root.dataset.theme || "system",
    set(theme) {
      apply(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // As above.
      }
      // Charts are drawn on a canvas, which does not follow the style sheet by itself.
      window.dispatchEvent(new Event("themechange"));
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    window.dispatchEvent(new Event("themechange")),
  );
})();
