// Picks an agent among the dots: the player's own list of agents does the rest. The address keeps what was picked.
"use strict";
(() => {
  const list = document.getElementById("moved"), levels = document.getElementById("level");
  const dots = [...document.querySelectorAll("[data-agent-key]")], rows = [...document.querySelectorAll(".a-strip")];
  const reach = 22; // pixels from a dot within which a touch means it

  const mark = () => {
    for (const dot of dots) {
      const on = dot.dataset.agentKey === list.value;
      dot.setAttribute("aria-pressed", String(on));
      dot.setAttribute("tabindex", on ? "0" : "-1"); // one stop of the tab key; the arrow keys go from dot to dot
    }
  };
  const choose = (box, value) => {
    box.value = value;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const pick = (dot) => { if (dot.dataset.agentKey !== list.value) choose(list, dot.dataset.agentKey); };

  const middle = (dot) => { const box = dot.firstElementChild.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  const nearest = (some, [x, y]) => some.map((dot) => [Math.hypot(middle(dot)[0] - x, middle(dot)[1] - y), dot]).sort((a, b) => a[0] - b[0])[0];
  const within = (row) => dots.filter((dot) => row.contains(dot));

  function neighbour(dot, key) {
    const row = dot.closest("svg.a-strip");
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const own = within(row);
      return own[own.indexOf(dot) + (key === "ArrowLeft" ? -1 : 1)];
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[key];
    for (let k = rows.indexOf(row) + step; step && k >= 0 && k < rows.length; k += step) {
      const found = nearest(within(rows[k]), middle(dot));
      if (found) return found[1];
    }
    return undefined;
  }

  for (const dot of dots) {
    dot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = neighbour(dot, event.key);
      if (event.key === "Enter" || event.key === " ") pick(dot);
      else if (next) next.focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  for (const row of rows) { // a finger need not hit the dot itself
    row.addEventListener("click", (event) => {
      const own = event.target.closest("[data-agent-key]");
      const [far, dot] = nearest(within(row), [event.clientX, event.clientY]) || [Infinity];
      if (own) pick(own); else if (far <= reach && !event.target.closest(".agent")) pick(dot);
    });
  }

  function remember() {
    mark();
    const state = new URLSearchParams({ agent: list.value, level: String(Number(levels.value) + 1) });
    try { history.replaceState(null, "", `#${state}`); } catch { /* some browsers refuse it for files */ }
  }
  const state = new URLSearchParams(location.hash.slice(1)), wanted = state.get("agent"), number = Number(state.get("level")) - 1;
  if (number > 0 && number < levels.options.length) choose(levels, String(number));
  if ([...list.options].some((option) => option.value === wanted)) choose(list, wanted);
  list.addEventListener("change", remember);
  levels.addEventListener("change", remember);
  for (const button of document.querySelectorAll("[data-do^=level]")) button.addEventListener("click", remember);
  mark();
})();
