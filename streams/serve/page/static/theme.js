// Runs before the first paint, so that a dark page does not flash white.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => {
    try {
      return localStorage.getItem("driftline.theme");
    } catch {
      return null; // storage may be forbidden: the system's choice holds
    }
  };
  const apply = () => {
    document.documentElement.dataset.theme = wanted() ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", apply);
  apply();
})();
