// The page itself: what a stroke, a key or a button does, and the order in which answers are computed and shown.
"use strict";
let asked = 0, workers = null, searching = 0;
const PAUSE = 80; // milliseconds without a change in a stroke, after which its level is searched

function makeWorkers() { // one for the search, one for goal maps; null where the browser refuses workers from a file
  try {
    const text = `${byId("engine").textContent}\n${byId("worker").textContent}`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const made = [new Worker(address), new Worker(address)];
    made.forEach((worker) => { worker.onmessage = answered; });
    return { search: made[0], map: made[1] };
  } catch { return null; }
}

const plainWorld = () => ({ ...page.world });

function answered({ data }) {
  if (data.id !== asked) return;
  if (data.kind === "survey") { S.survey = data.found; showMeter(); return; }
  if (!S.map || S.map.id !== data.id) return;
  if (data.done) S.map.done = true;
  else S.map.cells.set(`${data.row},${data.col}`, data.found);
  if (data.done || performance.now() - S.map.drawn > 120) {
    S.map.drawn = performance.now();
    S.boards.forEach(drawBoard);
    showMeter();
  }
}

function askWorkers() {
  asked++;
  S.survey = null;
  S.map = null;
  clearTimeout(searching);
  if (!workers) return showMeter();
  searching = setTimeout(() => workers.search.postMessage({ kind: "survey", id: asked, world: plainWorld(), codes: S.codes }), stroke ? PAUSE : 0);
  return askMap();
}

function askMap() {
  if (!workers || S.layer !== "map" || (S.map && S.map.id === asked)) return showMeter();
  const home = goalHome(), cells = home ? placesFor(home) : [];
  S.map = { id: asked, cells: new Map(), total: cells.length, done: !cells.length, drawn: 0 };
  const sent = S.shown.map((which) => ({ spec: page.agents[which].spec, network: page.agents[which].network }));
  const blind = S.blind ? page.agents[S.shown[0]].blind : 0;
  workers.map.postMessage({ kind: "map", id: asked, world: plainWorld(), agents: sent, codes: S.codes, cells, home, blind });
  return showMeter();
}

function goalHome() { // the goal that the map moves: all of its kind are taken away and one is put in each cell
  const cells = [];
  let code = -1;
  S.codes.forEach((row, r) => row.forEach((x, c) => { if (kindOf(first.code).includes(x)) { cells.push([r, c]); code = x; } }));
  return code < 0 ? null : { cells, code };
}

function placesFor({ cells }) {
  const found = [];
  S.codes.forEach((row, r) => row.forEach((x, c) => {
    if (inside(r, c) && (x === 0 || cells.some(([y, q]) => y === r && q === c))) found.push([r, c]);
  }));
  const [r0, c0] = startOf(world, S.level);
  return found.sort((a, b) => Math.hypot(a[0] - r0, a[1] - c0) - Math.hypot(b[0] - r0, b[1] - c0));
}

function showMeter() {
  if (root.dataset.layer !== S.layer) root.dataset.layer = S.layer;
  const meter = byId("meter"), found = S.survey, { goal, proxy } = page.words;
  if (explained()) { setText(meter, explained()); return; }
  if (!found) { setText(meter, workers ? "Searching this level …" : "This browser does not let the page search (open it from a server)."); return; }
  if (!found.decided) { setText(meter, "This level has too many states to search here."); return; }
  const steps = (n, what, unit) => (n < 0 ? `${what} cannot be reached` : `${what} in ${n}${unit ? ` step${n === 1 ? "" : "s"}` : ""}`);
  const verdict = (yes) => element("b", yes ? "yes" : "no", yes ? "yes" : "no");
  const far = element("span", ` (${steps(found.toGoal, goal, true)}, ${steps(found.toProxy, proxy, found.toGoal < 0)})`, "wordy");
  const meets = found.distinguishing ? ` (a shortest way to ${proxy} misses ${goal})` : found.solvable ? ` (every shortest way to ${proxy} meets ${goal})` : "";
  meter.replaceChildren("Solvable: ", verdict(found.solvable), far, ". Distinguishing: ", verdict(found.distinguishing), element("span", meets, "wordy"), ".");
}

