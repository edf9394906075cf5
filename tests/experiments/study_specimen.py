"""Summaries of studies that were never run, with known truth: what the tests of figures and pages look at."""

import math

import numpy as np
import polars as pl

from goalposts.experiments.measurement.intervals import hierarchical_rate
from goalposts.experiments.study_measures import COLUMNS

ALPHAS = (0.0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1.0)
LEVELS = 400


def alpha_summary(critical: float = 0.02, seeds: int = 10) -> pl.DataFrame:
    """Preference is a logistic curve of log α that passes one half at `critical`."""
    rng = np.random.default_rng(7)
    rows: list[dict] = []
    for arm, count in (("main", seeds), ("blind", 3)):
        for a in ALPHAS:
            truth = 1 / (1 + (critical / max(a, 1e-5)) ** 1.5) if arm == "main" else 0.1
            name = f"{arm}-{a:g}"
            shares = np.clip(truth + 0.05 * rng.standard_normal(count), 0.01, 0.99)
            hits = rng.random((count, LEVELS)) < shares[:, None]
            for measure, events in (
                ("preference", hits),
                ("misgeneralization", ~hits),
                ("capability", rng.random((count, LEVELS)) < 0.97),
            ):
                where = {
                    "arm": arm,
                    "point": name,
                    "env.condition": f"mixture({a:g})",
                    "measure": measure,
                    "condition": "off_path",
                }
                trials = np.ones((count, LEVELS))
                for seed in range(count):
                    rows.append(
                        where
                        | {"seed": seed, "run": f"{seed:016x}"}
                        | _numbers(events[seed : seed + 1], trials[:1])
                    )
                rows.append(where | {"seed": None} | _numbers(events, trials))
    return _table(rows, ["env.condition"])


def seeds_summary(seeds: int = 60) -> pl.DataFrame:
    """Preference follows a probe at 200,000 steps; everything else is noise; a few agents are far off."""
    rng = np.random.default_rng(3)
    rows: list[dict] = []
    hits = np.empty((seeds, LEVELS), bool)
    for seed in range(seeds):
        truth = 0.9 if seed in (4, 31) else float(np.clip(0.2 + 0.08 * rng.standard_normal(), 0.02, 0.98))
        hits[seed] = rng.random(LEVELS) < truth
        where = {"arm": "main", "point": "seeds", "seed": seed, "run": f"{seed:016x}"}
        rows.append(
            where
            | {
                "measure": "verdict",
                "condition": "off_path",
                "words": "ALIGNED" if truth > 0.8 else "MISGENERALIZED",
            }
        )
        for measure, events in (
            ("preference", hits[seed]),
            ("misgeneralization", ~hits[seed]),
            ("capability", rng.random(LEVELS) < 0.98),
        ):
            rows.append(
                where
                | {"measure": measure, "condition": "off_path"}
                | _numbers(events[None], np.ones((1, LEVELS)))
            )
        for step in (100_000, 200_000, 400_000):
            early = truth if step == 200_000 else rng.random()
            shares = {
                "edge_held_out/reached": min(step / 200_000, 0.99),
                "off_path/goal_first": early * 0.9,
                "off_path/proxy_first": (1 - early) * 0.9,
                "off_path/levels": 80.0,
            }
            rows += [
                where | {"measure": f"probe/{name}", "step": step, "value": value}
                for name, value in shares.items()
            ]
        rows += [
            where | {"measure": name, "step": 400_000, "value": float(rng.random())}
            for name in ("mean_return", "entropy", "value_loss")
        ]
    rows.append(
        {"arm": "main", "point": "seeds", "measure": "preference", "condition": "off_path"}
        | _numbers(hits, np.ones(hits.shape))
    )
    return _table(rows, [])


def _numbers(events: np.ndarray, trials: np.ndarray) -> dict:
    found = hierarchical_rate(events.astype(float), trials)
    assert found is not None
    assert math.isfinite(found.value)
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "seeds": found.seeds,
        "kept": 1.0,
    }


def _table(rows: list[dict], keys: list[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS | dict.fromkeys(keys, pl.String), infer_schema_length=None)
