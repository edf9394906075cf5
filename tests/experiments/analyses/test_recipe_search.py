"""Recipe search: points as overrides, other level lengths, medians over seeds."""

from pathlib import Path

import pytest

from goalposts.envs import generate, get_world
from goalposts.envs.worlds import registry
from goalposts.experiments.analyses.recipe_search import COLUMNS, main, overrides, table
from goalposts.experiments.config.schema import load_config


@pytest.mark.slow
def test_search_point_can_change_the_level_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "_WORLDS", dict(registry._WORLDS)
    )  # registered worlds are removed after the test
    words = overrides("lengths=7-9 train.n_epochs=2")
    config = load_config("coinrun/edge", words)
    assert config.train.n_epochs == 2
    for condition in ("edge", "anywhere"):
        columns = generate(config.world, condition, 0, 200).sizes[:, 1] - 2
        assert set(columns.tolist()) == {7, 8, 9}
    assert overrides("lengths=7-9") == words[:1]  # a second request returns the same world
    assert (
        get_world("CoinRun").condition("edge").layout_params
        != get_world(config.world).condition("edge").layout_params
    )


def test_table_uses_medians_and_treats_never_as_later_than_all() -> None:
    def row(point: str, name: str, seed: int, steps: str) -> dict[str, str]:
        values = (point, name, str(seed), steps, steps and "2.0", "0.9", "8.0", "1000")
        return dict(zip(COLUMNS, values, strict=True))

    rows = [row("", "coinrun/edge", seed, steps) for seed, steps in enumerate(("100000", "300000", ""))]
    rows += [row("", "coinrun/anywhere", seed, steps) for seed, steps in enumerate(("", "", "300000"))]
    line = table(rows).splitlines()[-1]
    assert line == "| as shipped | 3 | 2 / 1 | 300,000 / never | 2.0 / never | 0.900 / 0.900 | 8.0 / 8.0 |"


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("lengths=3-90", "write lengths=6-20"),
        ("lengths=9-7", "write lengths=6-20"),
        ("lengths=", "write lengths=6-20"),
        ("train.gama=1", "Did you mean 'gamma'"),
    ],
)
def test_invalid_search_point_exits_with_code_2(
    point: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "out.csv"), point]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
