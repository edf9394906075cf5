// Draws boards: the level, what the agent would do in each cell, its paths, what mattered, the goal map, the agent itself.
"use strict";
const sheet = page.sheet, image = new Image(), landscape = new Image();
const sprites = new Map(); // by size, then by name: bitmaps, which are copied and not decoded or scaled again
function blit(pen, name, row, col, size) {
  const place = sheet.places[name];
  if (!place || !image.complete || !image.naturalWidth) return;
  if (!sprites.has(size)) {
    if (sprites.size > 8) sprites.clear(); // the window was resized many times
    sprites.set(size, new Map());
  }
  const known = sprites.get(size);
  if (!known.has(name)) {
    known.set(name, pictured(size, size, (drawn) => drawn.drawImage(image, place[0], place[1], sheet.px, sheet.px, 0, 0, size, size)));
  }
  pen.drawImage(known.get(name), col * size, row * size);
}

function pictured(wide, high, draw) { // a bitmap
  const picture = new OffscreenCanvas(wide, high), pen = picture.getContext("2d");
  pen.imageSmoothingEnabled = false;
  draw(pen);
  return picture.transferToImageBitmap();
}

function iconName(code) { // a drawing for a tile's brush
  const { sprite, name } = tiles[code], word = name.split(" ").find((w) => sheet.places[w]);
  if (name === "start") return "agent_right";
  const plain = sprite === tiles[0].sprite || sprite.endsWith("_invisible");
  return plain && word ? word : sprite;
}

function drawIcons() {
  for (const button of byId("brushes").children) {
    const icon = button.querySelector("canvas"), pen = icon.getContext("2d"), brush = brushes[Number(button.dataset.brush)];
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = sheet.ground ? "#ddd6c8" : "#cfe8f7";
    pen.fillRect(0, 0, 32, 32);
    if (sheet.ground) blit(pen, sheet.ground, 0, 0, 32);
    if (brush.code) blit(pen, iconName(brush.code), 0, 0, 32);
    if (tiles[brush.code].hidden) { pen.strokeStyle = "#333"; pen.setLineDash([4, 3]); pen.lineWidth = 2; pen.strokeRect(3, 3, 26, 26); pen.setLineDash([]); }
    if (brush.more) { pen.fillStyle = lightColour("ink"); pen.font = "bold 17px sans-serif"; pen.fillText("+", 20, 14); }
  }
}

function tileName(r, c) { // some tiles are drawn differently where the one above is of another kind
  const { sprite } = tiles[S.codes[r][c]], above = r > 0 && tiles[S.codes[r - 1][c]].sprite;
  return above && above !== sprite && sheet.places[`${sprite}_top`] ? `${sprite}_top` : sprite;
}

const grounds = new WeakMap(); // by canvas: {picture, scenery, about, looks, marks}
function drawGround(pen, level, size, marks, ink) { // the level and the policy in each cell; drawn once, then only the cells that look different
  const seen = Boolean(landscape.complete && landscape.naturalWidth), about = [size, level.rows, level.cols, seen, image.complete, ink].join();
  let ground = grounds.get(pen.canvas);
  if (!ground || ground.about !== about) {
    const picture = document.createElement("canvas");
    picture.width = level.cols * size;
    picture.height = level.rows * size;
    ground = { picture, scenery: seen ? sceneryOf(level, picture.width, picture.height) : null, about, looks: [], marks: [] };
    grounds.set(pen.canvas, ground);
  }
  const under = ground.picture.getContext("2d", { alpha: false }), stale = [];
  for (let r = 0, i = 0; r < level.rows; r++) for (let c = 0; c < level.cols; c++, i++) {
    const look = S.codes[r][c] + 256 * (r ? S.codes[r - 1][c] : 0) + 65536 * level.painted[r][c];
    if (ground.looks[i] === look && ground.marks[i] === marks[i]) continue;
    ground.looks[i] = look;
    ground.marks[i] = marks[i];
    stale.push([r, c, marks[i]]);
  }
  drawCells(under, level, size, stale, ink, ground.scenery);
  pen.drawImage(ground.picture, 0, 0);
}

function sceneryOf(level, wide, high) { // what is behind the tiles
  const { naturalWidth, naturalHeight } = landscape, part = Math.min(naturalWidth, (naturalHeight * level.cols) / level.rows);
  return pictured(wide, high, (pen) => pen.drawImage(landscape, 0, 0, part, naturalHeight, 0, 0, wide, high));
}

