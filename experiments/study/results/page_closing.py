"""The last sections of a study's page, "n and time" and "Made by": what its runs took, and the versions that made them.

Runs from recorded rows of older versions have neither times nor versions. A page of such runs keeps those of the page that it replaces, and
says which command wrote that page. Read next: `docs_page.py`, the rest of the page; `recorded_rows.py`.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator

from ..design.plan import StudyPlan
from ..folder.folder import StudyFolder
from ..folder.progress import spell_time
from ..workers.job import Times
from .page_header import split
from .recorded_rows import made_of

TIME, MADE = "## n and time", "## Made by"
KEPT, UNKNOWN = "times and versions: kept from the page that", "times and versions are known of"
VERSIONS = re.compile(r"\d+ runs? at ")


def closing(
    folder: StudyFolder, plan: StudyPlan, finished: list[str], command: str, before: str
) -> list[str]:
    """The lines of both sections. before: the page that is replaced; "" if there is none."""
    known = {run: (folder.times(run), made_of(folder.run(run))) for run in finished}
    whole = [run for run, (times, made) in known.items() if times is not None and made is not None]
    took = list(_took(folder, [times for times, _ in known.values() if times is not None]))
    counts = Counter(made for _, made in known.values() if made is not None)
    versions = [f"{n} run{'s' * (n > 1)} at {words}." for words, n in counts.most_common()]
    if len(whole) < len(finished):
        kept = _kept(before, len(finished))
        note = f"{UNKNOWN} {len(whole)} of {len(finished)} runs; the others come from recorded rows that do not hold them"
        took, versions = kept or ([*took, note], versions)
    size = _size(plan, len(finished))
    return [
        *(TIME, "", *(f"- {words}" for words in (size, *took)), ""),
        *(MADE, "", f"    goalposts study {plan.study.name}", f"    {command}", "", *versions, ""),
    ]


def _kept(before: str, finished: int) -> tuple[list[str], list[str]] | None:
    """Times and versions of the page before, and which command wrote it; None if it does not know those of all runs."""
    header, body = split(before)
    _, _, ending = body.partition(f"\n{TIME}\n")
    times, _, made = ending.partition(f"\n{MADE}\n")
    took = [line.removeprefix("- ") for line in times.splitlines() if line.startswith("- ")][1:]
    versions = [line for line in made.splitlines() if VERSIONS.match(line)]
    known = sum(int(line.split()[0]) for line in versions)
    if not took or known < finished or any(line.startswith(UNKNOWN) for line in took):
        return None
    if not took[-1].startswith(KEPT):
        took.append(
            f"{KEPT} `{header.get('command', 'goalposts study docs')}` wrote; this page was made from recorded rows, which do not hold them"
        )
    return took, versions


def _size(plan: StudyPlan, finished: int) -> str:
    seeds = sorted({len(point.runs) for point in plan.points})
    steps = sorted({config.train.total_steps for config in plan.runs.values()})
    return (
        f"{finished} runs: {len(plan.points)} point{'s' * (len(plan.points) > 1)}, {' or '.join(map(str, seeds))} seeds each, "
        f"{' or '.join(f'{n:,}' for n in steps)} steps; {plan.study.levels:,} held-out levels per condition, "
        f"conditions: {', '.join(plan.study.conditions)}"
    )


def _took(folder: StudyFolder, times: list[Times]) -> Iterator[str]:
    if not times:
        return
    walls = [record.starting + record.training + record.evaluating for record in times]
    yield (
        f"one run took {spell_time(statistics.median(walls))} (median; {spell_time(min(walls))} to {spell_time(max(walls))}) per worker, "
        f"{statistics.median(record.cpu for record in times):.0f} s of it processor time; in total {spell_time(sum(walls))} of one worker, "
        f"{spell_time(sum(record.cpu for record in times))} processor time"
    )
    yield from _driver(folder)
    yield f"a run used at most {max(record.memory_mb for record in times):,.0f} MB"


def _driver(folder: StudyFolder) -> list[str]:
    """Summarize the driver's time, from calls that ended normally; the time of killed calls is unknown."""
    calls = [call for call in folder.calls() if call.done]
    if not calls:
        return []
    wall, own = sum(call.seconds for call in calls), sum(call.driver_cpu for call in calls)
    done, workers = sum(call.done for call in calls), sorted({call.workers for call in calls})
    return [
        f"{done} of these runs took {spell_time(wall)} of elapsed time with {' or '.join(map(str, workers))} workers; the driver, "
        f"including tables, figures and page, used {spell_time(own)} of processor time"
    ]
