// Ten seconds that play by themselves: training, the goal moves, and a question. The answer stays hidden until the reader has guessed.
"use strict";
const waited = (ms) => new Promise((resolve) => { intro.wake = resolve; setTimeout(resolve, ms); });
const asking = byId("ask").textContent;
const intro = { on: false, wake: () => {}, stopped: false, veiled: false }; // veiled: after the answer, until its path has been played

function introStart() {
  setPlaying(false);
  Object.assign(S, { hidden: true, layer: "plain", take: 0, time: 0, blind: false });
  intro.on = true;
  intro.veiled = false;
  intro.stopped = false;
  byId("blind").checked = false;
  byId("scene").hidden = false;
  byId("scene-choices").replaceChildren();
  byId("ask").textContent = asking;
  byId("controls").inert = byId("tools").inert = true;
  root.classList.add("introducing", "asking");
  const moved = levels[S.number][1];
  if (!sameLevel(moved)) { S.codes = copyOf(moved); changed(); }
  reserveRoom();
}

function reserveRoom() { // the introduction takes the room that the answer will need above the boards, so that nothing moves when it comes
  const box = byId("scene"), heading = byId("ask"), top = () => byId("boards").getBoundingClientRect().top;
  box.style.minHeight = "";
  const before = top(), { height } = box.getBoundingClientRect();
  root.classList.remove("introducing");
  box.hidden = true;
  heading.textContent = answerWords(S.boards[0].run.first);
  const after = top();
  heading.textContent = asking;
  box.hidden = false;
  root.classList.add("introducing");
  if (after > before) box.style.minHeight = `${height + after - before}px`;
}

function scene(text) { byId("scene-text").textContent = text; }

async function playThrough(most) { // the likeliest path, in at most so many milliseconds
  const last = Math.max(...S.boards.map((board) => board.run.frames.length - 1));
  if (calm.matches) { S.time = last; showTime(); return waited(1500); }
  const begin = performance.now();
  while (!intro.stopped && performance.now() - begin < most) {
    S.time = Math.min(last, (last * (performance.now() - begin)) / (most * 0.85));
    showTime();
    await new Promise(requestAnimationFrame);
  }
  return undefined;
}

async function introduce() {
  const [home, moved] = levels[S.number];
  introStart();
  S.codes = copyOf(home);
  changed();
  scene(trainingWords());
  await waited(900);
  if (!intro.stopped) await playThrough(4200);
  if (!intro.stopped) {
    S.codes = copyOf(moved);
    S.time = 0;
    changed();
    scene(`The level changes, the agent${both ? "s do" : " does"} not: now ${page.words.shift}.`);
    await waited(2400);
  }
  if (!intro.stopped) ask(moved);
}

function ask(moved) {
  S.codes = copyOf(moved);
  S.time = 0;
  changed();
  const { label, rewarded } = agents[S.shown[0]], paid = rewarded && !label.includes("rewarded") ? ` and rewarded for ${rewarded}` : "";
  scene(`What will ${both ? "agent A" : "the agent"} do, ${label}${paid}?`);
  const options = [["goal", page.words.reachesGoal], ["proxy", page.words.reachesProxy]];
  byId("scene-choices").replaceChildren(...options.map(([kind, words]) => {
    const button = element("button", `It ${words}`), flag = element("span", " ⚑", "flag"); // as on the board, where it marks the proxy
    flag.setAttribute("aria-hidden", "true");
    if (kind === "proxy") button.append(flag);
    button.type = "button";
    button.addEventListener("click", () => answer(kind));
    return button;
  }));
  if (alone || root.contains(document.activeElement)) byId("scene-text").focus({ preventScroll: true }); // no answer looks chosen; Tab leads to the first
}

function answerWords(guess) { // "No: A reaches the right edge. Now put the coin elsewhere."
  const { first } = S.boards[0].run, did = { goal: page.words.reachesGoal, proxy: page.words.reachesProxy }[first] || "reaches neither";
  const next = tiles.some((tile) => tile.goal) ? `put ${page.words.goal} elsewhere` : "change the level";
  return `${guess === first ? "Right" : "No"}: ${both ? "A" : "it"} ${did}. Now ${next}.`;
}

function answer(guess) {
  const board = S.boards[0], { first } = board.run, { counts, count } = board.odds;
  introEnd();
  if (covered()) { notice("Your guess is noted. The answer comes when it is shown."); return; }
  const share = first === "neither" ? counts.neither : counts[first];
  told = { codes: copyOf(S.codes), words: answerWords(guess) };
  showHeading();
  say(`${told.words} First in ${percent(share / count)} of ${count} sampled episodes.`);
  if (calm.matches) return;
  intro.veiled = true; // one thing at a time: the path first, then the arrows
  S.layer = "plain";
  takeControls();
  setPlaying(true);
}

function unveil() {
  if (!intro.veiled) return;
  intro.veiled = false;
  S.layer = "policy";
  takeControls();
  showMeter();
  S.boards.forEach(drawBoard);
  keepAddress();
}

function trainingWords() {
  const { rewarded, score } = agents[S.shown[0]], { reachesGoal, control } = page.words;
  const [one, other] = S.shown.map((which) => agents[which]);
  if (other && one.rewarded && one.rewarded === other.rewarded && [one, other].every(({ label }) => label.startsWith("trained "))) {
    const take = S.boards.every(({ run }) => run.first === "goal") ? ", and here both get it" : "";
    return `A was ${one.label}, as here; B was ${other.label}. Both were rewarded for ${rewarded}${take}.`;
  }
  const trained = `${capital(nameOf(0))} was trained on levels ${page.training}, such as this one${rewarded ? `, and rewarded for ${rewarded}` : ""}.`;
  if (page.training !== control || !score) return `${trained} ${scoreWords()}`;
  const also = both && agents[S.shown[1]].score;
  return `${trained} It ${reachesGoal} in ${scoreText(score)} of new ones${also ? `, B in ${scoreText(also)}` : ""}.`;
}

function introEnd() {
  S.codes = copyOf(levels[S.number][1]);
  Object.assign(S, { hidden: covered(), layer: "policy", time: 0 });
  intro.on = false;
  intro.stopped = true;
  intro.wake();
  byId("scene").hidden = true;
  byId("ask").textContent = byId("ask").dataset.paint;
  byId("controls").inert = byId("tools").inert = false;
  root.classList.remove("introducing");
  root.classList.toggle("asking", covered());
  takeControls();
  changed();
}
