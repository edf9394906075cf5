"""Goal attribution from levels and recorded actions: the likelihood of each hypothesis, and the resulting attribution.

The hypotheses are the world's goal, its proxies, its further targets and survival, each as a soft-optimal agent, plus four
devices. This module computes what each hypothesis predicts; `experiments/measurement/attribution.py` weighs them. For the
conventions, their justification, and how well known agents are recognized, see docs/attribution.md.

    python -m goalposts.experiments.evaluation.attribution RUN     attribute a trained agent: the figures of `goalposts diagnose`

Read next: `experiments/analyses/attribution_recovery.py`, the calibration.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import UserError, tells_exit_code

from ...agents.recorded import seen_steps
from ...agents.rollout import play
from ...envs.engine.outcome import O_GOAL, O_PROXY, O_STEPS
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.planner.likelihood import HABITS, ActionModel, Memory, log_likelihoods
from ...envs.planner.value_iteration import Objective, Pay
from ...envs.worlds.contract.world import Target, World
from ...envs.worlds.registry import get_world
from ..measurement.attribution import (
    DEVICES,
    Attribution,
    Evidence,
    Hypothesis,
    averaged,
    devices,
    evidence_table,
    said_of,
    weigh,
)
from ..measurement.behaviour.seeing_devices import SIZES, SeeingTest, Steps, compare

# Settings averaged over: a step's pay is worth β nats, log-uniform, from nearly random to nearly error-free.
BETAS = tuple(np.geomspace(0.25, 8.0, 8).tolist())
LAPSES = (0.001, 0.01, 0.1)
MODEL = ActionModel(BETAS, LAPSES, HABITS)
PAYS: tuple[Pay, ...] = ("hold", "reach")
CHUNK = 256  # episodes at a time, to bound memory


def objectives_of(world: World) -> dict[str, tuple[Objective, ...]]:
    """Map each agent hypothesis of a world, by name, to the objectives that are averaged over.

    An objective pays for every step on which its target holds, or only for reaching it. Agents that pursue something other
    than the goal may or may not know that the goal ends the episode.
    """

    def variants(target: Target, *foresight: bool) -> tuple[Objective, ...]:
        return tuple(Objective(target.name, target.mask, pay, f) for pay in PAYS for f in foresight)

    objectives = {world.goal.name: variants(world.goal, True)}
    objectives |= {target.name: variants(target, True, False) for target in (*world.proxies, *world.targets)}
    return {**objectives, "survive": (Objective("survive", 0, "survive"),)}


def hypotheses_of(world: World) -> tuple[Hypothesis, ...]:
    """List a world's hypotheses: the agents of `objectives_of`, then the devices."""
    sentences = {t.name: t.sentence for t in (world.goal, *world.proxies, *world.targets)}
    agents = []
    for name, variants in objectives_of(world).items():
        points = tuple(
            f"β {beta:.2g}, lapse {lapse:g}, habit {habit}{_said_of(o)}"
            for o in variants
            for habit in HABITS
            for beta in BETAS
            for lapse in LAPSES
        )
        agents.append(Hypothesis(name, "agent", sentences.get(name, "stay alive"), points))
    return (*agents, *DEVICES)


def _said_of(objective: Objective) -> str:
    reached = ", then indifferent" if objective.pay == "reach" else ""
    return reached + ("" if objective.foresees_end else ", blind to the end")


def gather(
    levels: LevelSet, actions: np.ndarray, lengths: np.ndarray, max_steps: int | None = None, only: str = ""
) -> Evidence:
    """Gather the evidence of recorded episodes, one per level: actions uint8[N, T], of which the first lengths[i] count.

    The episodes must have been played without slip and with this max_steps (None: the world's own limit). In the shared
    pooling, devices and habits learn from episode to episode, in the order given. `only` keeps the agents' settings whose
    description contains this text, such as "habit uniform", to test how much the answer depends on the others.
    Raises ValuesError if an episode is impossible on its level, UserError if there is nothing to weigh.
    """
    world = get_world(levels.world)
    steps = np.asarray(lengths, np.int64)
    if len(levels) == 0 or np.shape(actions)[:1] != steps.shape or len(steps) != len(levels):
        raise UserError(
            f"attribution was given {len(levels)} levels, {len(np.atleast_1d(actions))} rows of actions and "
            f"{steps.size} lengths; it needs at least one episode, and equally many of each"
        )
    same = _not_separated(world, levels)
    hypotheses = [_narrowed(h, only) for h in hypotheses_of(world) if h.name not in same]
    agents = {name: alternatives for name, alternatives in objectives_of(world).items() if name not in same}
    objectives = [o for variants in agents.values() for o in variants]
    owner = np.repeat(np.arange(len(agents)), [len(v) for v in agents.values()])
    each = np.empty((len(steps), len(hypotheses)))
    memory: Memory | None = None
    shared = []
    early: dict[int, np.ndarray] = {}
    ends = sorted({*range(CHUNK, len(steps), CHUNK), *(n for n in SIZES if n < len(steps)), len(steps)})
    for first, end in zip([0, *ends], ends, strict=False):
        part = slice(first, end)
        logs, memory = log_likelihoods(
            levels[part], actions[part], steps[part], objectives, MODEL, max_steps, memory
        )
        for k in range(len(agents)):
            each[part, k] = averaged(logs[:, owner == k].reshape(len(logs), -1)[:, hypotheses[k][1]])
        shared = [memory.total[owner == k].ravel()[hypotheses[k][1]] for k in range(len(agents))]
        if end in SIZES:
            early[end] = np.array([averaged(grid) for grid in shared])
    pooled, own = (said_of(usual, actions, steps) for usual in devices(actions, steps, len(world.actions)))
    each[:, len(agents) :] = own.T
    for n in early:
        early[n] = np.concatenate([early[n], pooled[:, :n].sum(axis=1)])
    return Evidence(
        tuple(h for h, _ in hypotheses), (*shared, *pooled.sum(axis=1, keepdims=True)), each, steps, early
    )


