"""Runs of algorithms other than PPO: resumed after a kill to the same bytes, and readable by everything that reads runs."""

from pathlib import Path

import pytest
from fixtures.tiny import results

from goalposts.experiments import diagnose, load_config, train
from goalposts.experiments.measurement.episodes import read_episodes

SMALL = [
    *(
        "train.total_steps=6144",
        "train.checkpoint_every=2048",
        "train.probe_every=4096",
        "train.probe_levels=10",
    ),
    *(
        "train.num_envs=16",
        "env.levels=200",
        "evaluate.levels=20",
        "evaluate.conditions=[edge_held_out, off_path]",
    ),
]
OWN = {
    "DQN": ["train.learning_starts=500", "train.buffer_size=2000"],
    "RecurrentPPO": ["train.batch_size=256", "train.net.lstm_hidden_size=16"],
}


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", OWN)
def test_a_killed_run_ends_in_the_same_bytes(algorithm: str, tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib")
    config = load_config("coinrun/edge", [f"train.algorithm={algorithm}", *SMALL, *OWN[algorithm]])
    whole = train(config, tmp_path / "whole")

    def interrupt(step: int, total: int, words: str) -> None:
        if step >= 4096:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "killed", interrupt)
    killed = train(config, tmp_path / "killed")
    assert results(killed.path) == results(whole.path)
    assert killed.status().step == 6144
    rows = whole.progress()
    assert [row["step"] for row in rows] == [2048, 4096, 6144]
    assert all((row["entropy"] is None) == (algorithm == "DQN") for row in rows)
    assert diagnose(read_episodes(whole.episodes_path)).label
