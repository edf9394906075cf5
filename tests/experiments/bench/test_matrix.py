"""The benchmark matrix has a figure for every combination and shows them in tables; no test asserts their values."""

import itertools

import pytest

from goalposts.envs import get_world, known_worlds
from goalposts.envs.engine.observation_spec import OBSERVATIONS
from goalposts.experiments.bench.matrix import MOST_DRAWN, matrix
from goalposts.experiments.bench.timing import Figure, Grid
from goalposts.experiments.cli.tables import grid_table

FACES = ("Env", "VectorEnv", "SB3 VecEnv")


@pytest.mark.slow
def test_every_interface_and_observation_of_a_world_is_measured():
    told = []
    stepping, drawing = matrix([get_world("Corner")], 0.0, envs=(2, MOST_DRAWN + 1), tell=told.append)
    assert told == ["Corner in every interface"]
    assert dict.fromkeys(row for row, _ in stepping.figures) == dict.fromkeys(
        ("Corner", *words) for words in itertools.product(FACES, OBSERVATIONS)
    )
    for (_, face, observation), columns in {
        row: [column for other, column in stepping.figures if other == row] for row, _ in stepping.figures
    }.items():
        many = [] if observation == "rgb" else [f"{MOST_DRAWN + 1} envs"]
        assert columns == (["1 env"] if face == "Env" else ["2 envs", *many])
    assert {(row, figure.unit) for (row, _), figure in drawing.figures.items()} == {
        (("Corner",), "levels/s"),
        (("Corner",), "frames/s"),
    }
    found = [*stepping.figures.values(), *drawing.figures.values()]
    assert all(figure.rate > 0 and figure.ratio is None for figure in found)
    assert "Corner, VectorEnv, view, 2 envs" in [figure.what for figure in found]


def test_every_world_gets_its_rows(monkeypatch):
    """Without running a step: every world has the same measurements."""
    from goalposts.experiments.bench import matrix as bench_matrix

    monkeypatch.setattr(bench_matrix, "_steps", lambda face, world, pool, observation, n: lambda: 1)
    monkeypatch.setattr(bench_matrix, "levels", lambda world, seconds: [Figure("levels", 1, "levels/s")])
    monkeypatch.setattr(bench_matrix, "images", lambda world, seconds: [])
    monkeypatch.setattr(bench_matrix, "generate", lambda *of: None)
    stepping, drawing = matrix(known_worlds().values(), 0.0)
    rows = {row for row, _ in stepping.figures}
    assert rows == set(itertools.product(known_worlds(), FACES, OBSERVATIONS))
    assert {row for row, _ in drawing.figures} == {(name,) for name in known_worlds()}


def test_a_grid_is_shown_with_its_gaps():
    figures = {
        (("Corner", "Env"), "1 env"): Figure("a", 1234.4, "env steps/s"),
        (("Corner", "VectorEnv"), "64 envs"): Figure("b", 5e6, "env steps/s"),
    }
    lines = grid_table(Grid("Steps a second", ("world", "face"), figures)).splitlines()
    assert lines[0].strip() == "Steps a second"
    assert [line.split() for line in lines if "Corner" in line] == [
        ["Corner", "Env", "1,234"],
        ["Corner", "VectorEnv", "5,000,000"],
    ]
    assert lines[-1].index("5,000,000") > lines[-2].index("1,234") + 5