function drawCells(pen, level, size, cells, ink, scenery) {
  for (let k = 0, run = 1; scenery && k < cells.length; k += run) { // neighbours at once
    const [r, c] = cells[k], at = [c * size, r * size];
    for (run = 1; k + run < cells.length && cells[k + run][0] === r && cells[k + run][1] === c + run;) run++;
    pen.drawImage(scenery, ...at, run * size, size, ...at, run * size, size);
  }
  for (const [r, c, mark] of cells) {
    drawCell(pen, level, r, c, size);
    if (mark) drawMark(pen, r, c, size, mark, ink);
  }
}

function drawCell(pen, level, r, c, size) {
  const name = tileName(r, c), light = level.painted[r][c].toString(2).replaceAll("0", "").length;
  if (!sheet.backdrop && sheet.ground) blit(pen, sheet.ground, r, c, size);
  if (!(sheet.backdrop && name === tiles[0].sprite)) blit(pen, name, r, c, size);
  if (light && sheet.places[`light_${light}`] && page.planes.includes("bright")) blit(pen, `light_${light}`, r, c, size);
  if (!tiles[S.codes[r][c]].hidden) return;
  pen.strokeStyle = "#fff";
  pen.lineWidth = 1;
  pen.setLineDash([3, 3]);
  pen.strokeRect(c * size + 2.5, r * size + 2.5, size - 5, size - 5);
  pen.setLineDash([]);
}

function drawThings(pen, level, state, size) { // what moves or vanishes, from the planes on which the rules show it
  const cells = new Uint16Array(level.rows * level.cols + 1);
  world.rules.objects(level.facts, state, [cells, 0, 0, 0, level.rows, level.cols, level.rows * level.cols]);
  page.planes.forEach((plane, k) => {
    if (!sheet.places[plane] || plane === "wall") return;
    for (let i = 0; i < cells.length - 1; i++) if (cells[i] & (1 << k)) blit(pen, plane, Math.floor(i / level.cols), i % level.cols, size);
  });
}

const WAYS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1], jump: [0, -1] };
const ways = page.world.actions.map((action) => WAYS[action] || [0, 0]);
const FINE = 16, SHADES = 32; // steps of an arrow's length each way, and of the ground's shade: what looks the same is drawn once
function markOf({ p, v }) { // the policy in a cell as one number: where to, and how much reward is expected
  let dx = 0, dy = 0;
  for (let a = 0; a < p.length; a++) { dx += p[a] * ways[a][0]; dy += p[a] * ways[a][1]; }
  return ((Math.round(FINE * dx) + FINE) * 64 + Math.round(FINE * dy) + FINE) * 64 + Math.round(SHADES * Math.max(0, Math.min(1, v))) + 1;
}

function marksOf(board) {
  const marks = new Int32Array(board.level.rows * board.level.cols);
  for (const arrow of board.arrows) {
    const cell = arrow.r * board.level.cols + arrow.c;
    if (!tiles[S.codes[arrow.r][arrow.c]].goal) marks[cell] = markOf(arrow) + AIR * board.air[cell]; // a goal stays in view
  }
  return marks;
}

const AIR = 2 ** 20, PALE = 0.55; // added to the mark of a cell in which the agent cannot stay; how clear its arrow is
let arrows = { size: 0, drawn: new Map() };
function drawMark(pen, r, c, size, marked, ink) {
  const air = marked > AIR, mark = air ? marked - AIR : marked, shade = (mark - 1) % 64, way = (mark - 1 - shade) / 64, dx = Math.floor(way / 64) - FINE, dy = (way % 64) - FINE;
  pen.globalAlpha = (0.5 * shade) / SHADES;
  pen.fillStyle = ink;
  pen.fillRect(c * size, r * size, size, size);
  pen.globalAlpha = air ? PALE : 1;
  if (arrows.size !== size) arrows = { size, drawn: new Map() };
  if (!arrows.drawn.has(way)) arrows.drawn.set(way, arrowOf(dx / FINE, dy / FINE, size));
  pen.drawImage(arrows.drawn.get(way), c * size, r * size);
  pen.globalAlpha = 1;
}

