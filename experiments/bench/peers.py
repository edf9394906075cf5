"""Peer benchmarks: the same work in other libraries, alternating in one process, so that ratios are robust to load.

Peers: Stable-Baselines3's PPO on an environment that costs nothing, a bare PyTorch loop with the same net and batches,
NumPy copies, and Minigrid under Gymnasium if it is installed (extra `bench`). Read next: docs/performance.md.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from ...agents.policy.checkpoint import policy_options
from ...agents.sb3_vec_env import GoalpostsVecEnv
from ...envs.gymnasium_envs import GoalpostsVectorEnv
from ...envs.worlds.contract.world import World
from ..config.schema import ExperimentConfig
from ..training.train import new_training
from .suite import vector_steps
from .timing import Figure, Work, paired
from .training import ENDLESS, recipe

MINIGRID = "MiniGrid-Empty-16x16-v0"


def bench_peers(
    world: World, seconds: float, tell: Callable[[str], None] = lambda what: None
) -> list[Figure]:
    """Measure Goalposts' rate and its ratio to that of each peer."""
    torch.set_num_threads(
        1
    )  # peers get one thread too; a Goalposts training limits itself to one and restores the count
    figures = []
    for name, measure in PEERS.items():
        if measure in (_minigrid_steps, _minigrid_training) and importlib.util.find_spec("minigrid") is None:
            continue
        tell(name)
        figures.append(measure(world, seconds))
    return figures


