"""Row C2: custom agents are never confused; each has a name, and a seed if it was trained with one."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures.faults import row

from goalposts.agents.rollout import _Asked
from goalposts.errors import UserError
from goalposts.experiments import diagnose, evaluate
from goalposts.experiments.measurement import (
    capability_under_shift,
    goal_preference,
    outcomes,
    paired_difference,
    probe_table,
    regret,
    repeated_levels,
)
from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.verdict.verdict import diagnose_each


class Stays:
    """A custom agent with a constant action."""

    def __init__(self, action: int) -> None:
        self.action = action

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ):
        return np.full(len(observation), self.action), state


def table_of(agent: Any, **named: Any) -> pl.DataFrame:
    return evaluate(agent, ["edge_held_out", "off_path"], 4, **named)


@row("C2")
def test_two_agents_of_one_class_have_two_names() -> None:
    one, other = Stays(1), Stays(2)
    first = table_of(one)
    both = pl.concat([first, table_of(other)])
    names = both["agent"].unique(maintain_order=True).to_list()
    assert len(names) == 2
    assert all(name.startswith("Stays") for name in names)
    with pytest.raises(EpisodesError, match=r"agents"):
        diagnose(both)
    assert list(diagnose_each(both)) == names
    assert table_of(one)["agent"][0] == names[0]  # an object keeps its name
    del other
    gc.collect()
    assert table_of(Stays(2))["agent"][0] not in names


@row("C2")
def test_an_agent_has_the_name_and_the_seed_that_it_is_given() -> None:
    table = pl.concat([table_of(Stays(2), name="right", seed=seed) for seed in (3, np.int64(4))])
    assert table["agent"].unique().to_list() == ["right"]
    assert sorted(table["run"].unique()) == ["right-s3", "right-s4"]
    verdict = diagnose(table)
    assert verdict.scope == "this training procedure"
    assert table_of(Stays(2), name="right")["train_seed"].null_count() == 16


@row("C2")
def test_two_agents_under_one_name_are_an_error_that_says_what_to_do() -> None:
    joined = pl.concat([table_of(Stays(1), name="mine"), table_of(Stays(2), name="mine")])
    with pytest.raises(
        EpisodesError, match=r"'mine' has 2 episodes on level 0 .* evaluate\(agent, name='…'\).*diagnose_each"
    ):
        diagnose(joined)
    numbers: list[Callable[[pl.DataFrame], Any]] = [
        goal_preference,
        capability_under_shift,
        probe_table,
        partial(outcomes, condition="off_path"),
        partial(regret, condition="off_path"),
        partial(paired_difference, a="off_path", b="edge_held_out"),
    ]
    for number in numbers:
        with pytest.raises(EpisodesError, match="'mine' has 2 episodes"):
            number(joined)
    assert diagnose(joined, repeats=True).agent == "mine"
    with repeated_levels():
        assert regret(joined, condition="off_path").episodes == 2 * 4
    with pytest.raises(EpisodesError, match="'mine' has 2 episodes"):
        goal_preference(joined)


@row("C2")
@pytest.mark.parametrize(
    "named", [{"name": ""}, {"name": "a\nb"}, {"name": 3}, {"seed": -1}, {"seed": 1.5}, {"seed": True}]
)
def test_invalid_agent_name_or_seed_is_refused(named: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"(name|seed)=.* (is a whole number|must be)"):
        table_of(Stays(1), **named)


@row("C2")
def test_of_an_agent_that_may_have_been_trained_the_verdict_does_not_say_that_it_was_not() -> None:
    assert "not trained" not in str(diagnose(table_of(Stays(1))))
    assert "there is one training seed" in str(diagnose(table_of(Stays(1), seed=0)))


ANSWERS: dict[str, tuple[Any, str]] = {
    "nothing": (None, "returned None; must be"),
    "a number": (3, "returned an int; must be"),
    "fractions": ((np.full(4, 0.5), None), "of float64 that are not whole"),
    "not a number": ((np.full(4, np.nan), None), "of float64 that are not whole"),
    "text": ((["a"] * 4, None), "that are not whole"),
}


@row("C2", "B18")
@pytest.mark.parametrize("name", ANSWERS)
def test_an_agent_whose_predict_returns_no_actions_gets_one_message(name: str) -> None:
    """Regression: None and texts were tracebacks, and 0.5 was action 0 without a word."""
    agent = Stays(1)
    agent.predict = lambda *given, **named: ANSWERS[name][0]  # type: ignore[method-assign]
    with pytest.raises(UserError, match=ANSWERS[name][1]):
        evaluate(agent, "off_path", 4)
    agent.predict = lambda *given, **named: (np.full(4, 1.0), None)  # type: ignore[method-assign]
    assert _Asked(agent, sampled=True).actions(np.zeros((4, 1, 1, 1)), np.arange(4)).tolist() == [1] * 4
