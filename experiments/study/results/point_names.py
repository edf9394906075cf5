"""The name of a study's main runs next to its arms: the same in its figures, its tables and its sentences.

Read next: `report.py`, `page_details.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...report.figures.findings import AS_IT_IS
from ..design.plan import StudyPlan


def base_name(plan: StudyPlan) -> str:
    """Short name of the config that a study varies, where an arm has another condition: `coinrun/edge` → "edge"."""
    if not any("env.condition" in arm.set for arm in plan.study.arms):
        return AS_IT_IS
    base = plan.study.base
    name = str(base.get("name", "")) if isinstance(base, Mapping) else Path(base).stem
    world = next(iter(plan.runs.values())).world.lower()
    return name.removeprefix(f"{world}-").replace("_", " ").replace("-", " ") or AS_IT_IS
