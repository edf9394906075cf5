"""Methods that cheat are stopped with a message: more steps or labels than allowed, copies of environments, evaluation levels."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from fixtures.tasks import small_task

from goalposts.agents import BudgetExceeded, GoalpostsVecEnv, GoToGoal, PolicyAgent, Random, TaskError
from goalposts.agents.methods.labelled.dagger import DAgger
from goalposts.agents.methods.labelled.expert import corrections
from goalposts.agents.methods.labelled.fine_tuning import MixedLevels, together
from goalposts.agents.methods.task import finished
from goalposts.envs import generate
from goalposts.envs.engine.outcome import O_STEPS


def stay(env: GoalpostsVecEnv, times: int) -> None:
    for _ in range(times):
        env.step(np.zeros(env.num_envs, np.int64))


def test_more_steps_than_the_budget_are_not_taken() -> None:
    task = small_task(steps=100)
    env = task.vec_env(16)
    env.reset()
    with pytest.raises(
        BudgetExceeded, match=r"96 of 100 are spent, and it asks for 16 more\. .* raise method\.steps"
    ):
        stay(env, 10)
    assert task.steps.spent == 96


def test_a_learner_stops_at_the_budget() -> None:
    task = small_task(steps=1500)
    with pytest.raises(BudgetExceeded, match="environment steps"):
        task.run(task.learner())
    assert task.steps.spent <= 1500


def test_all_interfaces_and_environments_share_one_budget() -> None:
    task = small_task(steps=100)
    native, vector = task.vec_env(10), task.gymnasium_env(10)
    native.reset()
    vector.reset(seed=0)
    stay(native, 3)
    for _ in range(4):
        vector.step(np.zeros(10, np.int64))
    assert task.steps.spent == 70
    native.stream.step(np.zeros(10, np.int64))  # below the interface
    assert task.steps.left == 20


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_steps_of_a_copy_count(duplicate) -> None:
    task = small_task(steps=100)
    env = task.vec_env(16)
    env.reset()
    other = duplicate(env)
    assert other.stream is not env.stream
    with pytest.raises(BudgetExceeded):
        stay(other, 10)
    assert task.steps.spent == 96


def test_an_environment_cannot_be_pickled_into_another_process() -> None:
    with pytest.raises(BudgetExceeded, match="a copy in another process would not count its steps"):
        pickle.dumps(small_task().vec_env(4))


def test_foreign_environment_cannot_train_a_learner() -> None:
    with pytest.raises(TaskError, match=r"its steps are not counted; make it with task\.vec_env"):
        small_task().learner(env=GoalpostsVecEnv(16, condition="edge"))


def test_scoring_episodes_count() -> None:
    task = small_task(steps=4000)
    played = task.play(Random(), task.levels(20))
    assert task.steps.spent == int(played.outcome[:, O_STEPS].sum())
    before = task.steps.spent
    task.play(GoToGoal(), task.levels(20), sampled=False)
    assert task.steps.spent > before
    with pytest.raises(BudgetExceeded):
        task.play(Random(), task.levels(400))


@pytest.mark.parametrize("condition", ["off_path", "anywhere", "edge_held_out", "mixture(0.5)"])
def test_levels_of_the_evaluation_are_out_of_reach(condition: str) -> None:
    task = small_task()
    with pytest.raises(TaskError, match="out of reach: a method trains on 'edge'"):
        task.levels(10, condition=condition)
    with pytest.raises(TaskError, match="levels of the evaluation are out of its reach"):
        task.vec_env(4, condition=condition)


@pytest.mark.parametrize(
    "option", [{"split": "test"}, {"reward": "proxy"}, {"world": "Corner"}, {"observation": "full"}]
)
def test_a_method_cannot_change_the_task(option: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match="this task is trained with"):
        small_task().vec_env(4, **option)


def test_labels_are_counted_and_enforced() -> None:
    task = small_task(labels=5)
    found = task.labelled_levels(3)
    assert found.condition == "off_path"
    assert task.labels.spent == 3
    task.vec_env(4, levels=found)  # paid for already
    assert task.labels.spent == 3
    with pytest.raises(
        BudgetExceeded, match=r"more labels than its budget: 3 of 5 are spent, and it asks for 3 more"
    ):
        task.labelled_levels(3)


def test_foreign_levels_cost_labels() -> None:
    """Levels not obtained from the task, including edited ones: training levels are free, shifted ones are not."""
    task = small_task(labels=5)
    task.vec_env(4, levels=task.levels(20))
    known = generate("CoinRun", "edge", 0, 20, split="train")
    task.vec_env(4, levels=known)
    assert task.labels.spent == 0
    shifted = generate("CoinRun", "off_path", 0, 5)
    task.vec_env(4, levels=shifted)
    assert task.labels.spent == 5
    with pytest.raises(BudgetExceeded, match="labels"):
        task.play(Random(), generate("CoinRun", "off_path", 9, 2))


def test_unsavable_agents_are_refused() -> None:
    task = small_task()
    with pytest.raises(
        TaskError, match=r"returned a Random, which cannot be saved without pickle\. Return learner\.agent"
    ):
        finished(Random(), task, "small")


def test_labelled_levels_are_disjoint_from_the_evaluation() -> None:
    task = small_task(labels=50)
    held_out = set(generate("CoinRun", "off_path", 1, 500).layout_hashes())
    assert not held_out & set(task.labelled_levels(50).layout_hashes())


def test_finished_agent_records_its_cost() -> None:
    task = small_task()
    learner = task.run(task.learner(total_steps=512))
    agent = finished(learner, task, "small")
    assert isinstance(agent, PolicyAgent)
    assert (agent.card.step, agent.card.seed, agent.card.name) == (512, 3, "small")


def test_labelling_more_levels_than_the_budget_by_dagger_is_stopped() -> None:
    """The labels of the planner cost as much on levels of the method's own as on levels of the task."""
    task = small_task(labels=5, steps=100_000)
    with pytest.raises(BudgetExceeded, match="0 of 5 are spent, and it asks for 6 more"):
        DAgger(levels=6, start="untrained", updates=1).train(task, 3)
    levels = task.labelled_levels(5, draw=3)
    for _ in range(3):
        corrections(task, Random(), levels)  # a level is paid for once
    assert task.labels.spent == 5
    with pytest.raises(BudgetExceeded, match="more labels than its budget"):
        corrections(task, Random(), generate("CoinRun", "off_path", 9, 1))
    with pytest.raises(BudgetExceeded, match="more labels than its budget"):
        task.labelled_levels(1, draw=4)


def test_corrections_stop_at_the_step_budget() -> None:
    task = small_task(labels=5, steps=30)
    levels = task.labelled_levels(5)
    with pytest.raises(BudgetExceeded, match="environment steps"):
        corrections(task, Random(), levels)
    assert task.steps.spent <= 30


def test_an_agent_that_visits_shifted_levels_pays_for_inputs_and_steps() -> None:
    task = small_task(unlabelled=5, steps=30)
    with pytest.raises(BudgetExceeded, match="more unlabelled inputs"):
        task.unlabelled_inputs(6, Random())
    with pytest.raises(BudgetExceeded, match="environment steps"):
        task.unlabelled_inputs(5, Random())


def test_shifted_levels_in_a_pool_with_training_levels_cost_labels() -> None:
    task = small_task(labels=2)
    mixed = together(generate("CoinRun", "off_path", 9, 3), task.levels(20))
    with pytest.raises(BudgetExceeded, match="it asks for 3 more"):
        task.learner(levels=mixed, sampler=MixedLevels(3, 0.5, 0))
