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
from ..intervals import Estimate, percent, unseen_share, with_unseen
from ..level_counts import Counts, check_no_repeats, check_one_procedure, repeated_levels, seed_names, select
from ..metrics import METRICS, Judged, usual_basis, withheld
from ..rates import estimate, shift_condition
from .kinds import SEVERAL, Kind, judged_kinds, lost_of
from .notebook import verdict_html
from .outliers import Outlier, Seed, find_outliers
from .rules import Label, Numbers, judge
from .sensitivity import Deciding, sensitivity
from .thresholds import Thresholds

AGENT, PROCEDURE = "this agent", "this training procedure"


@dataclass(frozen=True)
class Elsewhere:
    """The verdict by another shift condition."""

    condition: str
    label: Label
    capability_shift: Estimate | None
    preference: Estimate | None
    misgeneralization: Estimate | None


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
    control = _first_of_role(chosen, "control")
    if shift is not None:
        select(table, sampled=sampled, condition=shift)  # raises and lists the conditions if it is missing
    elif _first_of_role(chosen, "shift") is not None:
        shift = shift_condition(table, sampled=sampled)
    greedy = table.filter(~pl.col("sampled"))
    everything = Judged(chosen, control, shift, sampled, greedy if greedy.height else None)
    of_all, trouble = _measure(everything)
    several = len(runs) > 1
    seeds = _seeds(of_all, runs, names, control, shift, limits) if several else ()
    measured = _of_capable(everything, of_all, seeds)
    numbers = _judged(measured, control, shift)
    label, reasons = judge(numbers, limits)
    shared = shared_layouts(table, control, shift) if leakage is None else leakage
    decisive, sentence = sensitivity(numbers, limits, label)
    notes: list[str] = [sentence]
    if shared:
        label, decisive, notes = "INCONCLUSIVE", (), [LEAKED.format(shared)]
    outliers = find_outliers(seeds, limits.seed_margin)
    kinds = judged_kinds(seeds, of_all, lambda measurements: _judged(measurements, control, shift), limits)
    notes += _scope(names, trained, numbers) + _on_seeds(label, seeds, outliers) + _on_kinds(kinds, seeds)
    lost = lost_of(seeds)
    elsewhere = tuple(
        _judged_elsewhere(chosen, control, other, sampled, limits, lost)
        for other in chosen.filter(pl.col("role") == "shift")["condition"].unique(maintain_order=True)
        if other != shift
    )
    notes += [_differs(other) for other in elsewhere if other.label not in (label, "INCONCLUSIVE")]
    other_mode = _other_mode(table, control, shift, sampled, limits, lost)
    if not withheld("goal_effect", chosen["world"][0]):
        notes += _of_seeing(_estimated(measured["goal_effect"]))
    notes += trouble if other_mode is None else [_by_other_mode(other_mode, label, sampled), *trouble]
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
        numbers={key: _warned(_estimated(measurement), kinds) for key, measurement in measured.items()},
        seeds=seeds,
        outliers=outliers,
        kinds=kinds,
        elsewhere=elsewhere,
        other_mode=other_mode,
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


Measured = Mapping[str, Counts | Estimate | None]


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


def _of_capable(everything: Judged, measured: Measured, seeds: tuple[Seed, ...]) -> Measured:
    """The numbers, with preferences over the seeds that are not judged CAPABILITY LOSS, if there are both."""
    lost = lost_of(seeds)
    if not lost:
        return measured
    some = replace(everything, episodes=everything.episodes.filter(~pl.col("run").is_in(lost)))
    again = {m.key: m.measured(some) for m in METRICS if m.of_capable and measured[m.key] is not None}
    return {**measured, **again}


def _estimated(number: Counts | Estimate | None) -> Estimate | None:
    return estimate(number) if isinstance(number, Counts) else number


def _judged(measured: Measured, control: str | None, shift: str | None) -> Numbers:
    return Numbers(control, shift, **{m.key: _estimated(measured[m.key]) for m in METRICS if m.judged})


def _seeds(
    measured: Measured,
    runs: list[str],
    names: tuple[str, ...],
    control: str | None,
    shift: str | None,
    limits: Thresholds,
) -> tuple[Seed, ...]:
    judged = []
    for k, (run, name) in enumerate(zip(runs, names, strict=True)):
        alone = {
            m.key: estimate(counts.of_seed(k)) if isinstance(counts := measured[m.key], Counts) else None
            for m in METRICS
            if m.judged
        }
        label, _ = judge(Numbers(control, shift, **alone), limits)
        judged.append(Seed(name, run, label, **alone))
    return tuple(judged)


