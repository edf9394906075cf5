"""The live part of a report: the runs' recorded networks on the levels that the report shows, and the recorded episodes.

Needs no torch. Read next: `live_blocks.py`, `experiments/runs/recorded_network.py`; `run_report.py`, which places it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ...envs.levels.level import Level, legend_of
from ..evaluation.evaluated_run import Evaluated
from ..evaluation.trajectories import FILE as TRAJECTORIES
from ..report.data import LivePage, RecordedEpisodes, Replay, Take
from ..runs.recorded_network import NotLiveError, recorded_network
from .live_blocks import LiveAgent, live_page_of
from .live_world import window_block
from .wording import label_of, rewarded_for

LIVE_IN_REPORT = 2  # agents whose networks a report holds
MOST_LISTED = 5_000  # episodes per condition that a report lists


def live_of_report(
    items: Sequence[Evaluated], replays: Sequence[Replay], control: str, shift: str
) -> tuple[LivePage | None, str]:
    """The live part, or None and the sentence that says why there is none."""
    pairs = _pairs(replays, items[0].world.name, control, shift)
    try:
        if len(items) > LIVE_IN_REPORT:
            raise NotLiveError(f"{len(items)} agents are more than {LIVE_IN_REPORT}")
        if not pairs:
            raise NotLiveError("no levels are recorded")
        agents = [_agent(item) for item in items]
        return live_page_of(items[0].world, agents, pairs), ""
    except NotLiveError as error:
        why = str(error).replace(f"{items[0].run.path} ", f"{items[0].name} ")
        for item in items:
            why = why.replace(f"{item.run.path} ", f"{item.name} ")
        return None, f"This report plays recorded episodes instead of computing new ones: {why}."


def _agent(item: Evaluated) -> LiveAgent:
    """An agent from its last checkpoint, if that is the one that was evaluated. Raises NotLiveError."""
    last = item.run.latest_checkpoint()
    steps = item.episodes["train_step"].unique().to_list()
    if last is None or steps != [last.step]:
        raise NotLiveError(f"{item.run.path} has no checkpoint of the step that was evaluated")
    env = item.config.env
    network = recorded_network(item.run)
    window = window_block(item.world, env.observation, item.world.full)
    first = (network["trunk"] or network["pi"])[0]
    if first["inputs"] != len(window["bits"]) * int(np.prod(window["size"])):
        raise NotLiveError(f"{item.run.path} observes something else than its world shows")
    rewarded = rewarded_for(item.world, item.config)
    return LiveAgent(
        item.name, label_of(item), env.condition, env.observation, env.max_steps, network, rewarded
    )


def _pairs(replays: Sequence[Replay], world: str, control: str, shift: str) -> list[tuple[Level, Level]]:
    """The levels of the report's player: as in training, and with the goal moved."""
    texts: dict[str, dict[str, str]] = {}
    for replay in replays:
        texts.setdefault(replay.layout, {}).setdefault(replay.condition, replay.rollout.level_text)
    pairs = []
    for by in texts.values():
        if shift in by:
            moved = Level.from_text(by[shift], world)
            pairs.append((Level.from_text(by.get(control, by[shift]), world), moved))
    return pairs


def by_clearness(replays: Sequence[Replay], world: str, shift: str) -> list[Replay]:
    """The same replays, clearest level first among those with the same outcomes: where the first agent's path keeps away from
    a goal that it does not reach, so that nothing looks as if it had been taken."""
    order: dict[str, int] = {}
    outcomes: dict[str, list[str]] = {}
    clear: dict[str, float] = {}
    for replay in replays:
        order.setdefault(replay.layout, len(order))
        if replay.condition == shift:
            outcomes.setdefault(replay.layout, []).append(replay.rollout.outcome_first)
            clear.setdefault(replay.layout, _kept_away(replay, world))
    groups = list(dict.fromkeys(tuple(endings) for endings in outcomes.values()))

    def place(layout: str) -> tuple[int, float, int]:
        group = groups.index(tuple(outcomes[layout])) if layout in outcomes else len(groups)
        return group, -clear.get(layout, 0.0), order[layout]

    return sorted(replays, key=lambda episode: place(episode.layout))


def _kept_away(replay: Replay, world: str) -> float:
    """Cells between the goal and the agent's path, at most 5; then the wider level, of which there is more to see."""
    level = Level.from_text(replay.rollout.level_text, world)
    goals = np.argwhere(legend_of(world).goal_codes()[level.tiles])
    path = [(s.row, s.col) for frame in replay.rollout.frames for s in frame if s.name.startswith("agent")]
    if not len(goals) or not path:
        return 0.0
    away = np.abs(goals[:, None] - np.array(path)[None]).sum(axis=2).min()
    return float(min(5, away)) + level.tiles.shape[1] / 1000


def recorded_episodes(items: Sequence[Evaluated], conditions: Sequence[str]) -> list[RecordedEpisodes]:
    """All recorded episodes of these conditions, on the levels that all runs played; none if some run recorded none."""
    if any(not (item.run.path / TRAJECTORIES).exists() for item in items):
        return []
    episodes, recorded = [], [item.trajectories() for item in items]
    for condition in conditions:
        tables = [_episodes(item, taken, condition) for item, taken in zip(items, recorded, strict=True)]
        common = tables[0].select("level_index", "level")
        for other in tables[1:]:
            common = common.join(other.select("level_index", "level"), on=["level_index", "level"])
        common = common.sort("level_index").head(MOST_LISTED)
        if not common.height:
            continue
        parts = [
            common.join(table, on=["level_index", "level"], how="left").sort("level_index")
            for table in tables
        ]
        episodes.append(
            RecordedEpisodes(
                condition,
                common["level_index"].to_list(),
                parts[0]["distinguishing"].to_list(),
                common["level"].to_list(),
                {
                    item.name: [
                        Take(*row)
                        for row in part.select("outcome_first", "outcome_end", "actions").iter_rows()
                    ]
                    for item, part in zip(items, parts, strict=True)
                },
            )
        )
    return episodes


def _episodes(item: Evaluated, recorded: pl.DataFrame, condition: str) -> pl.DataFrame:
    """level_index, level, distinguishing, outcomes and actions of an agent's sampled episodes under a condition."""
    facts = item.episodes.filter((pl.col("condition") == condition) & pl.col("sampled"))
    taken = recorded.filter(pl.col("condition") == condition)
    return facts.select("level_index", "distinguishing", "outcome_first", "outcome_end").join(
        taken.select("level_index", "level", "actions"), on="level_index"
    )
