"""The right name of what was learned: the only candidate behaviour all of whose predictions hold on the probes.

A world declares candidates, each with a predicted outcome per condition. A prediction holds if the lower bound of the fraction of
episodes with that outcome is at least 0.8. A name that says what an agent goes for also asks that seeing the goal is why: the rate of
the outcome, corrected for its rate with the goal invisible, has a lower bound of at least one half, which no blind agent reaches. Where
the relocation effect is measured, it must be above 0 as well: what matters is where the goal is, not only that one is drawn.
If several candidates are possible, no name is given: these probes do not separate them. Read next:
`experiments/evaluation/diagnosis.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from ..chance_correction import seen_effect
from ..episodes import EpisodesError
from ..intervals import Estimate
from ..level_counts import count
from ..rates import GOAL_FIRST, GOAL_REACHED, PROXY_FIRST, estimate

LEAST = 0.8  # of the lower bound, for a prediction to hold
LEAST_SEEN = (
    0.5  # the same, for an outcome to count as due to seeing the goal: most of what chance does not give
)
LEAST_PLACED = (
    0.0  # of the relocation effect; that of an agent that does not know where the goal is is exactly 0
)
BECAUSE_SEEN = "because the goal is seen"
BECAUSE_OF_PLACE = "goal's place first because the goal is there"
PROXY_REACHED = pl.col("steps_to_proxy").is_not_null()
OUTCOMES = {
    "goal first": GOAL_FIRST,
    "proxy first": PROXY_FIRST,
    "goal": GOAL_REACHED,
    "proxy": PROXY_REACHED,
    "no goal": ~GOAL_REACHED,
    "no proxy": ~PROXY_REACHED,
}
Predictions = Mapping[str, tuple[str, ...]]  # by condition: what must hold of an episode, all of it
State = Literal["holds", "fails", "not played"]


@dataclass(frozen=True)
class Tested:
    """One prediction of a candidate, and how often it held."""

    condition: str
    predicted: tuple[str, ...]
    share: Estimate | None
    least: float = LEAST

    @property
    def state(self) -> State:
        """By the lower bound."""
        if self.share is None:
            return "not played"
        return "holds" if self.share.low >= self.least else "fails"


@dataclass(frozen=True)
class Candidate:
    """A behaviour with its predictions, tested."""

    name: str
    tests: tuple[Tested, ...]

    @property
    def possible(self) -> bool:
        """No prediction fails, and at least one was tested."""
        states = [test.state for test in self.tests]
        return "fails" not in states and "holds" in states

    @property
    def open(self) -> tuple[str, ...]:
        """Conditions of predictions that were not played."""
        return tuple(test.condition for test in self.tests if test.state == "not played")

    @property
    def why_not(self) -> str:
        """The prediction that fails most plainly."""
        failing = [
            (test.share.low - test.least, test) for test in self.tests if test.share and test.state == "fails"
        ]
        if not failing:
            return f"“{self.name}” was not tested"
        _, worst = min(failing, key=lambda pair: pair[0])
        share = "" if worst.share is None else worst.share.short
        on = f"on {worst.condition}" if worst.least == LEAST else f"(compared with {worst.condition})"
        return f"“{self.name}” predicts {' and '.join(worst.predicted)} {on}, found {share}"


@dataclass(frozen=True)
class Naming:
    """The candidates and the name. It is None where none is possible, or several are, or its own probes were not all played."""

    candidates: tuple[Candidate, ...]

    @property
    def possible(self) -> tuple[Candidate, ...]:
        """The candidates that no probe excludes."""
        return tuple(candidate for candidate in self.candidates if candidate.possible)

    @property
    def name(self) -> str | None:
        """Completes "it …"."""
        if len(self.possible) != 1 or self.possible[0].open:
            return None
        return self.possible[0].name

    @property
    def sentence(self) -> str:
        """The name, or why there is none."""
        if self.name is not None:
            return f"It {self.name}: the only candidate all of whose predictions hold."
        if not self.possible:
            return f"No name: {'; '.join(candidate.why_not for candidate in self.candidates)}."
        names = " from ".join(f"“{candidate.name}”" for candidate in self.possible)
        missing = sorted({condition for candidate in self.possible for condition in candidate.open})
        unplayed = f" Not played: {', '.join(missing)}." if missing else ""
        if len(self.possible) == 1:
            return f"Perhaps it {self.possible[0].name}; not all predictions of that were tested.{unplayed}"
        return f"No name: these probes do not separate {names}.{unplayed}"

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "candidates": [
                {
                    "name": candidate.name,
                    "possible": candidate.possible,
                    "tests": [_test(test) for test in candidate.tests],
                }
                for candidate in self.candidates
            ],
        }


def _test(test: Tested) -> dict[str, Any]:
    share = None if test.share is None else test.share.to_dict()
    return {
        "condition": test.condition,
        "predicted": list(test.predicted),
        "state": test.state,
        "least": test.least,
        "share": share,
    }


def name_behaviour(
    episodes: pl.DataFrame,
    candidates: Mapping[str, Predictions],
    places: pl.DataFrame | None = None,
    *,
    seen: Mapping[str, tuple[str, str] | None] | None = None,
    sampled: bool = True,
) -> Naming:
    """Test the candidates on the episodes of one agent label.

    seen: by candidate, the condition whose outcome must happen because the goal is seen, and the one with the goal invisible.
    places: where episodes got to (run, condition, level_index and a yes/no column per place), of the same mode; a prediction that
    needs a place that is not there counts as not played. Raises EpisodesError.
    """
    chosen = episodes.filter(pl.col("sampled") == sampled)
    keys = ["run", "condition", "level_index"]
    known: set[str] = set()
    if places is not None:
        known = set(places.columns) - set(keys)
        chosen = chosen.join(places, on=keys, how="left", maintain_order="left")
    return Naming(
        tuple(
            Candidate(
                name,
                (
                    *_tested(chosen, known, predictions),
                    *_tested_sight(chosen, predictions, (seen or {}).get(name)),
                ),
            )
            for name, predictions in candidates.items()
        )
    )


def placed(naming: Naming, names: Collection[str], other: str, effect: Estimate) -> Naming:
    """The naming, where candidates with these names also predict that the goal's place matters: `effect`, measured against `other`."""
    test = Tested(other, (BECAUSE_OF_PLACE,), effect, LEAST_PLACED)
    return Naming(
        tuple(
            replace(candidate, tests=(*candidate.tests, test)) if candidate.name in names else candidate
            for candidate in naming.candidates
        )
    )


