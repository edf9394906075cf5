"""What agents that cannot see the goal score is printed next to the preference, and the goal effect only where it is evidence."""

from __future__ import annotations

from goalposts.agents import GoToGoal
from goalposts.experiments.evaluation.diagnosis import chance_context
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.trajectories import trajectories_of
from goalposts.experiments.measurement import diagnose


def test_an_agent_blind_to_the_goal_rarely_prefers_it_and_random_actions_do() -> None:
    found = evaluate_fully(subject_of(GoToGoal()), ["off_path"], 60, greedy=False)
    chance = chance_context(found.episodes, trajectories_of(found), "off_path")
    assert chance["blind to the goal"].value < 0.4
    assert chance["Random"].value > chance["blind to the goal"].value
    clear = found.episodes.filter("distinguishing").height
    assert chance["Random"].n < clear  # on most levels it reaches neither
    assert chance["Random"].kept == chance["Random"].n / clear
    assert chance_context(found.episodes, None, "off_path") == {}


def test_the_goal_effect_is_shown_only_where_a_pair_of_agents_calibrates_it() -> None:
    conditions = ["yellow_line_held_out", "pairs", "invisible"]
    found = evaluate_fully(subject_of(GoToGoal(), "ColourShape"), conditions, 60, greedy=False)
    verdict = diagnose(found.episodes)
    assert verdict.goal_effect is not None
    assert "goal effect" in str(verdict)
    assert "not shown: no calibration separates agent from control by it in ColourShape" in str(verdict)
