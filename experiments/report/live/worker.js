// The page's worker: searches and goal maps, so that painting stays quick. A newer question ends an older one.
"use strict";
let newest = 0;
onmessage = async ({ data: { kind, id, world, agents, codes, cells, home, blind } }) => {
  newest = id;
  const whole = { ...world, rules: RULES };
  if (kind === "survey") return postMessage({ kind, id, found: survey(whole, openLevel(whole, codes)) });
  const minds = agents.map((agent) => mindOf(whole, { spec: agent.spec, network: networkOf(agent.network) }, blind));
  for (const [row, col] of cells) {
    const moved = codes.map((line) => Array.from(line));
    for (const [r, c] of home.cells) moved[r][c] = 0;
    moved[row][col] = home.code;
    const level = openLevel(whole, moved);
    postMessage({ kind, id, row, col, found: minds.map((mind) => exactly(mind, level)) });
    await new Promise((resolve) => setTimeout(resolve)); // lets a newer question in
    if (newest !== id) return undefined;
  }
  return postMessage({ kind, id, done: true });
};
