"""Names of what is logged over training time, in progress.csv and in the tables of studies. Read next: `study_curves.py`."""

from __future__ import annotations

import re

# SB3's names; and the periodic evaluation, `eval/<condition>/<what>`.
RETURN, LENGTH = "ep_rew_mean", "ep_len_mean"
SPENT = ("effective_alpha", "effective_alpha_all", "scoring_steps", "labels")  # by a method, so far
EVAL = "eval/"
EVAL_COLUMN = re.compile(rf"{EVAL}(.+)/(\w+)")
_OLD = {
    "mean_return": RETURN,
    "mean_steps": LENGTH,
}  # version 1, until November 2026, which also wrote probe/


def current_column(name: str) -> str:
    """The name that a logged quantity has now, for its name in either version of progress.csv."""
    return _OLD.get(name) or re.sub("^probe/", EVAL, name)
