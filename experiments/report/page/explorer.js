// The explorer: drag the goal of a level anywhere and see what the agents do. Everything was played beforehand; reads the
// JSON block that `explorer.py` packs and measures nothing.
"use strict";
(() => {
  const { explorer: data, sheet } = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.getElementById("explorer");
  const find = (selector) => root.querySelector(selector);
  const levelBox = find("#x-level"), luckBox = find("#x-luck"), playButton = find("#x-play"), told = find("#x-told");
  const guess = find("#x-guess"), guessed = find("#x-guessed");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const STEPS_PER_SECOND = 9, THUMB = 30; // the handle is never smaller, in CSS pixels
  const KINDS = ["goal", "proxy", "neither"];
  const word = { goal: root.dataset.goal, proxy: root.dataset.proxy, neither: "neither" };
  const image = new Image(), landscape = new Image();
  const rows = [...root.querySelectorAll(".field-board")].map((figure) => ({
    figure, agent: Number(figure.dataset.agent), canvas: figure.querySelector("canvas"), screen: figure.querySelector(".screen"),
    handle: figure.querySelector(".handle"), said: figure.querySelector("figcaption"),
    map: root.querySelector(`.map[data-agent="${figure.dataset.agent}"] canvas`),
    share: root.querySelector(`.map[data-agent="${figure.dataset.agent}"] figcaption [data-share]`),
    finding: root.querySelector(`.map[data-agent="${figure.dataset.agent}"] [data-finding]`), by: null,
  }));
  let level, place = 0, time = 0, last = 1, playing = false, before = 0, waiting = true, ground = null;

  // ── what is shown ──
  const luck = () => Number(luckBox.value);
  const take = (row) => level.takes[row.by.takes[place][Math.min(luck(), row.by.takes[place].length - 1)]];
  const shown = () => rows.filter((row) => row.by);

  function choose(number) {
    level = data.levels[number];
    ground = null;
    for (const row of rows) {
      row.by = level.by.find((by) => by.a === row.agent) || null;
      for (const part of [row.figure, row.map.closest(".map")]) part.hidden = !row.by;
    }
    root.style.setProperty("--aspect", String(level.w / level.h));
    for (const row of shown()) row.finding.textContent = row.by.finding;
    put(level.home);
  }

  function put(cell) { // the goal in another place
    place = cell;
    last = Math.max(1, ...shown().map((row) => take(row)[2].length - 1));
    const [r, c] = level.cells[cell];
    const where = `row ${r + level.top + 1}, column ${c + 1}`;
    for (const row of shown()) {
      const count = row.by.counts[cell], n = count[0] + count[1] + count[2];
      row.handle.setAttribute("aria-label", `Move ${word.goal}: now in ${where}`);
      row.said.textContent = waiting ? "" : take(row)[1];
      row.canvas.setAttribute("aria-label", waiting ? `The level, ${word.goal} in ${where}` : `${word.goal} in ${where}: ${take(row)[1]}`);
      row.share.textContent = "";
      if (!waiting && n) {
        const share = document.createElement("b");
        share.textContent = `${word.goal} first: ${data.shares[n][count[0]]}`;
        const of = (k) => data.shares[n][k].split("\u00a0")[0]; // the same format for all three, the interval for the first
        row.share.append(`In this place, ${n} sampled episodes: `, share, `, ${word.proxy} first: ${of(count[1])}, neither: ${of(count[2])}.`);
      }
      row.map.setAttribute("aria-label", waiting ? "Map, shown after your guess" : summary(row));
    }
  }

  function summary(row) {
    const sums = [0, 0, 0];
    for (const count of row.by.counts) count.forEach((k, i) => { sums[i] += k; });
    const n = sums[0] + sums[1] + sums[2];
    return `Map of ${row.by.counts.length} places. Of all ${n} sampled episodes, ${KINDS.map((kind, i) => `${word[kind]} first ${Math.round(100 * sums[i] / n)}%`).join(", ")}`;
  }

  function speak() {
    const [r, c] = level.cells[place];
    told.textContent = `Row ${r + level.top + 1}, column ${c + 1}. ` + shown().map((row) => `${row.figure.dataset.who}: ${row.said.textContent}. ${row.share.textContent}`).join(" ");
  }

  // ── drawing ──
  function blit(pen, id, row, col, size) {
    const spot = sheet && sheet.places[data.names[id]];
    if (spot && image.complete && image.naturalWidth) {
      pen.drawImage(image, spot[0], spot[1], sheet.px, sheet.px, col * size, row * size, size, size);
    } else {
      pen.strokeStyle = "#888";
      pen.strokeRect(col * size + 1, row * size + 1, size - 2, size - 2);
    }
  }

  function groundOf(width) { // the level without goal and objects, in cells that are whole multiples of a sprite
    const { w, h, top } = level, px = sheet ? sheet.px : 16;
    const size = px * Math.max(1, Math.ceil(width * (devicePixelRatio || 1) / w / px - 0.05));
    if (ground && ground.size === size) return ground;
    const picture = document.createElement("canvas");
    picture.width = w * size;
    picture.height = h * size;
    const pen = picture.getContext("2d"), back = sheet && sheet.backdrop;
    pen.imageSmoothingEnabled = false;
    const scenic = back && landscape.complete && landscape.naturalWidth;
    const plain = sheet ? data.names.indexOf(sheet.ground) : -1;
    if (scenic) {
      const columns = landscape.naturalWidth / back.px;
      for (let col = 0; col < w; col += columns) {
        pen.drawImage(landscape, 0, top * back.px, landscape.naturalWidth, h * back.px, col * size, 0, columns * size, h * size);
      }
    }
    level.tiles.forEach((id, cell) => {
      if (!scenic && plain >= 0) blit(pen, plain, Math.floor(cell / w), cell % w, size);
      if (!scenic || id !== plain) blit(pen, id, Math.floor(cell / w), cell % w, size);
    });
    ground = { size, picture };
    return ground;
  }

  function fresh(canvas) {
    const { size, picture } = groundOf(canvas.clientWidth || canvas.parentElement.clientWidth || 300);
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(picture, 0, 0);
    return { pen, size };
  }

  function drawPath(pen, frames, step, size, ink) { // the agent's way up to a step
    const path = [];
    for (let t = 0; t <= step; t++) {
      const agent = level.moments[frames[t]][1][0];
      if (agent !== undefined) path.push([(level.things[agent][2] + 0.5) * size, (level.things[agent][1] + 0.55) * size]);
    }
    pen.lineJoin = pen.lineCap = "round";
    for (const [width, colour] of path.length > 1 ? [[0.26, "rgba(255,255,255,.9)"], [0.13, ink]] : []) {
      pen.lineWidth = width * size;
      pen.strokeStyle = colour;
      pen.beginPath();
      path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.stroke();
    }
  }

  function drawBoard(row) {
    const { pen, size } = fresh(row.canvas), [first, , frames] = take(row), end = frames.length - 1;
    const step = Math.min(Math.floor(time), end), [r, c] = level.cells[place];
    drawProxyMark(pen, level.proxy, size);
    blit(pen, level.goal, r, c, size);
    if (!waiting) {
      drawPath(pen, frames, step, size, trail(row));
    }
    for (const part of level.moments[frames[step]]) for (const k of part) blit(pen, ...level.things[k], size);
    for (const kind of KINDS) row.screen.classList.toggle(`ended-${kind}`, !waiting && time >= end && first === kind);
    const cell = row.canvas.clientWidth / level.w, side = Math.max(THUMB, 1.35 * cell);
    row.handle.style.left = `${(c + 0.5) * cell}px`;
    row.handle.style.top = `${(r + 0.5) * cell}px`;
    row.handle.style.width = row.handle.style.height = `${side}px`;
  }

  const trail = (row) => lightColour((row.figure.className.match(/agent-\d/) || ["ink"])[0]);
  const colours = () => KINDS.map((kind) => getComputedStyle(find(`.key-${kind}`)).color);

  function drawMap(row) { // in each place, the fraction of goal-first episodes fills from below, that of proxy-first from above
    const { pen, size } = fresh(row.map), [goal, proxy, neither] = colours();
    pen.fillStyle = "rgba(128,128,128,.25)";
    pen.fillRect(0, 0, row.map.width, row.map.height);
    level.cells.forEach(([r, c], i) => {
      const [k, p, m] = row.by.counts[i], n = k + p + m || 1, x = c * size, y = r * size;
      const low = Math.round(size * k / n), high = Math.round(size * p / n);
      pen.fillStyle = neither;
      pen.fillRect(x, y, size, size);
      pen.fillStyle = proxy;
      pen.fillRect(x, y, size, high);
      pen.fillStyle = goal;
      pen.fillRect(x, y + size - low, size, low);
      pen.strokeStyle = "rgba(20,26,34,.35)";
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    });
    const usual = level.takes[row.by.takes[level.home][0]];
    if (usual[0] === "proxy") drawPath(pen, usual[2], usual[2].length - 1, size, trail(row));
    drawProxyMark(pen, level.proxy, size);
    const start = level.moments[take(row)[2][0]];
    for (const k of start[1]) blit(pen, ...level.things[k], size);
    const [r, c] = level.cells[place];
    for (const [width, colour] of [[size / 4, "#14181f"], [size / 9, "#fff"]]) {
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.strokeRect(c * size, r * size, size, size);
    }
  }

  function paint(maps = true) {
    for (const row of shown()) {
      drawBoard(row);
      if (maps && !waiting) drawMap(row);
    }
  }

  // ── time ──
  function tick(now) {
    if (!playing) return;
    time = Math.min(last, time + Math.max(0, now - before) / 1000 * STEPS_PER_SECOND);
    before = now;
    paint(false);
    if (time >= last) stop(); else requestAnimationFrame(tick);
  }

  function stop() {
    playing = false;
    playButton.setAttribute("aria-pressed", "false");
  }

  function run() { // play from the start; with reduced motion, show the end
    stop();
    time = calm.matches ? last : 0;
    paint();
    if (calm.matches) return;
    playing = true;
    playButton.setAttribute("aria-pressed", "true");
    before = performance.now();
    requestAnimationFrame(tick);
  }

  function end() { stop(); time = last; paint(); }

  // ── input ──
  function nearest(r, c) {
    let best = 0, least = Infinity;
    level.cells.forEach(([row, col], i) => {
      const far = (row - r) ** 2 + (col - c) ** 2;
      if (far < least) { least = far; best = i; }
    });
    return best;
  }

  function under(event, canvas) {
    const box = canvas.getBoundingClientRect(), cell = box.width / level.w;
    return nearest((event.clientY - box.top) / cell - 0.5, (event.clientX - box.left) / cell - 0.5);
  }

  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  function beside([down, aside]) { // the next place in a direction: straight ahead first
    const [r, c] = level.cells[place];
    let best = place, least = Infinity;
    level.cells.forEach(([row, col], i) => {
      const ahead = (row - r) * down + (col - c) * aside, off = Math.abs((row - r) * aside) + Math.abs((col - c) * down);
      if (ahead > 0 && ahead + 3 * off < least) { least = ahead + 3 * off; best = i; }
    });
    return best;
  }

  function moveTo(cell) {
    reveal();
    if (cell !== place) put(cell);
  }

  for (const row of rows) {
    let dragging = false;
    row.handle.addEventListener("pointerdown", (event) => {
      row.handle.setPointerCapture(event.pointerId);
      dragging = true;
    });
    row.handle.addEventListener("pointermove", (event) => {
      if (!dragging || under(event, row.canvas) === place) return;
      moveTo(under(event, row.canvas));
      end(); // while dragging, show the whole path at once
    });
    row.handle.addEventListener("pointerup", () => { if (dragging && !waiting) { run(); speak(); } dragging = false; });
    row.handle.addEventListener("pointercancel", () => { dragging = false; });
    row.handle.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (ARROWS[event.key]) { moveTo(beside(ARROWS[event.key])); end(); speak(); }
      else if (event.key === "Enter" || event.key === " ") { reveal(); run(); }
      else if (event.key === "Home") { moveTo(level.home); end(); speak(); }
      else return;
      event.preventDefault();
    });
    for (const canvas of [row.canvas, row.map]) {
      canvas.addEventListener("click", (event) => { moveTo(under(event, canvas)); run(); speak(); });
    }
  }

  function reveal() {
    if (!waiting) return;
    waiting = false;
    root.classList.remove("waiting");
    guess.hidden = true;
    put(place);
  }

  for (const button of guess.querySelectorAll("[data-guess]")) {
    button.addEventListener("click", () => {
      const said = button.dataset.guess, row = rows[0];
      reveal();
      if (said) {
        const first = take(row)[0];
        guessed.textContent = `You said ${word[said]}. ${first === said ? "Yes" : "No"}: it ${row.said.textContent}.`;
      }
      run();
      speak();
      row.handle.focus({ preventScroll: true });
    });
  }
  levelBox.addEventListener("change", () => { guessed.textContent = ""; choose(Number(levelBox.value)); run(); speak(); });
  luckBox.addEventListener("change", () => { put(place); run(); speak(); });
  playButton.addEventListener("click", () => { if (playing) stop(); else { reveal(); run(); } });
  find("#x-home").addEventListener("click", () => { moveTo(level.home); run(); speak(); });

  const again = () => { ground = null; paint(); };
  addEventListener("resize", again);
  document.addEventListener("themechange", () => paint());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint());
  for (const picture of [image, landscape]) picture.addEventListener("load", again);
  root.classList.add("waiting");
  choose(0);
  paint();
  if (sheet) image.src = sheet.src;
  if (sheet && sheet.backdrop) landscape.src = sheet.backdrop.src;
})();
