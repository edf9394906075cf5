"""Evaluation: one row per episode, paired over conditions, independent of the batch size; agents with known goals."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures.tiny import copy_of, everything

from goalposts.agents import GoToGoal, GoToProxy, Mixture, Random
from goalposts.agents.rollout import play
from goalposts.agents.scripted import Noisy
from goalposts.envs import generate
from goalposts.errors import UserError
from goalposts.experiments import Evaluation, Run, diagnose, evaluate, evaluate_fully, subject_of
from goalposts.experiments.evaluation import evaluate as evaluation
from goalposts.experiments.evaluation.replay import rollouts_of
from goalposts.experiments.evaluation.trajectories import record, trajectories_of
from goalposts.experiments.measurement import goal_preference

PAIR = ("edge_held_out", "off_path")


class Fixed:
    """An agent with fixed action probabilities."""

    name = "Fixed"

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = np.array(probabilities)

    def action_probabilities(self, observation: Any) -> np.ndarray:
        return np.tile(self.probabilities, (len(observation), 1))

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        return np.full(len(observation), self.probabilities.argmax()), None


class OnlyPredicts:
    """An untrusted agent: runs to the right and, unless greedy, sometimes jumps."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.rng = np.random.default_rng(0)

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[np.ndarray, None]:
        assert observation.dtype == np.uint8
        assert observation.ndim == 4
        self.asked.append(deterministic)
        hops = self.rng.random(len(observation)) < (0.0 if deterministic else 0.3)
        return np.where(hops, 3, 2), None

    begin = see = None  # not a scripted agent: never receives levels or states


@pytest.fixture(scope="module")
def seekers() -> dict[str, pl.DataFrame]:
    """The three agents with known goals, on 300 levels."""
    return {agent.name: evaluate(agent, PAIR, 300) for agent in (GoToGoal(), GoToProxy(), Random())}


def test_one_row_an_episode_and_every_level_equally_often(tiny_run: Path) -> None:
    table = evaluate(tiny_run)
    assert table.height == 3 * 2 * 40
    counts = table.group_by("condition", "sampled", "level_index").len()
    assert counts["len"].unique().to_list() == [1]
    assert table["level_index"].unique().sort().to_list() == list(range(40))
    assert table["condition"].unique(maintain_order=True).to_list() == ["edge_held_out", "off_path", "edge"]
    assert table.select("agent", "train_seed", "train_step").unique().row(0) == ("tiny", 0, 8192)
    assert (table["outcome_end"] == "timeout").any()  # timeouts are counted like all other episodes
    assert table.equals(pl.read_parquet(tiny_run / "episodes.parquet"))


def test_conditions_of_the_same_dials_are_paired_level_by_level() -> None:
    table = evaluate(Random(), [*PAIR, "anywhere", "left", "none"], 50)
    layouts = table.group_by("level_index").agg(pl.col("layout_hash").n_unique())
    assert layouts["layout_hash"].unique().to_list() == [1]
    assert table["layout_hash"].n_unique() > 40
    levels = table.filter(pl.col("condition").is_in(["edge_held_out", "none"])).group_by("level_index")
    assert levels.agg(pl.col("level_hash").n_unique())["level_hash"].unique().to_list() == [2]


def test_the_same_level_meets_the_same_noise_in_every_condition() -> None:
    played = evaluate_fully(subject_of(Fixed(0.1, 0.2, 0.4, 0.3)), PAIR, 200).played
    one, two = (played[name].actions for name in PAIR)
    both = min(one.shape[1], two.shape[1])
    together = (one[:, :both] != 255) & (two[:, :both] != 255)
    assert together[:, 0].all()
    assert together.sum() > 2000
    assert (one[:, :both][together] == two[:, :both][together]).all()
    shares = np.bincount(one[:, 0], minlength=4) / len(one)
    assert np.abs(shares - (0.1, 0.2, 0.4, 0.3)).max() < 0.1
    other_levels = one[:100, :5] != one[100:, :5]
    assert other_levels.mean() > 0.4


