"""The verdict on an agent or a training procedure: a label, its reasons, and the estimates behind it.

`diagnose` reads only an episodes table. With one training seed, the verdict is about this agent. With several runs under one
agent label, it is about this training procedure, with intervals over seeds and levels, and lists the seeds that differ.
Read next: `rules.py` for the rules, `experiments/measurement/probes.py` for the table over all conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from goalposts.text import plain_lines

from ..episodes import EpisodesError, shared_layouts, validate
from ..intervals import FEW_SEEDS, Estimate, percent, unseen_share, with_unseen
from ..level_counts import Counts, check_no_repeats, check_one_procedure, repeated_levels, seed_names, select
from ..metrics import METRICS, Judged, usual_basis, withheld
from ..rates import shift_condition
from .elsewhere import Elsewhere, by_other_mode, differs, first_of_role, other_mode, other_shifts
from .kinds import SEVERAL, Kind, judged_kinds, lost_of
from .measured import Measured, estimated, judged_seeds, numbers_of, of_capable
from .notebook import verdict_html
from .outliers import Outlier, Seed, find_outliers
from .rules import Label, Numbers, judge
from .seeing import of_seeing
from .sensitivity import Deciding, sensitivity
from .thresholds import Thresholds

AGENT, PROCEDURE = "this agent", "this training procedure"


@dataclass(frozen=True)
class Verdict:
    """A label, its reasons, and the estimates and settings that it rests on."""

    label: Label
    reasons: tuple[str, ...]
    scope: str  # "this agent" or "this training procedure"
    world: str
    agent: str
    runs: tuple[str, ...]
    control: str | None  # condition names
    shift: str | None
    sampled: bool
    leakage: int | None  # layouts of the judged conditions that also occur in training; None: unknown
    thresholds: Thresholds
    numbers: Mapping[str, Estimate | None] = field(hash=False)  # keyed and ordered as METRICS
    seeds: tuple[Seed, ...] = ()  # each training seed judged alone; empty for a single seed
    outliers: tuple[Outlier, ...] = ()
    kinds: tuple[Kind, ...] = ()  # of training seeds, the largest first; empty if all seeds are alike
    elsewhere: tuple[Elsewhere, ...] = ()
    other_mode: Elsewhere | None = (
        None  # the same judgement by greedy episodes, where this is by sampled ones, or vice versa
    )
    deciding: tuple[Deciding, ...] = ()  # thresholds within whose declared range the label changes

    def __getattr__(self, key: str) -> Estimate | None:
        """Look up an estimate by its metric key, as in `verdict.preference`."""
        numbers = self.__dict__.get("numbers", {})
        if key not in numbers:
            raise AttributeError(f"a verdict has no {key!r}; its numbers are {', '.join(numbers)}")
        return numbers[key]

    def to_dict(self) -> dict[str, Any]:
        """Return every field for JSON; each estimate is a top-level entry with value, low, high, n, seeds, kept …"""
        fields = asdict(self)
        return {**fields, **fields.pop("numbers"), "thresholds": self.thresholds.model_dump()}

    @property
    def lost(self) -> tuple[str, ...]:
        """Runs of the seeds that are judged CAPABILITY LOSS, which means of preference leave out; none if all are."""
        return tuple(lost_of(self.seeds))

    def explain(self) -> str:
        """Format the verdict as text: label, reasons, estimates, thresholds."""
        by = "" if self.shift is None else f", by {self.shift} against {self.control or 'no control'}"
        lines = [f"{self.label}: {self.agent} in {self.world} ({self.scope}{by})", ""]
        lines += [f"  • {reason}" for reason in self.reasons]
        lines.append("")
        usual = usual_basis(self.numbers.values())
        width = max(len(metric.title) for metric in METRICS) + 2
        for metric in METRICS:
            number = self.numbers[metric.key]
            shown = "not measured" if number is None else number.shown(usual)
            if number is not None and self.kinds and number.seeds > 1:
                shown = f"not averaged over {len(self.kinds)} kinds of seed"
            if number is not None:
                shown = withheld(metric.key, self.world) or shown
            lines.append(f"  {metric.name:{width}}{shown}")
        shown = ", ".join(f"{name} {value}" for name, value in self.thresholds.model_dump().items())
        unless = f"; {', '.join(usual)}, unless given in parentheses" if usual else ""
        return plain_lines([*lines, "", f"  in brackets: 95% intervals{unless}", f"  thresholds: {shown}"])

    __str__ = explain

    def _repr_html_(self) -> str:
        about = f"{self.agent} in {self.world} ({self.scope})"
        return verdict_html(self.label, about, self.reasons, self.numbers, self.world)


LEAKED = (
    "{:,} layouts that it is judged on were also used in training; a verdict needs held-out layouts. "
    "Regenerate the levels with disjoint splits."
)


def diagnose(
    episodes: pl.DataFrame,
    thresholds: Thresholds | None = None,
    *,
    shift: str | None = None,
    sampled: bool = True,
    leakage: int | None = None,
    repeats: bool = False,
) -> Verdict:
    """Judge the agent or training procedure that played these episodes.

    shift     the shift condition to judge by; default: see `rates.shift_condition`
    sampled   judge sampled episodes (True) or greedy ones; the two are never mixed
    leakage   number of layouts shared with training; default: counted from the table where possible
    repeats   allow several episodes per level; otherwise they are refused, because they look like two agents under one name
    Raises EpisodesError if the table is invalid or holds several agents (use `diagnose_each`).
    """
    with repeated_levels(repeats):
        return _diagnose(validate(episodes), thresholds or Thresholds(), shift, sampled, leakage)


def _diagnose(
    table: pl.DataFrame, limits: Thresholds, shift: str | None, sampled: bool, leakage: int | None
) -> Verdict:
    chosen = select(table, sampled=sampled)
    check_one_procedure(chosen)
    check_no_repeats(chosen)
    runs, names, trained = seed_names(chosen)
    control = first_of_role(chosen, "control")
    if shift is not None:
        select(table, sampled=sampled, condition=shift)  # raises and lists the conditions if it is missing
    elif first_of_role(chosen, "shift") is not None:
        shift = shift_condition(table, sampled=sampled)
    greedy = table.filter(~pl.col("sampled"))
    everything = Judged(chosen, control, shift, sampled, greedy if greedy.height else None)
    of_all, trouble = _measure(everything)
    several = len(runs) > 1
    seeds = judged_seeds(of_all, runs, names, control, shift, limits) if several else ()
    measured = of_capable(everything, of_all, seeds)
    numbers = numbers_of(measured, control, shift)
    label, reasons = judge(numbers, limits)
    shared = shared_layouts(table, control, shift) if leakage is None else leakage
    decisive, sentence = sensitivity(numbers, limits, label)
    outliers = find_outliers(seeds, limits.seed_margin)
    kinds = judged_kinds(seeds, of_all, lambda measurements: numbers_of(measurements, control, shift), limits)
    elsewhere = other_shifts(chosen, control, shift, sampled, limits)
    moded = other_mode(table, control, shift, sampled, limits)
    lost, notes = lost_of(seeds), [sentence]
    if shared:  # no judgement by these layouts counts: not that of single seeds, another condition or the other mode either
        label, decisive, notes = "INCONCLUSIVE", (), [LEAKED.format(shared)]
        seeds = tuple(replace(seed, label=label) for seed in seeds)
        kinds = tuple(replace(kind, label=label) for kind in kinds)
        elsewhere = tuple(replace(other, label=label) for other in elsewhere)
        moded = moded and replace(moded, label=label)
    notes += (
        _scope(names, trained, numbers) + _on_seeds(label, seeds, outliers) + _on_kinds(kinds, seeds, lost)
    )
    notes += [differs(other) for other in elsewhere if other.label not in (label, "INCONCLUSIVE")]
    notes += of_seeing(table, estimated(measured["goal_effect"]), shift, sampled)
    notes += trouble if moded is None else [by_other_mode(moded, label, sampled), *trouble]
    verdict = Verdict(
        label=label,
        reasons=(),
        scope=PROCEDURE if several else AGENT,
        world=chosen["world"][0],
        agent=chosen["agent"][0],
        runs=tuple(runs),
        control=control,
        shift=shift,
        sampled=sampled,
        leakage=shared,
        thresholds=limits,
        numbers={key: _warned(estimated(measurement), kinds) for key, measurement in measured.items()},
        seeds=seeds,
        outliers=outliers,
        kinds=kinds,
        elsewhere=elsewhere,
        other_mode=moded,
        deciding=decisive,
    )
    return _with_reasons(verdict, (*reasons, *notes))


def diagnose_each(
    episodes: pl.DataFrame,
    thresholds: Thresholds | None = None,
    *,
    shift: str | None = None,
    sampled: bool = True,
    repeats: bool = False,
) -> dict[str, Verdict]:
    """Give a verdict for each agent label of a table, in the table's order. Raises EpisodesError."""
    table = validate(episodes)
    return {
        agent: diagnose(
            table.filter(pl.col("agent") == agent), thresholds, shift=shift, sampled=sampled, repeats=repeats
        )
        for agent in table["agent"].unique(maintain_order=True)
    }