const NO_MARKS = new Int32Array(4096);
function arrowOf(dx, dy, size) { // a picture of one cell
  const picture = new OffscreenCanvas(size, size), far = Math.hypot(dx, dy), x = size / 2, y = size / 2;
  const pen = picture.getContext("2d"), long = 0.42 * size, [ex, ey] = [x + dx * long, y + dy * long];
  pen.lineCap = "round";
  pen.beginPath();
  if (far < 0.12) pen.arc(x, y, size / 16, 0, 7);
  else {
    const head = 0.19 * size, [ux, uy] = [dx / far, dy / far];
    pen.moveTo(x - dx * long, y - dy * long);
    pen.lineTo(ex, ey);
    pen.moveTo(ex - head * (ux + 0.7 * uy), ey - head * (uy - 0.7 * ux));
    pen.lineTo(ex, ey);
    pen.lineTo(ex - head * (ux - 0.7 * uy), ey - head * (uy + 0.7 * ux));
  }
  for (const [wide, shade] of [[size / 8, "rgba(255,255,255,.75)"], [size / 15, lightColour("ink")]]) { pen.lineWidth = wide; pen.strokeStyle = shade; pen.stroke(); }
  return picture.transferToImageBitmap();
}

const flagged = new WeakMap(); // by canvas: {about, picture, left, top} of the proxy's mark, which few strokes change
function drawProxy(pen, cells, size) {
  if (!cells.length) return;
  const about = `${size} ${cells.join(" ")}`;
  if (!flagged.has(pen.canvas) || flagged.get(pen.canvas).about !== about) {
    const rows = cells.map(([r]) => r), cols = cells.map(([, c]) => c), top = Math.min(...rows) - 1, left = Math.min(...cols) - 1;
    const [high, wide] = [Math.max(...rows) + 2 - top, Math.max(...cols) + 2 - left];
    const picture = pictured(wide * size, high * size, (drawn) => drawProxyMark(drawn, cells.map(([r, c]) => [r - top, c - left]), size));
    flagged.set(pen.canvas, { about, picture, left, top });
  }
  const { picture, left, top } = flagged.get(pen.canvas);
  pen.drawImage(picture, left * size, top * size);
}

function drawPath(pen, path, size, wide, shade, alpha) {
  pen.globalAlpha = alpha;
  pen.lineWidth = wide;
  pen.strokeStyle = shade;
  pen.lineJoin = pen.lineCap = "round";
  pen.beginPath();
  tracePath(pen, path, size);
  pen.stroke();
  pen.globalAlpha = 1;
}

function tracePath(pen, path, size) { // without the points on the way of a straight line
  pen.moveTo((path[0][1] + 0.5) * size, (path[0][0] + 0.5) * size);
  for (let k = 1; k < path.length; k++) {
    const before = path[k - 1], now = path[k], next = path[k + 1];
    if (next && now[0] - before[0] === next[0] - now[0] && now[1] - before[1] === next[1] - now[1]) continue;
    pen.lineTo((now[1] + 0.5) * size, (now[0] + 0.5) * size);
  }
}

function drawTrails(pen, paths, size, shade) { // a step that many paths take is drawn once, the darker the more there are
  const steps = new Map(), often = [];
  for (const path of paths) for (let k = 1; k < path.length; k++) {
    const key = stepKey(path[k - 1], path[k]);
    steps.set(key, (steps.get(key) || 0) + 1);
  }
  for (const path of paths) for (let k = 1, run = null, count = 0; k < path.length; k++) {
    const key = stepKey(path[k - 1], path[k]), now = steps.get(key);
    steps.set(key, 0);
    if (now && now !== count) (often[now] = often[now] || []).push((run = [path[k - 1]]));
    if (now) run.push(path[k]);
    count = now;
  }
  pen.lineWidth = size / 16;
  pen.strokeStyle = shade;
  pen.lineCap = "butt";
  pen.lineJoin = "bevel";
  often.forEach((runs, count) => {
    pen.globalAlpha = 1 - 0.5 ** count;
    pen.beginPath();
    for (const run of runs) tracePath(pen, run, size);
    pen.stroke();
  });
  pen.globalAlpha = 1;
}

const stepKey = (from, to) => ((from[0] * 256 + from[1]) * 64 + to[0]) * 256 + to[1];

