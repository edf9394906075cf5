// What all pictures of levels share, on a live page and in a report: the palette's colours, and the mark of the proxy: a thin dashed line
// around its cells, and a flag. A report loads this file twice, so it declares functions only.
"use strict";
function lightColour(name) { // the palette's colour for a light ground: levels are as light in the dark theme
  lightColour.known = lightColour.known || {};
  const listed = () => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).match(/#[0-9a-f]{6}/i);
  return (lightColour.known[name] = lightColour.known[name] || (listed() || ["#000000"])[0]);
}

function drawProxyMark(pen, cells, size) {
  if (!cells || !cells.length) return;
  const has = new Set(cells.map(([r, c]) => `${r},${c}`)), inset = size / 16;
  const sides = [[-1, 0], [1, 0], [0, -1], [0, 1]];
  pen.save();
  pen.beginPath();
  for (const [r, c] of cells) for (const [dr, dc] of sides) {
    if (has.has(`${r + dr},${c + dc}`)) continue;
    const [x0, x1] = [c * size + inset, (c + 1) * size - inset], [y0, y1] = [r * size + inset, (r + 1) * size - inset];
    const reach = (way) => (has.has(`${r + way[0]},${c + way[1]}`) ? inset : 0); // lines of neighbouring cells meet
    if (dr) { const y = dr < 0 ? y0 : y1; pen.moveTo(x0 - reach([0, -1]), y); pen.lineTo(x1 + reach([0, 1]), y); }
    else { const x = dc < 0 ? x0 : x1; pen.moveTo(x, y0 - reach([-1, 0])); pen.lineTo(x, y1 + reach([1, 0])); }
  }
  for (const [wide, shade, dash] of [[size / 9, "rgba(255,255,255,.85)", []], [size / 16, lightColour("proxy"), [size / 5, size / 7]]]) {
    pen.lineWidth = Math.max(1.2, wide);
    pen.strokeStyle = shade;
    pen.setLineDash(dash);
    pen.stroke();
  }
  pen.setLineDash([]);
  const flag = cells.reduce((low, cell) => (cell[0] > low[0] ? cell : low)), x = (flag[1] + 0.24) * size, y = (flag[0] - 0.1) * size;
  pen.lineWidth = Math.max(1, size / 18);
  pen.strokeStyle = lightColour("ink");
  pen.fillStyle = lightColour("flag");
  pen.beginPath();
  pen.moveTo(x, y + 0.9 * size);
  pen.lineTo(x, y);
  pen.lineTo(x + 0.52 * size, y + 0.2 * size);
  pen.lineTo(x, y + 0.4 * size);
  pen.fill();
  pen.stroke();
  pen.restore();
}
