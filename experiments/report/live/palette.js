// Brushes, and what a stroke does to the level: it stays a level that the world accepts (`experiments/publish/palette.py`).
"use strict";
const inside = (r, c) => r > 0 && c > 0 && r < S.codes.length - 1 && c < S.codes[0].length - 1;

function goalCodes() { // tiles that pay when the agent walks onto them, by trying
  const found = [], level = openLevel(world, levels[0][1]);
  const place = [];
  for (let r = 1; r < level.rows - 2 && !place.length; r++) {
    for (let c = 1; c < level.cols - 2; c++) {
      const open = (q) => !(world.bits[levels[0][1][r][q]] & world.outside);
      if (open(c) && open(c + 1) && world.bits[levels[0][1][r + 1][c + 1]] & world.outside) { place.push(r, c); break; }
    }
  }
  if (!place.length) return found;
  const [r, c] = place;
  tiles.forEach((tile, code) => {
    if (!tile.goal) return;
    const codes = copyOf(levels[0][1]);
    codes[r][c + 1] = code;
    const tried = openLevel(world, codes);
    for (let action = 0; action < world.actions.length; action++) {
      const state = startOf(world, tried);
      state[0] = r;
      state[1] = c;
      if (step(world, tried, state, action) & GOAL && state[0] === r && state[1] === c + 1) { found.push(code); return; }
    }
  });
  return found;
}
const paying = goalCodes();

const kindOf = (code) => (paying.includes(code) ? paying : [code]); // what moves when one of it is painted
const rimOnly = (code) => tiles[code].least === 1 && levels[0][1].every((row, r) => row.every((x, c) => x !== code || !r || !c
  || r === levels[0][1].length - 1 || c === row.length - 1));

const brushes = [];
tiles.forEach((tile, code) => {
  if (tile.most === 0 || rimOnly(code)) return;
  brushes.push({ code, name: code === 0 ? `erase` : tile.name, more: false });
  if (code === paying[0] && !page.counted && tile.most !== 1) brushes.push({ code, name: `second ${tile.name}`, more: true });
});
const first = brushes.find((brush) => brush.code === paying[0]) || brushes.find((brush) => tiles[brush.code].goal) || brushes[0];
brushes.sort((a, b) => Number(tiles[b.code].goal) - Number(tiles[a.code].goal)); // goal objects first
brushes.sort((a, b) => Number(b === first) - Number(a === first));

// The level after painting a cell; a sentence where that is not allowed.
function painted(codes, r, c, { code, more }) {
  const tile = tiles[code], old = codes[r] && codes[r][c];
  if (!inside(r, c)) return "The rim of a level stays as it is.";
  if (old === code) return codes;
  if (tiles[old].least) return `A level needs its ${tiles[old].name}; paint it elsewhere to move it.`;
  const next = copyOf(codes), clear = (match) => next.forEach((row, y) => row.forEach((x, q) => { if (match(x, y, q)) row[q] = 0; }));
  if (tiles[old].beside) clearRun(next, r, c, tiles[old].beside);
  if (tile.least || tile.most === 1) clear((x) => x === code || (tile.most === 1 && tiles[x].group === tile.group && tile.group > 0 && x !== 0));
  else if (tile.goal && !page.counted && !more) clear((x) => kindOf(code).includes(x));
  else if (tile.most) {
    const count = next.flat().filter((x) => tiles[x].group === tile.group).length;
    if (count >= tile.most) return `At most ${tile.most} of these: ${tiles.filter((t) => t.group === tile.group).map((t) => t.name).join(", ")}.`;
  }
  next[r][c] = code;
  if (tile.beside) for (const way of [-1, 1]) {
    for (let k = 1; k <= Math.floor(tile.reach / 2); k++) {
      const [near, far] = [next[r][c + way * k], next[r][c + way * (k + 1)]];
      if (near !== 0 || [code, tile.beside].includes(far)) break;
      next[r][c + way * k] = tile.beside;
    }
  }
  return next;
}

function clearRun(codes, r, c, beside) {
  for (const way of [-1, 1]) for (let q = c + way; codes[r][q] === beside; q += way) codes[r][q] = 0;
}

function remember() {
  S.undo.push(copyOf(S.codes));
  if (S.undo.length > 300) S.undo.shift();
  byId("undo").disabled = false;
}

function undo() {
  if (!S.undo.length) return;
  S.codes = S.undo.pop();
  S.recorded = null;
  byId("undo").disabled = !S.undo.length;
  say("Undone.");
  changed();
}

function choose(brush) {
  S.brush = brush;
  for (const button of byId("brushes").children) {
    const on = brushes[Number(button.dataset.brush)] === brush;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  say(`Brush: ${brush.name}.`);
}

function makeBrushes() {
  brushes.forEach((brush, k) => {
    const button = element("button", undefined, "brush");
    button.type = "button";
    button.dataset.brush = k;
    button.setAttribute("role", "radio");
    const icon = element("canvas");
    icon.width = icon.height = 32;
    icon.setAttribute("aria-hidden", "true");
    button.append(icon, element("span", brush.name));
    button.title = `${brush.name}${k < 9 ? ` (key ${k + 1})` : ""}`;
    button.addEventListener("click", () => choose(brush));
    byId("brushes").append(button);
  });
  byId("brushes").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (brushes.indexOf(S.brush) + by + brushes.length) % brushes.length;
    choose(brushes[next]);
    byId("brushes").children[next].focus();
  });
  choose(brushes[0]);
}