function explained() { // what a layer shows, in the place of the meter; empty where that is the level's own
  const { goal, proxy } = page.words;
  if (S.layer === "matters") return "What mattered: if nothing were seen in a cell, the action probabilities would move by so many points. Dark: out of the agent's sight.";
  if (S.layer !== "map") return "";
  const { cells, total, done } = S.map || { cells: new Map(), total: 0, done: true };
  if (!total) return `Goal map: paint ${goal} first.`;
  return `Goal map, exact: with ${goal} in a cell, how often it comes first (blue, %) or ${proxy} does (orange)${done ? "." : `; ${cells.size} of ${total} cells …`}`;
}

function placesIn(level) { // proxy: where the agent can stay with the proxy reached; air: 1 where it cannot stay, because it falls
  const found = [], stay = Math.max(0, world.actions.indexOf("stay")), air = new Uint8Array(level.rows * level.cols);
  for (let r = 1; r < level.rows - 1; r++) for (let c = 1; c < level.cols - 1; c++) {
    if (!free(r, c)) continue;
    const state = startOf(world, level);
    state[0] = r;
    state[1] = c;
    if (step(world, level, state, stay) & PROXY && state[1] === c) found.push([r, c]); // it may fall meanwhile
    if (world.actions[stay] === "stay" && state[0] !== r) air[r * level.cols + c] = 1;
  }
  return { proxy: found, air };
}

function arrowsOf(which, level) {
  const found = [];
  for (let r = 1; r < level.rows - 1; r++) for (let c = 1; c < level.cols - 1; c++) {
    if (!free(r, c)) continue;
    const state = startOf(world, level);
    state[0] = r;
    state[1] = c;
    found.push({ r, c, ...mind(which).think(level, state) });
  }
  return found;
}

function changed() { // the level, an agent or a switch: everything is computed again
  const begin = performance.now(), level = (S.level = openLevel(world, S.codes)), places = placesIn(level);
  S.boards = S.shown.map((which, index) => {
    const run = runOf(which, level);
    return { which, index, level, run, ...places, arrows: arrowsOf(which, level), odds: sampled(mind(which), level, SAMPLES), canvas: byId(`board-${index}`) };
  });
  S.took = performance.now() - begin;
  S.time = Math.min(S.time, lastStep());
  askWorkers();
  if (stroke) S.boards.forEach((board) => { fit(board, false); drawBoard(board); }); // a stroke changes no size: nothing is measured
  showWords();
}

const OFTEN = 120; // milliseconds between two changes of the words while a stroke lasts: its frames have the arrows alone to draw
let worded = 0, wording = 0;
function showWords() { // everything but the boards' pictures
  clearTimeout(wording);
  const rest = stroke ? worded + OFTEN - performance.now() : 0;
  if (rest > 0) { wording = setTimeout(showWords, rest); return; }
  worded = performance.now();
  showTakes();
  S.boards.forEach(showOdds);
  showStory();
  showCurve();
  if (stroke) showClock();
  else {
    S.boards.forEach((board) => fit(board, intro.on)); // once the introduction has its sizes, no sentence changes them
    showTime();
  }
  if (!intro.on) keepAddress();
}

function fit(board, again) { // as large as the screen allows, two boards and everything below them
  const { level, canvas } = board, about = [level.rows, level.cols, rowsBelow(level), innerWidth, innerHeight, devicePixelRatio, board.which].join();
  if (canvas.fitted && canvas.fitted.about === about && !again) { Object.assign(board, canvas.fitted); return; } // measures nothing
  const narrow = innerWidth <= 700, stage = byId("boards").parentElement, hidden = rowsBelow(level), rows = level.rows - hidden;
  const wide = both || narrow ? canvas.parentElement.clientWidth : 0.6 * stage.clientWidth - 30;
  const spare = innerHeight - aroundBoards(narrow) - 6;
  const each = narrow ? Math.max(spare / S.shown.length, 130) : Math.max(spare, alone ? 200 : 235);
  const cell = Math.max(8, Math.min(wide / level.cols, each / rows, 44));
  board.dense = Math.max(1, devicePixelRatio || 1);
  board.size = Math.max(8, Math.floor(cell * board.dense)); // whole pixels that fit: nothing is scaled
  if (canvas.width !== level.cols * board.size) canvas.width = level.cols * board.size;
  if (canvas.height !== level.rows * board.size) canvas.height = level.rows * board.size;
  canvas.style.width = `${(level.cols * board.size) / board.dense}px`;
  canvas.parentElement.style.height = `${(rows * board.size) / board.dense}px`;
  byId(`split-${board.index}`).style.maxWidth = canvas.style.width;
  stage.style.setProperty("--board", canvas.style.width);
  canvas.fitted = { about, size: board.size, dense: board.dense };
  canvas.setAttribute("aria-label", `Board ${"AB"[board.index]}, ${agents[board.which].label}: ${level.rows} rows, ${level.cols} columns; arrow keys move, space paints`);
}

