// What an agent does on a level: its thoughts in each state, its likeliest path, sampled episodes, and which cells it heeds.
"use strict";
const MOST_SUMS = 4000;
function mindOf(world, agent, blind) { // blind: plane bits that are hidden from the agent
  const spec = blind ? { ...agent.spec, bits: agent.spec.bits.map((bit) => bit & ~blind) } : agent.spec;
  const tabled = new WeakMap(), similar = new Map(); // sums of the first layer by state, from this or an earlier level
  const ordered = agent.network.trunk.length > 0 && !spec.reach.some(Boolean), look = ordered && lookerOf(world, spec);
  const fresh = (level, state, key) => {
    if (!ordered) return consider(agent.network, observe(world, spec, level, state));
    if (similar.size > MOST_SUMS) similar.clear();
    const cells = look(level, state, key), known = similar.get(key);
    if (known && known.cells === cells) return known.thought;
    const first = similarSums(agent.network.trunk[0], spec, known, cells);
    if (!first.thought) first.thought = consider(agent.network, null, first.sums);
    similar.set(key, first);
    return first.thought;
  };
  const think = (level, state) => { // {p, v}, each state of a level once
    let known = tabled.get(level);
    if (!known) tabled.set(level, (known = new Map()));
    const key = keyOf(level, state);
    let found = known.get(key);
    if (!found) known.set(key, (found = fresh(level, state, key)));
    return found;
  };
  return { world, agent, spec, think };
}

function best(p) {
  let most = 0;
  for (let a = 1; a < p.length; a++) if (p[a] > p[most]) most = a;
  return most;
}

function noise(seed) { // mulberry32: the same random numbers for both agents and after every stroke
  let a = (seed * 0x9e3779b9) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function drawn(p, u) {
  let a = 0, rest = u;
  while (a < p.length - 1 && rest >= p[a]) rest -= p[a++];
  return a;
}

// One episode. random: null for the likeliest action. whole: also past the first touch of goal or proxy.
function episode(mind, level, random, whole) {
  const { world } = mind, state = startOf(world, level), frames = [state.slice()], actions = [], thoughts = [];
  const seen = new Set([keyOf(level, state)]);
  let first = "neither", end = RUNNING, touched = -1, loop = false;
  for (let steps = 1; !end; steps++) {
    const thought = mind.think(level, state), action = random ? drawn(thought.p, random()) : best(thought.p);
    const events = step(world, level, state, action);
    thoughts.push(thought);
    actions.push(action);
    frames.push(state.slice());
    if (first === "neither" && events & (GOAL | PROXY)) {
      first = events & GOAL ? "goal" : "proxy";
      touched = steps;
    }
    end = ending(events, steps, level.limit);
    if (!whole && touched > 0 && !world.counted) break;
    if (random || end) continue;
    const key = keyOf(level, state);
    if (seen.has(key)) { loop = true; break; } // the likeliest action would lead round for ever
    seen.add(key);
  }
  if (end !== BY_DEATH && end !== BY_GOAL) thoughts.push(mind.think(level, state));
  return { frames, actions, thoughts, first, end, loop };
}

// A recorded episode: the same actions on the same level, with what the agent thinks in each state.
function replayed(mind, level, taken) {
  const { world } = mind, state = startOf(world, level), frames = [state.slice()], actions = [], thoughts = [];
  let first = "neither", end = RUNNING;
  for (const action of taken) {
    if (end) break;
    thoughts.push(mind.think(level, state));
    const events = step(world, level, state, action);
    actions.push(action);
    frames.push(state.slice());
    if (first === "neither" && events & (GOAL | PROXY)) first = events & GOAL ? "goal" : "proxy";
    end = ending(events, actions.length, level.limit);
  }
  if (end !== BY_DEATH && end !== BY_GOAL) thoughts.push(mind.think(level, state));
  return { frames, actions, thoughts, first, end, loop: false };
}

// Counts of what was touched first, and some paths. Each step from each state is taken once, however many episodes take it.
function sampled(mind, level, count) {
  const { world } = mind, counts = { goal: 0, proxy: 0, neither: 0, death: 0 }, paths = [], known = new Map();
  const nodeOf = (state) => {
    const key = keyOf(level, state);
    if (!known.has(key)) known.set(key, { state, p: null, events: [], after: [] });
    return known.get(key);
  };
  const take = (node, action) => {
    const state = node.state.slice(), events = (node.events[action] = step(world, level, state, action));
    node.after[action] = events & (GOAL | PROXY | DEATH | DONE) ? { state } : nodeOf(state);
  };
  const begin = nodeOf(startOf(world, level));
  for (let k = 0; k < count; k++) {
    const random = noise(k + 1), path = [[begin.state[0], begin.state[1]]];
    let node = begin, first = "neither", end = RUNNING;
    for (let steps = 1; !end && first === "neither"; steps++) {
      if (!node.p) node.p = mind.think(level, node.state).p;
      const action = drawn(node.p, random());
      if (!node.after[action]) take(node, action);
      const events = node.events[action];
      node = node.after[action];
      if (k < 12) path.push([node.state[0], node.state[1]]);
      if (events & (GOAL | PROXY)) first = events & GOAL ? "goal" : "proxy";
      end = ending(events, steps, level.limit);
    }
    counts[first]++;
    if (first === "neither" && end === BY_DEATH) counts.death++;
    if (k < 12) paths.push(path);
  }
  return { counts, count, paths };
}

// How far the action probabilities move when all that is seen in one cell is switched off (total variation, 0 to 1).
function heeded(mind, level, state) {
  const [top, left, , cols] = windowOf(mind.world, mind.spec, state), area = mind.spec.size[0] * mind.spec.size[1];
  const ones = observe(mind.world, mind.spec, level, state), all = consider(mind.agent.network, ones).p, cells = new Map();
  for (const one of ones) if (!cells.has(one % area)) cells.set(one % area, null);
  const found = [];
  for (const cell of cells.keys()) {
    const without = consider(mind.agent.network, ones.filter((one) => one % area !== cell)).p;
    const change = without.reduce((sum, x, a) => sum + Math.abs(x - all[a]), 0) / 2;
    found.push({ row: top + Math.floor(cell / cols), col: left + (cell % cols), change });
  }
  return found;
}
