"""Early stopping: training ends once the agent does well on its training levels; the remaining steps are not spent.

The rule reads training returns only, so it is blind to the shift: the mean return of the last episodes is at least a threshold after
each of several updates in a row. Prechelt 1998, "Early stopping — but when?", describes such rules. In reinforcement learning no held-out
loss is needed, because each episode is scored before the agent learns from it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar

from ..option_range import within


@dataclass(frozen=True)
class EarlyStopping:
    """Options of early stopping. mean_return: threshold; episodes: at least so many of the last ones count; updates: how many in a row."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "Prechelt 1998"

    mean_return: float = 0.95
    episodes: int = 1000
    updates: int = 3

    def __post_init__(self) -> None:
        within("episodes", self.episodes, 1)
        within("updates", self.updates, 1)

    def train(self, task: Any, seed: int) -> Any:
        """Train until the rule applies or the budget is spent."""
        return task.run(task.learner(), until=StoppingRule(self)).agent()


class StoppingRule:
    """Receives the statistics of each update; True once training should end."""

    def __init__(self, method: EarlyStopping) -> None:
        self.method = method
        self._updates: deque[tuple[int, float]] = deque()  # number of episodes, sum of their returns
        self._in_a_row = 0

    def __call__(self, progress: Any) -> bool:
        """Whether the threshold has been met after enough updates in a row. progress: a `TrainingProgress`."""
        if progress.episodes:
            self._updates.append((progress.episodes, progress.episodes * progress.ep_rew_mean))
        episodes = sum(count for count, _ in self._updates)
        while self._updates and episodes - self._updates[0][0] >= self.method.episodes:
            episodes -= self._updates.popleft()[0]
        enough = episodes >= self.method.episodes
        met = enough and sum(total for _, total in self._updates) / episodes >= self.method.mean_return
        self._in_a_row = self._in_a_row + 1 if met else 0
        return self._in_a_row >= self.method.updates
