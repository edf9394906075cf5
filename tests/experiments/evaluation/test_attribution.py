"""Goal attribution end to end: agents with known goals must be recognised from their actions alone."""

import numpy as np
import pytest
from fixtures.calibration_agents import Reflex, run_to

from goalposts.agents import GoToGoal, GoToProxy, Mixture, Noisy, Random, play
from goalposts.agents.soft_optimal import Device, SoftOptimal
from goalposts.envs import Level, LevelSet, generate, get_world, solve
from goalposts.envs.engine.outcome import O_GOAL, O_PROXY, O_STEPS
from goalposts.envs.planner.likelihood import HABITS, ActionModel, log_likelihoods
from goalposts.envs.planner.value_iteration import ValuesError
from goalposts.errors import UserError
from goalposts.experiments.analyses.attribution_recovery import known_agents, posed
from goalposts.experiments.evaluation import attribution as module
from goalposts.experiments.evaluation.attribution import (
    BETAS,
    LAPSES,
    attribute,
    attribute_agent,
    gather,
    hypotheses_of,
    main,
    objectives_of,
    to_first_touch,
)
from goalposts.experiments.evaluation.evaluated_run import diagnoses_of, evaluated, open_runs
from goalposts.experiments.measurement.attribution import weigh

WORLD = get_world("CoinRun")


@pytest.fixture(scope="module")
def telling() -> LevelSet:
    """20 levels on which every target requires different behaviour."""
    return posed(generate("CoinRun", "off_path", 11, 24), 0)[:20]


@pytest.fixture(scope="module")
def off_path() -> LevelSet:
    return generate("CoinRun", "off_path", 12, 60)


