"""Compare two folders of the same run: files with equal bytes, equal content, or differences, and the effect on the rates.

Reads both folders and changes neither. Read next: `reproduce.py`, which makes the second folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from goalposts.errors import UserError

from ..evaluation.trajectories import FILE as TRAJECTORIES
from ..evaluation.trajectories import LEAKAGE, read_trajectories
from ..measurement import outcomes
from ..measurement.episodes import read_episodes
from ..measurement.rates import OUTCOMES
from ..runs.provenance import Provenance
from ..runs.run import Run
from ..system.atomic_files import read_limited

MAX_BYTES = 1 << 32

State = Literal["same bytes", "same content", "differs", "not made again", "was not there"]


@dataclass(frozen=True)
class Compared:
    """Comparison of one file. `same content`: different bytes with equal content, as written by another library version.

    note: description of a difference.
    """

    file: str
    state: State
    note: str = ""


@dataclass(frozen=True)
class Changed:
    """A fact of the environment that has changed."""

    what: str
    was: str
    now: str


@dataclass(frozen=True)
class Rate:
    """A rate of one condition: as recorded, with its 95% interval, and in the re-run.

    within: whether the re-run's rate lies in that interval.
    """

    condition: str
    sampled: bool
    share: str  # goal, proxy, neither (touched first), death, timeout
    was: float
    low: float
    high: float
    now: float

    @property
    def within(self) -> bool:
        return self.low <= self.now <= self.high


def compare_files(run: Run, again: Run) -> tuple[Compared, ...]:
    """Compare every file that must be a function of the config. Raises RunError for an unreadable file."""
    originals, here = _results(run), _results(again)
    return tuple(_compare(run, again, name, originals, here) for name in sorted({*originals, *here}))


PROCESSOR = "processor features"


def _spell(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(facts.items()))


def agree(rates: Sequence[Rate]) -> bool:
    """Whether the number of rates outside their recorded 95% intervals is consistent with chance, at the 99% level."""
    from scipy.stats import binom

    outside = sum(not rate.within for rate in rates)
    return bool(rates) and outside <= int(binom.ppf(0.99, len(rates), 0.05))


def compare_environments(was: Provenance, now: Provenance) -> tuple[Changed, ...]:
    """List changes that may affect a result: code, versions, machine."""
    facts = [
        ("commit", _commit(was), _commit(now)),
        ("code", _code(was), _code(now)),
        ("Python", was.python, now.python),
        ("platform", was.platform, now.platform),
    ]
    if was.processor and now.processor:
        facts.append((PROCESSOR, _spell(was.processor), _spell(now.processor)))
    names = sorted({*was.packages, *now.packages})
    facts += [(name, was.packages.get(name, "none"), now.packages.get(name, "none")) for name in names]
    return tuple(Changed(what, old, new) for what, old, new in facts if old != new)


def compare_rates(run: Run, again: Run) -> tuple[Rate, ...]:
    """Compare every rate of every condition that is in both tables."""
    was, now = (
        read_episodes(run.episodes_path, follow=False),
        read_episodes(again.episodes_path, follow=False),
    )
    keys = ["condition", "sampled"]
    both = was.select(keys).unique(maintain_order=True).join(now.select(keys).unique(), on=keys, how="semi")
    rates = []
    for condition, sampled in both.iter_rows():
        original, two = (outcomes(table, condition=condition, sampled=sampled) for table in (was, now))
        for share in OUTCOMES:
            a, b = getattr(original, share), getattr(two, share)
            if a is not None and b is not None:
                rates.append(Rate(condition, sampled, share, a.value, a.low, a.high, b.value))
    return tuple(rates)


def _results(run: Run) -> dict[str, Path]:
    names = ("config.yaml", "progress.csv", "episodes.parquet", TRAJECTORIES, LEAKAGE)
    files = {name: run.path / name for name in names if (run.path / name).exists()}
    for checkpoint in run.checkpoints():
        for file in sorted(checkpoint.path.iterdir()):
            files[f"checkpoints/{checkpoint.step}/{file.name}"] = file
    return files


def _compare(run: Run, again: Run, name: str, there: dict[str, Path], here: dict[str, Path]) -> Compared:
    if name not in there:
        return Compared(name, "was not there")
    if name not in here:
        return Compared(name, "not made again")
    original, two = read_limited(there[name], MAX_BYTES), read_limited(here[name], MAX_BYTES)
    if original == two:
        return Compared(name, "same bytes")
    try:
        note = _difference(run, again, name, original, two)
    except UserError as error:  # a damaged file of the run is a difference, not a reason to stop
        note = str(error)
    return Compared(name, "differs", note) if note else Compared(name, "same content")


def _difference(run: Run, again: Run, name: str, one: bytes, two: bytes) -> str:
    """Describe the difference between two files; "" if their content is equal."""
    if name == "config.yaml":
        return "" if run.config == again.config else "other settings"
    if name == "episodes.parquet":
        return _rows(
            read_episodes(run.episodes_path, follow=False), read_episodes(again.episodes_path, follow=False)
        )
    if name == TRAJECTORIES:
        return _rows(*(read_trajectories(each.path / TRAJECTORIES) for each in (run, again)))
    if name == "progress.csv":
        return _progress(run, again)
    if name.endswith(".json"):
        try:
            return "" if json.loads(one) == json.loads(two) else "other values"
        except (ValueError, RecursionError):
            return "it is damaged"
    if name.endswith(".safetensors"):
        return _tensors(run.path / name, again.path / name)
    return "other bytes"


def _rows(one: pl.DataFrame, two: pl.DataFrame) -> str:
    if one.equals(two):
        return ""
    keys = ["condition", "level_index", *(["sampled"] if "sampled" in one.columns else [])]
    ours = one.sort(keys)
    if one.height != two.height or not ours.select(keys).equals(two.sort(keys).select(keys)):
        return f"{one.height:,} and {two.height:,} rows, of different episodes"
    differ = (ours.hash_rows() != two.sort(keys).hash_rows()).sum()
    return f"{differ:,} of {one.height:,} episodes differ" if differ else "the same rows in another order"


def _progress(run: Run, again: Run) -> str:
    original, two = run.progress(), again.progress()
    for a, b in zip(original, two, strict=False):
        if a != b:
            names = [name for name in a if a[name] != b.get(name)]
            return f"the same up to step {a['step']:,}, where {', '.join(names[:3])} differ"
    return "" if len(original) == len(two) else f"{len(original):,} and {len(two):,} rows"


def _tensors(one: Path, two: Path) -> str:
    from ...agents.policy.checkpoint import read_tensors

    a, b = read_tensors(one), read_tensors(two)
    if {k: (v.shape, v.dtype) for k, v in a.items()} != {k: (v.shape, v.dtype) for k, v in b.items()}:
        return "arrays with other names or shapes"
    gaps = list(_gaps(a, b))
    return f"numbers differ by up to {max(gaps):.2g}" if gaps else ""


def _gaps(a: dict, b: dict) -> Iterator[float]:
    for name, values in a.items():
        if not values.equal(b[name]):
            yield float((values.double() - b[name].double()).abs().max())


def _code(facts: Provenance) -> str:
    return "not recorded" if facts.code is None else facts.code[:12]


def _commit(facts: Provenance) -> str:
    if facts.commit is None:
        return "none (an installed package)"
    return facts.commit[:12] + (" with changes" if facts.dirty else "")
