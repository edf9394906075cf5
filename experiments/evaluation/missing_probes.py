"""Play the probes that a run was not evaluated on, to complete its diagnosis.

Read next: `diagnosis.py`, which reads the episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...agents.goal_visibility import toggle_goal
from ...envs.generation.generate import generate
from ...envs.worlds.registry import get_world
from ..measurement import Verdict
from ..measurement.episodes import read_episodes
from ..runs.run import Run
from .diagnosis import probes_of
from .evaluate import Evaluation, Subject, Tell, evaluate_fully, subject_of
from .subjects import level_seed_of
from .trajectories import record

QUICK = 200  # levels per probe
SIGHT_LEVELS = 20  # of the training kind, and of the shift


def play_probes(
    runs: Sequence[Run], preview: bool = False, tell: Callable[[int, str, int, int], None] | None = None
) -> dict[int, Evaluation]:
    """Play the missing probes of each run and store them; with `preview`, every probe on a few levels, storing nothing.

    Returns the previews by index of the run, for `evaluated`. `tell` is called with that index, then with the arguments of `Tell`.
    """
    fresh: dict[int, Evaluation] = {}
    for k, run in enumerate(runs):
        told = partial(tell, k) if tell else None
        if preview:
            fresh[k] = play_quickly(run, tell=told)
        else:
            play_missing(run, told)
    return fresh


def play_missing(run: Run, tell: Tell | None = None) -> tuple[str, ...]:
    """Add the missing probes to the run's evaluation, on as many levels as it has; return their names.

    A run without an evaluation is evaluated on all probes, according to its config. Raises RunError.
    """
    with run.lock():
        has_episodes = run.episodes_path.exists()
        episodes = read_episodes(run.episodes_path, follow=False) if has_episodes else None
        known = set() if episodes is None else set(episodes["condition"].unique())
        missing = tuple(name for name in probes_of(get_world(run.config.world)) if name not in known)
        if missing:
            levels = None if episodes is None else episodes["level_index"].n_unique()
            greedy = None if episodes is None else not episodes["sampled"].all()
            evaluation = evaluate_fully(subject_of(run), missing, levels, greedy=greedy, tell=tell)
            record(run, evaluation, add=True)
    return missing


def play_quickly(run: Run, levels: int = QUICK, tell: Tell | None = None) -> Evaluation:
    """Play every probe on a few levels with sampled actions only; leaves the run's folder unchanged."""
    probes = probes_of(get_world(run.config.world))
    return evaluate_fully(subject_of(run), probes, levels, greedy=False, tell=tell)


def sight_of(subject: Subject, verdict: Verdict) -> str:
    """One sentence: what flips of goal bits change, or that no plane shows the goal. Raises UserError."""
    own = subject.config
    trained_on = get_world(subject.world).default_condition("control") if own is None else own.env.condition
    conditions = [trained_on, *([verdict.shift] if verdict.shift else [])]
    seed = level_seed_of([subject])
    levels = [generate(subject.world, name, seed, SIGHT_LEVELS) for name in conditions]
    return str(toggle_goal(subject.agent, levels, subject.observation))
