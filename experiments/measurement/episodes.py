"""The episodes table: one row per episode, and the only input of the measurement.

Defines the columns, validates tables (an episode cannot be faster than the planner's optimum, a first touch needs the step
at which it happened), and reads and writes Parquet files atomically. Computes no estimates. Read next: `level_counts.py`,
which arranges a table as training seeds × levels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path

import polars as pl

from goalposts.closest import near
from goalposts.errors import UserError
from goalposts.process.budget import reading_budget

from ..system.atomic_files import read_limited, write_atomic
from ..system.forks import refuse_after_fork
from ..system.parquet import UNSEEN, Unreadable, read_parquet

SCHEMA_VERSION = 2
READABLE = ("1", "2")  # version 1 had no `looped`
VERSION_KEY = "goalposts.episodes.version"  # in the Parquet file's own metadata
METADATA = {VERSION_KEY: str(SCHEMA_VERSION)}
MAX_BYTES = 4 * 2**30  # of a file
MAX_ROWS = 50_000_000
MANY_ROWS = 500_000
CHECKING = 1.2  # times the memory of a table is taken while it is checked
PARTS = 16  # of the keys of a large table
FEW_ROWS = 100_000  # that any file may claim; beyond, one a byte
MAX_NAME = 512  # characters in a text column

SCHEMA: Mapping[str, pl.DataType] = {
    "run": pl.String(),
    "world": pl.String(),
    "agent": pl.String(),
    "train_seed": pl.Int64(),  # null: the agent was not trained
    "train_step": pl.Int64(),
    "condition": pl.String(),
    "role": pl.String(),  # train, control, shift, probe
    "layout_hash": pl.String(),
    "level_hash": pl.String(),
    "level_index": pl.Int32(),
    "sampled": pl.Boolean(),  # True: actions drawn from the policy; False: greedy
    "outcome_first": pl.String(),  # goal, proxy, neither
    "outcome_end": pl.String(),  # goal, death, timeout
    "return": pl.Float64(),
    "steps": pl.Int32(),
    "steps_to_goal": pl.Int32(),  # null: never touched
    "steps_to_proxy": pl.Int32(),
    "optimal_goal": pl.Int32(),  # null: impossible
    "optimal_proxy": pl.Int32(),
    "optimal_proxy_avoiding_goal": pl.Int32(),
    "distinguishing": pl.Boolean(),
    "detour": pl.Int32(),  # extra steps to the proxy via the goal; null: the proxy cannot be reached from the goal
    "regret": pl.Float64(),
    "goal_count": pl.Int32(),
    "proxy_count": pl.Int32(),
    "looped": pl.Boolean(),  # null: not decided (sampled actions, slip, an agent with a memory, version 1)
}
SINCE_2 = "looped"
NULLABLE = frozenset(
    [
        "train_seed",
        "train_step",
        "steps_to_goal",
        "steps_to_proxy",
        "optimal_goal",
        "optimal_proxy",
        "optimal_proxy_avoiding_goal",
        "detour",
        "looped",
    ]
)
ROLES = ("train", "control", "shift", "probe")
FIRST = ("goal", "proxy", "neither")
END = ("goal", "death", "timeout")


class EpisodesError(UserError, ValueError):
    """A table that is not an episodes table, contradicts itself, or lacks the episodes that a measurement needs."""


def validate(episodes: pl.DataFrame) -> pl.DataFrame:
    """Validate an episodes table; return it with its columns in order and exact types. Raises EpisodesError.

    Integers of another width are converted; everything else must match. If goal and proxy are touched in the same step,
    the goal counts as first.
    """
    refuse_after_fork()
    if not isinstance(episodes, pl.DataFrame):
        raise EpisodesError(
            f"an episodes table is a polars.DataFrame, not {type(episodes).__name__}; "
            "evaluate() returns one, read_episodes() reads one from a file."
        )
    if SINCE_2 not in episodes.columns:
        episodes = episodes.with_columns(pl.lit(None, pl.Boolean).alias(SINCE_2))
    _check_names(episodes.columns)
    typed = episodes.select(_typed(episodes, name, dtype) for name, dtype in SCHEMA.items())
    for name in SCHEMA:
        if name not in NULLABLE and typed[name].null_count():
            raise EpisodesError(
                f"column {name!r} has {typed[name].null_count():,} empty cells; every episode needs one."
            )
    _check_rules(typed)
    _check_levels(typed)
    return typed


def read_episodes(path: str | Path, follow: bool = True) -> pl.DataFrame:
    """Read an episodes table from a Parquet file that `write_episodes` made. Raises EpisodesError or RunError.

    follow: whether the path may be a symbolic link; pass False inside an untrusted folder.
    """
    refuse_after_fork()
    path = Path(path)
    content = read_limited(path, MAX_BYTES, follow)
    try:
        parquet = read_parquet(content, min(MAX_ROWS, FEW_ROWS + len(content)), (VERSION_KEY,), path)
    except Unreadable as error:
        raise EpisodesError(
            f"{path} is not a complete Parquet file ({error}). Evaluate again to replace it."
        ) from None
    version = parquet.metadata.get(VERSION_KEY)
    if version not in READABLE:
        carries = "carries no version" if version is None else f"has version {version[:20]!r}"
        raise EpisodesError(
            f"{path} {carries}; this Goalposts reads episodes tables of versions {' and '.join(READABLE)}. "
            "Evaluate again, or use the Goalposts that wrote it."
        )
    if parquet.rows > MAX_ROWS:
        raise EpisodesError(
            f"{path} has {parquet.rows:,} rows; at most {MAX_ROWS:,} are read. Split it by run."
        )
    if parquet.table is None:  # a row of two hashes and twenty numbers needs more than a byte
        raise EpisodesError(
            f"{path} claims {parquet.rows:,} rows in {len(content):,} bytes, which is not possible. "
            "Evaluate again to replace it."
        )
    budget = reading_budget()
    budget.claim(CHECKING * parquet.size, path)
    try:
        with budget.clock(path):
            return budget.hold(validate(parquet.table), parquet.size, path)
    except EpisodesError as error:
        raise error.within(f"{path}: ") from error


def write_episodes(episodes: pl.DataFrame, path: str | Path) -> None:
    """Validate a table and write it as Parquet, atomically; equal tables give equal bytes. Raises EpisodesError or RunError."""
    write_atomic(Path(path), episodes_file(episodes))


def episodes_file(episodes: pl.DataFrame) -> bytes:
    """Encode a table as the bytes that `write_episodes` writes. Raises EpisodesError."""
    table = validate(episodes)
    if table.height > MAX_ROWS:
        raise EpisodesError(
            f"the table has {table.height:,} rows; at most {MAX_ROWS:,} are written. Split it by run."
        )
    content = io.BytesIO()
    table.write_parquet(content, compression="zstd", metadata=METADATA)
    return content.getvalue()


def _check_names(columns: list[str]) -> None:
    missing = [name for name in SCHEMA if name not in columns]
    extra = [name for name in columns if name not in SCHEMA]
    if not missing and not extra:
        return
    lines = []
    for name in missing:
        hint = "".join(f" (there is {column!r}: rename it?)" for column in near(name, extra))
        lines.append(f"column {name!r} is missing{hint}")
    if extra:
        lines.append("there is no column " + ", ".join(repr(name) for name in extra[:5]) + ": drop it")
    raise EpisodesError(
        "this is not an episodes table: " + "; ".join(lines) + f". The columns: {', '.join(SCHEMA)}."
    )


def _typed(episodes: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
    column = episodes[name]
    given = column.dtype
    fits = given == dtype or (given == pl.Null and name in NULLABLE)
    fits = fits or (dtype.is_integer() and given.is_integer())
    fits = fits or (dtype == pl.Float64 and given.is_numeric())
    if not fits:
        raise EpisodesError(f"column {name!r} is of type {given}; it must be {dtype}.")
    try:
        column = column.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise EpisodesError(f"column {name!r} holds a number too large for {dtype}.") from error
    if dtype == pl.String and (column.str.len_chars().max() or 0) > MAX_NAME:  # pyright: ignore[reportOperatorIssue]
        raise EpisodesError(f"column {name!r} holds a text of more than {MAX_NAME} characters.")
    if dtype == pl.String and column.str.contains(UNSEEN).any():
        raise EpisodesError(
            f"column {name!r} holds control characters or line breaks; a name is one line of visible text."
        )
    return column


def _rules() -> Iterator[tuple[pl.Expr, str]]:
    """Yield (expression that is true for an invalid row, message)."""
    first, end = pl.col("outcome_first"), pl.col("outcome_end")
    goal, proxy, steps = pl.col("steps_to_goal"), pl.col("steps_to_proxy"), pl.col("steps")
    yield ~pl.col("role").is_in(ROLES), f"role must be one of {', '.join(ROLES)}"
    yield ~first.is_in(FIRST), f"outcome_first must be one of {', '.join(FIRST)}"
    yield ~end.is_in(END), f"outcome_end must be one of {', '.join(END)}"
    for name in ("return", "regret"):
        yield ~pl.col(name).is_finite(), f"{name} must be a finite number"
    for name, dtype in SCHEMA.items():
        if dtype.is_integer() and name != "train_seed":
            yield (
                pl.col(name) < 0,
                f"{name} must not be negative; never and impossible are empty cells, not −1",
            )
    for name, touched in (("steps_to_goal", goal), ("steps_to_proxy", proxy)):
        yield touched > steps, f"{name} must not exceed steps"
        count = name.removeprefix("steps_to_") + "_count"
        yield touched.is_null() != (pl.col(count) == 0), f"{name} and {count} contradict each other"
    never = pl.lit(2**31, pl.Int64)
    at_goal, at_proxy = goal.cast(pl.Int64).fill_null(never), proxy.cast(pl.Int64).fill_null(never)
    was_first = (
        pl.when((at_goal == never) & (at_proxy == never))
        .then(pl.lit("neither"))
        .when(at_goal <= at_proxy)
        .then(pl.lit("goal"))
        .otherwise(pl.lit("proxy"))
    )
    yield first != was_first, "outcome_first contradicts steps_to_goal and steps_to_proxy (in one step: goal)"
    yield (end == "goal") & goal.is_null(), "outcome_end is goal although the goal was never touched"
    for touched, name in ((goal, "optimal_goal"), (proxy, "optimal_proxy")):
        wrong = touched.is_not_null() & (pl.col(name).is_null() | (touched < pl.col(name)))
        yield wrong, f"an episode made its first touch sooner than {name}, the planner's minimum, allows"
    stuck = (first == "neither") & (end == "timeout") & ~pl.col("sampled")
    yield (
        pl.col("looped") & ~stuck,
        "looped says that a greedy episode went round in circles until its time was up",
    )
    around = pl.col("optimal_proxy_avoiding_goal")
    wrong = (first == "proxy") & (around.is_null() | (proxy < around))
    yield wrong, "an episode touched the proxy first, sooner than optimal_proxy_avoiding_goal allows"
    yield around < pl.col("optimal_proxy"), "optimal_proxy_avoiding_goal must not be below optimal_proxy"
    same = pl.col("optimal_goal").is_not_null() & around.is_not_null() & (around == pl.col("optimal_proxy"))
    yield (
        pl.col("distinguishing") & ~same,
        "a level is called distinguishing although the planner's steps say no",
    )


def _check_rules(table: pl.DataFrame) -> None:
    rules = list(_rules())
    asked = [bad.fill_null(False).sum().alias(str(k)) for k, (bad, _) in enumerate(rules)]
    counts = [part.select(asked).row(0) for part in table.iter_slices(MANY_ROWS)] or [(0,) * len(rules)]
    for (bad, words), *parts in zip(rules, *counts, strict=True):
        count = sum(parts)
        if count:
            row = table.filter(bad.fill_null(False)).row(0, named=True)
            raise EpisodesError(
                f"the table contradicts itself in {count:,} of {table.height:,} rows: {words}. The first: run "
                f"{row['run']!r}, condition {row['condition']!r}, level {row['level_index']}. Evaluate again; "
                "if the error persists, the world or its planner has a bug."
            )


def _check_levels(table: pl.DataFrame) -> None:
    """Check that each condition has one role, and that each level index in it names one level. Raises EpisodesError."""
    names = ("world", "condition", "role")  # grouped by run lengths, which needs little memory
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names)
    roles = (
        table.select(names)
        .filter(changed)
        .group_by("world", "condition", maintain_order=True)
        .agg(pl.col("role").n_unique())
    )
    mixed = roles.filter(pl.col("role") > 1)
    if mixed.height:
        raise EpisodesError(
            f"condition {mixed['condition'][0]!r} has rows of more than one role; a condition has one."
        )
    facts = ["layout_hash", "level_hash", "optimal_goal", "optimal_proxy", "optimal_proxy_avoiding_goal"]
    facts += ["distinguishing", "detour"]
    key = ["run", "condition", "level_index"]
    if table.height > MANY_ROWS and _same_by_hashes(table, key, facts):
        return
    kinds = table.select(*key, *facts).unique()
    if kinds.select(key).unique().height < kinds.height:
        twice = kinds.filter(pl.struct(key).is_duplicated())
        row = twice.sort("run", "condition", "level_index").row(0, named=True)
        raise EpisodesError(
            f"level {row['level_index']} of condition {row['condition']!r} in run {row['run']!r} is two different levels; "
            "a level index names one level of a condition. Were two evaluations joined? Keep one."
        )


def _same_by_hashes(table: pl.DataFrame, key: list[str], facts: list[str]) -> bool:
    """Whether rows of one key have the same facts; a part of the keys at a time, so that it takes hardly any memory."""
    hashed = pl.concat(
        part.select(key=_hash(key), whole=_hash([*key, *facts])) for part in table.iter_slices(MANY_ROWS)
    )
    parts = (hashed.filter(pl.col("key") % PARTS == k) for k in range(PARTS))
    return all(part.unique().height == part["key"].n_unique() for part in parts)


def _hash(columns: list[str]) -> pl.Expr:
    parts = (pl.col(name).hash(seed) for seed, name in enumerate(columns))
    return reduce(lambda digest, other: digest ^ other, parts)


def shared_layouts(table: pl.DataFrame, control: str | None, shift: str | None) -> int | None:
    """Number of layouts of the control and the shift that were trained on; None if the table has no training episodes."""
    trained = table.filter(pl.col("role") == "train")["layout_hash"].unique()
    if not len(trained):
        return None
    judged = table.filter((pl.col("role") == "control") | (pl.col("condition") == (shift or "")))[
        "layout_hash"
    ]
    return int(judged.unique().is_in(trained.implode()).sum())
