"""Results do not depend on torch and numpy settings changed by other code, and those settings are preserved."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.faults import row

from goalposts.agents import load_agent
from goalposts.experiments import evaluate, load_config, train


@contextmanager
def setting(read: Callable[[], Any], write: Callable[[Any], object], value: Any) -> Iterator[None]:
    before = read()
    write(value)
    try:
        yield
        assert read() == value, "what other code set was not put back"
    finally:
        write(before)


@contextmanager
def flushing() -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
        assert torch.get_default_device().type == name
    finally:
        torch.set_default_device(None)


CHANGED: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "float64": lambda: setting(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "bfloat16": lambda: setting(torch.get_default_dtype, torch.set_default_dtype, torch.bfloat16),
    "device meta": lambda: device("meta"),
    "threads": lambda: setting(torch.get_num_threads, torch.set_num_threads, 2),
    "no gradients": lambda: setting(torch.is_grad_enabled, torch.set_grad_enabled, False),
    "inference mode": lambda: torch.inference_mode(),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "coarse products": lambda: setting(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"
    ),
    "deterministic": lambda: setting(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    ),
    "denormals": flushing,
    "no oneDNN": lambda: torch.backends.mkldnn.flags(enabled=False),
    "numpy raises": lambda: np.errstate(all="raise"),
}


@pytest.fixture(scope="module")
def usual(tiny_run: Path) -> tuple[Any, np.ndarray]:
    return answers(tiny_run)


def answers(run: Path) -> tuple[Any, np.ndarray]:
    agent = load_agent(run)
    seen = np.random.default_rng(0).integers(0, 2, (64, *agent.card.shape), dtype=np.uint8)
    found = np.concatenate([agent.action_probabilities(seen), agent.value(seen)[:, None]], axis=1)
    agent.predict(seen, deterministic=True)
    return evaluate(run, conditions=["edge_held_out"], levels=20), found


@row("B10")
@pytest.mark.parametrize("name", CHANGED)
def test_loading_and_evaluation_are_the_same(
    name: str, tiny_run: Path, usual: tuple[Any, np.ndarray]
) -> None:
    with CHANGED[name]():
        episodes, found = answers(tiny_run)
    assert episodes.equals(usual[0])
    assert np.array_equal(found, usual[1])


@row("B10")
@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGED)
def test_training_ends_in_the_same_weights(name: str, tiny_config: Path, tmp_path: Path) -> None:
    config = load_config(tiny_config, ["train.total_steps=2048"])
    usual = train(config, tmp_path / "usual", evaluate=False).latest_checkpoint()
    with CHANGED[name]():
        found = train(config, tmp_path / "found", evaluate=False).latest_checkpoint()
    assert usual is not None
    assert found is not None
    for file in ("model.safetensors", "training.safetensors"):
        if (usual.path / file).exists():
            assert (usual.path / file).read_bytes() == (found.path / file).read_bytes(), file


@row("B10")
def test_a_model_that_is_loaded_in_inference_mode_can_be_trained(tiny_run: Path) -> None:
    with torch.inference_mode():
        agent = load_agent(tiny_run)
    assert not any(parameter.is_inference() for parameter in agent.policy.parameters())


@row("B18")
def test_an_empty_batch_has_empty_answers(tiny_run: Path) -> None:
    agent = load_agent(tiny_run)
    nothing = np.zeros((0, *agent.card.shape), np.uint8)
    for deterministic in (True, False):
        actions, state = agent.predict(nothing, deterministic=deterministic)
        assert (actions.shape, actions.dtype, state) == ((0,), np.int64, None)
    assert agent.action_probabilities(nothing).shape == (0, agent.card.n_actions)
    assert agent.value(nothing).shape == (0,)