class FreeEnv(VecEnv):
    """An environment that costs nothing: replays recorded observations in a loop, with rewards of 0 and no ends."""

    def __init__(self, real: GoalpostsVecEnv, steps: int = 64) -> None:
        n = real.num_envs
        super().__init__(n, real.observation_space, real.action_space)
        assert isinstance(real.action_space, spaces.Discrete)
        rng = np.random.default_rng(0)
        real.reset()
        self.shown = [real.advance(rng.integers(0, real.action_space.n, n)).obs for _ in range(steps)]
        self.at = 0
        self._zeros, self._infos = np.zeros(n, np.float32), [{} for _ in range(n)]

    def reset(self) -> np.ndarray:
        return self.shown[0]

    def step_async(self, actions: np.ndarray) -> None:
        self.at = (self.at + 1) % len(self.shown)

    def step_wait(self) -> Any:
        return self.shown[self.at], self._zeros, self._zeros > 0, self._infos

    def close(self) -> None: ...
    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...
    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def learner(model: PPO) -> Work:
    """Return work that does one rollout and its update."""
    steps = model.n_steps * model.n_envs

    def work() -> int:
        model.learn(steps, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
        return steps

    return work


def _recipe(world: World, **settings: str) -> tuple[ExperimentConfig, dict[str, Any], FreeEnv]:
    config = recipe(world, total_steps=ENDLESS, **settings)
    train = config.train
    names = (
        "n_steps",
        "batch_size",
        "n_epochs",
        "learning_rate",
        "gamma",
        "gae_lambda",
        "ent_coef",
        "clip_range",
    )
    options = {name: getattr(train, name) for name in names} | {"device": "cpu"}
    real = GoalpostsVecEnv(train.num_envs, world=world, condition=world.default_condition("train"))
    return config, options, FreeEnv(real)


def _same_net(world: World, seconds: float) -> Figure:
    """Compare with SB3's PPO with the same policy, batches and hyperparameters, on an environment that costs nothing."""
    config, options, free = _recipe(world)
    ours = new_training(config).model
    net = policy_options(
        config.train.net.trunk, config.train.net.pi, config.train.net.vf, config.train.precision
    )
    theirs = PPO("MlpPolicy", free, policy_kwargs=net, **options)
    rate, other = paired(learner(ours), learner(theirs), seconds)
    return Figure(
        "PPO, default recipe", rate, "env steps/s", rate / other, "SB3's PPO, same net, free environment"
    )


def _mlp_policy(world: World, seconds: float, **settings: str) -> Figure:
    """Compare with SB3's default MlpPolicy (two nets of 64 and 64), same batches, on an environment that costs nothing."""
    config, options, free = _recipe(world, **settings)
    theirs = PPO("MlpPolicy", free, policy_kwargs={"normalize_images": False}, **options)
    ours = new_training(config).model
    rate, other = paired(learner(ours), learner(theirs), seconds)
    what = ", ".join(["PPO, default recipe", *(f"{name}: {value}" for name, value in settings.items())])
    return Figure(what, rate, "env steps/s", rate / other, "SB3's PPO, MlpPolicy, free environment")


def _mlp_policy_auto(world: World, seconds: float) -> Figure:
    """Compare with SB3's MlpPolicy, with Goalposts in the faster precision for this processor."""
    return _mlp_policy(world, seconds, precision="auto")


def _bare_torch(world: World, seconds: float) -> Figure:
    """Compare with a short PPO loop in PyTorch: same net as dense layers, same batches, an environment that costs nothing."""
    config, _, free = _recipe(world)
    train, trunk = config.train, config.train.net.trunk
    inputs, actions = int(np.prod(free.observation_space.shape or ())), len(world.actions)
    body = nn.Sequential(nn.Linear(inputs, trunk[0]), nn.ReLU())
    widths = [(trunk[0], *train.net.pi, actions), (trunk[0], *train.net.vf, 1)]
    pi, vf = (
        nn.Sequential(*(layer for a, b in pairwise(w) for layer in (nn.Linear(a, b), nn.ReLU())))[:-1]
        for w in widths
    )
    adam = torch.optim.Adam([*body.parameters(), *pi.parameters(), *vf.parameters()], lr=1e-4)
    seen = torch.from_numpy(np.stack(free.shown)).reshape(len(free.shown), free.num_envs, inputs)
    steps = train.n_steps * train.num_envs

    def work() -> int:
        x = torch.empty(train.n_steps, free.num_envs, inputs, dtype=torch.uint8)
        chosen = torch.empty(train.n_steps, free.num_envs, dtype=torch.long)
        old = torch.empty(train.n_steps, free.num_envs)
        with torch.no_grad():
            for t in range(train.n_steps):
                x[t] = seen[t % len(seen)]
                features = body(x[t].float())
                logits, _ = pi(features), vf(features)
                chosen[t] = torch.multinomial(logits.softmax(1), 1)[:, 0]
                old[t] = -cross_entropy(logits, chosen[t], reduction="none")
        flat_x, flat_a, flat_old = x.reshape(steps, inputs), chosen.flatten(), old.flatten()
        gains, returns = torch.randn(steps), torch.zeros(steps)
        for _ in range(train.n_epochs):
            for at in torch.randperm(steps).split(train.batch_size):
                features = body(flat_x.index_select(0, at).float())
                logits = pi(features)
                ratio = (-cross_entropy(logits, flat_a[at], reduction="none") - flat_old[at]).exp()
                gain = gains[at]
                loss = -torch.min(gain * ratio, gain * ratio.clamp(0.8, 1.2)).mean()
                loss = loss + 0.5 * mse_loss(vf(features)[:, 0], returns[at])
                loss = loss + 0.01 * (logits.log_softmax(1) * logits.softmax(1)).sum(1).mean()
                adam.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(body.parameters(), 0.5)
                adam.step()
        return steps

    rate, other = paired(learner(new_training(config).model), work, seconds)
    return Figure(
        "PPO, default recipe",
        rate,
        "env steps/s",
        rate / other,
        "a bare torch loop, same net, free environment",
    )


def _minigrid() -> Any:
    from minigrid.wrappers import FullyObsWrapper  # type: ignore[import-not-found]

    class Planes(gym.ObservationWrapper):
        """The grid symbols without the mission text."""

        def __init__(self, env: Any) -> None:
            super().__init__(env)
            self.observation_space = env.observation_space["image"]

        def observation(self, observation: Any) -> Any:
            return observation["image"]

    return Planes(FullyObsWrapper(gym.make(MINIGRID)))


def _minigrid_steps(world: World, seconds: float) -> Figure:
    """Compare with 16 of Minigrid's Empty-16x16, FullyObs, under Gymnasium's SyncVectorEnv."""
    theirs = gym.vector.SyncVectorEnv([_minigrid] * 16)
    ours = GoalpostsVectorEnv(
        1024, world=world, condition=world.default_condition("train"), num_levels=16_384
    )
    theirs.reset(seed=0)
    ours.reset(seed=0)
    rate, other = paired(vector_steps(ours, len(world.actions), 64), vector_steps(theirs, 3, 32), seconds)
    return Figure(
        "VectorEnv, view, 1,024 envs",
        rate,
        "env steps/s",
        rate / other,
        f"{MINIGRID}, FullyObs, SyncVectorEnv",
    )


def _minigrid_training(world: World, seconds: float) -> Figure:
    """Compare with SB3's PPO with default settings on Minigrid."""
    model = PPO("MlpPolicy", DummyVecEnv([_minigrid]), device="cpu")
    config, _, _ = _recipe(world)
    rate, other = paired(learner(new_training(config).model), learner(model), seconds, least=2)
    return Figure(
        "PPO, default recipe", rate, "env steps/s", rate / other, f"SB3's defaults on {MINIGRID}, FullyObs"
    )


PEERS: dict[str, Callable[[World, float], Figure]] = {
    "SB3's PPO, same net": _same_net,
    "SB3's PPO, MlpPolicy": _mlp_policy,
    "SB3's PPO, MlpPolicy, ours in the quicker precision": _mlp_policy_auto,
    "a bare torch loop": _bare_torch,
    "Minigrid's steps": _minigrid_steps,
    "SB3's defaults on Minigrid": _minigrid_training,
}
