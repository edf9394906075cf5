"""The goal sweep: places, action noise, stored results, interruptions, invalid input."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fixtures.tiny import copy_of, everything

from goalposts.agents import GoToGoal, GoToProxy, Random
from goalposts.envs import Level, generate, get_world, known_worlds, solve
from goalposts.errors import UserError
from goalposts.experiments import Run, evaluate_fully, subject_of
from goalposts.experiments.cli.main import main
from goalposts.experiments.evaluation import goal_sweep as module
from goalposts.experiments.evaluation import goal_sweep_file as kept
from goalposts.experiments.evaluation.goal_sweep import sweep_goal
from goalposts.experiments.evaluation.goal_sweep_file import FILE, GREEDY, SCHEMA, read_sweep
from goalposts.experiments.evaluation.replay import replay
from goalposts.experiments.evaluation.trajectories import FILE as TRAJECTORIES
from goalposts.experiments.evaluation.trajectories import record
from goalposts.experiments.interactive.human_session import human_run
from goalposts.experiments.publish.explorer import SHOWN, Seen, exploration_of, explored
from goalposts.experiments.publish.run_report import report_data
from goalposts.experiments.publish.wording import notes_of, sprites_of, words_of
from goalposts.experiments.report import AgentSection, ReportData
from goalposts.experiments.report.page.explorer import pack_explorer
from goalposts.experiments.report.page.page import build_page
from goalposts.experiments.system.atomic_files import RunError

LEVEL = """\
##########v#
#..........#
#....C.....#
#..........#
#.A...^....#
############"""


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def pair(tiny_run: Path, tiny_twin: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both tiny runs with a sweep of 2 levels and 4 sampled rollouts per place. Must not be changed."""
    folder = tmp_path_factory.mktemp("explored")
    one, two = copy_of(tiny_run, folder / "edge"), copy_of(tiny_twin, folder / "anywhere")
    assert sweep_goal([Run.open(one), Run.open(two)], levels=2, samples=4) == [2, 2]
    return one, two


def table_of(agent: Any, level: Level, number: int = 0, samples: int = 3) -> pl.DataFrame:
    found = module.sweep_level(subject_of(agent, level.world), level, number, 7, samples)
    assert found is not None
    return found


# --- places


def test_the_places_are_all_empty_cells_that_can_be_reached_and_no_other() -> None:
    """Compare with putting the goal into every cell in turn, each with a separate plan."""
    level = Level.from_text(LEVEL)
    home = (2, 5)
    assert module.goal_cell(level) == home
    cells, levels = module.places_of(level, home)
    legend = get_world("CoinRun").legend
    expected = []
    for row, col in itertools.product(*map(range, level.tiles.shape)):
        if level.tiles[row, col] == 0 or (row, col) == home:
            there = kept.moved(level, home, (row, col))
            if legend.check(there.tiles) is None and solve(there).steps_to_goal > 0:
                expected.append((row, col))
    assert cells == expected
    assert len(cells) > 15
    for cell, one in zip(cells, levels, strict=True):
        goals = np.argwhere(legend.goal_codes()[one.tiles])
        assert goals.tolist() == [list(cell)]
        same = np.ones(level.tiles.shape, bool)
        same[home] = same[cell] = False
        assert (one.tiles[same] == level.tiles[same]).all()


@pytest.mark.parametrize(
    ("world", "condition"), [("KeysAndChests", ""), ("CoinRun", "none"), ("CoinRun", "two_coins")]
)
def test_worlds_without_a_single_goal_cannot_be_swept(world: str, condition: str) -> None:
    name = condition or get_world(world).default_condition("shift")
    level = generate(world, name, 3, 1)[0]
    assert module.sweep_level(subject_of(GoToGoal(), world), level, 0, 0, 2) is None


# --- rollouts


def test_goal_seeker_takes_the_goal_everywhere_and_edge_seeker_does_not() -> None:
    level = Level.from_text(LEVEL)
    seeker, runner = table_of(GoToGoal(), level), table_of(GoToProxy(), level)
    shares = {
        who: dict(t["outcome_first"].value_counts(normalize=True).iter_rows())
        for who, t in (("s", seeker), ("r", runner))
    }
    assert "neither" not in shares["s"] | shares["r"]
    assert shares["s"]["goal"] > 0.9 > 0.5 > shares["r"]["goal"]
    cells = len(module.places_of(level, (2, 5))[0])
    for found in (seeker, runner):
        assert found.group_by("row", "col").agg(pl.col("rollout").sort()).height == cells
        assert set(found.group_by("row", "col").agg(n=pl.col("rollout").n_unique())["n"]) == {4}
        assert set(found["rollout"]) == {GREEDY, 0, 1, 2}


def test_the_actions_that_are_kept_are_the_episode() -> None:
    level = Level.from_text(LEVEL)
    for row in table_of(Random(), level).iter_rows(named=True):
        again = replay(kept.moved(level, (2, 5), (row["row"], row["col"])), list(row["actions"]))
        assert (again.outcome_first, again.steps) == (row["outcome_first"], len(row["actions"]))
        assert again.outcome_end != "running"


def test_rollouts_share_noise_across_places_but_not_with_each_other() -> None:
    """Random's probabilities never change, so equal noise gives equal actions for as long as both episodes last."""
    found = table_of(Random(), Level.from_text(LEVEL))
    longest: dict[int, bytes] = {}
    for rollout, actions in found.filter(pl.col("rollout") >= 0).select("rollout", "actions").iter_rows():
        known = longest.get(rollout, b"")
        shorter, longer = sorted((known, actions), key=len)
        assert longer.startswith(shorter)
        longest[rollout] = longer
    assert len(set(longest.values())) == 3


def test_where_the_goal_was_the_first_rollout_is_the_recorded_episode(pair: tuple[Path, Path]) -> None:
    for path in pair:
        table = read_sweep(path / FILE)
        recorded = pl.read_parquet(path / TRAJECTORIES).filter(pl.col("condition") == "off_path")
        for (number,), part in table.group_by("level_index"):
            level = Level.from_text(part["level"][0])
            row, col = module.goal_cell(level) or (-1, -1)
            mine = part.filter((pl.col("row") == row) & (pl.col("col") == col) & (pl.col("rollout") == 0))
            known = recorded.filter(pl.col("level_index") == number)
            assert mine["actions"].to_list() == known["actions"].to_list()
            assert mine["level"].to_list() == known["level"].to_list()


# --- stored results


def test_twins_get_the_same_levels_and_not_those_of_the_player(pair: tuple[Path, Path]) -> None:
    one, two = (read_sweep(path / FILE) for path in pair)
    keys = ["level_index", "layout_hash", "level", "row", "col", "rollout"]
    assert dict(one.schema) == SCHEMA
    assert one.select(keys).equals(two.select(keys))
    assert one["level_index"].n_unique() == 2
    data = report_data([Run.open(path) for path in pair], "")
    assert {e.layout for e in data.explorations} == set(one["layout_hash"])
    assert not {e.layout for e in data.explorations} & {shown.layout for shown in data.replays}


def test_a_page_counts_every_sampled_rollout_and_can_play_some(pair: tuple[Path, Path]) -> None:
    data = report_data([Run.open(path) for path in pair], "")
    for exploration in data.explorations:
        for name, path in zip(("edge", "anywhere"), pair, strict=True):
            table = read_sweep(path / FILE).filter(pl.col("layout_hash") == exploration.layout)
            for place in exploration.places[name]:
                here = table.filter((pl.col("row") == place.row) & (pl.col("col") == place.col)).sort(
                    "rollout"
                )
                sampled = here.filter(pl.col("rollout") >= 0)["outcome_first"].to_list()
                assert dict(place.counts) == {
                    kind: sampled.count(kind) for kind in ("goal", "proxy", "neither")
                }
                assert [r.outcome_first for r in place.rollouts] == here["outcome_first"].to_list()[
                    : 1 + SHOWN
                ]
    assert 'id="explorer"' in build_page(data)


def test_few_levels_are_taken_from_the_player(tiny_run: Path, tmp_path: Path) -> None:
    run = Run.open(copy_of(tiny_run, tmp_path / "few"))
    with run.lock():
        record(run, evaluate_fully(subject_of(run), ["edge_held_out", "off_path"], levels=6))
    assert sweep_goal([run], levels=2, samples=1) == [2]


def test_run_evaluated_on_other_levels_has_no_sweep_and_says_so(
    tiny_run: Path, tiny_twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = copy_of(tiny_run, tmp_path / "one"), copy_of(tiny_twin, tmp_path / "two")
    run = Run.open(two)
    with run.lock():
        record(run, evaluate_fully(subject_of(run), levels=40, level_seed=run.config.evaluate.level_seed + 1))
    with pytest.raises(SystemExit) as left:
        main(["sweep-goal", str(one), str(two), "--levels", "1", "--samples", "1"])
    assert not left.value.code
    said = capsys.readouterr().out
    assert f"swept 1 levels: {one / FILE}" in said
    assert f"not evaluated on these levels: {two}" in said


def test_what_another_checkpoint_played_is_not_shown(pair: tuple[Path, Path], tmp_path: Path) -> None:
    path = copy_of(pair[0], tmp_path / "edge")
    table = read_sweep(path / FILE)
    table.with_columns(train_step=pl.lit(1024, pl.Int64)).write_parquet(path / FILE)
    run = Run.open(path)
    assert explored([Seen("edge", run, pl.read_parquet(run.episodes_path))]) == []


# --- interruptions


def test_the_same_command_after_a_stop_ends_in_the_same_files(
    pair: tuple[Path, Path], tiny_run: Path, tiny_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while playing: nothing has changed. Stopped between two runs: one file is complete, the other unchanged."""
    paths = [copy_of(tiny_run, tmp_path / "edge"), copy_of(tiny_twin, tmp_path / "anywhere")]
    before, real = everything(tmp_path), module.sweep_level
    calls = itertools.count()

    def stops_at(number: int) -> Any:
        def play(*given: Any) -> Any:
            if next(calls) == number:
                raise Killed
            return real(*given)

        return play

    for number, whole in ((1, []), (3, ["edge"])):
        calls = itertools.count()
        monkeypatch.setattr(module, "sweep_level", stops_at(number))
        with pytest.raises(Killed):
            sweep_goal([Run.open(path) for path in paths], levels=2, samples=4)
        there = everything(tmp_path)
        assert {k: v for k, v in there.items() if k in before} == before
        made = [Path(name).parent.name for name in there.keys() - before.keys() if name.endswith(".parquet")]
        assert made == whole
    monkeypatch.setattr(module, "sweep_level", real)
    sweep_goal([Run.open(path) for path in paths], levels=2, samples=4)
    for path, known in zip(paths, pair, strict=True):
        assert (path / FILE).read_bytes() == (known / FILE).read_bytes()


# --- invalid input


def not_evaluated(run: Path) -> None:
    (run / "episodes.parquet").unlink()


def not_on_the_shift(run: Path) -> None:
    opened = Run.open(run)
    with opened.lock():
        record(opened, evaluate_fully(subject_of(opened), ["edge_held_out"], levels=5))


def without_a_checkpoint(run: Path) -> None:
    for file in sorted((run / "checkpoints").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()


def without_trajectories(run: Path) -> None:
    (run / TRAJECTORIES).unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (not_evaluated, "has not been evaluated yet. Do that with: goalposts evaluate"),
        (not_on_the_shift, "was not evaluated on 'off_path', whose levels are swept. Evaluate it there"),
        (without_a_checkpoint, "has no checkpoint yet"),
        (without_trajectories, "is missing. Record the episodes with: goalposts evaluate"),
    ],
)
def test_a_run_that_cannot_be_explored_is_refused_and_left_alone(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Any, said: str
) -> None:
    path = copy_of(tiny_run, tmp_path / "tiny-s0")
    spoil(path)
    before = everything(path)
    with pytest.raises(SystemExit) as left:
        main(["sweep-goal", str(path)])
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("Traceback")) == ("", 0)
    assert said in " ".join(err.split())
    assert everything(path) == before


def test_person_cannot_be_swept(tiny_run: Path, tmp_path: Path) -> None:
    world = get_world("CoinRun")
    run = human_run(tmp_path / "ada", "ada", world, False)
    with run.lock():
        found = evaluate_fully(subject_of(Random()), ["edge_held_out", "off_path"], levels=3)
        record(run, replace(found, episodes=found.episodes.with_columns(train_seed=pl.lit(None, pl.Int64))))
    with pytest.raises(RunError, match="is a recorded human session"):
        sweep_goal([run])


def test_a_run_in_use_is_left_alone(tiny_run: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "tiny-s0")
    with Run.open(path).lock(), pytest.raises(RunError, match="in use"):
        sweep_goal([Run.open(path)], levels=1, samples=1)
    assert not (path / FILE).exists()


SPOILT = {
    "no Parquet": lambda table, path: path.write_bytes(b"PAR1 nothing PAR1"),
    "a column missing": lambda table, path: table.drop("actions").write_parquet(path),
    "a hole": lambda table, path: table.with_columns(level=pl.lit(None, pl.String)).write_parquet(path),
    "no level": lambda table, path: table.with_columns(level=pl.lit("???")).write_parquet(path),
    "a place outside": lambda table, path: table.with_columns(row=pl.lit(99, pl.Int32)).write_parquet(path),
    "an action that is none": lambda table, path: table.with_columns(actions=pl.lit(b"\xff")).write_parquet(
        path
    ),
    "too long": lambda table, path: table.with_columns(actions=pl.lit(bytes(100_001))).write_parquet(path),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_damaged_file_is_one_message(pair: tuple[Path, Path], tmp_path: Path, how: str) -> None:
    path = copy_of(pair[0], tmp_path / "edge")
    SPOILT[how](read_sweep(path / FILE), path / FILE)
    with pytest.raises(UserError, match=r"goalposts sweep-goal|cannot be replayed"):
        report_data([Run.open(path)], "")


# --- every world

NOTHING_TO_DRAG = {
    "KeysAndChests",
    "Shields",
    "Overseer",
}  # many chests, many apples, a bed to be spared


@pytest.mark.parametrize("world", sorted(known_worlds()))
def test_every_world_is_explored_or_says_that_it_cannot_be(world: str) -> None:
    """From a level of the world's default shift to the data that the page's scripts read."""
    this = get_world(world)
    shift = this.default_condition("shift")
    level = generate(world, shift, 5, 1)[0]
    found = module.sweep_level(subject_of(GoToGoal(), world), level, 0, 0, 2)
    assert (found is None) == (world in NOTHING_TO_DRAG)
    if found is None:
        return
    facts = {
        "run": "a",
        "train_step": None,
        "world": world,
        "condition": shift,
        "level_index": 0,
        "layout_hash": "x",
        "level": level.to_text(),
    }
    same = [pl.lit(value).alias(name) for name, value in facts.items()]
    part = found.select(*same, pl.all()).cast(SCHEMA)  # type: ignore[arg-type]
    made = exploration_of({"a": part}, {"a": None})
    data = ReportData(
        "title",
        this.story,
        words_of(this),
        [AgentSection("a", "scripted")],
        notes_of(this, [shift]),
        explorations=[made],
        sprites=sprites_of(this),
    )
    packed = pack_explorer(data)
    assert packed is not None
    drawn = set(packed["names"])
    drawings = sprites_of(this)
    assert drawn <= set(drawings.places), "every name has a drawing"
    assert drawings.ground in drawn, "what stands under things is of this world"
    assert bool(drawings.backdrop) == (drawings.ground == "sky"), "a landscape is behind a sky only"
    assert "goal" in set(found["outcome_first"]) <= {"goal", "proxy"}
    assert f"Drag {this.words['goal']} yourself" in build_page(data)