def _not_separated(world: World, levels: LevelSet) -> set[str]:
    """The world's targets that none of these levels separates from the goal and the proxies."""
    return {
        name
        for name, differs in world.separated.items()
        if not any(differs(world.read(level.tiles)[0]) for level in levels)
    }


def _narrowed(hypothesis: Hypothesis, only: str) -> tuple[Hypothesis, np.ndarray]:
    """Restrict a hypothesis to the settings that contain a text; also return their indices, int64[G]."""
    kept = np.array(
        [k for k, point in enumerate(hypothesis.points) if only in point or hypothesis.kind == "device"]
    )
    if not len(kept):
        raise UserError(
            f"no setting of {hypothesis.name!r} contains {only!r}; settings look like {hypothesis.points[0]!r}"
        )
    return replace(hypothesis, points=tuple(hypothesis.points[k] for k in kept)), kept


def against_seeing(
    evidence: Evidence,
    levels: LevelSet,
    actions: np.ndarray,
    lengths: np.ndarray,
    max_steps: int | None = None,
) -> SeeingTest:
    """The same agents against devices that see what is around the agent; arguments as in `gather`, whose evidence it takes."""
    return compare(
        Steps(*seen_steps(levels, actions, lengths, max_steps)),
        evidence.pooled("agent"),
        evidence.pooled("device"),
        evidence.alone("agent"),
        evidence.alone("device"),
    )


def attribute(
    levels: LevelSet, actions: np.ndarray, lengths: np.ndarray, max_steps: int | None = None
) -> Attribution:
    """Attribute recorded episodes to the hypothesis that explains them best. Arguments and errors as in `gather`."""
    return weigh(gather(levels, actions, lengths, max_steps))


def to_first_touch(outcome: np.ndarray) -> np.ndarray:
    """Number of steps to the first touch of goal or proxy, or else to the end: int64[N]; outcome as in `Played`.

    If goal and proxy coincide in training, episodes end at the first touch, so behaviour after it was never learned.
    """
    touched = np.where(
        outcome[:, [O_GOAL, O_PROXY]] < 0, outcome[:, [O_STEPS]], outcome[:, [O_GOAL, O_PROXY]]
    )
    return touched.min(axis=1).astype(np.int64)


def attribute_agent(
    agent: Any,
    levels: LevelSet | None = None,
    observation: str = "view",
    sampled: bool = True,
    noise_seed: int = 0,
    max_steps: int | None = None,
    world: str = "CoinRun",
    episodes: int = 1000,
    whole: bool = False,
) -> Attribution:
    """Play levels with an agent and attribute its actions.

    levels   default: `episodes` levels of the world's usual shift (CoinRun: off_path)
    whole    weigh whole episodes; otherwise each counts up to its first touch of goal or proxy, as in `goalposts diagnose`
    """
    return weigh(
        evidence_of(agent, levels, observation, sampled, noise_seed, max_steps, world, episodes, whole)
    )


def evidence_of(
    agent: Any,
    levels: LevelSet | None = None,
    observation: str = "view",
    sampled: bool = True,
    noise_seed: int = 0,
    max_steps: int | None = None,
    world: str = "CoinRun",
    episodes: int = 1000,
    whole: bool = False,
    only: str = "",
) -> Evidence:
    """Play levels with an agent and gather the evidence. Arguments as in `attribute_agent` and `gather`."""
    if levels is None:
        levels = generate(world, get_world(world).default_condition("shift"), noise_seed, episodes)
    played = play(agent, levels, observation, sampled, noise_seed, max_steps)
    lengths = played.outcome[:, O_STEPS] if whole else to_first_touch(played.outcome)
    return gather(levels, played.actions[:, : int(lengths.max(initial=0))], lengths, max_steps, only)


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.evaluation.attribution", description=__doc__
    )
    parser.add_argument("run", help="a run folder")
    parser.add_argument(
        "--condition", help="condition whose levels are played (default: the world's usual shift)"
    )
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--level-seed", type=int, help="default: the level seed of the run's own evaluation")
    parser.add_argument(
        "--whole",
        action="store_true",
        help="weigh whole episodes, not only up to the first touch of goal or proxy",
    )
    parser.add_argument("--greedy", action="store_true", help="take the likeliest action instead of sampling")
    parser.add_argument(
        "--only", default="", help='keep only settings that contain this text, such as "habit uniform"'
    )
    parser.add_argument("--table", help="write the evidence of each episode to this CSV file")
    given = parser.parse_args(arguments)
    from .evaluate import subject_of

    subject = subject_of(given.run)
    if subject.slip:
        raise UserError(
            f"{given.run} was trained with slip = {subject.slip}; attribution needs runs without slip"
        )
    world = get_world(subject.world)
    assert subject.config is not None
    seed = subject.config.evaluate.level_seed if given.level_seed is None else given.level_seed
    levels = generate(world, given.condition or world.default_condition("shift"), seed, given.episodes)
    evidence = evidence_of(
        subject.agent,
        levels,
        subject.observation,
        not given.greedy,
        seed,
        subject.max_steps,
        whole=given.whole,
        only=given.only,
    )
    attribution = weigh(evidence)
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, fmt_str_lengths=60, tbl_hide_dataframe_shape=True
    ):
        print(attribution.table)
    print(attribution)
    if given.table:
        evidence_table(evidence).write_csv(given.table)


if __name__ == "__main__":
    sys.exit(main())
