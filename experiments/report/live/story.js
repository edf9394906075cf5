// The sentence above the boards: what was rewarded, how well that was learned, and what the agents do on the level as it is now.
"use strict";
const both = agents.length > 1;
const nameOf = (index) => (both ? "AB"[index] : "the agent");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const hasGoal = () => !tiles.some((tile) => tile.goal) || S.codes.some((row) => row.some((code) => tiles[code].goal));
const sameLevel = (codes) => codes.length === S.codes.length && codes.every((row, r) => row.length === S.codes[r].length && row.every((code, c) => code === S.codes[r][c]));

function scoreText([value]) { // as the report writes it: only exactly 0 and 100 without a decimal
  return value === 0 || value === 1 ? `${100 * value}%` : `${Math.min(99.9, Math.max(0.1, 100 * value)).toFixed(1)}%`;
}

function rewardWords() { // "Both were rewarded for the coin."
  const [one, other] = S.shown.map((which) => agents[which]);
  if (!one.rewarded || (other && !other.rewarded)) return "";
  if (other && one.rewarded === other.rewarded) return `Both were rewarded for ${one.rewarded}.`;
  if (other) return `A was rewarded for ${one.rewarded}, B for ${other.rewarded}.`;
  return one.label.includes("rewarded") ? `The agent was ${one.label}.` : `The agent was ${one.label}, and rewarded for ${one.rewarded}.`;
}

function scoreWords() { // "On new levels with the coin at the edge, A takes the coin in 99% and B in 98% of 1,000 episodes; with the coin off the path, A takes the coin first in 14%, B in 99%."
  const shown = S.shown.map((which) => agents[which]);
  if (shown.some((agent) => !agent.score)) return "";
  const said = (key, first) => shown.map((agent, index) => `${both ? nameOf(index) : "it"} ${index ? "" : `${page.words.reachesGoal} ${first}`}in ${scoreText(agent[key])}`).join(first ? ", " : " and ");
  const moved = shown.every((agent) => agent.moved) ? `; ${page.words.shift}, ${said("moved", "first ")}` : "";
  const counts = new Set(shown.map(({ score }) => score[1])), played = counts.size === 1 ? `${[...counts][0].toLocaleString("en")} ` : "";
  return `On new levels ${page.words.control}, ${said("score", "")} of ${played}episodes${moved}.`;
}

function placeWords() { // "On this level, with the coin off the path,"
  const { control, shift, goal } = page.words, blind = S.blind ? `, blind to ${page.words.hidden},` : "";
  if (S.recorded) return `In the recorded episode${blind}`;
  const own = levels.some(([, moved]) => sameLevel(moved)) ? shift : levels.some(([home]) => sameLevel(home)) ? control : "";
  const painted = hasGoal() ? "On your level" : `On your level, without ${goal},`;
  const path = S.take ? ` in sampled episode ${S.take}` : "";
  return `${own ? `On this level, ${own},` : painted}${path}${blind}`;
}

function didWords({ run, odds }) { // "reaches the right edge, past the coin"
  const { reachesGoal, reachesProxy, letsGoalBe } = page.words;
  const most = odds.counts.goal > odds.counts.proxy ? "goal" : "proxy", often = odds.counts[most] / odds.count;
  if (run.loop && often > 0.5) return `${most === "goal" ? reachesGoal : reachesProxy} in ${percent(often)} of sampled episodes, though its likeliest actions alone lead round in circles`;
  if (run.first === "goal") return reachesGoal;
  if (run.first !== "proxy") return ended(run);
  if (!hasGoal()) return reachesProxy;
  return levels.some(([, moved]) => sameLevel(moved)) && letsGoalBe ? `${reachesProxy}, ${letsGoalBe}` : `${reachesProxy} first`;
}

let told = null; // the answer to the reader's guess stays above the boards until the level changes
function showHeading() {
  const words = told && sameLevel(told.codes) ? told.words : byId("ask").dataset.paint;
  if (!intro.on && byId("ask").textContent !== words) byId("ask").textContent = words;
}

let storyShown = "";
function showStory() { // the page's text changes only where a sentence does: a stroke repaints no more than it must
  showHeading();
  const did = S.boards.map((board) => didWords(board)), about = [rewardWords(), scoreWords(), ""].filter((part, k) => part || k === 2).join(" ");
  const key = [about, placeWords(), ...did].join("|");
  if (key === storyShown) return;
  storyShown = key;
  const end = did.map((words, index) => {
    if (!both) return element("b", `it ${words}`, "a");
    return element("b", `${nameOf(index)} ${words}`, index ? "b" : "a");
  });
  const answer = element("span", `${placeWords()} `, "answer");
  answer.append(end[0], ...(both ? ["; ", end[1]] : []), ".");
  byId("story").replaceChildren(element("span", about, "about"), answer);
}
