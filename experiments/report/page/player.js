// Plays recorded episodes on canvases, all of one level in step. Reads the JSON block that `replays.py` packs; measures nothing.
"use strict";
(() => {
  const block = JSON.parse(document.getElementById("report-data").textContent);
  const { player: data, sheet } = block;
  const root = document.getElementById("player");
  const find = (selector) => root.querySelector(selector);
  const levelBox = find("#level"), movedBox = find("#moved"), timeBar = find("#player-time"), clock = find("#player-clock");
  const speedBox = find("#speed"), cameraBox = find("#camera"), told = find("#told"), levelText = find("#level-text");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const STEPS_PER_SECOND = 7;
  let mine = false; // whether the reader used the player last, so that keys are meant for it
  const stages = [...root.querySelectorAll(".stage")].map((figure) => ({
    figure, canvas: figure.querySelector("canvas"), caption: figure.querySelector("figcaption"),
    agent: Number(figure.dataset.agent), column: figure.dataset.column, take: null, board: null, ground: null,
  }));
  const image = new Image(), landscape = new Image();
  let level = 0, time = 0, last = 1, playing = false, before = 0;

  // ── choosing what is on the screens ──
  const condition = (column) => (column === "home" ? data.home[0] : movedBox ? movedBox.value : data.moved[0]);

  function load() {
    const group = data.levels[level];
    levelBox.value = String(level);
    for (const head of root.querySelectorAll(".column-head")) {
      const words = data.conditions[condition(head.dataset.column)];
      head.querySelector("[data-title]").textContent = words.title;
      head.title = words.tells;
    }
    for (const stage of stages) {
      const name = condition(stage.column);
      stage.take = group.takes.find((take) => take.a === stage.agent && take.c === name) || null;
      stage.board = stage.take && group.boards[stage.take.b];
      stage.ground = null;
      stage.figure.classList.toggle("empty", !stage.take);
      const who = root.querySelectorAll(".who")[stage.agent].textContent;
      stage.caption.textContent = stage.take ? stage.take.said : "not recorded on this level";
      stage.canvas.setAttribute("aria-label", stage.take
        ? `${who}; ${data.conditions[name].title}; level ${level + 1}: ${stage.take.said}.` : "No recording");
      if (stage.take && stage.take.caption) stage.figure.title = stage.take.caption;
    }
    last = Math.max(1, ...shown().map((stage) => stage.take.frames.length - 1));
    timeBar.max = String(last);
    const main = stages.find((stage) => stage.take && stage.column === "moved") || stages.find((stage) => stage.take);
    levelText.textContent = main ? main.board.text : "";
  }

  const narrow = matchMedia("(max-width: 640px)");
  function shown() {
    const one = narrow.matches && data.home.length && data.moved.length;
    return stages.filter((stage) => stage.take && (!one || stage.column === root.dataset.view));
  }

  // ── drawing ──
  function blit(pen, id, row, col, size) {
    const place = sheet && sheet.places[data.names[id]];
    if (place && image.complete && image.naturalWidth) {
      pen.drawImage(image, place[0], place[1], sheet.px, sheet.px, col * size, row * size, size, size);
    } else { // a name without a picture: a plain, visible square
      pen.strokeStyle = "#888";
      pen.strokeRect(col * size + 1, row * size + 1, size - 2, size - 2);
    }
  }

  function fit(stage) { // cells are whole multiples of a sprite, at least as fine as the screen, so that pixel art stays even
    const { w, h } = stage.board;
    const width = stage.canvas.parentElement.clientWidth * (devicePixelRatio || 1);
    const px = sheet ? sheet.px : 16;
    const size = px * Math.max(1, Math.ceil(width / w / px - 0.05));
    if (stage.ground && stage.ground.size === size) return size;
    stage.canvas.width = w * size;
    stage.canvas.height = h * size;
    const ground = document.createElement("canvas");
    ground.width = w * size;
    ground.height = h * size;
    const pen = ground.getContext("2d");
    pen.imageSmoothingEnabled = false;
    const grounds = drawLandscape(pen, stage.board, size);
    stage.board.tiles.forEach((id, cell) => {
      if (!grounds || data.names[id] !== sheet.ground) blit(pen, id, Math.floor(cell / w), cell % w, size);
    });
    stage.ground = { size, picture: ground };
    return size;
  }

  function drawLandscape(pen, { w, h, top }, size) { // the backdrop of sky and objects; false if there is none
    if (!sheet) return false;
    const back = sheet.backdrop;
    if (back && landscape.complete && landscape.naturalWidth) {
      const width = landscape.naturalWidth, columns = width / back.px;
      for (let col = 0; col < w; col += columns) {
        pen.drawImage(landscape, 0, top * back.px, width, h * back.px, col * size, 0, columns * size, h * size);
      }
      return true;
    }
    const id = data.names.indexOf(sheet.ground);
    for (let cell = 0; id >= 0 && cell < w * h; cell++) blit(pen, id, Math.floor(cell / w), cell % w, size);
    return id >= 0;
  }

  const kinds = data.names.map((name) => name.split("_")[0]);
  const AGENT = "agent";
  function things(frame) { // [{id, row, col, key}]: the n-th of its kind keeps its key from frame to frame
    const seen = {}, found = [];
    for (let i = 0; i < frame.length; i += 3) {
      const kind = kinds[frame[i]];
      seen[kind] = (seen[kind] || 0) + 1;
      found.push({ id: frame[i], row: frame[i + 1], col: frame[i + 2], key: `${kind}${seen[kind]}`, kind });
    }
    return found;
  }

  function draw(stage) {
    if (!stage.take) return;
    const { take, board } = stage, frames = take.frames, end = frames.length - 1;
    const size = fit(stage), pen = stage.canvas.getContext("2d");
    const now = Math.min(time, end), step = Math.floor(now), part = now - step;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(stage.ground.picture, 0, 0);
    drawProxyMark(pen, board.proxy, size);
    drawTrail(pen, stage, frames, step, size);
    const later = part > 0 ? new Map(things(frames[step + 1]).map((thing) => [thing.key, thing])) : null;
    let agent = null;
    for (const thing of things(frames[step])) {
      let { row, col } = thing;
      const next = later && later.get(thing.key);
      if (next && Math.abs(next.row - row) + Math.abs(next.col - col) <= 3) {
        row += (next.row - row) * part;
        col += (next.col - col) * part;
      }
      blit(pen, thing.id, row, col, size);
      if (thing.kind === AGENT) agent = { row: row - thing.row, col: col - thing.col };
    }
    if (cameraBox.checked && take.camera.length) drawCamera(pen, board, take.camera[Math.min(step, take.camera.length - 1)], agent, size);
    const over = now >= end;
    for (const kind of ["goal", "proxy", "neither"]) stage.figure.classList.toggle(`ended-${kind}`, over && take.first === kind);
  }

  function drawTrail(pen, stage, frames, step, size) {
    const path = [];
    for (let t = 0; t <= step; t++) {
      const agent = things(frames[t]).find((thing) => thing.kind === AGENT);
      if (agent) path.push([(agent.col + 0.5) * size, (agent.row + 0.55) * size]);
    }
    if (path.length < 2) return;
    pen.lineJoin = pen.lineCap = "round";
    for (const [width, colour] of [[0.26, "rgba(255,255,255,.9)"], [0.13, trailColour(stage)]]) {
      pen.lineWidth = width * size;
      pen.strokeStyle = colour;
      pen.beginPath();
      path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.stroke();
    }
  }

  const trailColour = (stage) => lightColour((stage.figure.className.match(/agent-\d/) || ["ink"])[0]);

  function drawCamera(pen, board, [top, left, rows, cols], drift, size) {
    const x = (left + (drift ? drift.col : 0)) * size, y = (top + (drift ? drift.row : 0)) * size;
    pen.fillStyle = "rgba(10,14,20,.62)";
    pen.beginPath();
    pen.rect(0, 0, board.w * size, board.h * size);
    pen.rect(x, y, cols * size, rows * size);
    pen.fill("evenodd");
    pen.strokeStyle = "#fff";
    pen.lineWidth = Math.max(1.5, size / 12);
    pen.strokeRect(x, y, cols * size, rows * size);
  }

  function paint() {
    shown().forEach(draw);
    const step = Math.floor(time);
    timeBar.value = String(step);
    timeBar.setAttribute("aria-valuetext", `step ${step} of ${last}`);
    clock.textContent = `step ${step} / ${last}`;
  }

  // ── time ──
  function setPlaying(on) {
    playing = on;
    root.classList.toggle("playing", on);
    find("[data-do=play]").setAttribute("aria-label", on ? "Pause" : "Play");
    if (on) {
      if (time >= last) time = 0;
      before = performance.now();
      requestAnimationFrame(tick);
    } else if (time >= last) {
      told.textContent = shown().map((stage) => stage.canvas.getAttribute("aria-label")).join(" ");
    }
  }

  function tick(now) {
    if (!playing) return;
    const passed = Math.max(0, now - before) / 1000; // a frame's time stamp may lie before the click that started it
    time = Math.min(last, time + passed * STEPS_PER_SECOND * Number(speedBox.value));
    before = now;
    if (calm.matches) { const exact = time; time = Math.floor(time); paint(); time = exact; } else paint();
    if (time >= last) setPlaying(false); else requestAnimationFrame(tick);
  }

  function seek(to) {
    setPlaying(false);
    time = Math.max(0, Math.min(last, to));
    paint();
  }

  function restart() { // a new level or condition: play it, or, with reduced motion, show the end
    const wasStill = calm.matches;
    setPlaying(false);
    load();
    time = wasStill ? last : 0;
    paint();
    if (!wasStill) setPlaying(true);
  }

  // ── input ──
  const actions = {
    play: () => setPlaying(!playing),
    start: () => seek(0),
    "step-": () => seek(Math.ceil(time) - 1),
    "step+": () => seek(Math.floor(time) + 1),
    "level-": () => { level = (level + data.levels.length - 1) % data.levels.length; restart(); },
    "level+": () => { level = (level + 1) % data.levels.length; restart(); },
  };
  for (const button of root.querySelectorAll("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());
  for (const button of root.querySelectorAll(".views button")) {
    button.addEventListener("click", () => {
      root.dataset.view = button.dataset.view;
      for (const other of root.querySelectorAll(".views button")) other.setAttribute("aria-pressed", String(other === button));
      restart();
    });
  }
  stages.forEach((stage) => stage.canvas.addEventListener("click", actions.play));
  levelBox.addEventListener("change", () => { level = Number(levelBox.value); restart(); });
  if (movedBox) movedBox.addEventListener("change", restart);
  timeBar.addEventListener("input", () => seek(Number(timeBar.value)));
  cameraBox.addEventListener("change", paint);
  speedBox.addEventListener("change", () => { before = performance.now(); });
  const keys = {
    " ": "play", k: "play", ArrowLeft: "step-", ArrowRight: "step+", Home: "start", "[": "level-", "]": "level+",
  };
  document.addEventListener("pointerdown", (event) => { mine = root.contains(event.target); });
  root.addEventListener("focusin", () => { mine = true; });
  document.addEventListener("keydown", (event) => {
    if (!root.contains(event.target) && !(mine && event.target === document.body)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tag = event.target.tagName;
    if (tag === "SELECT" || tag === "PRE" || tag === "SUMMARY") return;
    if (event.key === " " && (tag === "BUTTON" || event.target.type === "checkbox")) return;
    if (event.key === "End") seek(last);
    else if (keys[event.key]) actions[keys[event.key]]();
    else return;
    event.preventDefault();
  });
  addEventListener("resize", paint);
  narrow.addEventListener("change", restart);
  document.addEventListener("themechange", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  const refresh = () => { stages.forEach((stage) => { stage.ground = null; }); paint(); };
  for (const picture of [image, landscape]) picture.addEventListener("load", refresh);
  load();
  time = last;
  paint();
  if (sheet) image.src = sheet.src;
  if (sheet && sheet.backdrop) landscape.src = sheet.backdrop.src;
  if (!calm.matches && document.visibilityState === "visible" && root.offsetParent) setPlaying(true);
})();
