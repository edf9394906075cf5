// The values of a chart under the pointer, or at the keyboard's place while the chart has the focus.
"use strict";
(() => {
  const curves = JSON.parse(document.getElementById("report-data").textContent).curves || {};
  const SVG = "http://www.w3.org/2000/svg";
  for (const holder of document.querySelectorAll("[data-curve]")) {
    const data = curves[holder.dataset.curve], svg = holder.querySelector("svg"), said = holder.querySelector(".read");
    if (!data) continue;
    const xs = [...new Set(data.lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
    const [left, right, low, high] = data.x, at = (x) => left + ((x - low) / (high - low || 1)) * (right - left);
    const line = document.createElementNS(SVG, "line");
    for (const [name, value] of [["class", "read-line"], ["y1", data.y[0]], ["y2", data.y[1]], ["visibility", "hidden"]]) line.setAttribute(name, value);
    svg.append(line);
    let place = xs.length - 1;
    const near = (points, x) => points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));

    function show(k) {
      place = Math.max(0, Math.min(xs.length - 1, k));
      const x = xs[place];
      for (const name of ["x1", "x2"]) line.setAttribute(name, at(x).toFixed(1));
      line.setAttribute("visibility", "visible");
      const words = data.lines.map(({ name, points }) => `${name} ${near(points, x)[1]}`).join(" · ");
      said.textContent = `${near(data.names, x)[1]}: ${words}`;
      holder.setAttribute("aria-valuenow", String(place));
      holder.setAttribute("aria-valuetext", said.textContent);
    }

    function hide() {
      if (document.activeElement === holder) return;
      line.setAttribute("visibility", "hidden");
      said.textContent = said.dataset.hint;
    }

    holder.tabIndex = 0;
    for (const [name, value] of [["role", "slider"], ["aria-label", `Values of the chart: ${holder.dataset.title}`], ["aria-valuemin", 0], ["aria-valuemax", xs.length - 1], ["aria-valuenow", place]]) holder.setAttribute(name, value);
    hide();
    holder.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), x = low + (((event.clientX - box.left) / box.width) * data.wide - left) / (right - left) * (high - low);
      show(xs.reduce((best, value, k) => (Math.abs(value - x) < Math.abs(xs[best] - x) ? k : best), 0));
    });
    holder.addEventListener("pointerleave", hide);
    holder.addEventListener("focus", () => show(place));
    holder.addEventListener("blur", hide);
    holder.addEventListener("keydown", (event) => {
      const to = { ArrowRight: place + 1, ArrowUp: place + 1, ArrowLeft: place - 1, ArrowDown: place - 1, Home: 0, End: xs.length - 1, PageUp: place + 5, PageDown: place - 5 }[event.key];
      if (to === undefined) return;
      show(to);
      event.preventDefault();
    });
  }
})();
