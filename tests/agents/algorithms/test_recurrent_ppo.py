"""The fast RecurrentPPO has the losses and gradients of sb3-contrib."""

from typing import Any

import numpy as np
import pytest
import torch
from fixtures.algorithms import small_training

pytest.importorskip("sb3_contrib")
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback

from goalposts.agents.algorithms.recurrent_ppo import SequenceBuffer
from goalposts.agents.policy.sequence_lstm import process_sequence
from goalposts.agents.rollout import UNDECIDED, play
from goalposts.envs import generate


class Nothing(BaseCallback):
    def _on_step(self) -> bool:
        return True


def collected() -> Any:
    """A model that has collected a rollout with several episodes."""
    model = small_training("RecurrentPPO").model
    model._setup_learn(1000)
    callback = Nothing()
    callback.init_callback(model)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    model.rollout_buffer.episode_starts[5, ::2] = model.rollout_buffer.episode_starts[9, 1] = 1
    return model


def losses(model: Any, data: Any, process: Any) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Means of value error, log-probability and entropy over valid samples, and the gradients of their sum."""
    model.policy._process_sequence = process
    mask = data.mask > 0
    values, log_prob, entropy = model.policy.evaluate_actions(
        data.observations, data.actions.long().flatten(), data.lstm_states, data.episode_starts
    )
    parts = [
        ((values.flatten() - data.returns)[mask] ** 2).mean(),
        log_prob[mask].mean(),
        entropy[mask].mean(),
    ]
    model.policy.zero_grad()
    sum(parts).backward()  # type: ignore[union-attr]
    grads = {name: p.grad.clone() for name, p in model.policy.named_parameters() if p.grad is not None}
    return [part.item() for part in parts], grads


@pytest.mark.parametrize("batch", [128, 48])
def test_losses_and_gradients_are_those_of_sb3_contrib(batch: int) -> None:
    model = collected()
    buffer = model.rollout_buffer
    assert isinstance(buffer, SequenceBuffer)
    found = []
    for kind, process in (
        (SequenceBuffer, process_sequence),
        (RecurrentRolloutBuffer, RecurrentActorCriticPolicy._process_sequence),
    ):
        object.__setattr__(buffer, "__class__", kind)
        np.random.seed(3)
        found.append([losses(model, data, process) for data in buffer.get(batch)])
    assert len(found[0]) == len(found[1]) == -(-128 // batch)
    for (ours, our_grads), (theirs, their_grads) in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
        assert our_grads.keys() == their_grads.keys()
        for name, gradient in our_grads.items():
            assert torch.allclose(gradient, their_grads[name], rtol=1e-3, atol=1e-5), name


def test_several_layers_and_a_carried_state_give_torchs_outputs() -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 5, num_layers=2)
    states = (torch.randn(2, 4, 5), torch.randn(2, 4, 5))
    x = torch.randn(4 * 6, 3)
    with torch.no_grad():
        outputs, after = process_sequence(x, states, torch.zeros(24), lstm)
        expected, expected_after = lstm(x.view(4, 6, 3).transpose(0, 1), states)
    assert torch.allclose(outputs, expected.transpose(0, 1).reshape(24, 5), atol=1e-6)
    assert all(
        torch.allclose(ours, theirs, atol=1e-6) for ours, theirs in zip(after, expected_after, strict=True)
    )


def test_whether_a_recurrent_agent_goes_round_is_undecided() -> None:
    played = play(
        small_training("RecurrentPPO").agent(), generate("CoinRun", "off_path", 13, 20), sampled=False
    )
    assert played.looped is not None
    assert (played.looped == UNDECIDED).all()
