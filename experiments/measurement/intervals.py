"""Estimates with confidence intervals, and the sample sizes they rest on.

At a nominal 95%, every interval here covers the truth in 93 to 97% of repetitions, as simulated in
tests/experiments/measurement/test_coverage.py; where coverage may be lower, the estimate carries a warning that is printed
with it. Works on arrays, not on episodes tables. Formulas with sources: docs/measurement.md. Read next: `rates.py`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtri, fdtri, ndtri, stdtrit

FEW_LEVELS = 100
FEW_SEEDS = 10
RARE = 5 + 1e-6  # events; the small excess absorbs rounding, so that k and n − k are treated alike
FEW_DIFFER = 10  # levels; if fewer differ between two conditions, their spread is uninformative
LOPSIDED = 0.25  # skewness of a mean over levels at which its interval gets a warning
UNEVEN = 0.65  # spread of seeds in log odds at which an interval near 0 or 1 gets a warning
BY_CHANCE = 0.99  # level of the F test that identical seeds pass as possibly identical


@dataclass(frozen=True)
class Estimate:
    """A point estimate with its interval.

    n       number of levels                   seeds  number of training seeds; 0 if unknown
    kept    fraction of the levels kept        level  the interval's nominal coverage
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int
    kept: float
    method: str
    warning: str | None = None
    episodes: int = 0
    level: float = 0.95

    @property
    def short(self) -> str:
        """Format as `0.20 [0.17, 0.23]`, with more decimals where two would hide the interval."""
        digits = next((d for d in (2, 3, 4) if self.high - self.low >= 2 * 10.0**-d), 5)
        return f"{_plain(self.value, digits)} [{_plain(self.low, digits)}, {_plain(self.high, digits)}]"

    @property
    def basis(self) -> list[str]:
        """What the estimate is based on: levels, episodes if several per level and seed, training seeds, levels kept."""
        basis = [f"n = {self.n:,} level{'s' * (self.n != 1)}"]
        if self.episodes > self.n * max(self.seeds, 1):
            basis.append(f"{self.episodes:,} episodes")
        return [*basis, seeds_and_missed(self.seeds), f"{percent(self.kept)} of levels kept"]

    def shown(self, usual: Collection[str] = ()) -> str:
        """Format as text, with the parts of `basis` that are not in `usual` in parentheses."""
        rests = [rest for rest in self.basis if rest not in usual]
        return f"{self.short} ({', '.join(rests)})" if rests else self.short

    def __str__(self) -> str:
        return self.shown() + (f" (note: {self.warning})" if self.warning else "")

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return asdict(self)


def wilson(k: float, n: int, level: float = 0.95, *, seeds: int = 1, kept: float = 1.0) -> Estimate:
    """Estimate the proportion k/n of n independent trials with Wilson's interval (1927), corrected near 0 and 1.

    Raises ValueError unless 0 ≤ k ≤ n and n ≥ 1.
    """
    if not (n >= 1 and 0 <= k <= n):
        raise ValueError(f"wilson needs 0 ≤ k ≤ n and n ≥ 1, not k = {k}, n = {n}")
    low, high = score_bounds(k / n, n, level)
    return Estimate(k / n, low, high, n, seeds, kept, "Wilson", warning_of(n, 1), n, level)


