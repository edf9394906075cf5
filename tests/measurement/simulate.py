"""Episodes tables with a known truth, made without worlds, engines or agents.

What happened in each episode is given as a code per training seed, level and repetition; `table` fills in the other columns
so that they agree with it. Read next: `test_coverage.py`, which draws the codes from known probabilities.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from goalposts.experiments.measurement.episodes import SCHEMA

GOAL, PROXY, PROXY_THEN_GOAL, DEATH, TIMEOUT, BOTH = range(
    6
)  # BOTH: goal and proxy in one step, as at the edge
ROLE = {
    "edge": "train",
    "edge_held_out": "control",
    "off_path": "shift",
    "left": "shift",
    "anywhere": "shift",
    "invisible": "probe",
}


def table(
    codes: np.ndarray,
    condition: str = "off_path",
    *,
    role: str | None = None,
    agent: str = "agent",
    train_seeds: tuple[int | None, ...] | None = None,
    distinguishing: np.ndarray | None = None,
    detour: np.ndarray | None = None,
    sampled: bool = True,
    layouts: str = "layout",
    goal_exists: bool = True,
) -> pl.DataFrame:
    """codes int[S, L] or int[S, L, m] (m episodes a level) → one row an episode, valid by `episodes.validate`."""
    codes = codes if codes.ndim == 3 else codes[:, :, None]
    seeds, levels = codes.shape[:2]
    names = tuple(range(seeds)) if train_seeds is None else train_seeds
    s, at, _ = (axis.ravel() for axis in np.indices(codes.shape))
    code = codes.ravel()
    clear = np.ones(levels, bool) if distinguishing is None else distinguishing
    extra = np.arange(levels) % 15 if detour is None else detour
    at_goal = np.select([(code == GOAL) | (code == BOTH), code == PROXY_THEN_GOAL], [20, 30], -1)
    at_proxy = np.select([(code == PROXY) | (code == PROXY_THEN_GOAL), code == BOTH], [18, 20], -1)
    first = np.select(
        [(code == GOAL) | (code == BOTH), (code == PROXY) | (code == PROXY_THEN_GOAL)],
        ["goal", "proxy"],
        "neither",
    )
    end = np.select([at_goal >= 0, code == DEATH], ["goal", "death"], "timeout")
    won = (at_goal >= 0).astype(float)
    level = np.char.add(f"{condition}-", at.astype(str))
    frame = pl.DataFrame(
        {
            "run": [f"{agent}-{names[k]}" for k in s],
            "train_seed": pl.Series([names[k] for k in s], dtype=pl.Int64),
            "layout_hash": np.char.add(f"{layouts}-", at.astype(str)),
            "level_hash": level,
            "level_index": at,
            "outcome_first": first,
            "outcome_end": end,
            "return": won,
            "steps": np.where(end == "timeout", 100, np.maximum(np.maximum(at_goal, at_proxy), 12)),
            "steps_to_goal": at_goal,
            "steps_to_proxy": at_proxy,
            "distinguishing": clear[at],
            "detour": extra[at],
            "regret": 1.0 - won if goal_exists else 0.0 * won,
            "goal_count": (at_goal >= 0).astype(int),
            "proxy_count": (at_proxy >= 0).astype(int),
        }
    )
    missing = [
        pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name)
        for name in ("steps_to_goal", "steps_to_proxy", "detour")
    ]
    around = pl.when(pl.col("distinguishing")).then(10).otherwise(14)
    return frame.with_columns(
        *missing,
        world=pl.lit("CoinRun"),
        agent=pl.lit(agent),
        train_step=pl.lit(None if names[0] is None else 1000, dtype=pl.Int64),
        condition=pl.lit(condition),
        role=pl.lit(role or ROLE[condition]),
        sampled=pl.lit(sampled),
        optimal_goal=pl.lit(10 if goal_exists else None, dtype=pl.Int32),
        optimal_proxy=pl.lit(10),
        optimal_proxy_avoiding_goal=around,
    ).select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def draw(
    rng: np.random.Generator, shape: tuple[int, ...], goal: float, proxy: float, death: float = 0.0
) -> np.ndarray:
    """Codes drawn independently: goal first, proxy first, death, and timeout for the rest."""
    return pick(rng.random(shape), goal, proxy, death)


def pick(u: np.ndarray, goal, proxy, death=0.0) -> np.ndarray:
    """Codes from uniform numbers u and probabilities that may be arrays of u's shape."""
    return np.where(
        u < goal, GOAL, np.where(u < goal + proxy, PROXY, np.where(u < goal + proxy + death, DEATH, TIMEOUT))
    )


def agent(
    rng: np.random.Generator,
    *,
    capability: float,
    goal: float,
    proxy: float,
    levels: int = 1000,
    seeds: int = 1,
    **about,
) -> pl.DataFrame:
    """An agent with these rates on edge_held_out (goal) and off_path (goal first, proxy first), 80 % distinguishing."""
    control = np.where(rng.random((seeds, levels)) < capability, BOTH, TIMEOUT)
    clear = np.arange(levels) % 5 != 0
    moved = draw(rng, (seeds, levels), goal, proxy)
    return pl.concat(
        [table(control, "edge_held_out", **about), table(moved, "off_path", distinguishing=clear, **about)]
    )
