"""The shipped methods train within their budgets, work as described, and their agents can be saved and loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.tasks import small_task

from goalposts.agents import BudgetExceeded, GoToGoal, load_agent, method_named, play
from goalposts.agents.methods.registry import METHODS, MethodError, check_options
from goalposts.agents.methods.replay.advantage_scores import ABSOLUTE, POSITIVE, scores_of
from goalposts.agents.methods.replay.plr import PLR, PLRSampler
from goalposts.agents.methods.task import demonstrations, finished
from goalposts.agents.policy.checkpoint import save_agent
from goalposts.envs.engine.outcome import O_STEPS

SMALL: dict[str, dict[str, Any]] = {
    "ensemble": {"members": 2},
    "behaviour_cloning": {"levels": 60, "epochs": 2},
    "early_stopping": {"mean_return": 0.0, "episodes": 5},
    "ensemble_vote": {"members": 2},
    "diverse_heads": {"levels": 20, "inputs": 20, "updates": 5, "plain": 0.25},
    "labelled_cloning": {"levels": 3, "updates": 5, "plain": 0.25, "replay": 0.3, "replay_levels": 20},
    "dagger": {"levels": 3, "updates": 3, "plain": 0.25, "rounds": 3},
    "fine_tuning": {"levels": 3, "plain": 0.5, "replay": 0.5, "replay_levels": 20},
    "fixed_share": {"distinct": 3},
}
CONDITIONS = {"fixed_share": "mixture(0.5)"}  # of those that need distinguishing levels


@pytest.mark.parametrize("name", [name for name in METHODS if name != "adopted"])
def test_a_method_gives_an_agent_that_is_saved_and_loads(name: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    found = []
    for _ in range(2):
        task = small_task(
            condition=CONDITIONS.get(name, "edge"),
            log=lambda row, agent: rows.append(row),
            labels=3,
            unlabelled=20,
        )
        agent = finished(method_named(name, SMALL.get(name, {})).train(task, 3), task, "small")
        found.append(agent)
        assert 0 < task.steps.spent <= task.steps.limit
        assert rows[-1]["step"] == task.steps.spent
    save_agent(tmp_path, found[0])
    loaded = load_agent(tmp_path)
    assert loaded.card == found[0].card
    seen = np.random.default_rng(0).integers(0, 2, (32, *loaded.card.shape), np.uint8)
    for other in (loaded, found[1]):
        assert np.array_equal(other.action_probabilities(seen), found[0].action_probabilities(seen))
        assert np.array_equal(other.value(seen), found[0].value(seen))
    assert loaded.predict(seen)[0].shape == (32,)
    assert np.array_equal(
        loaded.predict(seen, deterministic=True)[0], loaded.action_probabilities(seen).argmax(1)
    )


def test_plain_is_the_training_without_a_method() -> None:
    from fixtures.little import ignore

    task = small_task()
    agent = METHODS["plain"]().train(task, 3)
    alone = small_task().learner()
    alone.run(ignore)
    for one, other in zip(agent.policy.parameters(), alone.model.policy.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())


def test_an_ensemble_votes_by_the_mean() -> None:
    task = small_task()
    agent = METHODS["ensemble"](members=3).train(task, 3)
    seen = np.random.default_rng(0).integers(0, 2, (8, *agent.card.shape), np.uint8)
    apart = [member.action_probabilities(seen) for member in agent.members]
    assert np.allclose(agent.action_probabilities(seen), np.mean(apart, axis=0))
    assert not np.array_equal(apart[0], apart[1])
    assert task.steps.spent == 3 * 1024  # of 4096, in whole rollouts of 512


def test_demonstrations_are_those_of_the_planner() -> None:
    task = small_task()
    levels = task.levels(10)
    seen, actions = demonstrations(task, GoToGoal(), levels)
    played = play(GoToGoal(), levels, sampled=False)
    assert len(seen) == len(actions) == int(played.outcome[:, O_STEPS].sum()) == task.steps.spent


def test_behaviour_cloning_imitates() -> None:
    task = small_task(steps=20_000)
    agent = METHODS["behaviour_cloning"](levels=300, epochs=15).train(task, 3)
    seen, actions = demonstrations(task, GoToGoal(), task.levels(100, first=1000))
    assert float((agent.predict(seen, deterministic=True)[0] == actions).mean()) > 0.6


def test_every_method_states_its_label_class_and_its_source() -> None:
    for name, kind in METHODS.items():
        if name != "adopted":
            assert kind.label_class in ("L0", "L1", "L2", "L3"), name  # type: ignore[attr-defined]
            assert kind.source, name  # type: ignore[attr-defined]


# PLR


def test_scores_are_means_over_the_parts_of_episodes() -> None:
    levels = np.array([[1, 5], [1, 5], [2, 5]])
    advantages = np.array([[1, -1], [-3, 2], [4, 0.5]], np.float32)
    starts = np.array([[1, 0], [0, 0], [1, 0]], np.float32)
    ids, scores = scores_of(levels, advantages, starts, POSITIVE)
    assert (ids.tolist(), scores.tolist()) == ([1, 2, 5], [0.5, 4.0, 2.5 / 3])
    assert scores_of(levels, advantages, starts, ABSOLUTE)[1].tolist() == [2.0, 4.0, 3.5 / 3]


def sampler(**options: Any) -> PLRSampler:
    made = PLRSampler(PLR(**options), 0)
    made.begin(range(50), 4)  # type: ignore[arg-type]
    return made


def test_new_levels_come_first_and_each_once() -> None:
    made = sampler(replay=0.0)
    chosen = np.concatenate([made.choose(np.arange(10)) for _ in range(5)])
    assert sorted(chosen) == list(range(50))


def test_levels_with_higher_scores_are_replayed_more() -> None:
    made = sampler(replay=1.0, staleness=0.0, temperature=0.5)
    made.update(np.arange(10), np.arange(10) / 10)
    assert made.replaying
    counts = np.bincount(made.choose(np.arange(20_000)), minlength=10)
    weights = np.arange(10, 0, -1.0) ** -2
    assert np.allclose(counts / counts.sum(), weights / weights.sum(), atol=0.02)


def test_stale_levels_come_back() -> None:
    made = sampler(replay=1.0, staleness=1.0)
    made.update(np.array([3]), np.array([0.1]))
    made.update(np.array([4]), np.array([0.9]))
    assert set(made.choose(np.arange(50))) == {3}


def test_the_buffer_keeps_the_levels_with_the_highest_scores() -> None:
    made = sampler(replay=1.0, buffer=3, staleness=0.0)
    made.update(np.arange(3), np.array([0.1, 0.5, 0.3]))
    made.update(np.array([7, 8]), np.array([0.4, 0.05]))
    assert set(made._ids) == {7, 1, 2}
    assert made._place[0] == -1
    made.update(np.array([1, 1]), np.array([0.2, 0.9]))  # the last score counts
    assert made._scores[made._place[1]] == 0.9


def test_plr_learns_only_from_replayed_levels() -> None:
    before = small_task().learner().model.policy.state_dict()
    never = METHODS["plr"](replay=0.0).train(small_task(), 3).policy.state_dict()
    some = METHODS["plr"](replay=0.9).train(small_task(), 3).policy.state_dict()
    assert all(bool((before[name] == never[name]).all()) for name in before)
    assert not all(bool((before[name] == some[name]).all()) for name in before)


# Options


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("plrr", {}, "no method 'plrr'; it must be one of .*plain, .* Did you mean 'plr'"),
        (
            "plr",
            {"replya": 0.3},
            "no option 'replya'; its options are replay, buffer, .* Did you mean 'replay'",
        ),
        ("plr", {"buffer": 0.5}, "buffer is 0.5; it must be a whole number, such as 4096"),
        ("plain", {"x": 1}, "it has no options"),
        ("dropout", {"rate": 1.0}, "rate is 1.0; it must be from 0 to below 1"),
        ("dagger", {"start": "train"}, "start is 'train'; it must be one of trained, untrained"),
        ("fine_tuning", {"levels": -1}, "levels is -1; it must be at least 0"),
        ("nowhere:Method", {}, "goalposts --code nowhere:Method"),
    ],
)
def test_wrong_method_options_are_reported(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message) as caught:
        method_named(name, options)
    assert isinstance(caught.value, MethodError) or ":" in name or "must be" in message


def test_options_have_their_defaults() -> None:
    assert check_options("plr", {"replay": 1})["buffer"] == 4096


def test_unlabelled_inputs_are_counted_and_say_nothing_else() -> None:
    task = small_task(unlabelled=12)
    one, two = task.unlabelled_inputs(8), task.unlabelled_inputs(4)
    assert one.shape == (8, *task.card().shape)
    assert one.dtype == np.uint8
    assert not (one[:4] == two).all()
    assert (one == small_task(unlabelled=8).unlabelled_inputs(8)).all()
    assert (task.unlabelled.spent, task.labels.spent, task.steps.spent) == (12, 0, 0)
    with pytest.raises(BudgetExceeded, match="more unlabelled inputs than its budget: 12 of 12 are spent"):
        task.unlabelled_inputs(1)
    assert small_task(unlabelled=2, observation="rgb").unlabelled_inputs(2).shape == (2, 64, 64, 3)