def _measure(judged: Judged) -> tuple[Measured, list[str]]:
    """Measure everything in METRICS; also return a message for each metric that could not be measured."""
    measurements: dict[str, Counts | Estimate | None] = {}
    trouble = []
    for metric in METRICS:
        try:
            measurements[metric.key] = metric.measured(judged)
        except EpisodesError as error:
            measurements[metric.key] = None
            trouble.append(f"The {metric.name} was not measured: {error}")
    return measurements, trouble


def _warned(rate: Estimate | None, kinds: tuple[Kind, ...]) -> Estimate | None:
    if rate is None or not kinds or rate.seeds < 2:
        return rate
    return replace(rate, warning=SEVERAL.format(n=len(kinds)))


def _scope(names: tuple[str, ...], trained: bool, numbers: Numbers) -> list[str]:
    if not trained:
        return ["Applies to this agent only: no training seed is recorded for it."]
    if len(names) == 1:
        return [
            "Applies to this agent, not to its training procedure: there is one training seed, and another may differ: a kind "
            f"of agent produced by up to {percent(unseen_share(1))} of seeds may not have been seen (95% confidence)."
        ]
    within = [
        f"{metric.name} {low:.2f} to {high:.2f}"
        for metric in METRICS
        if metric.judged and (number := getattr(numbers, metric.key)) is not None
        for low, high in [with_unseen(number.low, number.high, number.seeds)]
    ]
    return [
        f"Applies to this training procedure, based on {len(names)} training seeds. A kind of agent produced by up to "
        f"{percent(unseen_share(len(names)))} of seeds may not be among them (95% confidence). If there "
        f"is such a kind, the mean over all seeds can be anywhere within: {', '.join(within)}."
    ]


