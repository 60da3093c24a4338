// Puts the chosen theme on the page before it is painted. Nothing chosen: the system's.
{
  let theme = "";
  try {
    theme = localStorage.getItem("botkit.theme") ?? "";
  } catch {
    // a browser that keeps nothing follows the system
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
