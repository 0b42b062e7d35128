// The theme that was chosen here before; asked for early, so that the page is never seen in the other one.
try {
  const chosen = localStorage.getItem("sqlpipe-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing has the theme of the system.
}
