"""PPO's fast path matches SB3: samples, losses, gradients and weights."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import PPO

from goalposts.agents.policy.checkpoint import policy_options
from goalposts.agents.policy.eager_adam import EagerAdam
from goalposts.agents.ppo.loss import LossCoefficients, Minibatch
from goalposts.agents.ppo.manual_backprop import loss_by_hand
from goalposts.agents.ppo.planes_ppo import PlanesPPO
from goalposts.agents.ppo.run_length_layer import BinaryRows, cumulated
from goalposts.agents.sb3_vec_env import GoalpostsVecEnv

SHAPES = {
    "the default net": ((128,), (64,), (64,)),
    "a wide one": ((256,), (64,), (64,)),
    "two shared layers": ((32, 24), (16, 8), (8,)),
    "no hidden layer for the policy": ((32,), (), (8,)),
    "heads on the trunk": ((32,), (), ()),
    "two nets that share nothing": ((), (24, 8), (16,)),
}


def trained(cls, net, precision="fp32", updates=2, **options):
    """Train a model for some updates on short episodes, many of which are truncated."""
    env = GoalpostsVecEnv(8, world="CoinRun", condition="edge", max_steps=9)
    env.seed(5)
    kwargs = {
        "n_steps": 32,
        "batch_size": 64,
        "n_epochs": 2,
        "ent_coef": 0.01,
        "learning_rate": 1e-3,
        "seed": 3,
        "device": "cpu",
    }
    trunk, pi, vf = net
    widths = policy_options(trunk, pi, vf, precision)
    model = cls("MlpPolicy", env, policy_kwargs=widths, **(kwargs | options))
    model.learn(updates * 8 * 32, log_interval=10**9)
    return model


@pytest.mark.parametrize("net", SHAPES.values(), ids=SHAPES)
def test_rollouts_losses_and_weights_are_those_of_sb3(net):
    theirs, ours = trained(PPO, net), trained(PlanesPPO, net)
    for name in ("actions", "rewards", "episode_starts", "values", "log_probs", "advantages", "returns"):
        a, b = (getattr(m.rollout_buffer, name) for m in (theirs, ours))
        if a.shape != b.shape:  # SB3 has reordered it by environment for its minibatches
            a = a.reshape(8, 32, -1).swapaxes(0, 1).reshape(b.shape)
        assert np.allclose(a, b, atol=2e-4), name
    assert not np.array_equal(
        ours.rollout_buffer.rewards, np.round(ours.rollout_buffer.rewards)
    )  # some were truncated
    weights = theirs.policy.state_dict()
    for name, found in ours.policy.state_dict().items():
        assert torch.allclose(weights[name], found, atol=2e-4), name
    logged = theirs.logger.name_to_value
    for name, value in ours.logger.name_to_value.items():
        if name in ("train/loss", "train/approx_kl"):
            continue  # SB3 logs the last minibatch or epoch; these cover the whole update
        assert value == pytest.approx(logged[name], abs=2e-3), name
    assert {n for n in logged if n.startswith("train/")} == {
        n for n in ours.logger.name_to_value if n.startswith("train/")
    }


@pytest.mark.parametrize("net", SHAPES.values(), ids=SHAPES)
def test_gradients_are_those_of_sb3_on_the_same_batch(net):
    """One minibatch of all samples without an optimizer step: only the order of sums differs."""
    options = {"batch_size": 256, "n_epochs": 1, "learning_rate": 0.0, "max_grad_norm": 1e9, "updates": 1}
    theirs, ours = (trained(cls, net, **options) for cls in (PPO, PlanesPPO))
    for (name, a), (_, b) in zip(
        theirs.policy.named_parameters(), ours.policy.named_parameters(), strict=True
    ):
        assert a.grad is not None
        assert b.grad is not None
        assert float(a.grad.abs().max()) > 0
        assert torch.allclose(a.grad, b.grad, atol=1e-6, rtol=1e-4), name


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 7), st.sampled_from([0.0, 0.1, 3.0]))
def test_the_loss_and_its_gradients_are_autograds(seed, n, actions, spread):
    """Compare with SB3's loss written in torch, also for ratios far outside the clip range and probabilities near 0."""
    clip, ent_coef, vf_coef = 0.2, 0.01, 0.5
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy((3 * rng.standard_normal((n, actions))).astype(np.float32)).requires_grad_()
    values = torch.from_numpy(rng.standard_normal(n).astype(np.float32)).requires_grad_()
    taken = rng.integers(0, actions, n)
    advantages, returns = (rng.standard_normal(n).astype(np.float32) for _ in range(2))
    chosen = torch.distributions.Categorical(logits=logits).log_prob(torch.from_numpy(taken))
    old = (chosen.detach().numpy() + spread * rng.standard_normal(n)).astype(np.float32)
    ratio = (chosen - torch.from_numpy(old)).exp()
    gain = torch.from_numpy(advantages)
    policy = -torch.min(gain * ratio, gain * ratio.clamp(1 - clip, 1 + clip)).mean()
    value = torch.nn.functional.mse_loss(torch.from_numpy(returns), values)
    entropy = -torch.distributions.Categorical(logits=logits).entropy().mean()
    loss = policy + ent_coef * entropy + vf_coef * value
    loss.backward()
    to_logits, to_values, found = loss_by_hand(
        (logits.detach(), values.detach()),
        Minibatch(taken, old, advantages, returns),
        LossCoefficients(clip, ent_coef, vf_coef),
    )
    assert logits.grad is not None
    assert values.grad is not None
    scale = float(ratio.detach().max()) + 1
    assert torch.allclose(to_logits, logits.grad, atol=2e-6 * scale, rtol=1e-4)
    assert torch.allclose(to_values, values.grad, atol=1e-6, rtol=1e-5)
    for mine, theirs in zip(found, (policy, value, entropy, loss), strict=False):
        assert mine == pytest.approx(float(theirs.detach()), abs=2e-5 * scale, rel=1e-4)
    assert found[5] == pytest.approx(float(((ratio - 1).abs() > clip).float().mean()), abs=1e-6)
    assert found[4] >= -1e-5 * scale


