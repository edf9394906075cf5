// Plays levels in the page: a level's facts, observations, steps, the end of an episode. The rules are the world's own, translated
// by `experiments/publish/translation/rules_to_javascript.py`; this file is what `envs/engine/` is in Python and knows no world. No drawing.
"use strict";
const GOAL = 1, PROXY = 2, DEATH = 4, DONE = 8;
const RUNNING = "", BY_GOAL = "goal", BY_DEATH = "death", BY_LIMIT = "timeout";

function openLevel(world, codes) { // codes: an array of rows of tile codes
  const tiles = codes.map((row) => Uint8Array.from(row));
  const rows = tiles.length, cols = tiles[0].length;
  const facts = new Int32Array(world.nFacts), sizes = new Float64Array(world.nState);
  facts[0] = rows;
  facts[1] = cols;
  world.rules.prepare(tiles, facts);
  world.rules.radices(facts, sizes);
  const grid = tiles.map((row) => Uint16Array.from(row, (code) => world.bits[code]));
  const plain = grid.map((row) => row.slice());
  if (world.rules.paint) world.rules.paint(tiles, facts, grid);
  const painted = grid.map((row, r) => row.map((bits, c) => bits & ~plain[r][c]));
  const limit = world.maxSteps || Number(world.rules.limit(facts));
  return { tiles, rows, cols, facts, sizes, grid, painted, limit };
}

function startOf(world, level) {
  const state = new Int32Array(world.nState);
  world.rules.start(level.facts, state);
  return state;
}

function keyOf(level, state) { // one number for each state
  let key = 0;
  for (let k = 0; k < state.length; k++) key = key * level.sizes[k] + state[k];
  return key;
}

const step = (world, level, state, action) => Number(world.rules.step(level.tiles, level.facts, state, action)) || 0;

function ending(events, steps, limit) {
  if (events & DEATH) return BY_DEATH;
  if (events & DONE) return BY_GOAL;
  return steps >= limit ? BY_LIMIT : RUNNING;
}

// ── what the agent sees: places of the ones in its flattened observation ──
function windowOf(world, spec, state) {
  const [rows, cols] = spec.size;
  return spec.follow ? [state[0] - Math.floor(rows / 2), state[1] - Math.floor(cols / 2), rows, cols] : [0, 0, rows, cols];
}

function cellsIn(world, level, state, [top, left, rows, cols]) { // plane bits of each cell, moving things included
  const cells = new Uint16Array(rows * cols + 1); // the last is aside
  const begin = Math.max(0, -left), end = Math.min(cols, level.cols - left);
  for (let r = 0, i = 0; r < rows; r++, i += cols) {
    const line = level.grid[top + r];
    if (!line || begin > 0 || end < cols) cells.fill(world.outside, i, i + cols);
    if (line) for (let c = begin; c < end; c++) cells[i + c] = line[left + c];
  }
  world.rules.objects(level.facts, state, [cells, 0, top, left, rows, cols, rows * cols]);
  return cells;
}

// Looks from one state after another and remembers: {cells} of `cellsIn`, the same array as long as nothing in it changes.
// A stroke changes few cells of a level, and few windows show them.
const MOST_SIGHTS = 4000;
const lookers = new WeakMap(); // by world, then by window: agents with the same window share what they see
function lookerOf(world, spec) {
  if (!lookers.has(world)) lookers.set(world, new Map());
  const same = lookers.get(world), window = `${spec.size} ${spec.follow}`;
  if (!same.has(window)) same.set(window, looker(world, spec));
  return same.get(window);
}

function looker(world, spec) {
  const sights = new Map(), area = spec.size[0] * spec.size[1]; // by state: {cells, turn}
  let last = null, turn = 0, changes = null; // turn: number of the level; changes: its cells that differ from the level before
  return (level, state, key) => {
    if (level !== last) {
      changes = last && changedCells(last, level);
      last = level;
      turn++;
      if (sights.size > MOST_SIGHTS) sights.clear();
    }
    const sight = sights.get(key);
    if (sight && sight.turn === turn) return sight.cells;
    const box = windowOf(world, spec, state);
    if (sight && changes && sight.turn === turn - 1 && !changes.some((cell) => shows(box, cell))) {
      sight.turn = turn;
      return sight.cells;
    }
    const cells = cellsIn(world, level, state, box);
    if (!sight) sights.set(key, { cells, turn });
    else {
      sight.turn = turn;
      if (differ(sight.cells, cells, area)) sight.cells = cells;
    }
    return sights.get(key).cells;
  };
}

const shows = ([top, left, rows, cols], [r, c]) => r >= top && r < top + rows && c >= left && c < left + cols;
function differ(a, b, count) {
  for (let i = 0; i < count; i++) if (a[i] !== b[i]) return true;
  return false;
}

function changedCells(before, level) { // null: a state may look different anywhere
  if (before.rows !== level.rows || before.cols !== level.cols || differ(before.facts, level.facts, level.facts.length)) return null;
  const found = [];
  for (let r = 0; r < level.rows; r++) for (let c = 0; c < level.cols; c++) if (before.grid[r][c] !== level.grid[r][c]) found.push([r, c]);
  return found;
}

function onesIn(spec, cells, plane, ones) { // places of the ones of one plane
  const bit = spec.bits[plane], area = spec.size[0] * spec.size[1];
  for (let i = 0; i < area; i++) if (cells[i] & bit) ones.push(plane * area + i);
}

function observe(world, spec, level, state) { // Int32Array
  const box = windowOf(world, spec, state), cells = cellsIn(world, level, state, box), ones = [];
  spec.bits.forEach((_, plane) => {
    if (spec.reach[plane]) larger(world, spec, level, state, box, plane, ones);
    else onesIn(spec, cells, plane, ones);
  });
  return Int32Array.from(ones);
}

function larger(world, spec, level, state, [top, left, rows, cols], plane, ones) { // a plane whose cells are drawn larger
  const k = spec.reach[plane], bit = spec.bits[plane], wide = cols + 2 * k, seen = new Set();
  const around = cellsIn(world, level, state, [top - k, left - k, rows + 2 * k, wide]);
  const above = spec.follow ? Math.floor(rows / 2) : rows - level.rows; // the rim of the engine's grid
  const beside = spec.follow ? Math.floor(cols / 2) : cols - level.cols;
  for (let r = Math.max(-k, -top - above); r < Math.min(rows + k, level.rows + above - top); r++) {
    for (let c = Math.max(-k, -left - beside); c < Math.min(cols + k, level.cols + beside - left); c++) {
      if (!(around[(r + k) * wide + c + k] & bit)) continue;
      for (let y = Math.max(r - k, 0); y < Math.min(r + k + 1, rows); y++) {
        for (let x = Math.max(c - k, 0); x < Math.min(c + k + 1, cols); x++) seen.add((plane * rows + y) * cols + x);
      }
    }
  }
  ones.push(...seen);
}