def recorded(agent: object, levels: LevelSet, noise_seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    played = play(agent, levels, noise_seed=noise_seed)
    return played.actions, played.outcome[:, O_STEPS]


@pytest.mark.parametrize("name", [name for name in objectives_of(WORLD) if name not in WORLD.separated])
@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_soft_optimal_agents_are_recognised(telling, name, beta):
    for variant in objectives_of(WORLD)[name]:
        found = attribute(telling, *recorded(SoftOptimal(variant, beta, seed=1), telling))
        assert found.best == name, str(found)
        assert found.goal_directed


def test_the_calibration_plays_only_what_can_be_recognised_on_its_levels(off_path):
    """Regression: its command ended with an error at `move_right`, which is a hypothesis only where a level continues past the edge."""
    compared = attribute(off_path, *recorded(GoToGoal(), off_path)).table["hypothesis"]
    assert {known.truth for known in known_agents(WORLD, 3)} == set(compared)


@pytest.mark.parametrize("number", range(-8, -4))
def test_devices_are_recognised_and_are_not_agents(off_path, number):
    known = known_agents(WORLD, 3)[number]
    found = attribute(off_path, *recorded(known.agent, off_path))
    assert found.best == known.truth, str(found)
    assert not found.goal_directed
    assert found.agent_over_device_each[0] < 0


@pytest.mark.parametrize(
    ("agent", "goal"),
    [
        (GoToGoal(), "coin"),
        (GoToProxy(), "right_edge"),
        (Noisy(GoToGoal(), 0.3), "coin"),
        (Noisy(GoToProxy(), 0.5), "right_edge"),
    ],
    ids=lambda x: getattr(x, "name", x),
)
def test_the_planners_agents_are_recognised(off_path, agent, goal):
    found = attribute_agent(agent, off_path)
    assert found.best == goal
    assert found.margin > 20
    assert not found.tied
    assert found.goal_directed


def test_a_habit_among_equally_good_actions_does_not_make_a_device(off_path):
    """GoToProxy waits at the edge for most of its steps, always with the same action: goals steer, habits break ties."""
    found = attribute_agent(GoToProxy(), off_path, whole=True)
    rows = {r["hypothesis"]: r for r in found.table.to_dicts()}
    assert rows["right_edge"]["log_evidence"] > rows["moves"]["log_evidence"] + 100
    assert "habit moves" in rows["right_edge"]["setting"]


def test_random_play_is_no_evidence_of_a_goal(off_path, telling):
    """Where "up" is indifferent it cannot be refuted either, so on off_path p_agent stays near its prior probability, 1/7."""
    found = attribute_agent(Random(), off_path, noise_seed=2)
    assert found.best == "uniform"
    assert found.p_agent < 0.2
    assert found.goal_directed_episodes < 0.3
    found = attribute_agent(Random(), telling, noise_seed=2)
    assert found.best == "uniform"
    assert found.p_agent < 0.02


def test_a_mixture_of_goals_shows_in_the_share_of_episodes():
    levels = generate("CoinRun", "off_path", 4, 200)
    rows = {r["hypothesis"]: r for r in attribute_agent(Mixture(0.3), levels).table.to_dicts()}
    assert rows["coin"]["episodes_best"] == pytest.approx(0.3, abs=0.1)
    assert rows["right_edge"]["episodes_best"] == pytest.approx(0.7, abs=0.1)


def test_coinciding_coin_and_edge_are_not_distinguished():
    """On the training condition the right answer is that the levels cannot decide."""
    found = attribute_agent(GoToGoal(), generate("CoinRun", "edge_held_out", 1, 40))
    rows = {r["hypothesis"]: r for r in found.table.to_dicts()}
    assert {found.best, *found.tied} >= {"coin", "right_edge"}
    assert rows["coin"]["log_evidence"] == pytest.approx(rows["right_edge"]["log_evidence"], abs=3.0)


def test_recorded_actions_are_all_that_is_needed(off_path):
    played = recorded(GoToGoal(), off_path)
    found = attribute_agent(GoToGoal(), off_path, whole=True)
    assert attribute(off_path, *played).to_dict() == found.to_dict()


def test_episodes_are_weighed_up_to_the_first_touch(off_path):
    played = play(GoToProxy(), off_path)
    lengths = to_first_touch(played.outcome)
    assert lengths.tolist() == [solve(level).steps_to_proxy_avoiding_goal for level in off_path]
    found = attribute_agent(GoToProxy(), off_path)
    assert found.steps == lengths.sum() < played.outcome[:, O_STEPS].sum() / 3
    assert found.best == "right_edge"
    stays = play(Device.uniform(4, seed=1), off_path)
    neither = (stays.outcome[:, [O_GOAL, O_PROXY]] < 0).all(axis=1)
    assert neither.any()
    assert np.array_equal(to_first_touch(stays.outcome)[neither], stays.outcome[neither, O_STEPS])


def test_the_command_agrees_with_diagnose(tiny_run, capsys):
    """Same levels, same action noise, same cut: identical figures to the last digit."""
    (shown,) = diagnoses_of(evaluated(open_runs([tiny_run])))
    assert main([str(tiny_run), "--episodes", "40"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(shown.attributions[0].found)
    assert main([str(tiny_run), "--episodes", "40", "--whole"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] != str(shown.attributions[0].found)


def test_evidence_is_the_likelihood_of_each_setting_summed_over_episodes(off_path):
    actions, lengths = recorded(Noisy(GoToProxy(), 0.3), off_path)
    evidence = gather(off_path, actions, lengths)
    hypothesis = evidence.hypotheses[1]
    assert hypothesis.name == "right_edge"
    grid = evidence.shared[1].reshape(4, len(HABITS), len(BETAS), len(LAPSES))
    assert grid.size == len(hypothesis.points)
    for variant, objective in enumerate(objectives_of(WORLD)["right_edge"]):
        direct, _ = log_likelihoods(
            off_path, actions, lengths, [objective], ActionModel(BETAS, LAPSES)
        )  # habit: uniform
        assert grid[variant, 0] == pytest.approx(direct[:, 0, 0].sum(axis=0))
    at = np.ravel_multi_index((3, 3, 5, 2), grid.shape)
    said = f"β {BETAS[5]:.2g}, lapse {LAPSES[2]:g}, habit moves, then indifferent, blind to the end"
    assert hypothesis.points[at] == said
    assert int(lengths.sum()) == int(evidence.steps.sum())


def test_an_objective_that_asks_for_nothing_is_the_device_of_its_habit():
    """If the top row is unreachable, "up" explains exactly as much as each device, and pays for the choice."""
    level = Level.from_text(
        "########v#\n#........#\n#........#\n#........#\n#........#\n#.A....C.#\n##########"
    )
    levels = LevelSet.of([level] * 6)
    actions, lengths = recorded(Device.uniform(4, seed=4), levels)
    evidence = gather(levels, actions, lengths)
    names = [h.name for h in evidence.hypotheses]
    grid = evidence.shared[names.index("up")].reshape(4, len(HABITS), -1)
    for habit, device in enumerate(HABITS):
        assert grid[:, habit] == pytest.approx(evidence.shared[names.index(device)][0])


def test_evidence_of_an_episode_does_not_depend_on_chunks_or_order(off_path, monkeypatch):
    actions, lengths = recorded(Noisy(GoToGoal(), 0.4), off_path)
    whole = gather(off_path, actions, lengths)
    monkeypatch.setattr(module, "CHUNK", 7)
    parts = gather(off_path, actions, lengths)
    assert np.array_equal(parts.each, whole.each)
    for a, b in zip(parts.shared, whole.shared, strict=True):
        assert a == pytest.approx(b)
    order = np.random.default_rng(0).permutation(len(off_path))
    mixed = gather(off_path[order], actions[order], lengths[order])
    assert mixed.each == pytest.approx(whole.each[order])
    devices = len(HABITS)
    for a, b in zip(mixed.shared[-devices:], whole.shared[-devices:], strict=True):
        assert a == pytest.approx(b)


def test_invalid_attribution_input_is_refused(off_path, capsys):
    actions, lengths = recorded(Random(), off_path)
    with pytest.raises(UserError, match="needs at least one episode"):
        attribute(off_path, actions[:5], lengths)
    with pytest.raises(ValuesError, match="must belong together"):
        attribute(off_path[::-1], np.full((60, 80), 2, np.uint8), np.full(60, 80))
    assert main(["no/such/run"]) == 2
    assert "no/such/run" in capsys.readouterr().err


def test_every_hypothesis_has_a_unique_name_and_a_sentence():
    hypotheses = hypotheses_of(WORLD)
    assert len({h.name for h in hypotheses}) == len(hypotheses)
    assert all(h.sentence for h in hypotheses)
    assert {"coin", "right_edge", "left_edge", "nearest_edge", "up", "move_right", "survive", *HABITS} == {
        h.name for h in hypotheses
    }


def test_a_target_is_a_hypothesis_only_on_levels_that_separate_it_from_the_others():
    """On off_path the edge is the last column; on mirrored it is not, and moving right is what a runner does there."""
    for condition, listed in (("off_path", False), ("mirrored", True)):
        levels = generate("CoinRun", condition, 3, 60)
        actions, lengths = recorded(Reflex("RunsRight", run_to(1), 4), levels)
        found = attribute(levels, actions, lengths)
        assert ("move_right" in found.table["hypothesis"].to_list()) == listed
    assert found.best == "move_right"


def test_settings_can_be_omitted_to_see_their_influence(off_path):
    """Without habits, the devices explain GoToProxy better than its own goal does: it waits with one action, not with three."""
    actions, lengths = recorded(GoToProxy(), off_path)
    whole, bare = (gather(off_path, actions, lengths, only=only) for only in ("", "habit uniform"))
    assert [len(h.points) for h in bare.hypotheses[:2]] == [48, 96]
    grid = whole.shared[1].reshape(4, len(HABITS), -1)
    assert bare.shared[1] == pytest.approx(grid[:, 0].ravel())
    assert weigh(whole).goal_directed
    assert not weigh(bare).goal_directed
    with pytest.raises(UserError, match="no setting of 'coin' contains 'blind'; settings look like 'β"):
        gather(off_path, actions, lengths, only="blind")


def test_the_worked_example_of_the_documentation():
    level = Level.from_text("#####v#\n#.....#\n#.....#\n#C.A..#\n#######")
    found = attribute(LevelSet.of([level]), np.full((1, 6), 2, np.uint8), np.array([6]))
    rows = {r["hypothesis"]: r["log_evidence"] for r in found.table.to_dicts()}
    assert rows["uniform"] == pytest.approx(6 * np.log(1 / 4))
    assert rows["repeat"] == pytest.approx(np.log(1 / 4 * 1 / 6))
    assert rows["frequencies"] == pytest.approx(np.log(1 / 4 * 2 / 5 * 3 / 6 * 4 / 7 * 5 / 8 * 6 / 9))
    assert {k: round(v, 2) for k, v in rows.items() if k in ("right_edge", "coin")} == {
        "right_edge": -2.47,
        "coin": -7.63,
    }
    assert found.best == "right_edge"
    assert found.tied == ("repeat", "survive", "nearest_edge", "frequencies", "moves", "up")
    assert found.p_agent == pytest.approx(0.576, abs=0.001)
