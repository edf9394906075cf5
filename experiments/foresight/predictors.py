"""The predictors: numbers that may predict an agent's goal preference under shift, registered once, by access class.

    for found in foresee("runs/edge-s0"):
        print(found.predictor.name, found.value, found.missing)

Signs were fixed before the study (docs/results/foresight-plan.md): + where a larger value should mean that the agent pursues the goal.
Read next: `evidence.py`, what they read; `from_training.py`, `behaviour.py`, how they are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ..evaluation.evaluate import Subject
from ..runs.run import Run
from . import behaviour, from_training
from .evidence import LEVELS, NotAvailable, PredictorInputs

Access = Literal["A", "B", "C", "D", "E"]

ACCESS: dict[Access, str] = {
    "A": "training levels only",
    "B": "training log",
    "C": "weights",
    "D": "behaviour on levels of the training kind",
    "E": "shifted inputs without labels: nearly the outcome",
}
EDITS = "edits the observation, must know the goal plane"
CHOICES = "shift_choices"


@dataclass(frozen=True)
class Predictor:
    """One predictor. sign: of its expected correlation with the goal preference; needs: in addition to its access class."""

    name: str
    access: Access
    sign: Literal[1, -1]
    needs: str
    sentence: str
    compute: Callable[[PredictorInputs], float]


RUN, STATES = "a run folder", "action probabilities"

PREDICTORS = (
    Predictor("alpha", "A", 1, RUN, "parameter of the training condition, such as α", from_training.alpha),
    Predictor(
        "distinguishing",
        "A",
        1,
        RUN,
        "training levels on which goal and proxy come apart",
        from_training.distinguishing,
    ),
    Predictor("train_return", "B", 1, RUN, "mean return at the end of training", from_training.train_return),
    Predictor(
        "train_entropy", "B", 1, RUN, "policy entropy at the end of training", from_training.train_entropy
    ),
    Predictor(
        "length_slope",
        "B",
        -1,
        RUN,
        "slope of the episode length in the second half of training",
        from_training.length_slope,
    ),
    Predictor(
        "goal_weights",
        "C",
        1,
        "checkpoint 0",
        "weight change on the goal's plane, of the first layer's",
        from_training.goal_weights,
    ),
    Predictor(
        "goal_support",
        "C",
        1,
        "input support",
        "cells of the goal's plane ever lit in training",
        from_training.goal_support,
    ),
    Predictor(
        "move",
        "D",
        1,
        f"{STATES}; {EDITS}",
        "change of the policy when the goal's bit is moved",
        behaviour.move,
    ),
    Predictor(
        "erase",
        "D",
        1,
        f"{STATES}; {EDITS}",
        "change of the policy when the goal's bit is erased",
        behaviour.erase,
    ),
    Predictor("entropy", "D", 1, STATES, "entropy of the policy", behaviour.entropy),
    Predictor(
        "value_move",
        "D",
        1,
        f"the critic's value; {EDITS}",
        "change of the value when the goal's bit is moved",
        behaviour.value_move,
    ),
    Predictor(
        "shift_confidence",
        "E",
        1,
        STATES,
        "largest action probability on shifted inputs",
        behaviour.shift_confidence,
    ),
    Predictor(
        "shift_energy", "E", -1, "logits", "energy of the logits on shifted inputs", behaviour.shift_energy
    ),
    Predictor("shift_move", "E", 1, f"{STATES}; {EDITS}", "`move` on shifted inputs", behaviour.shift_move),
)
DISAGREEMENT = (
    "disagreement",
    "E",
    -1,
)  # over seeds of one config, from `shift_choices`: computed over a whole study


@dataclass(frozen=True)
class Foreseen:
    """The value of one predictor for an agent; None with the reason in `missing`."""

    predictor: Predictor
    value: float | None
    missing: str = ""


def foresee(source: Run | Subject | Any, levels: int = LEVELS, **options: Any) -> list[Foreseen]:
    """Compute every predictor of a run, a run folder, an agent or a `Subject`; options as in `subject_of`.

    Deterministic. Uses no outcome under a shift. Raises RunError, CheckpointError, UserError for what is not an agent.
    """
    inputs = _inputs_of(source, levels, options)
    return [_computed(predictor, inputs) for predictor in PREDICTORS]


def foreseen(name: str, source: Run | Subject | Any, levels: int = LEVELS, **options: Any) -> Foreseen:
    """Compute one predictor; arguments and errors as in `foresee`."""
    inputs = _inputs_of(source, levels, options)
    return _computed(next(predictor for predictor in PREDICTORS if predictor.name == name), inputs)


def measures_of(run: Run) -> list[dict[str, Any]]:
    """The predictors of a study's run as measures: name, value, and words where the value is none."""
    inputs = PredictorInputs.of(run)
    rows: list[dict[str, Any]] = []
    for predictor in PREDICTORS:
        prediction = _computed(predictor, inputs)
        rows.append(
            {"measure": predictor.name, "value": prediction.value, "words": prediction.missing or None}
        )
    with suppress(NotAvailable):
        rows.append({"measure": CHOICES, "value": None, "words": behaviour.shift_choices(inputs)})
    return rows


def _inputs_of(source: Run | Subject | Any, levels: int, options: dict[str, Any]) -> PredictorInputs:
    if isinstance(source, Subject):
        return PredictorInputs(source, None, levels)
    return PredictorInputs.of(source, levels, **options)


def _computed(predictor: Predictor, inputs: PredictorInputs) -> Foreseen:
    try:
        value = float(predictor.compute(inputs))
    except NotAvailable as error:
        return Foreseen(predictor, None, str(error))
    return (
        Foreseen(predictor, value) if math.isfinite(value) else Foreseen(predictor, None, "is undefined here")
    )
