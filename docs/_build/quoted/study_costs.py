"""What the runs of studies cost, read from their pages: the figures of docs/scaling.md and docs/engineering-notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from quoted.committed_tables import RESULTS

_COST: Mapping[str, tuple[str, str]] = {
    "time": (r"one run took (\S+ s) \(median; (\S+) s to (\S+ s)\)", "{} ({} to {})"),
    "processor": (r"per worker, (\S+ s) of it processor time", "{}"),
    "elapsed": (r"- (\d+) of these runs took (.*?) of elapsed time", "{} runs: {}"),
    "driver": (r"figures and page, used (.*?) of processor time", "{}"),
    "memory": (r"a run used at most ([\d,]+ MB)", "{}"),
}


def _cost(study: str, what: str) -> Callable[[], str]:
    """What runs of a study cost, from its page."""

    def read() -> str:
        pattern, words = _COST[what]
        found = re.search(pattern, (RESULTS / f"{study}.md").read_text(encoding="utf-8"))
        assert found is not None, f"{study}.md has no {what}"
        return words.format(*found.groups())

    return read


COSTS: Mapping[str, Callable[[], str]] = {
    f"cost-{study}-{what}": _cost(study, what) for study in ("alpha", "seeds") for what in _COST
} | {f"cost-{study}-memory": _cost(study, "memory") for study in ("capability", "recipe")}
