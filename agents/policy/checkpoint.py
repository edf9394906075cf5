"""Checkpoints: weights as safetensors, everything else as JSON and never pickle, so untrusted agents are safe to load.

A checkpoint is a folder: `model.safetensors` (the policy), `checkpoint.json` (its world, observation, net and step)
and, for resuming the training, `state.safetensors` (optimizer, random states, environments).
Read next: `agents/ppo/training.py`, which writes and reads the training state.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from stable_baselines3.common.policies import BasePolicy

from goalposts.errors import UserError
from goalposts.process.budget import reading_budget
from goalposts.safe_read import IsALink, TooLarge, read_ordinary

from .algorithm_names import Q_LEARNING
from .architectures import count_parameters, flat_inputs, options_fit, policy_class, policy_kwargs
from .ensemble_agent import EnsembleAgent
from .library_defaults import with_defaults
from .networks import PIXELS
from .policy_agent import PolicyAgent, QAgent, RecurrentAgent

FORMAT = 1
MAX_JSON = 1 << 20
MAX_WEIGHTS = 1 << 30
COPIES = 4  # maximum number of simultaneous copies of the weights: the file, its tensors, the net, its source


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged, of another format, or incompatible."""


@dataclass(frozen=True)
class AgentCard:
    """Description of a policy: its world, observation and net. trunk, pi, vf: widths of the hidden layers.

    shape: shape of one observation as the net receives it (pixels: channels first, as SB3 transposes them).
    algorithm, options: the policy class and its other arguments, as allowed by `architectures.OPTIONS`.
    """

    world: str
    observation: str
    shape: tuple[int, ...]
    n_actions: int
    trunk: tuple[int, ...]
    pi: tuple[int, ...]
    vf: tuple[int, ...]
    step: int
    name: str = ""
    seed: int | None = None
    precision: str = "fp32"
    format: int = FORMAT
    algorithm: str = "PPO"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def widths(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Widths of the hidden layers: trunk, pi, vf."""
        return self.trunk, self.pi, self.vf

    def to_json(self) -> dict[str, Any]:
        """Convert for checkpoint.json; omits the newer keys for PPO without options, for compatibility."""
        data = asdict(self)
        if self.algorithm == "PPO" and not self.options:
            del data["algorithm"], data["options"]
        return data


def build_policy(card: AgentCard, learning_rate: float = 0.0) -> Any:
    """Build an SB3 policy of the card's shape, to be filled with weights; its initial weights are not those of a training."""
    rgb = card.observation == "rgb"
    space = spaces.Box(0, 255 if rgb else 1, card.shape, np.uint8)
    options = policy_kwargs(card.algorithm, card.widths, card.precision, rgb, card.options)
    if card.algorithm not in Q_LEARNING:
        options["ortho_init"] = False  # takes minutes for the largest allowed net
    kind = policy_class(card.algorithm, card.options)
    return kind(space, spaces.Discrete(card.n_actions), lambda _: learning_rate, **options)


def policy_options(
    trunk: tuple[int, ...], pi: tuple[int, ...], vf: tuple[int, ...], precision: str, rgb: bool = False
) -> dict[str, Any]:
    """SB3's `policy_kwargs` for these nets: planes are already 0/1, pixels (rgb) are divided by 255."""
    return policy_kwargs("PPO", (tuple(trunk), tuple(pi), tuple(vf)), precision, rgb, {})


def save_agent(folder: Path, agent: PolicyAgent) -> None:
    """Write any `PolicyAgent`, including an ensemble, into an existing folder."""
    if isinstance(agent, EnsembleAgent):
        _save(folder, agent.tensors(), agent.card)
    else:
        save_policy(folder, agent.policy, agent.card)


def save_policy(folder: Path, policy: BasePolicy, card: AgentCard) -> None:
    """Write the policy and its card into an existing folder. Not atomic; the run folder ensures that."""
    _save(folder, policy.state_dict(), card)


def _save(folder: Path, state: dict[str, Any], card: AgentCard) -> None:
    tensors = {name: t.detach().contiguous().clone() for name, t in state.items()}
    (folder / "model.safetensors").write_bytes(save_tensors(tensors))
    (folder / "checkpoint.json").write_text(json.dumps(card.to_json(), indent=1) + "\n", encoding="utf-8")


def read_card(folder: Path) -> AgentCard:
    """Read the card of a checkpoint. Raises CheckpointError."""
    data = read_json(folder / "checkpoint.json")
    try:
        if data.get("format") != FORMAT:
            raise CheckpointError(
                f"{folder}: checkpoint of format {data.get('format')!r}; this version reads format {FORMAT}"
            )
        widths = {key: tuple(data[key]) for key in ("shape", "trunk", "pi", "vf")}
        card = AgentCard(**{**data, **widths})
        numbers = (*card.shape, *card.trunk, *card.pi, *card.vf, card.n_actions)
        if not all(type(v) is int and 0 < v <= 65_536 for v in numbers) or len(card.shape) != 3:
            raise TypeError
        if (
            type(card.step) is not int
            or not 0 <= card.step < 10**18
            or not (card.seed is None or type(card.seed) is int)
        ):
            raise TypeError
        if not all(isinstance(v, str) for v in (card.world, card.observation, card.name, card.precision)):
            raise TypeError
        if card.observation == "rgb" and card.shape != PIXELS:
            raise TypeError
        if not options_fit(card.algorithm, card.options):
            raise TypeError
        if "tiles" in card.options and card.observation != "rgb":
            raise TypeError
        if len(numbers) > 32 or 4 * count_weights(card) > MAX_WEIGHTS:
            raise TypeError
    except (TypeError, KeyError, AttributeError):
        raise CheckpointError(
            f"{folder / 'checkpoint.json'}: damaged; use another checkpoint or retrain"
        ) from None
    return card


def count_weights(card: AgentCard) -> int:
    """Number of weights of a card's net, if all its classes are shipped ones."""
    inputs = flat_inputs(card.shape, card.observation == "rgb")
    count = count_parameters(card.algorithm, card.widths, inputs, card.n_actions, card.options)
    return count * card.options.get("members", 1)


@with_defaults
def load_policy(folder: str | Path) -> PolicyAgent:
    """Load a policy from a checkpoint folder, without executing any of its contents. Raises CheckpointError.

    The net runs on one thread, as in training: it is too small for two, and sums are then the same on every machine.
    """
    folder = Path(folder)
    card = read_card(folder)
    tensors = read_tensors(folder / "model.safetensors")
    misfit = f"{folder}: the weights do not match the net described in checkpoint.json; use another checkpoint or retrain"
    if not is_custom(card):  # checked before allocating a net of that size
        if sum(t.numel() for t in tensors.values()) < count_weights(card):
            raise CheckpointError(misfit)
        reading_budget().claim(COPIES * 4 * count_weights(card), folder)
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        raise CheckpointError(f"{folder}: the weights are not finite numbers; the training failed")
    members = card.options.get("members")
    if members is None:
        return agent_of(_filled(card, tensors, misfit), card)
    own = replace(card, options={k: v for k, v in card.options.items() if k not in ("members", "votes")})
    parts: list[dict[str, torch.Tensor]] = [{} for _ in range(members)]
    for name, tensor in tensors.items():
        match = re.fullmatch(r"member\.(\d{1,2})\.(.+)", name)
        if match is None or int(match[1]) >= members:
            raise CheckpointError(misfit)
        parts[int(match[1])][match[2]] = tensor
    members = [agent_of(_filled(own, part, misfit), own) for part in parts]
    return EnsembleAgent(members, votes="votes" in card.options)


def _filled(card: AgentCard, tensors: dict[str, torch.Tensor], misfit: str) -> Any:
    """Build a policy of the card's shape with these weights. Raises CheckpointError."""
    policy = build_policy(card)
    expected = policy.state_dict()
    if {k: (v.shape, v.dtype) for k, v in tensors.items()} != {
        k: (v.shape, v.dtype) for k, v in expected.items()
    }:
        raise CheckpointError(misfit)
    policy.load_state_dict(tensors)
    return policy


def is_custom(card: AgentCard) -> bool:
    """Whether a card names a custom class, which is imported only if the user named it."""
    return "policy" in card.options or "features_extractor" in card.options


def agent_of(policy: Any, card: AgentCard) -> PolicyAgent:
    """Wrap a policy as the kind of agent that its algorithm needs."""
    kinds = {"RecurrentPPO": RecurrentAgent, **dict.fromkeys(Q_LEARNING, QAgent)}
    return kinds.get(card.algorithm, PolicyAgent)(policy, card)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a safetensors file. Raises CheckpointError."""
    try:
        content = read_ordinary(path, MAX_WEIGHTS, follow=False)
        names = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else 0
        if not 0 < names <= MAX_JSON:  # guards against a header of millions of names
            raise ValueError
        reading_budget().claim(COPIES * len(content), path)
        return load_tensors(content)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing; is {path.parent} a checkpoint folder?") from None
    except TooLarge:
        raise CheckpointError(f"{path}: too large for an agent (limit {MAX_WEIGHTS >> 20} MiB)") from None
    except IsALink as error:
        raise CheckpointError(f"{path} {error.strerror}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except (
        SafetensorError,
        KeyError,
        TypeError,
        RuntimeError,
        ValueError,
        struct.error,
    ):  # KeyError: an unknown dtype
        raise CheckpointError(f"{path}: damaged; use another checkpoint or retrain") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read the object in a small JSON file. Raises CheckpointError."""
    try:
        data = json.loads(read_ordinary(path, MAX_JSON, follow=False).decode("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing; is {path.parent} a checkpoint folder?") from None
    except TooLarge:
        raise CheckpointError(f"{path}: too large for a checkpoint (limit {MAX_JSON >> 10} KiB)") from None
    except IsALink as error:
        raise CheckpointError(f"{path} {error.strerror}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: damaged; use another checkpoint or retrain") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: damaged; use another checkpoint or retrain")
    return data
