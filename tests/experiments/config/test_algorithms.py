"""`train.algorithm`: its own keys, validated; older configs keep their hashes."""

import pickle
from pathlib import Path

import pytest

from goalposts.experiments.config.schema import ConfigError, load_config
from goalposts.experiments.config.train_section import ALGORITHMS

OLD_PIXELS = "coinrun/pixels train.net.convolutions=nature train.precision=fp32 train.learning_rate=1e-3"
HASHES = {  # of commit adb767d
    "coinrun/edge": "9d683919d7f0985810bf1d4feb069e3c320864f11e30a7153e6867e1e444edd2",
    OLD_PIXELS: "cc1cd14c4b35f932d461d75fc78d855a9d02cd6f00fde03e689ff9ef42de70d2",
    "corner/corner": "b2fcf7ee242429a46c986641e6ed8bcea5d332989ce5f453d3bec4d30d9c53ff",
    "overseer/seen": "785c615b69fc745f20f2ea2860d7b8dd2afaa6c78162f18df51fe03776ca0c81",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_config_without_new_keys_keeps_its_hash(name: str) -> None:
    config, *overrides = name.split()
    assert load_config(config, overrides).hash() == HASHES[name]
    written_out = ["train.algorithm=PPO", "train.target_kl=null", "train.net.activation=ReLU"]
    assert load_config(config, [*overrides, *written_out]).hash() == HASHES[name]
    assert "algorithm" not in load_config(config, written_out).to_yaml()


@pytest.mark.parametrize(
    "change", ["target_kl=0.02", "normalize_advantage=false", "optimizer.eps=1e-8", "net.activation=Tanh"]
)
def test_a_new_key_enters_the_hash(change: str) -> None:
    config = load_config("coinrun/edge", [f"train.{change}"])
    assert config.hash() != HASHES["coinrun/edge"]
    assert change.split("=")[0].rpartition(".")[2] in config.to_yaml()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_resolves_and_comes_back_as_it_was(algorithm: str, tmp_path: Path) -> None:
    config = load_config("coinrun/edge", [f"train.algorithm={algorithm}", "train.total_steps=5000"])
    assert config.train.algorithm == algorithm
    assert config.train.rollout > 0
    (tmp_path / "again.yaml").write_text(config.to_yaml())
    again = load_config(tmp_path / "again.yaml")
    assert (again, again.hash()) == (config, config.hash())
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.override(["seed=4"]).train == config.train


def test_choosing_an_algorithm_drops_the_previous_ones_settings() -> None:
    """Wherever it is written, its own keys are kept."""
    for overrides in (["train.n_steps=5", "train.algorithm=A2C"], ["train.algorithm=A2C", "train.n_steps=5"]):
        train = load_config("coinrun/edge", ["train.total_steps=7000", *overrides]).train
        assert (train.n_steps, train.total_steps, hasattr(train, "n_epochs")) == (5, 7000, False)
    assert load_config("coinrun/edge", ["train.algorithm=PPO"]).train.n_steps == 64


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.algorithm=A3C"], "not an algorithm; must be one of PPO, A2C, .* Did you mean 'A2C'"),
        (["train.algorithm=DQN", "train.bufer_size=3"], "unknown key. Did you mean 'buffer_size'"),
        (["train.algorithm=TRPO", "train.cg_max_step=3"], "Did you mean 'cg_max_steps'"),
        (
            ["train.algorithm=A2C", "train.clip_range=0.2"],
            "unknown key. The keys of train are .*normalize_advantage",
        ),
        (["train.algorithm=TRPO", "train.batch_size=1000"], "1000 does not divide num_envs"),
        (["train.algorithm=DQN", "train.net.vf=[3]"], "must be an empty list"),
        (
            ["train.algorithm=RecurrentPPO", "train.net.shared_lstm=true"],
            "shared_lstm and enable_critic_lstm are both true",
        ),
        (["train.use_sde=true"], "every world here has discrete ones; it must be false"),
        (["train.optimizer.name=Adm"], "Did you mean 'Adam'"),
        (["train.net.policy=mine"], "write it as module:Class"),
        (["train.net.convolutions=tiles"], "tiles reads pixels, and env.observation is view"),
        (["train.net.convolutions=tile"], "Did you mean 'tiles'"),
        (
            ["train.net.convolutions=tiles", "env.observation=rgb", "train.net.policy=my:Policy"],
            "tiles is for the shipped net",
        ),
    ],
)
def test_config_error_is_reported(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("coinrun/edge", overrides)


def test_a_study_compares_algorithms(tmp_path: Path) -> None:
    from goalposts.experiments.study.design.plan import plan_study

    (tmp_path / "study.yaml").write_text(
        "name: who\nbase: coinrun/edge\nseeds: 1\nset: {train.total_steps: 9000}\n"
        "grid: {train.n_steps: [16, 32], train.algorithm: [PPO, A2C]}\n"
    )
    configs = list(plan_study(tmp_path / "study.yaml").runs.values())
    found = {(one.train.algorithm, one.train.n_steps) for one in configs}
    assert found == {(algorithm, n) for algorithm in ("PPO", "A2C") for n in (16, 32)}
    assert {one.train.total_steps for one in configs} == {9000}
