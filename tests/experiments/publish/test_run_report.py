"""From run folders to pages and films: they show recorded episodes, chosen by number, without torch."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from fixtures.tiny import copy_of, everything
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from goalposts.errors import UserError
from goalposts.experiments import Run, evaluate_fully, load_config, subject_of, train
from goalposts.experiments.cli.main import main
from goalposts.experiments.evaluation.evaluated_run import Evaluated, evaluated, open_runs, verdicts_of
from goalposts.experiments.evaluation.replay import replay, representative, rollouts_of
from goalposts.experiments.evaluation.trajectories import record
from goalposts.experiments.measurement import write_episodes
from goalposts.experiments.publish.films import FilmSpec, film_of
from goalposts.experiments.publish.run_report import report_data
from goalposts.experiments.publish.wording import label_of
from goalposts.experiments.report.page.page import build_page


def run(*words: str | Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert not ended.value.code, words


# --- the page


def test_the_page_of_a_run_says_what_was_measured(tiny_run: Path) -> None:
    opened = Run.open(tiny_run)
    data = report_data([opened], "goalposts report tiny-s0")
    verdict = Evaluated(opened).verdict()
    assert data.title == "CoinRun: tiny-s0"
    (agent,) = data.agents
    assert (agent.name, agent.label) == ("tiny-s0", "trained with the coin at the edge")
    assert agent.verdict["label"] == verdict.label == "CAPABILITY LOSS"
    assert {(row.condition, row.sampled) for row in agent.outcomes} == {
        (name, sampled) for name in ("edge_held_out", "off_path", "edge") for sampled in (True, False)
    }
    assert [row["step"] for row in agent.progress] == list(range(1024, 8193, 1024))
    assert data.moved == "off_path"
    assert {row.condition: row.layouts for row in data.leakage}.keys() == {
        "edge_held_out",
        "off_path",
        "edge",
    }
    page = build_page(data)
    for words in ("CoinRun: tiny-s0", "CAPABILITY LOSS", "goalposts report tiny-s0", "total_steps: 8192"):
        assert words in page
    assert page == build_page(report_data([Run.open(tiny_run)], "goalposts report tiny-s0"))


def test_replays_on_the_page_are_the_recorded_episodes(tiny_run: Path) -> None:
    data = report_data([Run.open(tiny_run)], "")
    table = pl.read_parquet(tiny_run / "episodes.parquet").filter(pl.col("sampled"))
    assert {replay.condition for replay in data.replays} == {"edge_held_out", "off_path"}
    assert len(data.replays) == 16
    for shown in data.replays:
        row = table.row(
            by_predicate=(pl.col("condition") == shown.condition)
            & (pl.col("layout_hash") == shown.layout)
            & (pl.col("level_hash") == shown.rollout.level_hash),
            named=True,
        )
        assert shown.rollout.steps == row["steps"] == len(shown.rollout.actions)
        assert (shown.rollout.outcome_first, shown.rollout.outcome_end) == (
            row["outcome_first"],
            row["outcome_end"],
        )
        assert len(shown.rollout.frames) == len(shown.rollout.camera) == row["steps"] + 1


def test_twins_are_shown_on_the_same_levels(tiny_run: Path, tiny_twin: Path) -> None:
    data = report_data([Run.open(tiny_run), Run.open(tiny_twin)], "", title="Twins")
    assert [agent.label for agent in data.agents] == [
        "trained with the coin at the edge",
        "trained with the coin anywhere",
    ]
    one, two = (
        [(shown.layout, shown.condition) for shown in data.replays if shown.agent == agent.name]
        for agent in data.agents
    )
    assert one == two
    assert build_page(data).count("<h1") == 1


def test_folders_with_equal_names_are_distinguished(tiny_run: Path, tmp_path: Path) -> None:
    other = copy_of(tiny_run, tmp_path / "elsewhere" / "tiny-s0")
    names = [item.name for item in evaluated([Run.open(tiny_run), Run.open(other)])]
    assert names == [f"{tiny_run.parent.name}/tiny-s0", "elsewhere/tiny-s0"]
    data = report_data([Run.open(tiny_run), Run.open(other)], "")
    assert len({(shown.agent, shown.layout, shown.condition) for shown in data.replays}) == len(data.replays)


def test_a_run_named_by_a_dot_has_the_name_of_its_folder(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_run)
    assert Evaluated(Run.open(".")).name == "tiny-s0"


def test_a_run_is_named_once(tiny_run: Path) -> None:
    with pytest.raises(UserError, match="is given twice"):
        open_runs([tiny_run, tiny_run.parent / "." / "tiny-s0"])


def test_only_runs_that_differ_in_the_seed_are_judged_together(
    tiny_run: Path, tiny_twin: Path, tiny_config: Path, tmp_path: Path
) -> None:
    short = load_config(tiny_config, ["train.total_steps=1024", "seed=1"])
    other = train(short, tmp_path / "seed-1")
    with pytest.raises(UserError, match=r"both called 'tiny' but differ in train.total_steps 8192 and 1024"):
        verdicts_of(evaluated([Run.open(tiny_run), other]))
    second = train(short.override(["seed=2"]), tmp_path / "seed-2")
    procedure, alone = verdicts_of(evaluated([other, Run.open(tiny_twin), second]))
    assert (procedure.scope, len(procedure.runs)) == ("this training procedure", 2)
    assert (alone.scope, alone.agent) == ("this agent", "tiny-anywhere")


def test_tables_of_two_evaluations_are_not_shown_together(tiny_run: Path, tmp_path: Path) -> None:
    """The state left by a process that dies between writing the two files."""
    path = copy_of(tiny_run, tmp_path / "run")
    found = evaluate_fully(subject_of(path), ["edge_held_out", "off_path", "edge"], 30)
    write_episodes(found.episodes, path / "episodes.parquet")
    with pytest.raises(
        UserError, match=r"are of different evaluations\. Write both again with: goalposts evaluate"
    ):
        report_data([Run.open(path)], "")
    run("evaluate", path)
    report_data([Run.open(path)], "")


@pytest.mark.parametrize(
    ("command", "then"), [("report", "live"), ("diagnose", "report"), ("record", "report")]
)
def test_what_was_recorded_is_shown_without_torch(
    tiny_run: Path, tmp_path: Path, command: str, then: str
) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    code = (
        "import sys\n"
        "from goalposts.experiments.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "assert 'polars' in sys.modules\n"
        "assert not {'torch', 'stable_baselines3', 'pygame'} & set(sys.modules), 'heavy'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"next: goalposts {then} {path}"


# --- films


def frames(path: Path) -> int:
    with Image.open(path) as image:
        return getattr(image, "n_frames", 1)


def test_films_of_one_run(tiny_run: Path, tmp_path: Path) -> None:
    path = copy_of(tiny_run, tmp_path / "run")
    before = everything(path)
    run("record", path)
    assert frames(path / "rollout.gif") > 5
    run("record", path, "--out", tmp_path / "grid.gif", "--count", "6", "--tile-size", "8")
    run("record", path, "--out", tmp_path / "strip.PNG")
    with Image.open(path / "rollout.gif") as one, Image.open(tmp_path / "grid.gif") as grid:
        assert grid.height > one.height / 2
    assert frames(tmp_path / "strip.PNG") == 1
    (path / "rollout.gif").unlink()
    assert everything(path) == before


@pytest.mark.parametrize("pick", ["goal", "death", "timeout", "misgeneralized"])
def test_a_film_of_an_outcome_shows_that_outcome(
    tiny_run: Path, tmp_path: Path, pick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    word = "proxy" if pick == "misgeneralized" else pick
    found = Evaluated(Run.open(tiny_run)).episodes.filter(
        pl.col("sampled")
        & (pl.col("condition") == "off_path")
        & ((pl.col("outcome_first") == word) | (pl.col("outcome_end") == word))
    )
    command = [
        "record",
        str(tiny_run),
        "--outcome",
        pick,
        "--out",
        str(tmp_path / "film.gif"),
        "--tile-size",
        "8",
    ]
    if found.height:
        run(*command)
        assert frames(tmp_path / "film.gif") > 1
        return
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "ended that way" in capsys.readouterr().err
    assert not (tmp_path / "film.gif").exists()


def test_a_film_of_twins_is_on_one_level(tiny_run: Path, tiny_twin: Path, tmp_path: Path) -> None:
    run("record", tiny_run, tiny_twin, "--out", tmp_path / "twins.gif")
    assert frames(tmp_path / "twins.gif") > 5
    other = Run.open(copy_of(tiny_twin, tmp_path / "other"))
    with other.lock():
        record(other, evaluate_fully(subject_of(other), ["edge_held_out"], 40))
    with pytest.raises(
        UserError, match=r"was not evaluated on that level of off_path; evaluate both runs alike"
    ):
        film_of([Run.open(tiny_run), other], FilmSpec(tile_size=8))


def test_a_replay_ends_where_the_episode_ended(tiny_run: Path) -> None:
    level = Evaluated(Run.open(tiny_run)).trajectories()["level"][0]
    from goalposts.envs import Level

    rollout = replay(Level.from_text(level, "CoinRun"), [0] * 500, max_steps=9)
    assert (rollout.steps, len(rollout.frames), rollout.outcome_end) == (9, 10, "timeout")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"level": pl.lit("####\n#A.?\n")}, "'\\?' is not a character|rectangle|columns"),
        ({"level": pl.lit("")}, "the level is empty"),
        ({"world": pl.lit("Maze")}, "unknown world 'Maze'"),
        ({"world": pl.lit("os:system")}, "unknown world 'os:system'"),
        ({"actions": pl.lit(b"\x09" * 5)}, "actions .*9.*: must be from 0 to 3"),
        ({"actions": pl.lit(b"")}, "or not at all"),
        ({"actions": pl.col("actions") + b"\x00"}, "it ends at a different step"),
    ],
    ids=[
        "a stray character",
        "no level",
        "no such world",
        "a module",
        "no such action",
        "no action",
        "one action more",
    ],
)
def test_unplayable_recorded_episode_is_refused_with_a_message(
    tiny_run: Path, damage: dict[str, pl.Expr], said: str
) -> None:
    recorded = Evaluated(Run.open(tiny_run)).trajectories().with_columns(**damage)
    with pytest.raises(
        UserError, match=rf"(?s)on level 3 of off_path cannot be replayed: .*({said}).*Evaluate"
    ):
        rollouts_of(recorded, "off_path", [3])


# --- the choice of levels


def table(outcomes: list[str], distinguishing: list[bool]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "condition": "off_path",
            "sampled": True,
            "level_index": range(len(outcomes)),
            "outcome_first": outcomes,
            "outcome_end": "timeout",
            "distinguishing": distinguishing,
        }
    )


@given(
    st.lists(st.sampled_from(["goal", "proxy", "neither"]), min_size=1, max_size=60),
    st.integers(1, 70),
)
@settings(max_examples=40)
def test_chosen_levels_have_the_tables_proportions(outcomes: list[str], count: int) -> None:
    chosen = representative([table(outcomes, [True] * len(outcomes))], "off_path", count)
    assert len(chosen) == min(count, len(outcomes))
    assert len(set(chosen)) == len(chosen)
    picked = [outcomes[k] for k in chosen]
    for word in set(outcomes):
        share = outcomes.count(word) * min(count, len(outcomes)) / len(outcomes)
        assert abs(picked.count(word) - share) < 1
        first = [k for k, outcome in enumerate(outcomes) if outcome == word]
        assert [k for k in chosen if outcomes[k] == word] == first[: picked.count(word)]
    assert picked.count(picked[0]) == max(map(picked.count, set(picked)))


def test_distinguishing_levels_come_first_and_an_outcome_can_be_asked_for() -> None:
    outcomes = ["goal", "proxy", "proxy", "goal", "proxy", "neither"]
    shown = table(outcomes, [False, False, True, True, True, False])
    assert representative([shown], "off_path", 2) == [2, 3]
    assert representative([shown], "off_path", 3) == [2, 4, 3]
    assert representative([shown], "off_path", 3, "goal") == [3]
    assert representative([shown], "off_path", 3, "neither") == [
        5
    ]  # present, but not on a distinguishing level
    assert representative([shown], "off_path", 9, "timeout") == [2, 4, 3]
    assert representative([shown], "off_path", 1, "death") == []
    assert representative([shown], "left", 1) == []


def test_labels_name_a_wrong_reward(tiny_config: Path, tmp_path: Path) -> None:
    config = load_config(tiny_config, ["train.total_steps=1024", "env.reward=proxy", "name=wrong"])
    item = Evaluated(train(config, tmp_path / "wrong"))
    assert label_of(item) == "trained with the coin at the edge, rewarded for the right edge instead"
