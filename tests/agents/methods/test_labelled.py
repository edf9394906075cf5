"""Methods with labelled levels: the same labels in both arms, the planner's corrections, replay, and weights to start from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.tasks import small_task

from goalposts.agents import GoToGoal, GoToProxy, TrainingTask, play
from goalposts.agents.methods.labelled.dagger import DAgger
from goalposts.agents.methods.labelled.expert import corrections
from goalposts.agents.methods.labelled.fine_tuning import FineTuning, MixedLevels, together
from goalposts.agents.methods.labelled.imitation import Fit, Pairs, imitate, minibatch
from goalposts.agents.methods.labelled.labelled_cloning import LabelledCloning
from goalposts.agents.methods.task import demonstrations
from goalposts.envs.engine.outcome import O_LEVEL, O_STEPS
from goalposts.errors import UserError

FEW: dict[str, Any] = {"levels": 3, "plain": 0.5}


def test_both_arms_of_a_seed_get_the_same_labels_and_fewer_are_the_first_of_more() -> None:
    ten, three, other = (
        small_task(labels=10).labelled_levels(count, draw=seed) for count, seed in ((10, 3), (3, 3), (10, 4))
    )
    assert three.level_hashes() == ten.level_hashes()[:3]
    assert not set(ten.level_hashes()) & set(other.level_hashes())
    assert small_task(labels=3).labelled_levels(3) == small_task(labels=3).labelled_levels(3, draw=0)


@pytest.mark.parametrize(
    "method", [LabelledCloning(**FEW, updates=2), DAgger(**FEW, updates=2, rounds=2), FineTuning(**FEW)]
)
def test_the_untrained_arm_leaves_the_plain_steps_unspent(
    method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    labelled = TrainingTask.labelled_levels
    monkeypatch.setattr(
        TrainingTask,
        "labelled_levels",
        lambda self, count, draw: given.append(labelled(self, count, draw)) or given[-1],
    )
    steps = []
    for start in ("trained", "untrained"):
        task = small_task(labels=3)
        replace(method, start=start).train(task, 3)
        steps.append(task.steps.spent)
    assert given[0] == given[1]
    assert 0 < steps[1] < steps[0]
    if isinstance(method, FineTuning):
        assert steps[0] - steps[1] == 2048  # half of 4096


def test_weights_of_init_from_are_taken_only_if_wanted() -> None:
    source = small_task(seed=9).learner().model.policy.state_dict()

    def start(learner: Any) -> None:
        learner.model.policy.load_state_dict(source)

    task = small_task(start=start, labels=3)
    assert task.has_start
    trained = LabelledCloning(levels=3).begin(task).model.policy.state_dict()
    untrained = LabelledCloning(levels=3, start="untrained").begin(task).model.policy.state_dict()
    own = small_task().learner().model.policy.state_dict()
    for name, tensor in source.items():
        assert torch.equal(trained[name], tensor)
        assert torch.equal(untrained[name], own[name])
    assert task.steps.spent == 0
    FineTuning(levels=3).train(task, 3)
    assert task.steps.spent == 4096  # all of it: there is no plain training


# The planner's labels


def test_the_planner_agrees_with_itself_and_corrects_an_agent_with_another_goal() -> None:
    task = small_task(labels=20, steps=20_000)
    levels = task.labelled_levels(20)
    own = corrections(task, GoToGoal(), levels)
    seen, actions = demonstrations(task, GoToGoal(), levels)
    assert np.array_equal(own.observations, seen)
    assert np.array_equal(own.actions, actions)
    taken = play(GoToProxy(), levels).actions
    better = corrections(task, GoToProxy(), levels)
    assert len(better.actions) == int((taken != 255).sum())
    assert 0.05 < float((better.actions != taken.T[taken.T != 255]).mean()) < 0.95


def test_a_fit_learns_the_pairs_and_a_minibatch_holds_its_fraction_of_replay() -> None:
    labelled = Pairs(np.zeros((5, 1)), np.zeros(5, np.int64))
    replayed = Pairs(np.ones((50, 1)), np.ones(50, np.int64))
    random = np.random.default_rng(0)
    for replay, count in ((0.0, 0), (0.25, 16), (0.9, 58)):
        drawn = minibatch(labelled, replayed, Fit(1, 64, 1e-3, replay), random)
        assert (len(drawn.actions), int(drawn.actions.sum()), int(drawn.observations.sum())) == (
            64,
            count,
            count,
        )
    assert int(minibatch(labelled, None, Fit(1, 64, 1e-3, 0.9), random).actions.sum()) == 0
    task = small_task()
    pairs = Pairs(*demonstrations(task, GoToGoal(), task.levels(5)))
    learner = task.learner()
    before = (learner.agent().predict(pairs.observations, deterministic=True)[0] == pairs.actions).mean()
    loss = imitate(learner, pairs, None, Fit(300, 64, 3e-3), random)
    after = (learner.agent().predict(pairs.observations, deterministic=True)[0] == pairs.actions).mean()
    assert before < 0.7 < 0.95 < after
    assert loss < 0.3


# Fine-tuning


def test_replay_mixes_levels_in_its_proportion() -> None:
    task = small_task(labels=4)
    pool = together(task.labelled_levels(4), task.levels(20))
    assert len(pool) == 24
    env = task.vec_env(8, levels=pool, sampler=MixedLevels(4, 0.25, 0))
    assert task.labels.spent == 4
    sampler = MixedLevels(4, 0.25, 0)
    sampler.begin(pool, 8)
    chosen = sampler.choose(np.arange(20_000))
    assert abs(float((chosen >= 4).mean()) - 0.25) < 0.01
    assert set(chosen) == set(range(24))
    env.reset()
    assert env.stream.engine.outcome[:, O_LEVEL].max() < 24


def test_fine_tuning_changes_the_trained_weights_on_labelled_levels_alone() -> None:
    task = small_task(labels=3)
    FineTuning(**FEW).train(task, 3)
    assert (task.labels.spent, task.steps.spent) == (3, 4096)
    with pytest.raises(UserError, match="leaves less than one rollout of 512 steps"):
        FineTuning(levels=3, plain=1.0).train(small_task(labels=3), 3)


def test_imitation_needs_an_actor_without_memory() -> None:
    learner = small_task().learner()
    learner.settings = replace(learner.settings, algorithm="DQN")
    with pytest.raises(UserError, match=r"DQN has none; set train\.algorithm to one of PPO"):
        imitate(learner, Pairs(np.zeros(1), np.zeros(1)), None, Fit(1, 1, 1e-3), None)


def test_all_labels_of_the_budget_are_used_unless_the_options_say_fewer() -> None:
    task = small_task(labels=4)
    assert len(LabelledCloning().labelled(task, 3)) == task.labels.spent == 4
    with pytest.raises(UserError, match=r"method\.labels is 0; set it to their number"):
        DAgger().labelled(small_task(), 3)


def test_steps_of_demonstrations_and_corrections_count() -> None:
    task = small_task(labels=3, steps=5000)
    levels = task.labelled_levels(3)
    pairs = corrections(task, GoToGoal(), levels)
    assert task.steps.spent == len(pairs.actions) == int(play(GoToGoal(), levels).outcome[:, O_STEPS].sum())