def _judged_elsewhere(
    chosen: pl.DataFrame,
    control: str | None,
    shift: str,
    sampled: bool,
    limits: Thresholds,
    lost: Sequence[str],
) -> Elsewhere:
    judged = Judged(chosen, control, shift, sampled)
    able = replace(judged, episodes=chosen.filter(~pl.col("run").is_in(lost)))
    measured = {m.key: m.measured(able if m.of_capable else judged) for m in METRICS if m.judged}
    numbers = _judged(measured, control, shift)
    label, _ = judge(numbers, limits)
    return Elsewhere(shift, label, numbers.capability_shift, numbers.preference, numbers.misgeneralization)


def _other_mode(
    table: pl.DataFrame,
    control: str | None,
    shift: str | None,
    sampled: bool,
    limits: Thresholds,
    lost: Sequence[str],
) -> Elsewhere | None:
    """The judgement by the episodes of the other mode, on the same conditions; None where these are not in the table."""
    others = table.filter(pl.col("sampled") != sampled)
    if shift is None or control is None or control != _first_of_role(others, "control"):
        return None
    if shift not in others["condition"].unique():
        return None
    return _judged_elsewhere(others, control, shift, not sampled, limits, lost)


def _of_seeing(effect: Estimate | None) -> list[str]:
    """No effect of seeing the goal is not the same as not seeing it; the bound says how large an effect could be."""
    if effect is None or not effect.low <= 0 <= effect.high:
        return []
    most = max(abs(effect.low), abs(effect.high))
    return [
        f"No effect of seeing the goal was found (≤ {most:.3f}): it ignores the goal, or cannot see it; these episodes do not "
        "say which."
    ]


def _by_other_mode(other: Elsewhere, label: Label, sampled: bool) -> str:
    how = "With greedy actions" if sampled else "With sampled actions"
    seen = "no preference" if other.preference is None else f"goal preference {other.preference.short}"
    verdict = "the same" if other.label == label else f"{other.label} instead"
    return f"{how}, the verdict is {verdict} ({seen})."


def _first_of_role(chosen: pl.DataFrame, role: str) -> str | None:
    names = chosen.filter(pl.col("role") == role)["condition"].unique(maintain_order=True).to_list()
    return " and ".join(names) if names else None


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
        for low, high in [with_unseen(number.low, number.high, len(names))]
    ]
    return [
        f"Applies to this training procedure, based on {len(names)} training seeds. A kind of agent produced by up to "
        f"{percent(unseen_share(len(names)))} of seeds may not be among them (95% confidence). If there "
        f"is such a kind, the mean over all seeds can be anywhere within: {', '.join(within)}."
    ]


def _on_kinds(kinds: tuple[Kind, ...], seeds: tuple[Seed, ...]) -> list[str]:
    """What is said of seeds of several kinds, and of those whose preference is not judged."""
    notes = []
    if kinds:
        notes.append(f"The seeds are of {len(kinds)} kinds, so a mean over all of them describes none:")
        notes += [f"{kind}." for kind in kinds]
    lost = [seed.name.removeprefix("seed ") for seed in seeds if seed.label == "CAPABILITY LOSS"]
    if lost and len(lost) < len(seeds):
        notes.append(
            f"The preferences are means over the {len(seeds) - len(lost)} seeds that are not judged CAPABILITY LOSS; "
            f"those of the other {len(lost)} (seeds {', '.join(lost)}) are not judged."
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


def _differs(other: Elsewhere) -> str:
    seen = "no preference" if other.preference is None else f"goal preference {other.preference.short}"
    return f"By {other.condition} alone it would be {other.label} ({seen})."


def _with_reasons(verdict: Verdict, reasons: tuple[str, ...]) -> Verdict:
    warned: dict[str, list[str]] = {}
    for metric in METRICS:
        number = verdict.numbers[metric.key]
        if number is not None and number.warning:
            warned.setdefault(number.warning, []).append(metric.name)
    notes = [f"Interpret with care: {', '.join(names)} ({warning})." for warning, names in warned.items()]
    return replace(verdict, reasons=(*reasons, *notes))
