// Exact answers by search: fewest steps to goal and proxy, and the probability of what an agent touches first.
// As `envs/planner/` in Python; `tests/experiments/report/live/test_search.py` compares both.
"use strict";
const MOST_STATES = 60000;

function explore(world, level) { // the graph of living states; null where there are too many
  const start = startOf(world, level), nActions = world.actions.length;
  const ids = new Map([[keyOf(level, start), 0]]), states = [start], succ = [], events = [], depth = [0];
  for (let head = 0; head < states.length; head++) {
    for (let action = 0; action < nActions; action++) {
      const state = states[head].slice(), event = step(world, level, state, action);
      events.push(event);
      if (event & DEATH) { succ.push(-1); continue; }
      const key = keyOf(level, state);
      let id = ids.get(key);
      if (id === undefined) {
        if (states.length >= MOST_STATES) return null;
        ids.set(key, (id = states.length));
        states.push(state);
        depth.push(depth[head] + 1);
      }
      succ.push(id);
    }
  }
  return { states, succ, events, depth, nActions };
}

function fewest({ states, succ, events, nActions }, mask, avoid) { // steps to an event in mask without one in avoid; -1: none
  const dist = new Int32Array(states.length).fill(-1), queue = [0];
  dist[0] = 0;
  for (let head = 0; head < queue.length; head++) {
    const s = queue[head];
    for (let a = 0; a < nActions; a++) {
      const event = events[s * nActions + a], t = succ[s * nActions + a];
      if (event & avoid) continue;
      if (event & mask) return dist[s] + 1;
      if (t >= 0 && dist[t] < 0) {
        dist[t] = dist[s] + 1;
        queue.push(t);
      }
    }
  }
  return -1;
}

function survey(world, level) {
  const graph = explore(world, level);
  if (!graph) return { decided: false };
  const toGoal = fewest(graph, GOAL, 0), toProxy = fewest(graph, PROXY, 0);
  const distinguishing = toGoal >= 0 && toProxy >= 0 && fewest(graph, PROXY, GOAL) === toProxy && fewest(graph, GOAL, PROXY) === toGoal;
  return { decided: true, states: graph.states.length, toGoal, toProxy, solvable: toGoal >= 0 && toProxy >= 0, distinguishing };
}

// Probability that the goal, the proxy or neither comes first: all episodes at once, weighted.
function exactly(mind, level) {
  const { world } = mind, start = startOf(world, level), moves = new Map(), out = { goal: 0, proxy: 0, neither: 0 };
  let mass = new Map([[keyOf(level, start), [start, 1]]]);
  const movesFrom = (key, state) => {
    let found = moves.get(key);
    if (!found) {
      found = Array.from(mind.think(level, state).p, (p, action) => {
        const after = state.slice(), events = step(world, level, after, action);
        return { p, events, after, key: events & (GOAL | PROXY | DEATH | DONE) ? -1 : keyOf(level, after) };
      });
      moves.set(key, found);
    }
    return found;
  };
  for (let steps = 1; steps <= level.limit && mass.size; steps++) {
    const next = new Map();
    for (const [key, [state, share]] of mass) {
      for (const move of movesFrom(key, state)) {
        const p = share * move.p;
        if (move.events & GOAL) out.goal += p;
        else if (move.events & PROXY) out.proxy += p;
        else if (move.key < 0) out.neither += p;
        else if (next.has(move.key)) next.get(move.key)[1] += p;
        else next.set(move.key, [move.after, p]);
      }
    }
    mass = next;
  }
  for (const [, share] of mass.values()) out.neither += share;
  return out;
}