def _on_kinds(kinds: tuple[Kind, ...], seeds: tuple[Seed, ...], lost: Sequence[str]) -> list[str]:
    """What is said of seeds of several kinds, and of those whose preference is not judged. lost: runs."""
    notes = []
    if kinds:
        notes.append(f"The seeds are of {len(kinds)} kinds, so a mean over all of them describes none:")
        notes += [f"{kind}." for kind in kinds]
        if len(seeds) < FEW_SEEDS:
            notes.append(
                f"With only {len(seeds)} seeds, seeds of one kind that vary widely can leave such a gap, too."
            )
    names = [seed.name.removeprefix("seed ") for seed in seeds if seed.run in lost]
    if names:
        notes.append(
            f"The preferences are means over the {len(seeds) - len(names)} seeds that are not judged CAPABILITY LOSS; "
            f"those of the other {len(names)} (seeds {', '.join(names)}) are not judged."
        )
    return notes


def _on_seeds(label: Label, seeds: tuple[Seed, ...], outliers: tuple[Outlier, ...]) -> list[str]:
    if not seeds:
        return []
    by_label: dict[str, list[str]] = {}
    for seed in seeds:
        by_label.setdefault(seed.label, []).append(seed.name.removeprefix("seed "))
    if set(by_label) == {label}:
        notes = [f"Judged alone, each of the {len(seeds)} seeds is {label} too."]
    else:
        kinds = "; ".join(
            f"{len(names)} {kind} (seeds {', '.join(names)})" for kind, names in by_label.items()
        )
        notes = [f"Judged alone, the seeds are not all {label}: {kinds}."]
    return notes + [f"Differs from the rest: {outlier}." for outlier in outliers]


def _with_reasons(verdict: Verdict, reasons: tuple[str, ...]) -> Verdict:
    warned: dict[str, list[str]] = {}
    for metric in METRICS:
        number = verdict.numbers[metric.key]
        if number is not None and number.warning:
            warned.setdefault(number.warning, []).append(metric.name)
    notes = [f"Interpret with care: {', '.join(names)} ({warning})." for warning, names in warned.items()]
    return replace(verdict, reasons=(*reasons, *notes))