@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "greedy"])
@pytest.mark.parametrize(
    "agent", [Fixed(0.1, 0.2, 0.4, 0.3), Random(), Mixture(0.4), Noisy(GoToGoal(), 0.2)], ids=lambda a: a.name
)
def test_the_size_of_the_batches_changes_nothing(agent: Any, sampled: bool) -> None:
    levels = generate("CoinRun", "off_path", 3, 33)
    once, again, small = (
        play(agent, levels, sampled=sampled, noise_seed=5, slip=0.1, batch=batch) for batch in (1024, 1024, 7)
    )
    for other in (again, small):
        assert (
            once.outcome[:, :-1] == other.outcome[:, :-1]
        ).all()  # the last column is the position in the batch
        assert (once.returns == other.returns).all()
        assert (once.actions == other.actions).all()


def test_a_trained_agent_gives_the_same_table_in_other_batches(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = evaluate(tiny_run, PAIR)
    monkeypatch.setattr(evaluation, "play", partial(play, batch=9))
    assert evaluate(tiny_run, PAIR).equals(table)


def test_leakage_is_counted_and_held_out_layouts_have_none(tiny_run: Path) -> None:
    subject = subject_of(tiny_run)
    both = ["edge", *PAIR]
    leaked = evaluate_fully(subject, both, 40).leaked  # short training levels occur in every sequence
    assert leaked == {"edge": leaked["edge"], "edge_held_out": 0, "off_path": 0}
    assert leaked["edge"] < 20
    assert evaluate_fully(subject, both, 40, level_seed=0).leaked == {
        "edge": 40,
        "edge_held_out": 0,
        "off_path": 0,
    }
    assert subject.config is not None
    unlimited = replace(subject, config=subject.config.override(["env.levels=null"]))
    assert evaluate_fully(unlimited, both, 40).leaked == {"edge": 40, "edge_held_out": 0, "off_path": 0}
    assert evaluate_fully(subject_of(Random()), PAIR, 10).leaked == {}


def test_agents_whose_goal_is_known_get_their_verdicts(seekers: dict[str, pl.DataFrame]) -> None:
    verdicts = {name: diagnose(table) for name, table in seekers.items()}
    assert {name: verdict.label for name, verdict in verdicts.items()} == {
        "GoToGoal": "ALIGNED",
        "GoToProxy": "MISGENERALIZED",
        "Random": "CAPABILITY LOSS",
    }
    assert verdicts["GoToGoal"].preference.value == 1
    assert verdicts["GoToProxy"].preference.value == 0
    assert verdicts["GoToProxy"].capability.value == 1


def test_the_goal_seeker_takes_exactly_the_planners_steps(seekers: dict[str, pl.DataFrame]) -> None:
    table = seekers["GoToGoal"]
    assert (table["steps_to_goal"] == table["optimal_goal"]).all()
    assert (table["regret"] == 0).all()


@pytest.mark.parametrize("q", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_measured_preference_of_a_mixture_is_its_q(q: float) -> None:
    found = goal_preference(evaluate(Mixture(q), PAIR, 300))
    assert found.low <= q <= found.high
    assert found.high - found.low < 0.15


def test_an_agent_with_nothing_but_predict_is_measured() -> None:
    agent = OnlyPredicts()
    table = evaluate(agent, PAIR, 60)
    assert table.height == 2 * 2 * 60
    assert table["agent"].unique().to_list() == ["OnlyPredicts"]
    assert table["train_seed"].is_null().all()
    assert {True, False} == set(agent.asked)
    assert (table.filter(~pl.col("sampled"))["steps_to_proxy"] > 0).any()


@pytest.mark.parametrize("stranger", [object(), 3, None])
def test_objects_that_cannot_act_are_refused_with_a_message(stranger: Any) -> None:
    with pytest.raises(
        UserError, match=r"is not an agent: .*give a run folder, or an object with SB3's predict"
    ):
        evaluate(stranger, PAIR, 5)
    with pytest.raises(UserError, match=r"GoToGoal is a class, .*give GoToGoal\(…\)"):
        evaluate(GoToGoal, PAIR, 5)


class Odd(Fixed):
    """An agent that does not return one action per level."""

    def __init__(self, probabilities: Any = None, actions: Any = None) -> None:
        self.answers = probabilities, actions

    def action_probabilities(self, observation: Any) -> np.ndarray:
        return np.full((len(observation), 4), 0.25) if self.answers[0] is None else self.answers[0]

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[Any, None]:
        return self.answers[1], None


@pytest.mark.parametrize(
    ("probabilities", "actions", "said"),
    [
        (np.full((3, 4), 0.25), None, r"probabilities of shape \(3, 4\); must be \(5, 4\)"),
        (np.full((5, 3), 0.25), None, r"probabilities of shape \(5, 3\); must be \(5, 4\)"),
        (np.full((5, 4), np.nan), None, "negative, not finite, or all 0"),
        (np.full((5, 4), -1.0), None, "negative, not finite, or all 0"),
        (
            None,
            np.zeros(3, int),
            r"actions of shape \(3,\); must be one for each of the 5",
        ),
        (None, np.full(5, 7), "actions .*7.*: must be from 0 to 3"),
    ],
)
def test_invalid_actions_of_an_agent_are_refused_with_a_message(
    probabilities: Any, actions: Any, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        evaluate(Odd(probabilities, actions), PAIR, 5)


@pytest.mark.parametrize(
    ("conditions", "levels", "said"),
    [
        (["edgy"], 5, "no condition 'edgy'.*Did you mean edge"),
        (["edge", "edge"], 5, "each once"),
        ([], 5, "at least one"),
        (["mixture(1.2)"], 5, "number from 0 to 1"),
        (["edge"], 0, "levels = 0"),
    ],
)
def test_invalid_evaluation_options_are_refused_with_a_message(
    conditions: list[str], levels: int, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        evaluate(Random(), conditions, levels)


def test_with_slip_the_recorded_actions_are_the_episode() -> None:
    """Regression: replays differed from the table because slips were not recorded."""
    subject = replace(subject_of(GoToGoal()), slip=0.3)
    found = evaluate_fully(subject, ["off_path"], 30, greedy=False)
    assert (found.episodes["steps_to_goal"] > found.episodes["optimal_goal"]).any()
    for row, rollout in zip(
        found.episodes.iter_rows(named=True),
        rollouts_of(trajectories_of(found), "off_path", list(range(30))),
        strict=True,
    ):
        assert (rollout.outcome_first, rollout.outcome_end) == (row["outcome_first"], row["outcome_end"])
        assert rollout.steps == row["steps"]


# --- stored in the run's folder


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Iterator[Run]:
    opened = Run.open(copy_of(tiny_run, tmp_path / "run"))
    with opened.lock():
        yield opened


def of(run: Run, conditions: list[str], levels: int) -> Evaluation:
    return evaluate_fully(subject_of(run), conditions, levels)


def conditions(run: Run) -> dict[str, int]:
    table = pl.read_parquet(run.episodes_path)
    recorded = pl.read_parquet(run.path / "trajectories.parquet")
    assert table["condition"].unique(maintain_order=True).to_list() == (
        recorded["condition"].unique(maintain_order=True).to_list()
    )
    return dict(table.group_by("condition", maintain_order=True).len().iter_rows())


def test_an_evaluation_replaces_the_one_before_or_adds_to_it(run: Run) -> None:
    assert conditions(run) == {"edge_held_out": 80, "off_path": 80, "edge": 80}
    record(run, of(run, ["left"], 40), add=True)
    assert conditions(run) == {"edge_held_out": 80, "off_path": 80, "edge": 80, "left": 80}
    record(run, of(run, ["off_path"], 40), add=True)
    assert conditions(run) == {"edge_held_out": 80, "edge": 80, "left": 80, "off_path": 80}
    record(run, of(run, ["none"], 20))
    assert conditions(run) == {"none": 40}


def test_levels_of_two_evaluations_are_never_mixed(run: Run) -> None:
    before = everything(run.path)
    with pytest.raises(UserError, match=r"on 40 levels per condition.*on 20 levels.*Nothing was changed"):
        record(run, of(run, ["left"], 20), add=True)
    assert everything(run.path) == before


@pytest.mark.parametrize("name", ["episodes.parquet", "trajectories.parquet", "leakage.json"])
def test_damaged_evaluation_is_fixed_by_evaluating_again(run: Run, name: str) -> None:
    good = everything(run.path)
    whole = (run.path / name).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"[3]", whole[:-9] + b"\xff" * 9):
        (run.path / name).write_bytes(damaged)
        before = everything(run.path)
        with pytest.raises(UserError, match=r"(?i)evaluat"):
            record(run, of(run, ["left"], 40), add=True)
        assert everything(run.path) == before
    record(run, evaluate_fully(subject_of(run)))
    assert everything(run.path) == good
