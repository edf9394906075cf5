"""Resolve agent names of the command line: a run folder, or a scripted agent such as goal-seeker.

Needs torch only for run folders. Read next: `evaluate.py`, which plays subjects; `experiments/interactive/players.py`,
which shows them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from goalposts.closest import near
from goalposts.errors import UserError

from ...agents.rollout import play
from ...agents.scripted import GoToGoal, GoToProxy, Mixture, Random, Scripted
from ...envs.engine.outcome import O_STEPS
from ...envs.levels.level import Level, LevelSet
from ..config.schema import EvaluateConfig
from ..runs.run import Run
from .evaluate import Subject, subject_of

SCRIPTED: dict[str, Callable[[], Scripted]] = {
    "GoToGoal": GoToGoal,
    "GoToProxy": GoToProxy,
    "Random": Random,
}
_MIXTURE = re.compile(r"Mixture\((\d*\.?\d+)\)")
WORDS = f"a run folder, {', '.join(SCRIPTED)} or Mixture(q)"
_OLD = {"goal-seeker": "GoToGoal", "proxy-seeker": "GoToProxy", "random": "Random"}


def current_name(word: str) -> str:
    """The name of a scripted agent for the one that it had before its class's; any other word as it is."""
    return _OLD.get(word) or re.sub(r"^mixture(?=\()", "Mixture", word)


def subject_named(word: str, world: str = "CoinRun") -> Subject:
    """Resolve a run folder or the name of a scripted agent. Raises UserError with the closest name.

    To name a run folder that is called like a scripted agent, write ./GoToGoal.
    """
    word = current_name(word)
    if word in SCRIPTED:
        return subject_of(SCRIPTED[word](), world)
    if match := _MIXTURE.fullmatch(word):
        if not 0 <= float(match[1]) <= 1:
            raise UserError(f"{word}: q, the probability that GoToGoal plays, must be from 0 to 1")
        return subject_of(Mixture(float(match[1])), world)
    return subject_of(run_named(word))


def run_named(word: str) -> Run:
    """Open a run folder. Raises UserError with the closest scripted agent, if the word is like its name, RunError otherwise."""
    meant = near(word.partition("(")[0], [*SCRIPTED, *_OLD, "Mixture"])
    if meant and not os.path.lexists(word):
        hint = "Mixture(0.5)" if meant[0] == "Mixture" else current_name(meant[0])
        raise UserError(f"there is no {word!r}: give {WORDS}. Did you mean {hint}?")
    return Run.open(Path(word))


def subjects_named(words: list[str], world: str | None = None) -> list[Subject]:
    """Resolve several names, all of one world: that of the runs among them, else `world`, else CoinRun. Raises UserError."""
    runs = {k: subject_named(word) for k, word in enumerate(words) if not is_scripted(word)}
    given = [world] if world else []
    known = list(dict.fromkeys(given + [subject.world for subject in runs.values()]))
    if len(known) > 1:
        raise UserError(
            f"these are of different worlds ({', '.join(known)}); show agents of one world together"
        )
    of = known[0] if known else "CoinRun"
    return [runs[k] if k in runs else subject_named(word, of) for k, word in enumerate(words)]


def actions_on(subject: Subject, level: Level, number: int, sampled: bool = True) -> np.ndarray:
    """Play a level as the subject's evaluation does; return the actions int64[steps]. `number` keys the action noise."""
    levels, seed = replace(LevelSet.of([level]), index=np.array([number])), level_seed_of([subject])
    played = play(subject.agent, levels, subject.observation, sampled, seed, subject.max_steps, subject.slip)
    return played.actions[0, : played.outcome[0, O_STEPS]].astype(np.int64)


def is_scripted(word: str) -> bool:
    """Whether a word names a scripted agent."""
    word = current_name(word)
    return word in SCRIPTED or _MIXTURE.fullmatch(word) is not None


LEVEL_SEED = EvaluateConfig().level_seed  # unless a config sets another


def level_seed_of(subjects: Sequence[Subject]) -> int:
    """Level seed of the evaluation: that of the first run, else the default."""
    return next((s.config.evaluate.level_seed for s in subjects if s.config is not None), LEVEL_SEED)


def labels_of(words: Sequence[str], subjects: Sequence[Subject]) -> list[str]:
    """Distinct labels for subjects: scripted agents as given, runs by folder name, or by path if names collide."""
    plain = [Path(w).name if s.config is not None else w for w, s in zip(words, subjects, strict=True)]
    return [w if plain.count(p) > 1 else p for w, p in zip(words, plain, strict=True)]
