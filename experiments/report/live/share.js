// The state in the address, the link, the level file, the theme. What an address says is checked before it is played.
"use strict";
function addressOf() {
  const rows = S.codes.map((row) => row.map((code) => tiles[code].char).join("")).join("\n");
  const state = new URLSearchParams({ level: rows, show: S.layer });
  if (S.blind) state.set("blind", "1");
  if (S.recorded) return new URLSearchParams({ episode: S.recorded.name, ...(S.time >= 1 && { step: Math.floor(S.time) }) }).toString();
  if (S.take) state.set("episode", String(S.take));
  if (S.time >= 1) state.set("step", String(Math.floor(S.time)));
  if (S.shown[0]) state.set("a", String(S.shown[0]));
  return state.toString();
}

let kept = 0;
function keepAddress() { // not at every stroke of a drag: browsers limit how often
  clearTimeout(kept);
  if (document.readyState !== "complete") return; // what is still to be loaded may read the address
  kept = setTimeout(keepNow, 250);
}

function keepNow() {
  clearTimeout(kept);
  try { history.replaceState(null, "", `#${addressOf()}`); } catch { location.hash = addressOf(); }
}

function levelFrom(text) { // codes, or null for what is no level of this page
  const rows = text.split("\n"), known = levels.flat();
  if (rows.length > 64 || rows[0].length > 256 || rows.some((row) => row.length !== rows[0].length)) return null;
  const codes = read(rows);
  if (codes.flat().some((code) => code === undefined)) return null;
  const base = known.find((one) => one.length === codes.length && one[0].length === codes[0].length);
  if (!base) return null;
  const rim = codes.every((row, r) => row.every((code, c) => (r > 0 && c > 0 && r < codes.length - 1 && c < row.length - 1)
    || tiles[code].least || code === base[r][c] || (base[r][c] !== 0 && Boolean(world.bits[code] & world.outside))));
  const count = (match) => codes.flat().filter(match).length;
  const sound = tiles.every((tile, code) => (!tile.least || count((x) => x === code) === 1)
    && (!tile.most || tile.least || count((x) => tiles[x].group === tile.group) <= tile.most));
  return rim && sound ? codes : null;
}

function takeAddress() { // true where the address held a level
  const state = new URLSearchParams(location.hash.slice(1)), codes = state.has("level") && levelFrom(state.get("level"));
  if (state.has("level") && !codes) notice("The link holds no level of this page; the page shows its own.");
  if (codes) S.codes = codes;
  if (["policy", "matters", "map", "plain"].includes(state.get("show"))) S.layer = state.get("show");
  S.blind = state.get("blind") === "1";
  const whole = (name, most) => Math.max(0, Math.min(most, Math.floor(Number(state.get(name)) || 0)));
  S.take = whole("episode", 12);
  S.shown[0] = whole("a", agents.length - 1);
  S.time = whole("step", 10000);
  return Boolean(codes);
}

async function copyLink() {
  keepNow();
  try {
    await navigator.clipboard.writeText(location.href);
    notice("Link copied.");
  } catch { // a page opened from a file may not reach the clipboard
    notice("The link is in the address bar; copy it from there.");
  }
}

function saveLevel() {
  const rows = S.codes.map((row) => row.map((code) => tiles[code].char).join("")).join("\n"), link = element("a");
  link.href = URL.createObjectURL(new Blob([`; ${world.name} painted test seed 0 level 0\n${rows}\n`], { type: "text/plain" }));
  link.download = `${world.name.toLowerCase()}-painted.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  notice(`Saved ${link.download}. Open it with: goalposts edit ${link.download}`);
}

function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "auto") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
  byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
  byId("theme").textContent = theme === "auto" ? "Theme" : `Theme: ${theme}`;
  byId("theme").dataset.now = theme;
}

function nextTheme() {
  const themes = ["auto", "light", "dark"], next = themes[(themes.indexOf(byId("theme").dataset.now) + 1) % 3];
  setTheme(next);
}
