"""Third-party programs on the environments: a CleanRL-style script, sb3-contrib, rl-zoo3."""

import subprocess
import sys
from pathlib import Path

import pytest
from compatibility.cleanrl_ppo import Args, train
from fixtures.board import ID
from fixtures.tried import tried

from goalposts.agents import GoalpostsVecEnv


@tried(
    "torch",
    "PPO in one file in the manner of CleanRL, on `SyncVectorEnv` and on the native vector environment",
)
@pytest.mark.parametrize("native", [False, True])
def test_cleanrls_ppo(native: bool) -> None:
    returns = train(Args(ID, native), condition="off_path", max_steps=9)
    assert len(returns) > 20
    assert set(returns) <= {0.0, 1.0}


@tried("sb3-contrib", "RecurrentPPO, QRDQN and TRPO on the native `VecEnv`, MaskablePPO's checks left out")
@pytest.mark.slow
def test_sb3_contrib() -> None:
    from sb3_contrib import QRDQN, TRPO, RecurrentPPO

    env = GoalpostsVecEnv(3, condition="off_path", max_steps=6)
    model = RecurrentPPO("MlpLstmPolicy", env, n_steps=16, batch_size=48, n_epochs=1, device="cpu").learn(48)
    actions, state = model.predict(env.reset())
    assert actions.shape == (3,)
    assert state is not None
    TRPO("MlpPolicy", env, n_steps=16, batch_size=48, device="cpu").learn(48)
    QRDQN("MlpPolicy", env, learning_starts=10, buffer_size=100, device="cpu").learn(60)


HYPERPARAMETERS = """
goalposts/CoinRun-v0:
  n_envs: 2
  n_timesteps: 128
  policy: MlpPolicy
  n_steps: 32
  batch_size: 32
  n_epochs: 1
"""


@tried("rl-zoo3", "`python -m rl_zoo3.train` and `rl_zoo3.enjoy`, with `--gym-packages goalposts`")
@pytest.mark.slow
def test_rl_zoo3(tmp_path: Path) -> None:
    (tmp_path / "ppo.yml").write_text(HYPERPARAMETERS)
    name = ("--algo", "ppo", "--env", "goalposts/CoinRun-v0", "--gym-packages", "goalposts")
    for command in (
        (
            "train",
            *name,
            "--conf-file",
            "ppo.yml",
            "-f",
            "logs",
            "--env-kwargs",
            "max_steps:9",
            "--eval-freq",
            "64",
        ),
        ("enjoy", *name, "-f", "logs", "--exp-id", "0", "--no-render", "-n", "20"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", f"rl_zoo3.{command[0]}", *command[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "logs").rglob("*.zip"))
