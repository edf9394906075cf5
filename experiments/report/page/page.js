// Theme, copy and download buttons. The report can be read without them.
"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("report-data").textContent);

  const themes = ["auto", "light", "dark"];
  const toggle = document.getElementById("theme");
  const stored = () => { try { return localStorage.getItem("goalposts-theme"); } catch { return null; } };
  const setTheme = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    toggle.querySelector("span").textContent = `Theme: ${theme}`;
    toggle.setAttribute("aria-label", `Theme: ${theme}`);
    toggle.dataset.now = theme;
    document.dispatchEvent(new Event("themechange"));
  };
  setTheme(themes.includes(stored()) ? stored() : "auto");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(toggle.dataset.now) + 1) % themes.length];
    try { localStorage.setItem("goalposts-theme", theme); } catch { /* private windows may refuse; the choice then lasts until the page is closed */ }
    setTheme(theme);
  });

  for (const details of document.querySelectorAll("details")) { // canvases inside have their size only now
    details.addEventListener("toggle", () => { if (details.querySelector("canvas")) dispatchEvent(new Event("resize")); });
  }

  for (const button of document.querySelectorAll("[data-csv]")) {
    button.addEventListener("click", () => {
      const table = data.tables[button.dataset.csv];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([table.text], { type: "text/csv;charset=utf-8" }));
      link.download = table.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const words = button.querySelector("span");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        words.textContent = "Copied";
      } catch { // a page opened from a file may not reach the clipboard: select the text instead
        getSelection().selectAllChildren(source);
        words.textContent = "Selected";
      }
      setTimeout(() => { words.textContent = "Copy"; }, 2000);
    });
  }
})();
