"""Play the probes that a run was not evaluated on, so that its diagnosis is whole.

Read next: `diagnosis.py`, which reads what was played.
"""

from __future__ import annotations

from ...envs.worlds.registry import get_world
from ..measurement.episodes import read_episodes
from ..runs.run import Run
from .diagnosis import probes_of
from .evaluate import Evaluation, Tell, evaluate_fully, subject_of
from .trajectories import record

QUICK = 200  # levels a probe


def play_missing(run: Run, tell: Tell | None = None) -> tuple[str, ...]:
    """Add the probes that are missing to the run's evaluation, on as many levels as it has; returns which.

    A run that was not evaluated is evaluated on all of them, by its config. Raises RunError.
    """
    with run.lock():
        there = run.episodes_path.exists()
        episodes = read_episodes(run.episodes_path, follow=False) if there else None
        known = set() if episodes is None else set(episodes["condition"].unique())
        missing = tuple(name for name in probes_of(get_world(run.config.world)) if name not in known)
        if missing:
            levels = None if episodes is None else episodes["level_index"].n_unique()
            greedy = None if episodes is None else not episodes["sampled"].all()
            found = evaluate_fully(subject_of(run), missing, levels, greedy=greedy, tell=tell)
            record(run, found, add=True)
    return missing


def play_quickly(run: Run, levels: int = QUICK, tell: Tell | None = None) -> Evaluation:
    """Every probe on a few levels, sampled actions only; the run's folder stays as it is."""
    probes = probes_of(get_world(run.config.world))
    return evaluate_fully(subject_of(run), probes, levels, greedy=False, tell=tell)
