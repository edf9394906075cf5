"""The result of `goalposts foresee`: predictors by access class, with what is missing, and the forecast. Read next: `predictors.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goalposts.text import plain

from ..evaluation.evaluate import subject_of
from .comparison import PRIMARY
from .forecast import forecast_sentences
from .predictors import ACCESS, EDITS, Foreseen, foresee


@dataclass(frozen=True)
class Foresight:
    """Every predictor of one agent, and the forecast in sentences."""

    agent: str
    world: str
    found: tuple[Foreseen, ...]
    forecast: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{plain(self.agent)} ({plain(self.world)}): numbers before any shift, by the access that they need"
        ]
        for access, what in ACCESS.items():
            lines += ["", f"{access}  {what}"]
            lines += [_line(prediction) for prediction in self.found if prediction.predictor.access == access]
        return "\n".join([*lines, "", f"* {EDITS}", "", *self.forecast])

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        rows = [
            {
                "name": prediction.predictor.name,
                "access": prediction.predictor.access,
                "sign": prediction.predictor.sign,
                "needs": prediction.predictor.needs,
                "value": prediction.value,
                "missing": prediction.missing,
            }
            for prediction in self.found
        ]
        return {"agent": self.agent, "world": self.world, "predictors": rows, "forecast": list(self.forecast)}


def foresee_fully(source: Any, **options: Any) -> Foresight:
    """Predictors and forecast of a run, a run folder or an agent; options and errors as in `foresee`."""
    subject, predictions = subject_of(source, **options), tuple(foresee(source, **options))
    primary = next(prediction for prediction in predictions if prediction.predictor.name == PRIMARY)
    return Foresight(
        subject.label, subject.world, predictions, tuple(forecast_sentences(primary, subject.world))
    )


def _line(foreseen: Foreseen) -> str:
    predictor = foreseen.predictor
    name = predictor.name + ("*" if EDITS in predictor.needs else "")
    if foreseen.value is None:
        return f"   {name:<18}{'–':>10}  {foreseen.missing}"
    return f"   {name:<18}{foreseen.value:>10.4g}  {predictor.sentence}"
