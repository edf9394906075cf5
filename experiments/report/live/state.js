// What the page knows: the data it came with, the level that is painted, what is shown. Other files read and change `S`.
"use strict";
const page = JSON.parse(document.getElementById("live-data").textContent);
const world = { ...page.world, rules: RULES };
const agents = page.agents.map((agent) => ({ ...agent, network: networkOf(agent.network) }));
const byId = (id) => document.getElementById(id);
const root = byId("live"), alone = root.hasAttribute("data-alone"); // alone: this is the whole page, not the first part of a report
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const tiles = page.tiles, codeOf = new Map(tiles.map((tile, code) => [tile.char, code]));
const read = (rows) => rows.map((row) => Array.from(row, (char) => codeOf.get(char)));
const copyOf = (codes) => codes.map((row) => row.slice());
const levels = page.levels.map(([home, moved]) => [read(home), read(moved)]);
const bitOf = (name) => (page.planes.includes(name) ? 1 << page.planes.indexOf(name) : 0);
const SAMPLES = 200;

const S = {
  codes: copyOf(levels[0][1]), number: 0, undo: [], brush: null, layer: "policy", blind: false,
  shown: agents.length < 2 ? [0] : [0, agents.length - 1], // which agent is on which board
  time: 0, take: 0, recorded: null, hidden: false, // hidden: nothing that answers the guess is drawn
  level: null, boards: [], map: null, survey: null, cursor: null,
};

const solidAt = (r, c) => Boolean(world.bits[S.codes[r][c]] & world.outside);
const deadly = bitOf("deadly");
const free = (r, c) => !solidAt(r, c) && !(world.bits[S.codes[r][c]] & deadly);

const minds = new Map();
function mind(which) { // an agent with what it has thought so far
  const key = `${which}${S.blind}`;
  if (!minds.has(key)) minds.set(key, mindOf(world, agents[which], S.blind ? agents[which].blind : 0));
  return minds.get(key);
}

const percent = (x) => (x > 0 && x < 0.005 ? "<1%" : x < 1 && x > 0.995 ? ">99%" : `${Math.round(100 * x)}%`);
function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; }; // text that stays is not laid out again
const say = (text) => { byId("announce").textContent = text; };
let silence = 0;
function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => { byId("notice").hidden = true; }, 6000);
}
