// Teacher's mode, at `?teacher` in the address: nothing says what the agents do until the teacher shows the answers.
"use strict";
const covered = () => document.documentElement.classList.contains("teacher");

function showAnswers(shown) {
  document.documentElement.classList.toggle("teacher", !shown);
  root.classList.toggle("asking", !shown);
  S.hidden = !shown;
  byId("answers").textContent = shown ? "Hide the answers" : "Show the answers";
  changed();
}

function teach() { // before the introduction, which asks for a guess
  if (!new URLSearchParams(location.search).has("teacher")) return;
  byId("answers").hidden = false;
  byId("answers").addEventListener("click", () => showAnswers(covered()));
  showAnswers(false);
}
