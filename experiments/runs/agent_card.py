"""Check that a checkpoint belongs to its run, by comparing its card with the run's config."""

from __future__ import annotations

from goalposts.errors import UserError

from ...agents.policy.checkpoint import AgentCard, PolicyAgent, load_policy, read_card
from ...envs.engine.observation_spec import parse_observation
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..system.atomic_files import RunError
from .checkpoints import Checkpoint


def load_agent_of(config: ExperimentConfig, checkpoint: Checkpoint) -> PolicyAgent:
    """The agent of a run's checkpoint. Raises CheckpointError if it is damaged, RunError if it is not of this run."""
    agent = load_policy(checkpoint.path)
    refuse_contradiction(config, checkpoint, agent.card)
    return agent


def check_card_of(config: ExperimentConfig, checkpoint: Checkpoint) -> None:
    """Raise CheckpointError or RunError if a checkpoint's card is damaged or not of this run."""
    refuse_contradiction(config, checkpoint, read_card(checkpoint.path))


def refuse_contradiction(config: ExperimentConfig, checkpoint: Checkpoint, card: AgentCard) -> None:
    """Raise RunError, with the differences, if a card says something else than its run."""
    env, train = config.env, config.train
    world = get_world(config.world)
    expected = {
        "world": world.name,
        "observation": str(parse_observation(env.observation)),
        "n_actions": len(world.actions),
        "trunk": tuple(train.net.trunk),
        "pi": tuple(train.net.pi),
        "vf": tuple(train.net.vf),
        "algorithm": train.algorithm,
        "precision": getattr(train, "precision", "fp32"),
        "name": config.name,
        "seed": config.seed,
        "step": checkpoint.step,
    }
    claims = {key: getattr(card, key) for key in expected} | {"observation": _canonical(card.observation)}
    contradictions = [
        f"{key} {claims[key]!r}, not {value!r}" for key, value in expected.items() if claims[key] != value
    ]
    most = -(-train.total_steps // train.rollout) * train.rollout
    if config.method is not None and config.method.steps is not None:
        most = config.method.steps
    if not contradictions and checkpoint.step > most:
        contradictions = [f"step {checkpoint.step:,}, and the run trains {most:,}"]
    if contradictions:
        raise RunError(
            f"{checkpoint.path / 'checkpoint.json'} contradicts the run that it lies in: {'; '.join(contradictions)[:500]}. "
            "Restore it from a copy of the run, or remove that checkpoint."
        )


def _canonical(observation: str) -> str:
    try:
        return str(parse_observation(observation))
    except UserError:
        return observation
