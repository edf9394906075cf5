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
  for (let r = 0, i = 0; r < rows; r++) {
    const line = level.grid[top + r];
    for (let c = left; c < left + cols; c++, i++) cells[i] = line && c >= 0 && c < level.cols ? line[c] : world.outside;
  }
  world.rules.objects(level.facts, state, [cells, 0, top, left, rows, cols, rows * cols]);
  return cells;
}

function observe(world, spec, level, state) { // Int32Array
  const box = windowOf(world, spec, state), [top, left, rows, cols] = box, area = rows * cols;
  const cells = cellsIn(world, level, state, box), filled = [], ones = [];
  for (let i = 0; i < area; i++) if (cells[i]) filled.push(i);
  spec.bits.forEach((bit, plane) => {
    if (spec.reach[plane]) return larger(world, spec, level, state, box, plane, ones);
    for (const i of filled) if (cells[i] & bit) ones.push(plane * area + i);
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