def test_bfloat16_stays_close():
    exact, rough = (trained(PlanesPPO, SHAPES["the default net"], p, updates=1) for p in ("fp32", "bf16"))
    assert np.allclose(exact.rollout_buffer.values, rough.rollout_buffer.values, atol=0.05)
    assert not np.array_equal(exact.rollout_buffer.values, rough.rollout_buffer.values)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_layer_is_a_dense_one(data):
    """Any density from none to all, row counts around the block sizes, rows picked repeatedly."""
    n, inputs, width = (data.draw(st.integers(1, m)) for m in (20, 50, 40))
    picked = data.draw(st.sampled_from([1, 7, 255, 256, 257, 600]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = (rng.random((n, inputs)) < data.draw(st.sampled_from([0, 0.1, 0.5, 1]))).astype(np.uint8)
    picks, weight = (
        rng.integers(0, n, picked),
        torch.from_numpy(rng.standard_normal((picked, width)).astype(np.float32)),
    )
    dense = torch.nn.Linear(inputs, width)
    rows = BinaryRows(n + 3, inputs)
    rows.put(2, x)
    expected = torch.relu(dense(torch.from_numpy(x[picks]).float()))
    found = rows.forward(cumulated(dense.weight), dense.bias.detach().numpy(), picks + 2)
    assert np.allclose(found, expected.detach().numpy(), atol=1e-5)
    (expected * weight).sum().backward()
    gradient = rows.backward(picks + 2, (weight * (expected > 0)).numpy()).T
    assert dense.weight.grad is not None
    assert np.allclose(gradient, dense.weight.grad.numpy(), atol=1e-3)
    assert not gradient[:, ~x[picks].any(axis=0)].any()  # exactly


@pytest.mark.parametrize(
    ("row", "runs"),
    [("0000", []), ("1111", [0, 4]), ("0110", [1, 3]), ("1001", [0, 1, 3, 4]), ("1011", [0, 1, 2, 4])],
)
def test_rows_are_kept_as_their_runs_of_ones(row, runs):
    rows = BinaryRows(1, 4)
    rows.put(0, np.array([[int(one) for one in row]], np.uint8))
    assert rows.edges[0, : 2 * rows.counts[0]].tolist() == runs


def test_nets_without_a_trunk_take_the_fast_path():
    assert trained(PlanesPPO, ((), (8,), (8,)), updates=1)._rows is not None
    assert trained(PlanesPPO, ((), (), (8,)), updates=1)._rows is None


@pytest.mark.parametrize("option", [{"target_kl": 1e-9}, {"clip_range_vf": 0.01}], ids=str)
def test_options_without_a_fast_path_fall_back_to_sb3(option):
    net = SHAPES["heads on the trunk"]
    theirs, ours = (trained(cls, net, updates=1, **option) for cls in (PPO, PlanesPPO))
    for name, weights in theirs.policy.state_dict().items():
        assert torch.equal(weights, ours.policy.state_dict()[name]), name


@pytest.mark.parametrize("net", [SHAPES["the default net"], ((), (24, 8), (16,))])
def test_bfloat16_is_that_of_the_hidden_layers_in_every_net(net):
    exact, rough = (trained(PlanesPPO, net, p, updates=1) for p in ("fp32", "bf16"))
    assert not np.array_equal(exact.rollout_buffer.log_probs, rough.rollout_buffer.log_probs)


def test_pixels_fall_back_to_sb3():
    env = GoalpostsVecEnv(2, world="CoinRun", condition="edge", observation="rgb")
    kwargs = policy_options((8,), (8,), (8,), "fp32", rgb=True)
    model = PlanesPPO(
        "MlpPolicy", env, n_steps=4, batch_size=8, n_epochs=1, policy_kwargs=kwargs, device="cpu"
    )
    model.learn(8, log_interval=10**9)
    assert model._rows is None


def test_updates_do_not_leak_memory():
    """Memory of a minibatch is freed immediately: reference cycles would accumulate megabytes between collections."""
    model = trained(PlanesPPO, SHAPES["the default net"], updates=1)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            model.train()
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


def test_training_loads_no_compiler():
    """torch's compiler costs a second and 100 MB, and nothing is compiled."""
    code = (
        "import sys\nfrom stable_baselines3 import PPO\nfrom goalposts.agents.policy.checkpoint import policy_options\n"
        "from goalposts.agents.sb3_vec_env import GoalpostsVecEnv\n"
        "env = GoalpostsVecEnv(2, world='CoinRun', condition='edge')\n"
        "model = PPO('MlpPolicy', env, n_steps=8, batch_size=8, policy_kwargs=policy_options((8,), (8,), (8,), 'fp32'), device='cpu')\n"
        "model.learn(16)\nmodel.policy.optimizer.load_state_dict(model.policy.optimizer.state_dict())\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_eager_adam_matches_torchs_adam():
    generator = torch.Generator().manual_seed(3)
    ours, theirs = (torch.nn.Linear(5, 4) for _ in range(2))
    ours.load_state_dict(theirs.state_dict())
    steps = [
        (net, kind(net.parameters(), lr=0.01, eps=1e-5, fused=True))
        for net, kind in ((ours, EagerAdam), (theirs, torch.optim.Adam))
    ]
    for _ in range(5):
        x = torch.randn(7, 5, generator=generator)
        for net, optimizer in steps:
            optimizer.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_too_many_inputs_for_lists_are_refused():
    with pytest.raises(ValueError, match=r"65,536 inputs .limit 65,535"):
        BinaryRows(1, 65_536)