function drawMap(pen, which, size) { // orange: the proxy comes first; blue: the goal; the lighter, the rarer either
  for (const [key, found] of S.map ? S.map.cells : []) {
    const [r, c] = key.split(",").map(Number), odds = found[which];
    pen.fillStyle = "#fff";
    pen.globalAlpha = 0.75;
    pen.fillRect(c * size, r * size, size, size);
    const mid = size * odds.goal;
    pen.globalAlpha = 1;
    pen.fillStyle = lightColour("goal");
    pen.fillRect(c * size + 1, (r + 1) * size - mid, size - 2, mid);
    pen.fillStyle = lightColour("flag");
    pen.fillRect(c * size + 1, (r + 1) * size - mid - size * odds.proxy, size - 2, size * odds.proxy);
    if (size >= 22) {
      pen.font = `600 ${Math.round(size * 0.36)}px sans-serif`;
      pen.textAlign = "center";
      pen.lineWidth = 2.5;
      pen.strokeStyle = "rgba(0,0,0,.7)";
      pen.fillStyle = "#fff";
      const text = String(Math.round(100 * odds.goal));
      pen.strokeText(text, (c + 0.5) * size, (r + 0.62) * size);
      pen.fillText(text, (c + 0.5) * size, (r + 0.62) * size);
    }
  }
}

function drawHeeded(pen, cells, size, [top, left, rows, cols], level) {
  pen.fillStyle = "rgba(10,14,20,.55)";
  pen.beginPath();
  pen.rect(0, 0, level.cols * size, level.rows * size);
  pen.rect(left * size, top * size, cols * size, rows * size);
  pen.fill("evenodd");
  for (const { row, col, change } of cells) {
    if (change < 0.005) continue;
    pen.globalAlpha = Math.min(0.9, 0.15 + change);
    pen.fillStyle = "#e6007e";
    pen.fillRect(col * size, row * size, size, size);
    pen.globalAlpha = 1;
    if (size >= 22 && change >= 0.05) {
      pen.fillStyle = "#fff";
      pen.font = `600 ${Math.round(size * 0.36)}px sans-serif`;
      pen.textAlign = "center";
      pen.fillText(String(Math.round(100 * change)), (col + 0.5) * size, (row + 0.62) * size);
    }
  }
}

function drawBoard(board) {
  const { canvas, level, run } = board, size = board.size, pen = canvas.pen || (canvas.pen = canvas.getContext("2d", { alpha: false }));
  pen.imageSmoothingEnabled = false;
  const ink = lightColour(`agent-${board.index + 1}`), t = Math.min(Math.floor(S.time), run.frames.length - 1), state = run.frames[t];
  const answers = !S.hidden, mapped = S.layer === "map" && answers;
  if (!board.marks) board.marks = marksOf(board);
  drawGround(pen, level, size, S.layer === "policy" && answers ? board.marks : NO_MARKS, ink);
  if (mapped) drawMap(pen, board.index, size);
  drawProxy(pen, board.proxy, size);
  if (answers && !mapped) {
    if (!intro.veiled && (S.layer === "policy" || S.layer === "plain")) drawTrails(pen, board.odds.paths, size, ink);
    drawPath(pen, run.frames, size, size / 5, "#fff", 0.95);
    drawPath(pen, run.frames, size, size / 8, ink, 1);
  }
  drawThings(pen, level, state, size);
  if (S.layer === "matters" && answers) {
    if (!board.heeded || board.heededAt !== t) { board.heeded = heeded(mind(board.which), level, state); board.heededAt = t; }
    drawHeeded(pen, board.heeded, size, windowOf(world, mind(board.which).spec, state), level);
  }
  const left = t > 0 && run.frames[t][1] < run.frames[t - 1][1];
  const [r, c] = between(run.frames, S.time);
  blit(pen, left ? "agent_left" : "agent_right", r, c, size);
  pen.strokeStyle = "#fff";
  if (S.cursor && document.activeElement === canvas) {
    for (const [wide, shade] of [[5, "#fff"], [2.5, lightColour("ink")]]) { pen.lineWidth = wide; pen.strokeStyle = shade; pen.strokeRect(S.cursor[1] * size + 1, S.cursor[0] * size + 1, size - 2, size - 2); }
  }
}

function between(frames, time) { // a place on the way from one frame to the next
  const t = Math.min(Math.floor(time), frames.length - 1), part = t < frames.length - 1 ? time - t : 0;
  if (!part) return frames[t];
  return [0, 1].map((k) => frames[t][k] + part * (frames[t + 1][k] - frames[t][k]));
}