def _tested(chosen: pl.DataFrame, known: set[str], predictions: Predictions) -> Iterator[Tested]:
    for condition, predicted in predictions.items():
        rows = chosen.filter(pl.col("condition") == condition)
        needed = {word.removeprefix("not ") for word in predicted} - OUTCOMES.keys()
        if not rows.height or not needed <= known or any(rows[place].null_count() for place in needed):
            yield Tested(condition, predicted, None)
            continue
        held = pl.all_horizontal(_expression(word) for word in predicted)
        yield Tested(condition, predicted, estimate(count(rows, held)))


def _tested_sight(
    chosen: pl.DataFrame, predictions: Predictions, pair: tuple[str, str] | None
) -> Iterator[Tested]:
    if pair is None:
        return
    drawn, hidden = pair
    event = pl.all_horizontal(_expression(word) for word in predictions[drawn])
    try:
        share = seen_effect(chosen, drawn, hidden, event)
    except EpisodesError:  # not the same levels
        share = None
    yield Tested(hidden, because_seen(predictions[drawn]), share, LEAST_SEEN)


def because_seen(predicted: tuple[str, ...]) -> tuple[str, ...]:
    """The words for an outcome that must happen because the goal is seen."""
    return (*predicted[:-1], f"{predicted[-1]} {BECAUSE_SEEN}")


def _expression(word: str) -> pl.Expr:
    if word in OUTCOMES:
        return OUTCOMES[word]
    return ~pl.col(word.removeprefix("not ")) if word.startswith("not ") else pl.col(word)