def score_bounds(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion with an effective sample size of n trials (n may be fractional).

    Within five events of 0 or 1 the bound on the near side is the Poisson one, after Brown, Cai and DasGupta
    (2001): Wilson's own covers as little as 84% there.
    """
    z2 = float(ndtri((1 + level) / 2)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    events, blanks = share * n, (1 - share) * n
    if 0 < events <= RARE:
        low = min(low, float(chdtri(2 * events, level)) / 2 / n)
    if 0 < blanks <= RARE:
        high = max(high, 1 - float(chdtri(2 * blanks, level)) / 2 / n)
    return (0.0 if share <= 0 else min(low, share)), (1.0 if share >= 1 else max(high, share))


@dataclass(frozen=True)
class Spread:
    """Variance components of a mean over crossed training seeds and levels.

    between  variance of the seed means: differences between seeds, plus noise
    levels   variance of the level means: differences between levels, plus noise
    noise    residual variance, included in both of the above
    """

    between: float
    levels: float
    noise: float
    n_seeds: int
    n_levels: int

    def half_width(self, level: float = 0.95) -> float:
        """Half width of the interval: Student's t with n_seeds − 1 degrees of freedom for seeds, n_levels − 1 for levels.

        Never below the half width due to levels alone, however similar the seeds are.
        """
        tail = (1 + level) / 2
        of_levels = float(stdtrit(max(self.n_levels - 1, 1), tail)) ** 2
        least = of_levels * self.levels
        if self.n_seeds < 2:
            return math.sqrt(least)
        of_seeds = float(stdtrit(self.n_seeds - 1, tail)) ** 2
        return math.sqrt(max(least, of_seeds * self.between + of_levels * max(self.levels - self.noise, 0.0)))


def spread(own: np.ndarray, deviations: np.ndarray) -> Spread:
    """Decompose the variance by seed and level (crossed random effects).

    own float[S]: each seed's value. deviations float[S, L]: each level's contribution to it, with row means of 0. All seeds
    were measured on the same levels.
    """
    n_seeds, n_levels = deviations.shape
    pairs = n_levels * max(n_levels - 1, 1)
    shared = deviations.mean(axis=0)
    levels = float(shared @ shared) / pairs
    if n_seeds < 2:
        return Spread(0.0, levels, 0.0, n_seeds, n_levels)
    rest = deviations - shared
    noise = float(np.vdot(rest, rest)) / (pairs * n_seeds * (n_seeds - 1))
    return Spread(float(own.var(ddof=1)) / n_seeds, levels, noise, n_seeds, n_levels)


def hierarchical_rate(
    events: np.ndarray, trials: np.ndarray, level: float = 0.95, *, kept: float = 1.0, trained: bool = True
) -> Estimate | None:
    """Mean over training seeds of each seed's proportion events/trials. None if there was no trial.

    events, trials  float[S, L]: counts per training seed and level; all seeds on the same levels
    One seed, at most one trial per level: Wilson. One seed, several trials per level: Wilson with the number of trials
    divided by the design effect. Several seeds: the two-way spread, converted to an effective number of trials.
    """
    used = trials.sum(axis=1) > 0
    if not used.any():
        return None
    idle = int((~used).sum())
    events, trials = events[used], trials[used]
    levels_used = trials.sum(axis=0) > 0
    n, total = int(levels_used.sum()), float(trials.sum())
    seeds = len(trials) if trained else 0
    if len(trials) == 1 and trials.max() <= 1:
        return replace(wilson(float(events.sum()), n, level, seeds=seeds, kept=kept), episodes=n)
    sums = trials.sum(axis=1)
    own = events.sum(axis=1) / sums
    share = float(own.mean())
    deviations = (events - own[:, None] * trials) * (trials.shape[1] / sums)[:, None]
    parts = spread(own, deviations)
    at_end = share <= 0 or share >= 1
    half = parts.half_width(level)
    z = float(ndtri((1 + level) / 2))
    effective = n if at_end or half == 0 else min(share * (1 - share) * (z / half) ** 2, total)
    low, high = score_bounds(share, effective, level)
    doubts = [
        _uneven(share, parts, len(trials)),
        _lopsided(deviations.mean(axis=0), share, effective),
    ]
    left_out = f"{_plural(idle, 'seed')} left out: no episode of it counts here" if idle else None
    warning = warning_of(n, len(trials), doubts, _alike(parts), left_out)
    method = "Wilson, by design effect" if len(trials) == 1 else "hierarchical, seeds × levels"
    return Estimate(share, low, high, n, seeds, kept, method, warning, round(total), level)


def hierarchical_mean(
    values: np.ndarray,
    bounds: tuple[float, float],
    level: float = 0.95,
    *,
    trained: bool = True,
    episodes: int = 0,
) -> Estimate:
    """Mean of a quantity that lies within `bounds`. values float[S, L]: mean per training seed and level.

    Near a bound this is the score interval of a proportion, so it does not vanish when all values are equal. Raises
    ValueError unless the bounds enclose the values.
    """
    floor, ceiling = bounds
    if not (floor < ceiling and floor <= values.min() and values.max() <= ceiling):
        raise ValueError(f"values from {values.min()} to {values.max()} do not lie within {bounds}")
    n_seeds, n = values.shape
    scaled = (values - floor) / (ceiling - floor)
    own = scaled.mean(axis=1)
    share = min(max(float(own.mean()), 0.0), 1.0)
    parts = spread(own, scaled - own[:, None])
    half = parts.half_width(level)
    z = float(ndtri((1 + level) / 2))
    effective = n if half == 0 else max(share * (1 - share) * (z / half) ** 2, 1.0)
    low, high = (floor + x * (ceiling - floor) for x in score_bounds(share, effective, level))
    shared = scaled.mean(axis=0) - share
    constant = half == 0 and 0 < share < 1
    doubt = "all levels gave the same value" if constant else _lopsided(shared, share, effective)
    method = "mean within bounds" if n_seeds == 1 else "hierarchical, seeds × levels"
    seeds = n_seeds if trained else 0
    warning = warning_of(n, n_seeds, [doubt], _alike(parts))
    return Estimate(
        floor + share * (ceiling - floor),
        low,
        high,
        n,
        seeds,
        1.0,
        method,
        warning,
        episodes or n * n_seeds,
        level,
    )


def hierarchical_difference(
    differences: np.ndarray,
    reach: float = 1.0,
    level: float = 0.95,
    *,
    trained: bool = True,
    episodes: int = 0,
) -> Estimate:
    """Mean of paired differences float[S, L], a minus b per training seed and level, each within ±reach.

    episodes: number of episodes behind the differences, both sides together.
    One seed and only differences of −1, 0 and 1: Tango's score interval (1998). Otherwise the two-way spread, with a lower
    limit on its width (see `widened`), so that the interval is not empty even if nothing differs.
    """
    n_seeds, n = differences.shape
    seeds = n_seeds if trained else 0
    value = float(differences.mean())
    alike = None
    if n_seeds == 1 and reach == 1.0 and np.isin(differences, (-1.0, 0.0, 1.0)).all():
        more, fewer = int((differences > 0).sum()), int((differences < 0).sum())
        low, high = tango_bounds(more, fewer, n, level)
        method = "Tango, paired"
    else:
        own = differences.mean(axis=1)
        parts = spread(own, differences - own[:, None])
        half = parts.half_width(level)
        alike = _alike(parts)
        differ = int(np.count_nonzero((differences != 0).any(axis=0)))
        trials = n if differ < FEW_DIFFER else max(episodes // 2, n * n_seeds)
        low, high = widened(value / reach, half / reach, trials, level)
        low, high = low * reach, high * reach
        method = "paired" if n_seeds == 1 else "paired, hierarchical, seeds × levels"
    warning = warning_of(n, n_seeds, [], alike)
    return Estimate(value, low, high, n, seeds, 1.0, method, warning, episodes or n * n_seeds, level)


def tango_bounds(more: int, fewer: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Tango's score interval (1998) for the difference of two paired proportions: (more − fewer) / n.

    more, fewer  pairs in which only the first, only the second, had the event; n: all pairs
    """
    z = float(ndtri((1 + level) / 2))
    seen = (more - fewer) / n

    def score(delta: float) -> float:
        b = (2 * n - more + fewer) * delta - more - fewer
        q = (math.sqrt(max(b * b + 8 * n * fewer * delta * (1 - delta), 0.0)) - b) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        gap = more - fewer - n * delta
        return (
            math.copysign(math.inf, gap)
            if variance <= 0 and gap
            else (gap / math.sqrt(variance) if gap else 0.0)
        )

    def crossing(inside: float, outside: float, target: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if abs(score(middle)) <= target else (inside, middle)
        return inside

    return crossing(seen, -1.0, z), crossing(seen, 1.0, z)


def percent(share: float) -> str:
    """Format 0.62 as `62%`; only exactly 0 and 1 become `0%` and `100%`."""
    if 0 < share < 0.005:
        return "< 1%"
    if 0.995 <= share < 1:
        return "> 99%"
    return f"{share * 100:.0f}%"


def unseen_share(n_seeds: int, level: float = 0.95) -> float:
    """Upper bound on the fraction of seeds of a kind that did not occur among n_seeds: 1 − (1 − level)^(1/n)."""
    return 1 - (1 - level) ** (1 / n_seeds)


def seeds_and_missed(n_seeds: int) -> str:
    """`10 seeds, which can miss kinds of up to 26%`: how many, and the largest fraction of seeds whose kind they could miss."""
    if n_seeds < 2:
        return "1 seed" if n_seeds else "no training seed"
    return f"{n_seeds:,} seeds, which can miss kinds of up to {percent(unseen_share(n_seeds))}"


def with_unseen(low: float, high: float, n_seeds: int) -> tuple[float, float]:
    """The interval of a fraction, if a kind of seed that n_seeds may have missed is anywhere from 0 to 1 on it."""
    unseen = unseen_share(n_seeds)
    return low * (1 - unseen), high * (1 - unseen) + unseen


def widened(value: float, half: float, trials: float, level: float) -> tuple[float, float]:
    """Union of value ± half and the score interval {δ: |δ − value| ≤ z √(|δ| (1 − |δ|) / trials)}, clipped to ±1."""
    if value >= 0:
        below, above = score_bounds(value, trials, level)
        below = min(below, -score_bounds(0.0, trials, level)[1]) if value == 0 else below
    else:
        above, below = (-x for x in score_bounds(-value, trials, level))
    return max(min(value - half, below), -1.0), min(max(value + half, above), 1.0)


def warning_of(
    n_levels: int,
    n_seeds: int,
    doubts: Sequence[str | None] = (),
    generous: str | None = None,
    left_out: str | None = None,
) -> str | None:
    """Every warning of an estimate is decided here, so that no two contradict each other.

    doubts    reasons for which the interval may contain the truth too rarely
    generous  the reason for which it may be too wide: not said if there is a doubt
    """
    notes = [
        f"only {_plural(n_levels, 'level')}, the interval is rough" if n_levels < FEW_LEVELS else None,
        f"only {n_seeds} seeds" if 2 <= n_seeds < FEW_SEEDS else None,
        *(doubts if any(doubts) else [generous]),
        left_out,
    ]
    return "; ".join(note for note in notes if note) or None


def _alike(parts: Spread) -> str | None:
    """Warning if the seeds may differ by chance alone (F test): the interval is then conservative."""
    if parts.n_seeds < 2:
        return None
    apart = parts.n_seeds - 1
    if parts.between > parts.noise * float(fdtri(apart, apart * max(parts.n_levels - 1, 1), BY_CHANCE)):
        return None
    return "the seeds may differ by chance alone; if they do, the interval is rather too wide"


def _uneven(share: float, parts: Spread, n_seeds: int) -> str | None:
    """Warning if the spread of seeds may be large near 0 or 1 (upper 95% bound): skewed, so coverage may be lower."""
    if n_seeds < 2 or not 0 < share < 1:
        return None
    of_seeds = math.sqrt(max(parts.between - parts.noise, 0.0) * n_seeds) / (share * (1 - share))
    at_most = of_seeds * math.sqrt((n_seeds - 1) / float(chdtri(n_seeds - 1, 0.95)))
    if at_most < UNEVEN or 0.2 < share < 0.8:
        return None
    return "the seeds differ a lot for a value near an end of the scale: the interval may cover less often than it says"


def _lopsided(deviations: np.ndarray, share: float, effective: float) -> str | None:
    """Warning if a few levels dominate the mean: it is more skewed than a proportion of `effective` trials, as assumed.

    deviations float[L]: each level's contribution to the mean.
    """
    variance = float((deviations**2).mean())
    if variance <= 0 or not 0 < share < 1:
        return None
    skew = abs(float((deviations**3).mean())) / variance**1.5 / math.sqrt(len(deviations))
    allowed = abs(1 - 2 * share) / math.sqrt(effective * share * (1 - share))
    if skew <= max(LOPSIDED, 1.3 * allowed):
        return None
    return "it depends on a few levels, so the interval may cover less often than it says"


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _plain(x: float, digits: int) -> str:
    text = f"{x:.{digits}f}".replace("-", "−")
    return text[1:] if text.startswith("−") and not text.strip("−0.") else text
