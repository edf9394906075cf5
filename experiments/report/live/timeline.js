// One episode on both boards: its steps, the curve of the value, the words under each board.
"use strict";
const lastStep = () => Math.max(1, ...S.boards.map((board) => board.run.frames.length - 1));
let playing = false, before = 0, pace = 6;

function showTime() {
  const step = Math.floor(S.time), last = lastStep(), bar = byId("time");
  bar.max = String(last);
  bar.value = String(step);
  bar.setAttribute("aria-valuetext", `step ${step} of ${last}`);
  byId("clock").textContent = `${step} / ${last}`;
  S.boards.forEach(drawBoard);
  S.boards.forEach(showNext);
  const line = byId("curve").querySelector("line");
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
  if (!on) return;
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

function showCurve() {
  const svg = byId("curve"), last = lastStep();
  const values = S.boards.flatMap((board) => board.run.thoughts.map((thought) => thought.v));
  const low = Math.min(...values), high = Math.max(low + 0.2, ...values);
  const made = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const lines = S.boards.map((board) => {
    const points = board.run.thoughts.map(({ v }, t) => `${((600 * t) / last).toFixed(1)} ${(60 - (56 * (v - low)) / (high - low)).toFixed(1)}`);
    return made("path", { class: board.index ? "b" : "a", d: `M${points.join("L")}` });
  });
  svg.replaceChildren(...lines, made("line", { x1: 0, x2: 0, y1: 0, y2: 64 }));
  const said = S.boards.map((board) => {
    const v = board.run.thoughts.map((thought) => thought.v);
    return `${"AB"[board.index]} ${v[0].toFixed(2)} → ${v[v.length - 1].toFixed(2)}`;
  });
  byId("curve-says").textContent = `Value (reward expected): ${said.join(S.boards.length > 1 ? "; dashed: " : "")}`;
  svg.setAttribute("aria-label", byId("curve-says").textContent);
}

function showNext(board) {
  const { run } = board, t = Math.min(Math.floor(S.time), run.thoughts.length - 1), { p, v } = run.thoughts[t], line = byId(`next-${board.index}`);
  const over = Math.floor(S.time) >= run.frames.length - 1;
  line.replaceChildren(element("span", over ? `after step ${run.actions.length}: ${ended(run)}` : "next: "));
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
  split.style.maxWidth = `${board.level.cols * board.size / board.dense}px`;
  const part = (kind, words) => [`${words} `, element("b", percent(share[kind]), kind)];
  says.replaceChildren("first ", ...part("goal", page.words.reachesGoal), " · ", ...part("proxy", page.words.reachesProxy), " · ",
    ...part("neither", "neither"));
  says.title = `of ${count} sampled episodes`;
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
