"""Single-file PPO in the style of CleanRL's ppo.py, which uses the environment as such a script does. Not a test.

A vector environment of wrapped `gym.make` environments, statistics read from `infos`, one actor-critic on flattened
observations, generalized advantage estimation, the clipped loss.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical


@dataclass
class Args:
    env_id: str
    native: bool = False  # gymnasium.make_vec's own vector environment instead of SyncVectorEnv
    num_envs: int = 4
    num_steps: int = 32
    iterations: int = 3
    minibatches: int = 2
    epochs: int = 2
    learning_rate: float = 2.5e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    max_grad_norm: float = 0.5
    seed: int = 1


def make_env(env_id: str, options: dict[str, Any]) -> Any:
    def thunk() -> gym.Env:
        return gym.wrappers.RecordEpisodeStatistics(gym.make(env_id, **options))

    return thunk


def envs_of(args: Args, options: dict[str, Any]) -> gym.vector.VectorEnv:
    if args.native:
        envs = gym.make_vec(args.env_id, num_envs=args.num_envs, autoreset_mode="NEXT_STEP", **options)
        return gym.wrappers.vector.RecordEpisodeStatistics(envs)
    return gym.vector.SyncVectorEnv([make_env(args.env_id, options) for _ in range(args.num_envs)])


class Agent(nn.Module):
    def __init__(self, envs: gym.vector.VectorEnv) -> None:
        super().__init__()
        size = int(np.prod(envs.single_observation_space.shape or ()))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.actor = nn.Linear(64, int(envs.single_action_space.n))  # type: ignore[attr-defined]
        self.critic = nn.Linear(64, 1)

    def act(self, x: torch.Tensor, action: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        hidden = self.body(x)
        chances = Categorical(logits=self.actor(hidden))
        action = chances.sample() if action is None else action
        return action, chances.log_prob(action), chances.entropy(), self.critic(hidden).flatten()


def train(args: Args, **options: Any) -> list[float]:
    """Train and return the returns of the finished episodes."""
    torch.manual_seed(args.seed)
    envs = envs_of(args, options)
    assert isinstance(envs.single_action_space, gym.spaces.Discrete), "only discrete action spaces"
    agent = Agent(envs)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    shape, returns = (args.num_steps, args.num_envs), []
    obs = torch.zeros(shape + envs.single_observation_space.shape)  # type: ignore[operator]
    actions = torch.zeros(shape, dtype=torch.int64)
    logprobs, rewards, dones, values = (torch.zeros(shape) for _ in range(4))
    next_obs = torch.Tensor(envs.reset(seed=args.seed)[0])
    next_done = torch.zeros(args.num_envs)
    for _ in range(args.iterations):
        for t in range(args.num_steps):
            obs[t], dones[t] = next_obs, next_done
            with torch.no_grad():
                actions[t], logprobs[t], _, values[t] = agent.act(next_obs)
            seen, reward, ended, cut, infos = envs.step(actions[t].numpy())
            rewards[t] = torch.tensor(reward)
            next_obs, next_done = torch.Tensor(seen), torch.Tensor(np.logical_or(ended, cut))
            if "episode" in infos:
                returns += infos["episode"]["r"][infos["_episode"]].tolist()
        with torch.no_grad():
            following = agent.act(next_obs)[3]
            advantages, last = torch.zeros(shape), torch.zeros(args.num_envs)
            for t in reversed(range(args.num_steps)):
                alive = 1.0 - (next_done if t == args.num_steps - 1 else dones[t + 1])
                after = following if t == args.num_steps - 1 else values[t + 1]
                delta = rewards[t] + args.gamma * after * alive - values[t]
                advantages[t] = last = delta + args.gamma * args.gae_lambda * alive * last
        batch = [array.flatten(0, 1) for array in (obs, actions, logprobs, advantages, advantages + values)]
        update(agent, optimizer, batch, args)
    envs.close()
    return returns


def update(agent: Agent, optimizer: torch.optim.Optimizer, batch: list[torch.Tensor], args: Args) -> None:
    size = len(batch[0])
    for _ in range(args.epochs):
        for rows in torch.randperm(size).chunk(args.minibatches):
            obs, actions, old, advantages, returns = (array[rows] for array in batch)
            _, logprob, entropy, value = agent.act(obs, actions)
            ratio = (logprob - old).exp()
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            clipped = ratio.clamp(1 - args.clip, 1 + args.clip)
            policy_loss = torch.max(-advantages * ratio, -advantages * clipped).mean()
            value_loss = 0.5 * (value - returns).pow(2).mean()
            loss = policy_loss - args.entropy * entropy.mean() + args.value * value_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()
