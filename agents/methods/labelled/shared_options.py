"""What the methods with labelled levels share: which labels, where they start, and how training levels are replayed.

With the same seed, `start: trained` and `start: untrained` get exactly the same labels and take equally many steps on them. Read next:
`labelled_cloning.py`, the shortest of these methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from goalposts.errors import UserError

from ....envs.levels.level import LevelSet
from ..option_range import one_of, within
from .imitation import Pairs

STARTS = ("trained", "untrained")


@dataclass(frozen=True)
class FromLabels:
    """Options of all these methods. levels: number of labelled levels, k; 0: all that `method.labels` allows.

    start: `trained` or `untrained`. trained: with `init_from`, the agent of that run; else the config's algorithm first trains on the
    usual levels with a fraction `plain` of the step budget. untrained: random weights, and that fraction stays unspent.
    replay: fraction of the pairs or episodes from training levels; replay_levels: number of those levels.
    """

    label_class: ClassVar[str] = "L3"

    levels: int = 0
    start: str = "trained"
    plain: float = 0.8
    replay: float = 0.0
    replay_levels: int = 500

    def __post_init__(self) -> None:
        within("levels", self.levels, 0)
        one_of("start", self.start, STARTS)
        within("plain", self.plain, 0, 1)
        within("replay", self.replay, 0, 1, open_end=True)
        within("replay_levels", self.replay_levels, 1)

    def begin(self, task: Any) -> Any:
        """A learner with the weights to start from."""
        if self.start == "untrained":
            return task.learner(fresh=True)
        return trained_plainly(task, self.plain)

    def labelled(self, task: Any, seed: int) -> LevelSet:
        """The labelled levels of a seed. Raises BudgetExceeded, or UserError if there are none."""
        count = self.levels or task.labels.limit
        if not count:
            raise UserError(
                "this method learns from labelled levels, and method.labels is 0; set it to their number, such as method.labels=10."
            )
        return task.labelled_levels(count, draw=seed)

    def replayed(self, task: Any) -> Pairs | None:
        """The planner's demonstrations on training levels, which are free of labels; None without replay."""
        from ...scripted import GoToGoal
        from ..task import demonstrations

        if not self.replay:
            return None
        return Pairs(*demonstrations(task, GoToGoal(), task.levels(self.replay_levels)))


def trained_plainly(task: Any, plain: float) -> Any:
    """A learner with the weights of `init_from`, or else trained on the usual levels with a fraction `plain` of the step budget."""
    return task.learner() if task.has_start else task.run(task.learner(total_steps=plain_steps(task, plain)))


def plain_steps(task: Any, plain: float) -> int:
    """Steps of that training, in whole rollouts; 0 with `init_from`."""
    rollout = task.settings.rollout
    return 0 if task.has_start else int(plain * task.steps.limit) // rollout * rollout
