"""Progress display of a study: on a terminal, a bar with the time left and a line per worker; in a log, a line per run.

Read next: `experiments/study/driver.py`, which calls it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from goalposts.process.patience import heard, own_display, show_progress
from goalposts.text import plain

from ...system.screen import block_bar
from ..design.plan import StudyPlan
from ..workers.job import Failed
from ..workers.local import At
from .estimate import time_of


def spell_time(seconds: float) -> str:
    """Spell a duration: 95 → `1 min 35 s`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


class StudyProgress:
    """Progress display on stderr. per_run: estimated seconds of each run, by id."""

    def __init__(self, plan: StudyPlan, workers: int, per_run: Mapping[str, float], quiet: bool) -> None:
        from rich.console import Console

        self.plan, self.workers, self.costs, self.quiet = plan, workers, per_run, quiet
        console = Console(stderr=True)
        self.live = console.is_interactive and not quiet
        self.console = console
        self.names = {
            run: f"{point.name} seed {seed}" for point in plan.points for seed, run in reversed(point.runs)
        }
        self.waiting: dict[str, None] = {}
        self.began = self.spent = 0.0
        self.done = self.total = 0
        self.bars: Any = None
        self.display = ExitStack()
        self.lines: dict[str, Any] = {}

    def begun(self, todo: list[str], finished: int) -> None:
        """See `study.StudyWatch`."""
        self.began, self.waiting = time.monotonic(), dict.fromkeys(todo)
        self.done, self.total = finished, finished + len(todo)
        if self.live and todo:
            from rich.progress import MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description}", markup=False),
                block_bar(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[words]}", markup=False),
            )
            self.bars = Bars(*columns, console=self.console)
            self.all = self.bars.add_task(
                self.plan.study.name, total=self.total, completed=self.done, words=""
            )
            self.bars.start()
        if self.quiet or self.bars is not None:
            self.display.enter_context(own_display())

    def tick(self, at: list[At]) -> None:
        """See `study.StudyWatch`."""
        running = "; ".join(f"{self.names[work.id]}: {work.step:,} of {work.total:,}" for work in at)
        show_progress(f"{self.done} of {self.total} runs done" + (f"; {running}" if running else ""))
        if self.bars is None:
            return
        now = {work.id: work for work in at}
        for gone in self.lines.keys() - now.keys():
            self.bars.remove_task(self.lines.pop(gone))
        for run in at:
            if run.id not in self.lines:
                self.lines[run.id] = self.bars.add_task(f"  {self.names[run.id]}", total=run.total, words="")
            words = "starting" if not run.step else "evaluating" if run.step >= run.total else ""
            self.bars.update(
                self.lines[run.id], completed=min(run.step, run.total), total=run.total, words=words
            )
        self.bars.update(self.all, words=self._left({work.id: work for work in at}))

    def ended(self, run_id: str, failed: Failed | None) -> None:
        """See `study.StudyWatch`."""
        self.waiting.pop(run_id, None)
        self.done += failed is None
        self.spent += self.costs.get(run_id, 0.0)
        if self.bars is not None:
            self.bars.update(self.all, completed=self.done)
            if failed is not None:
                self.bars.console.print(
                    plain(f"failed: {self.names[run_id]}: {failed.message}"), markup=False, highlight=False
                )
        elif not self.quiet:
            what = f"failed: {failed.message}" if failed is not None else "done"
            words = f"{self.done}/{self.total} {self.names[run_id]}: {what}"
            print(plain("; ".join(filter(None, (words, self._left({}))))), file=sys.stderr, flush=True)
            heard()

    def close(self) -> None:
        """Restore the terminal."""
        if self.bars is not None:
            self.bars.stop()
        self.display.close()
        show_progress("")

    def _left(self, at: Mapping[str, At]) -> str:
        """Remaining time: the estimates, scaled by how the finished runs compared with theirs."""
        costs = [
            cost * (1 - at[run].step / max(at[run].total, 1) if run in at else 1)
            for run in self.waiting
            if (cost := self.costs.get(run, 0.0))
        ]
        passed = time.monotonic() - self.began
        pace = (
            passed * self.workers / self.spent
            if self.spent > 3 * self.workers * max(self.costs.values(), default=1)
            else 1.0
        )
        return f"{spell_time(time_of(costs, self.workers) * pace)} left" if costs else ""
