// Picks an agent among the dots: the player's own list of agents does the rest.
"use strict";
(() => {
  const list = document.getElementById("moved");
  const dots = [...document.querySelectorAll("[data-agent-key]")];
  const mark = () => {
    for (const dot of dots) dot.setAttribute("aria-pressed", String(dot.dataset.agentKey === list.value));
  };
  const pick = (dot) => {
    list.value = dot.dataset.agentKey;
    list.dispatchEvent(new Event("change", { bubbles: true }));
    document.getElementById("player").scrollIntoView({ block: "nearest" });
  };
  for (const dot of dots) {
    dot.addEventListener("click", () => pick(dot));
    dot.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      pick(dot);
    });
  }
  list.addEventListener("change", mark);
  mark();
})();
