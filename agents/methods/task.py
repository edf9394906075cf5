"""The task in which a method trains: training environments and levels, a log, checkpoints, and enforced budgets.

    class MyMethod:
        def train(self, task, seed):
            learner = task.learner()
            task.run(learner)
            return learner.agent()

Every environment of a task counts its steps, in every interface and copy; episodes that score levels count too.
Levels are of the config's training condition; shifted ones cost labels; those of the evaluation are out of reach. A method runs in
the same process, so it could import the generator and draw levels behind the task's back: that cannot be prevented. The
provenance of a run therefore records every module that a custom method was loaded from, and the hash of its source is part of the
run's identity. Read next: `registry.py`, the methods that ship; `experiments/training/by_method.py`, which makes tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from goalposts.errors import UserError
from goalposts.whole_numbers import kind_of

from ...envs.engine.outcome import O_STEPS
from ...envs.generation.generate import generate
from ...envs.gymnasium_envs import GoalpostsVectorEnv
from ...envs.levels.level import LevelSet
from ...envs.worlds.registry import get_world
from ..algorithms.training import LearnerSettings, training_of
from ..policy.checkpoint import AgentCard
from ..policy.policy_agent import PolicyAgent
from ..ppo.training import PPOSettings, Training, TrainingProgress
from ..rollout import Played, first_observations, play
from ..sb3_vec_env import GoalpostsVecEnv
from ..visited_states import Visitor
from .budget import MethodBudget
from .event_log import EventLog
from .step_counts import StepCounts

UNLABELLED_SEED = 4
DRAW = 1_000_000  # levels of one draw of labels
LABEL_SEED = 3  # seed of the levels that cost labels; training and evaluation use other layouts or seeds
OWN_OPTIONS = ("render_mode", "max_steps", "num_levels", "level_seed")  # options that a method may choose


class TaskError(UserError):
    """A method requested something that its task does not allow."""


class _Enough(Exception):
    """A method ends a training before its last step."""


class EditedKinds(NamedTuple):
    """Of each edited level, bool[m]: whether it is distinguishing, whether its parent was, whether it costs a label."""

    distinguishing: np.ndarray
    of_parent: np.ndarray
    costs: np.ndarray


@dataclass(frozen=True)
class TaskSpec:
    """Specification of a task. env: options of `GoalpostsVecEnv`; log: receives a row of progress.csv and the current agent.

    steps, labels, unlabelled: the budgets; labels_from: the condition of the levels that cost labels, and of unlabelled inputs.
    start: gives a new learner the weights of `init_from`, None without it; checkpoint: saves an agent; events: logs the learners'
    statistics for tensorboard.
    """

    name: str
    env: Mapping[str, Any]
    settings: PPOSettings | LearnerSettings
    steps: int
    labels: int = 0
    labels_from: str | None = None
    log: Callable[[dict[str, Any], Any], None] = field(default=lambda row, agent: None)
    unlabelled: int = 0
    start: Callable[[Training], None] | None = None
    checkpoint: Callable[[Any], None] = field(default=lambda agent: None)
    events: EventLog = field(default_factory=EventLog)


class TrainingTask:
    """One training with one seed, as seen by a method."""

    def __init__(self, spec: TaskSpec, seed: int) -> None:
        self._spec, self.seed = spec, seed
        self.world = get_world(spec.env["world"])
        self.condition, self.observation = spec.env["condition"], spec.env["observation"]
        self.rewards, self.max_steps = spec.env["reward"], spec.env["max_steps"]
        self.settings = spec.settings
        self.steps = MethodBudget(
            "environment steps", spec.steps, "Train for fewer steps, or raise method.steps in the config."
        )
        self.labels = MethodBudget(
            "labels", spec.labels, "Ask for fewer levels, or raise method.labels in the config."
        )
        self.unlabelled = MethodBudget(
            "unlabelled inputs",
            spec.unlabelled,
            "Ask for fewer, or raise method.unlabelled in the config.",
        )
        self.counts = StepCounts(self.world)
        self._given: list[LevelSet] = []
        self._hashes: set[str] = set()

    # --- environments

    def vec_env(
        self, num_envs: int | None = None, levels: LevelSet | None = None, sampler: Any = None, **options: Any
    ) -> GoalpostsVecEnv:
        """Create a native stable-baselines3 environment on training levels, which counts its steps.

        levels: play these instead; each one not obtained from the task costs a label. sampler: a `LevelSampler`.
        options: those of `GoalpostsVecEnv` that do not change the task. Raises TaskError, BudgetExceeded.
        """
        env = GoalpostsVecEnv(num_envs or self.settings.num_envs, **self._options(levels, sampler, options))
        env.stream.meter, env.stream.counter = self.steps, self.counts.counter()
        return env

    def gymnasium_env(
        self, num_envs: int | None = None, levels: LevelSet | None = None, **options: Any
    ) -> gym.vector.VectorEnv:
        """Create the same environment with gymnasium's vector interface."""
        env = GoalpostsVectorEnv(num_envs or self.settings.num_envs, **self._options(levels, None, options))
        env.stream.meter, env.stream.counter = self.steps, self.counts.counter()
        return env

    def _options(self, levels: LevelSet | None, sampler: Any, options: dict[str, Any]) -> dict[str, Any]:
        for name, value in options.items():
            if name in self._spec.env and value != self._spec.env[name] and name not in OWN_OPTIONS:
                raise TaskError(
                    f"{name}={value!r}: this task is trained with {name}={self._spec.env[name]!r}. A method chooses its training "
                    "levels with levels= and sampler=; levels of the evaluation are out of its reach."
                )
        self._pay_for(levels)
        return {**self._spec.env, **options, "levels": levels, "sampler": sampler}

    # --- levels

    def levels(self, count: int, first: int = 0, condition: str | None = None) -> LevelSet:
        """Generate training levels first, first + 1, … of the training condition and layouts. They are free.

        Raises TaskError for other conditions, which belong to the evaluation or cost labels.
        """
        if condition is not None and self.world.condition(condition) != self.world.condition(self.condition):
            raise TaskError(
                f"levels of {condition!r} are out of reach: a method trains on {self.condition!r}, and other conditions are kept for "
                "the evaluation. Levels with the goal elsewhere cost labels: task.labelled_levels(count)."
            )
        levels = generate(
            self.world, self.condition, self._spec.env["level_seed"], count, first, split="train"
        )
        self._given.append(levels)
        return levels

    def labelled_levels(self, count: int, draw: int = 0) -> LevelSet:
        """Generate levels of the training layouts with the goal placed as in the shift; each costs a label. Raises BudgetExceeded.

        draw: other draws have other levels. With `draw=seed`, methods with the same seed get the same labels, and fewer labels
        are the first of more.
        """
        condition = self._spec.labels_from or self.world.default_condition("shift")
        first = draw * DRAW + self.labels.spent
        self.labels.spend(count)
        levels = generate(self.world, condition, LABEL_SEED, count, first, split="train")
        self._given.append(levels)
        return levels

    def unlabelled_inputs(self, count: int, agent: Any = None) -> np.ndarray:
        """First observations of `count` shifted levels of the training layouts, without the levels. Raises BudgetExceeded.

        uint8[count, C, H, W]; pixels: [count, 64, 64, 3]. Nothing says where the goal is or what an action would earn.
        agent: plays each level; the result has one observation of each episode, chosen at random. The steps count.
        """
        first = self.unlabelled.spent
        self.unlabelled.spend(count)
        condition = self._spec.labels_from or self.world.default_condition("shift")
        levels = generate(self.world, condition, UNLABELLED_SEED, count, first, split="train")
        if agent is None:
            return first_observations(levels, self.observation)
        visitor = Visitor(agent, np.random.default_rng([self.seed, first]))
        self._played(visitor, levels)
        return visitor.kept

    def _pay_for(self, levels: LevelSet | None) -> None:
        if levels is None or any(levels is known_set for known_set in self._given):
            return
        for level_set in self._given:
            self._hashes.update(level_set.level_hashes())
        unknown = set(levels.level_hashes()) - self._hashes
        self.labels.spend(len(unknown))
        self._given.append(levels)

    def kinds_of(self, env: GoalpostsVecEnv, made: LevelSet, parents: np.ndarray) -> EditedKinds:
        """Which edited levels and which of their parents, int64[m] in the pool, are distinguishing, and which cost a label.

        A distinguishing level costs one, unless its goal objects are in the same cells as those of its distinguishing parent.
        """
        before, place = env.stream.engine.pool, np.unique(parents, return_inverse=True)
        of_parent = self.counts.test(before[place[0]])[place[1]]
        goal = self.world.legend.goal_codes()
        tiles, other = made.tiles, before.tiles[parents]
        same = (np.where(goal[tiles], tiles, 0) == np.where(goal[other], other, 0)).all(axis=(1, 2))
        distinguishing = self.counts.test(made)
        return EditedKinds(distinguishing, of_parent, distinguishing & ~(of_parent & same))

    def extend(self, env: GoalpostsVecEnv, made: LevelSet, parents: np.ndarray) -> np.ndarray:
        """Add edited levels to the pool of an environment with a sampler; returns their indices int64[m].

        parents: the level of the pool that each was made from. Raises BudgetExceeded if they cost more labels than are left.
        """
        self.labels.spend(int(self.kinds_of(env, made, parents).costs.sum()))
        return env.stream.extend(made)

    # --- agents

    def learner(
        self,
        total_steps: int | None = None,
        env: GoalpostsVecEnv | None = None,
        seed: int | None = None,
        fresh: bool = False,
        **options: Any,
    ) -> Training:
        """Create a learner with the config's algorithm, on `env` or on `vec_env(**options)`. Run it with `run`.

        total_steps: default: the config's. seed: default: the task's. fresh: random weights, even if the config has `init_from`.
        """
        settings = self.settings
        if total_steps is not None:
            settings = replace(settings, total_steps=total_steps)
        if env is None:
            env = self.vec_env(settings.num_envs, **options)
        elif env.stream.meter is not self.steps:
            raise TaskError(
                "this environment is not the task's, so its steps are not counted; make it with task.vec_env(…)"
            )
        training = training_of(
            settings, name=self._spec.name, env=env, seed=self.seed if seed is None else seed
        )
        training.model.set_logger(self._spec.events.logger(lambda: self.steps.spent))
        env.stream.counter.attach(training)
        if self._spec.start is not None and not fresh:
            self._spec.start(training)
        return training

    @property
    def has_start(self) -> bool:
        """Whether the config has `init_from`, so that learners start from a trained agent's weights."""
        return self._spec.start is not None

    def share(self, parts: int) -> int:
        """Number of steps for each of several learners, in whole rollouts, so that all fit into the budget."""
        rollout = self.settings.rollout
        return max(1, self.steps.limit // parts // rollout) * rollout

    def run(
        self,
        learner: Training,
        callbacks: Any = (),
        until: Callable[[TrainingProgress], bool] | None = None,
    ) -> Training:
        """Train a learner to its end and log every update. callbacks: stable-baselines3's. Raises BudgetExceeded.

        until: receives the statistics of each update; training stops when it returns True, and the remaining steps stay unspent.
        """

        def on_update(progress: TrainingProgress | None) -> None:
            if progress is not None:
                self.log(learner.agent(), **progress.row())
                if until is not None and until(progress):
                    raise _Enough

        with suppress(_Enough):
            learner.run(on_update, callbacks)
        return learner

    def play(self, agent: Any, levels: LevelSet, sampled: bool = True, learned: bool = False) -> Played:
        """Play each level once; the steps count. Raises BudgetExceeded before or during play.

        learned: whether the method learns from these steps, as from demonstrations; otherwise they only score.
        """
        self._pay_for(levels)
        return self._played(agent, levels, sampled, learned)

    def _played(self, agent: Any, levels: LevelSet, sampled: bool = True, learned: bool = False) -> Played:
        env = self._spec.env
        played = play(
            Counted(agent, self.steps),
            levels,
            self.observation,
            sampled,
            self.seed,
            env["max_steps"],
            env["slip"],
        )
        self.counts.add_played(levels, played.outcome[:, O_STEPS].astype(np.int64), learned)
        return played

    def log(self, agent: Any = None, **figures: Any) -> None:
        """Log a row of progress.csv at the current number of steps; with an agent, its goal may be measured as well.

        The task adds what was spent, see `spent`.
        """
        self._spec.log({**figures, **self.spent(), "step": self.steps.spent}, agent)

    def spent(self) -> dict[str, float | int | None]:
        """What was spent so far: effective α (the fraction of learned steps on distinguishing levels), scoring steps, labels."""
        return {**self.counts.row(), "labels": self.labels.spent}

    def checkpoint(self, agent: Any) -> None:
        """Save an agent as the run's checkpoint at the current number of steps, next to the last two. Raises TaskError."""
        self._spec.checkpoint(agent)

    def card(self) -> AgentCard:
        """Card of an agent of this task at the current number of steps."""
        return replace(self.learner().card(), step=self.steps.spent)


def finished(agent: Any, task: TrainingTask, name: str) -> PolicyAgent:
    """Label the agent returned by a method with the run's name, seed and steps. Raises TaskError if it cannot be saved."""
    if isinstance(agent, Training):
        agent = agent.agent()
    if not isinstance(agent, PolicyAgent):
        raise TaskError(
            f"the method returned {kind_of(agent)}, which cannot be saved without pickle. Return learner.agent(), an "
            "Ensemble of such agents, or PolicyAgent(policy, task.card()) with a policy of the config's kind."
        )
    agent.card = replace(agent.card, name=name, seed=task.seed, step=task.steps.spent)
    return agent


def demonstrations(
    task: TrainingTask, agent: Any, levels: LevelSet, sampled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Record an agent's observations uint8[n, C, H, W] and actions int64[n] on levels played to their end.

    The steps count. sampled: actions are drawn from the policy, else greedy. Planning agents give the same pairs either way.
    """
    recorder = Recorder(agent)
    task.play(recorder, levels, sampled=sampled, learned=True)
    return np.concatenate(recorder.seen), np.concatenate(recorder.done)


class Counted:
    """An agent whose every action counts as an environment step."""

    def __init__(self, agent: Any, steps: MethodBudget) -> None:
        self._agent, self._steps = agent, steps
        for name in ("begin", "see"):
            if hasattr(agent, name):
                setattr(self, name, getattr(agent, name))
        if hasattr(agent, "action_probabilities"):
            self.action_probabilities = self._probabilities

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, Any]:
        """Forward to the agent."""
        self._steps.spend(len(observation))
        return self._agent.predict(observation, deterministic=deterministic)

    def _probabilities(self, observation: np.ndarray) -> np.ndarray:
        self._steps.spend(len(observation))
        return self._agent.action_probabilities(observation)


class Recorder:
    """An agent that records its observations and actions."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.seen: list[np.ndarray] = []
        self.done: list[np.ndarray] = []
        if hasattr(agent, "begin"):
            self.begin, self.see = agent.begin, agent.see

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, Any]:
        """Forward to the agent."""
        actions, state = self.agent.predict(observation, deterministic=deterministic)
        self.seen.append(np.array(observation))
        self.done.append(np.asarray(actions).astype(np.int64))
        return actions, state