function aroundBoards(narrow) { // pixels above the boards' pictures, and below them up to the last thing that belongs on the screen
  const top = root.getBoundingClientRect().top, tall = [...root.querySelectorAll(".screen")].map((part) => part.getBoundingClientRect().height);
  const above = alone ? top + scrollY : narrow ? 0 : Math.min(140, top + scrollY), last = narrow ? ["curve"] : both ? ["curve-steps", "curve-says"] : ["next-0"];
  const end = Math.max(...last.map((id) => byId(id).getBoundingClientRect().bottom));
  return above + end - top - (narrow ? tall.reduce((sum, one) => sum + one, 0) : Math.max(...tall));
}

function rowsBelow(level) { // rows of plain rim at the bottom that show nothing, except for one
  let plain = 0;
  while (plain < level.rows - 4 && S.codes[level.rows - 1 - plain].every((code) => code === S.codes[level.rows - 1][0])) plain++;
  return Math.max(0, plain - 1);
}

// ── hands ──
let stroke = null, waiting = false;
function paintAt(r, c) {
  unveil();
  const next = painted(S.codes, r, c, S.brush);
  if (typeof next === "string") { notice(next); say(next); return; }
  if (next === S.codes) return;
  S.codes = next;
  S.recorded = null;
  if (waiting) return; // one computation a frame, however many cells a stroke passes
  waiting = true;
  requestAnimationFrame(() => { waiting = false; changed(); });
}

let box = null; // of the board under the pointer: measured once a stroke, because measuring lays out the page
function cellUnder(canvas, event) {
  box = (stroke && box) || canvas.getBoundingClientRect();
  return [Math.floor(((event.clientY - box.top) / box.height) * S.level.rows), Math.floor(((event.clientX - box.left) / box.width) * S.level.cols)];
}

