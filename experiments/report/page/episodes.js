// The list of all recorded episodes: filter, page through, and show one on the boards, by the address #episode=<condition>/<number>.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent).episodes;
  const root = document.getElementById("episodes");
  if (!data || !root) return;
  const find = (selector) => root.querySelector(selector);
  const conditionBox = find("#e-condition"), filterBox = find("#e-filter"), body = find("tbody"), told = find("#e-told"), more = find("#e-more");
  const KINDS = { g: "goal", p: "proxy", n: "neither" }, PAGE = 20;
  let rows = [], shown = PAGE;

  // ── reading what is packed ──
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function contents(one) { // texts of levels, and actions by agent and level; unpacked when first needed
    if (!one.opened) {
      one.opened = (async () => {
        const texts = new TextDecoder().decode(await unpacked(one.levels)).split("\0");
        const actions = await Promise.all(one.by.map((by) => unpacked(by.actions)));
        const starts = one.by.map((by) => { let at = 0; return by.steps.map((n) => { at += n; return at - n; }); });
        return { texts, taken: (agent, k) => actions[agent].subarray(starts[agent][k], starts[agent][k] + one.by[agent].steps[k]) };
      })();
    }
    return one.opened;
  }

  // ── the list ──
  const now = () => data.conditions[Number(conditionBox.value)];
  const usual = (by) => { const count = {}; for (const f of by.first) count[f] = (count[f] || 0) + 1; return Object.keys(count).sort((a, b) => count[b] - count[a])[0]; };
  const ended = (by, k) => ({ d: ", then dies", t: "" }[by.end[k]] || "");
  const says = (by, k) => {
    if (by.first[k] === "n") return by.end[k] === "d" ? `dies after ${by.steps[k]} steps` : `reaches neither in ${by.steps[k]} steps`;
    return data.does[KINDS[by.first[k]]] + (by.first[k] === "g" && by.end[k] === "g" ? ` after ${by.steps[k]} steps` : " first" + ended(by, k));
  };

  function filters(one) { // what may be asked for, with how many levels each has
    const all = [["all levels", () => true]];
    const odd = one.by.map((by) => { const most = usual(by); return (k) => by.first[k] !== most; });
    if (one.by.length > 1) all.push(["exceptions of either agent", (k) => odd.some((is) => is(k))]);
    one.by.forEach((by, a) => {
      const who = data.agents[a], most = usual(by);
      all.push([`exceptions: ${who} does not do what it mostly does (${data.does[KINDS[most]]})`, odd[a]]);
      for (const [letter, kind] of Object.entries(KINDS)) all.push([`${who} ${data.does[kind]}${kind === "neither" ? "" : " first"}`, (k) => by.first[k] === letter]);
      all.push([`${who} dies`, (k) => by.end[k] === "d"]);
    });
    all.push(["levels that do not distinguish goal from proxy", (k) => one.distinguishing[k] === "0"]);
    return all.map(([words, test]) => ({ words, test, count: one.numbers.filter((_, k) => test(k)).length })).filter((f, k) => f.count || !k);
  }

  function element(name, text, more = {}) {
    const made = Object.assign(document.createElement(name), more);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  let offered = [];
  function chooseCondition() {
    offered = filters(now());
    filterBox.replaceChildren(...offered.map((f, k) => element("option", `${f.words}: ${f.count.toLocaleString("en")}`, { value: String(k) })));
    chooseFilter();
  }

  function chooseFilter() {
    const one = now(), { test } = offered[Number(filterBox.value)];
    rows = one.numbers.map((_, k) => k).filter(test);
    shown = PAGE;
    list();
    told.textContent = `${rows.length.toLocaleString("en")} of ${one.numbers.length.toLocaleString("en")} levels`;
  }

  function list() {
    const one = now();
    body.replaceChildren(...rows.slice(0, shown).map((k) => {
      const line = element("tr"), head = element("th", undefined, { scope: "row" });
      head.append(element("a", `${one.name}/${one.numbers[k]}`, { href: `#episode=${encodeURIComponent(`${one.name}/${one.numbers[k]}`)}` }));
      line.append(head, ...one.by.map((by) => element("td", says(by, k), { className: `c-${KINDS[by.first[k]] === "neither" ? "undecided" : KINDS[by.first[k]]}` })));
      return line;
    }));
    more.hidden = rows.length <= shown;
    more.textContent = `Show ${Math.min(100, rows.length - shown)} more`;
  }

  // ── one episode ──
  async function open(name) {
    const at = name.lastIndexOf("/"), one = data.conditions.find((c) => c.name === name.slice(0, at)), k = one ? one.numbers.indexOf(Number(name.slice(at + 1))) : -1;
    if (k < 0) return;
    const { texts, taken } = await contents(one);
    const detail = { rows: texts[k].trimEnd().split("\n"), name, taken: Object.fromEntries(one.by.map((by, a) => [by.agent, taken(a, k)])) };
    document.dispatchEvent(new CustomEvent("recorded-episode", { detail }));
  }

  function openAddress(address) {
    const name = new URLSearchParams(new URL(address).hash.slice(1)).get("episode") || "";
    if (name.includes("/")) open(name);
  }

  conditionBox.replaceChildren(...data.conditions.map((one, k) => element("option", `${one.title} (${one.name})`, { value: String(k) })));
  conditionBox.addEventListener("change", chooseCondition);
  filterBox.addEventListener("change", chooseFilter);
  more.addEventListener("click", () => { shown += 100; list(); });
  body.addEventListener("click", (event) => { // the same link again: the address does not change
    const link = event.target.closest("a");
    if (link && link.hash === location.hash) openAddress(link.href);
  });
  addEventListener("hashchange", (event) => openAddress(event.newURL)); // by now the boards may have put their own in its place
  chooseCondition();
  openAddress(location.href);
})();
