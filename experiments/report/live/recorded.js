// Recorded episodes of a report, by the address #episode=<condition>/<number>: their level and actions on the boards.
"use strict";
function showRecorded({ rows, taken, name }) { // taken: the actions of each agent by its name
  if (intro.on) introEnd();
  remember();
  S.codes = read(rows);
  S.recorded = { taken, name };
  S.take = 0;
  S.time = 0;
  changed();
  keepNow(); // whoever copies the address now gets this episode
  notice(`Episode ${name}, as it was recorded. Paint, or choose another path, to see what would be otherwise.`);
  root.scrollIntoView({ block: "start" });
  setPlaying(!calm.matches);
}

function runOf(which, level) { // the path of a board: recorded, the likeliest, or sampled
  const taken = S.recorded && S.recorded.taken[agents[which].name];
  if (taken) return replayed(mind(which), level, taken);
  return episode(mind(which), level, S.take ? noise(S.take) : null, false);
}

document.addEventListener("recorded-episode", (event) => showRecorded(event.detail));