function boardHands(canvas) {
  canvas.addEventListener("pointerdown", (event) => {
    if (intro.on) return;
    setPlaying(false);
    S.time = 0;
    canvas.setPointerCapture(event.pointerId);
    stroke = cellUnder(canvas, event);
    root.classList.add("stroking");
    S.cursor = stroke;
    remember();
    paintAt(...stroke);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const cell = cellUnder(canvas, event);
    if (cell[0] === stroke[0] && cell[1] === stroke[1]) return;
    stroke = cell;
    if (inside(...cell)) paintAt(...cell);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => {
    const ended = stroke;
    stroke = null;
    root.classList.remove("stroking");
    if (ended && !waiting) showWords();
  });
  canvas.addEventListener("focus", () => { S.cursor = S.cursor || Array.from(startOf(world, S.level).slice(0, 2)); S.boards.forEach(drawBoard); });
  canvas.addEventListener("blur", () => S.boards.forEach(drawBoard));
  canvas.addEventListener("keydown", (event) => {
    if (intro.on || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (by) {
      const to = [S.cursor[0] + by[0], S.cursor[1] + by[1]];
      if (inside(...to)) S.cursor = to;
      say(`row ${S.cursor[0]}, column ${S.cursor[1]}: ${S.codes[S.cursor[0]][S.cursor[1]] ? tiles[S.codes[S.cursor[0]][S.cursor[1]]].name : "free"}`);
      S.boards.forEach(drawBoard);
    } else if (event.key === " " || event.key === "Enter") {
      remember();
      S.time = 0;
      paintAt(...S.cursor);
    } else return;
    event.preventDefault();
  });
}

const keys = {
  u: undo, n: nextLevel, p: () => setPlaying(!playing), ",": () => seek(Math.ceil(S.time) - 1), ".": () => seek(Math.floor(S.time) + 1),
  b: () => byId("blind").click(),
  v: () => { const all = [...document.querySelectorAll("[name=layer]")]; all[(all.findIndex((one) => one.checked) + 1) % all.length].click(); },
};
function pageKeys(event) {
  if (intro.on || event.ctrlKey || event.metaKey || event.altKey || ["SELECT"].includes(event.target.tagName)) return;
  if (/^[1-9]$/.test(event.key) && brushes[Number(event.key) - 1]) choose(brushes[Number(event.key) - 1]);
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
}

function nextLevel() {
  remember();
  S.number = (S.number + 1) % levels.length;
  S.codes = copyOf(levels[S.number][1]);
  S.recorded = null;
  S.time = 0;
  changed();
}

function clearest() { // the first level on which each agent's likeliest path ends as most of its episodes do
  const most = ({ counts }) => (counts.goal > counts.proxy ? "goal" : "proxy");
  const clear = levels.findIndex(([, moved]) => {
    const level = openLevel(world, moved);
    return S.shown.every((which) => episode(mind(which), level, null, false).first === most(sampled(mind(which), level, 40)));
  });
  return Math.max(0, clear);
}

function takeControls() { // the controls show what is the case
  document.querySelector(`[name=layer][value=${S.layer}]`).checked = true;
  byId("blind").checked = S.blind;
  byId("take").value = S.recorded ? "" : String(S.take);
  if (byId("alpha")) { byId("alpha").value = String(S.shown[0]); byId("name-0").textContent = agents[S.shown[0]].label; }
}

function begin() {
  workers = makeWorkers();
  makeBrushes();
  S.boards = [];
  document.querySelectorAll("canvas[id^=board]").forEach(boardHands);
  const on = (id, what, act) => byId(id) && byId(id).addEventListener(what, act);
  on("undo", "click", undo);
  on("another", "click", nextLevel);
  on("link", "click", copyLink);
  on("save", "click", saveLevel);
  on("again", "click", introduce);
  if (alone) on("theme", "click", nextTheme);
  on("scene-skip", "click", introEnd);
  on("play", "click", () => setPlaying(!playing));
  on("back", "click", () => seek(Math.ceil(S.time) - 1));
  on("forward", "click", () => seek(Math.floor(S.time) + 1));
  on("time", "input", () => seek(Number(byId("time").value)));
  on("take", "change", () => { S.take = Number(byId("take").value) || 0; S.recorded = null; S.time = 0; changed(); });
  on("blind", "change", () => { S.blind = byId("blind").checked; changed(); });
  on("alpha", "input", () => { S.shown[0] = Number(byId("alpha").value); takeControls(); changed(); });
  for (const radio of document.querySelectorAll("[name=layer]")) radio.addEventListener("change", () => { intro.veiled = false; S.layer = radio.value; askMap(); showMeter(); showTime(); keepAddress(); });
  (alone ? document : root).addEventListener("keydown", pageKeys);
  addEventListener("hashchange", () => clearTimeout(kept)); // a link was followed; what was to be kept is older
  addEventListener("resize", () => { if (intro.on) reserveRoom(); S.boards.forEach((board) => fit(board, true)); showTime(); });
  if (alone) setTheme("auto");
  S.number = clearest();
  S.codes = copyOf(levels[S.number][1]);
  const linked = takeAddress();
  takeControls();
  changed();
  clearTimeout(kept); // the address may name a recorded episode, which the report reads once it is there
  const pictures = () => { drawIcons(); S.boards.forEach(drawBoard); };
  for (const picture of [image, landscape]) picture.addEventListener("load", pictures);
  image.src = sheet.src;
  if (sheet.backdrop) landscape.src = sheet.backdrop;
  byId("pale").hidden = !S.boards[0].air.includes(1);
  teach();
  addEventListener("beforeprint", () => { if (intro.on) introEnd(); }); // paper shows the answer
  if (!linked) introduce();
}
begin();
