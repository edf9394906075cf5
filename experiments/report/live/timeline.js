// One episode on both boards: its steps, the curve of the value, the words under each board.
"use strict";
const lastStep = () => Math.max(1, ...S.boards.map((board) => board.run.frames.length - 1));
let playing = false, before = 0, pace = 6;

function showTime() {
  showClock();
  S.boards.forEach(drawBoard);
}

function showClock() { // the step, in words and on the curve
  const step = Math.floor(S.time), last = lastStep(), bar = byId("time");
  bar.max = String(last);
  bar.value = String(step);
  bar.setAttribute("aria-valuetext", `step ${step} of ${last}`);
  byId("clock").textContent = `${step} / ${last}`;
  S.boards.forEach(showNext);
  const line = byId("curve").querySelector(".now");
  if (line) for (const end of ["x1", "x2"]) line.setAttribute(end, String((600 * Math.min(S.time, last)) / last));
}

function seek(to) {
  setPlaying(false);
  S.time = Math.max(0, Math.min(lastStep(), to));
  showTime();
}

function setPlaying(on) {
  playing = on;
  byId("play").textContent = on ? "❚❚" : "▶";
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  if (!on) { unveil(); return; }
  if (S.time >= lastStep()) S.time = 0;
  before = performance.now();
  requestAnimationFrame(tick);
}

function tick(now) {
  if (!playing) return;
  const exact = Math.min(lastStep(), S.time + (Math.max(0, now - before) / 1000) * pace);
  before = now;
  S.time = calm.matches ? Math.floor(exact) : exact;
  showTime();
  S.time = exact;
  if (exact >= lastStep()) setPlaying(false);
  else requestAnimationFrame(tick);
}

function showCurve() { // from a tenth below the least value to the reward at least; both ends are labelled
  const svg = byId("curve"), last = lastStep();
  const values = S.boards.flatMap((board) => board.run.thoughts.map((thought) => thought.v));
  const high = Math.max(1, ...values), low = Math.min(Math.floor(10 * Math.min(...values)) / 10, Math.round(10 * high - 2) / 10);
  const made = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const height = (v) => (61 - (58 * (v - low)) / (high - low)).toFixed(1);
  const lines = S.boards.map((board) => {
    const points = board.run.thoughts.map(({ v }, t) => `${((600 * t) / last).toFixed(1)} ${height(v)}`);
    return made("path", { class: board.index ? "b" : "a", d: `M${points.join("L")}` });
  });
  const reward = made("line", { class: "reward", x1: 0, x2: 600, y1: height(1), y2: height(1) });
  svg.replaceChildren(...(page.counted ? [] : [reward]), ...lines, made("line", { class: "now", x1: 0, x2: 0, y1: 0, y2: 64 }));
  setText(byId("curve-high"), high.toFixed(1));
  setText(byId("curve-low"), low.toFixed(1));
  setText(byId("curve-steps"), `step ${last}`);
  const said = `Value, the reward that ${both ? "each" : "it"} expects${page.counted ? "" : " (dotted: 1, the most)"}: ${S.boards.map(valueWords).join("; ")}.`;
  if (byId("curve-says").textContent === said) return;
  byId("curve-says").textContent = said;
  svg.setAttribute("aria-label", said);
}

function valueWords({ run, index, which }) { // "A 0.89 at the start, 1.00 at the right edge, which pays nothing"
  const v = run.thoughts.map((thought) => thought.v), place = { goal: page.words.goal, proxy: page.words.proxy }[run.first] || "the end";
  const forGoal = agents[which].rewarded === page.words.goal && !page.counted;
  const pays = forGoal && run.first === "proxy" ? ", which pays nothing" : forGoal && run.first === "goal" ? ", which pays 1" : "";
  const name = both ? `${nameOf(index)}${index ? " (dashed)" : ""} ` : "";
  return `${name}${v[0].toFixed(2)} at the start, ${v[v.length - 1].toFixed(2)} at ${place}${pays}`;
}

function showNext(board) {
  const { run } = board, t = Math.min(Math.floor(S.time), run.thoughts.length - 1), { p, v } = run.thoughts[t], line = byId(`next-${board.index}`);
  const over = Math.floor(S.time) >= run.frames.length - 1, about = [over, run.actions.length, run.first, v.toFixed(2), ...Array.from(p, percent)].join();
  if (line.about === about) return; // text that stays is not laid out again
  line.about = about;
  line.replaceChildren(over ? `after step ${run.actions.length}: ${ended(run)}` : element("span", "next action: ", "wordy"));
  if (!over) world.actions.forEach((action, a) => {
    const likeliest = a === best(p);
    line.append(element(likeliest ? "b" : "span", `${action} ${percent(p[a])}`), a < p.length - 1 ? ", " : "");
  });
  line.append(` · value ${v.toFixed(2)}`);
}

function ended(run) {
  if (run.first === "goal") return page.words.reachesGoal;
  if (run.first === "proxy") return page.words.reachesProxy;
  if (run.end === BY_DEATH) return "dies";
  return run.loop ? "goes round in circles" : "runs out of time";
}

function showOdds(board) {
  const { counts, count } = board.odds, share = { goal: counts.goal / count, proxy: counts.proxy / count, neither: counts.neither / count };
  const split = byId(`split-${board.index}`), says = byId(`says-${board.index}`);
  ["goal", "proxy", "neither"].forEach((kind, k) => { split.children[k].style.width = `${100 * share[kind]}%`; });
  if (says.about === Object.values(counts).join()) return;
  says.about = Object.values(counts).join();
  const part = (kind, words) => [element("i", "", kind), `${words} `, element("b", percent(share[kind]))];
  const rest = element("span", " · ", counts.neither ? "" : "none");
  rest.append(...part("neither", "neither"));
  says.replaceChildren(element("span", `of ${count} sampled episodes, `, "wordy"), "first ", ...part("goal", page.words.reachesGoal), " · ", ...part("proxy", page.words.reachesProxy), rest);
}

function showTakes() {
  const taken = S.recorded ? S.recorded.name : "";
  if (byId("take").dataset.recorded === taken) return;
  byId("take").dataset.recorded = taken;
  const names = ["likeliest path", ...Array.from({ length: 12 }, (_, k) => `sampled episode ${k + 1}`)];
  byId("take").replaceChildren(...names.map((name, k) => { const option = element("option", name); option.value = String(k); return option; }));
  if (!taken) return;
  const option = element("option", `recorded: ${taken}`);
  option.value = "";
  option.selected = true;
  byId("take").prepend(option);
}
