"""Untrusted checkpoints are read exactly or refused, without executing anything or allocating huge arrays."""

import io
import json
import pickle
import random
import struct
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.little import training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from goalposts.agents import AgentCard, CheckpointError, load_agent, load_policy, play
from goalposts.agents.policy.checkpoint import MAX_WEIGHTS, build_policy, count_weights, save_policy
from goalposts.envs import generate

FILES = ("model.safetensors", "checkpoint.json")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy of a fresh training."""
    folder = tmp_path_factory.mktemp("original")
    made = training(name="runs/little-3")
    save_policy(folder, made.model.policy, made.card())
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    for name in FILES:
        (tmp_path / name).write_bytes((original / name).read_bytes())
    return tmp_path


class Trap:
    """Creates a marker file when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


# Read exactly


@pytest.mark.parametrize("observation", ["view", "full", "rgb"])
def test_checkpoint_round_trip_preserves_the_agent(observation: str, tmp_path: Path) -> None:
    made = training(observation, num_envs=4)
    made.env.reset()
    before = made.agent()
    save_policy(tmp_path, made.model.policy, made.card())
    after = load_agent(tmp_path)
    assert after.card == before.card
    assert after.name == "little"
    seen = made.env.stream.observe()
    assert np.array_equal(after.action_probabilities(seen), before.action_probabilities(seen))
    assert np.array_equal(after.value(seen), before.value(seen))
    assert np.array_equal(
        after.predict(seen, deterministic=True)[0], before.predict(seen, deterministic=True)[0]
    )
    torch.manual_seed(0)
    one = after.predict(seen)[0]
    torch.manual_seed(0)
    assert np.array_equal(one, before.predict(seen)[0])


def test_probabilities_and_predict_are_of_one_policy(original: Path) -> None:
    agent = load_policy(original)
    seen = np.random.default_rng(0).integers(0, 2, (64, 5, 9, 15), np.uint8)
    probabilities = agent.action_probabilities(seen)
    assert probabilities.shape == (64, 4)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], probabilities.argmax(axis=1))
    assert agent.value(seen).shape == (64,)
    assert agent.predict(seen[0], deterministic=True)[0] == probabilities[0].argmax()


def test_saving_again_gives_the_same_bytes(original: Path, tmp_path: Path) -> None:
    agent = load_policy(original)
    save_policy(tmp_path, agent.policy, agent.card)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (original / name).read_bytes()


def test_a_run_folder_gives_its_latest_checkpoint(original: Path, tmp_path: Path) -> None:
    for step in ("9", "10", "best", "²", "11"):
        folder = tmp_path / "checkpoints" / step
        folder.mkdir(parents=True)
        if step != "11":  # not finished
            for name in FILES:
                (folder / name).write_bytes((original / name).read_bytes())
    spoilt = json.loads((tmp_path / "checkpoints/10/checkpoint.json").read_text())
    (tmp_path / "checkpoints/10/checkpoint.json").write_text(json.dumps({**spoilt, "step": 10}))
    assert load_agent(tmp_path).card.step == 10


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a file"])
def test_missing_agent_error_names_the_training_command(what: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    if what == "an empty folder":
        path.mkdir()
    elif what == "a file":
        path.write_text("x")
    with pytest.raises(
        CheckpointError, match=r"run contains no agent.* Train one with: goalposts train CONFIG"
    ):
        load_agent(path)


# Refused


def card_with(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "checkpoint.json").read_text())
    (folder / "checkpoint.json").write_text(json.dumps({**card, **changes}))


WRONG_CARDS = {
    "format": ({"format": 2}, "checkpoint of format 2; this version reads format 1"),
    "a word too many": ({"eval": "1"}, "damaged"),
    "shape of text": ({"shape": "abc"}, "damaged"),
    "shape too short": ({"shape": [5, 9]}, "damaged"),
    "shape of zero": ({"shape": [5, 0, 15]}, "damaged"),
    "shape of parts": ({"shape": [5, 9.0, 15]}, "damaged"),
    "shape of truth": ({"shape": [5, True, 15]}, "damaged"),
    "shape of another": ({"shape": [5, 9, 16]}, "do not match"),
    "negative width": ({"trunk": [-32]}, "damaged"),
    "another width": ({"trunk": [33]}, "do not match"),
    "no trunk": ({"trunk": []}, "do not match"),
    "trunk of null": ({"trunk": None}, "damaged"),
    "no actions": ({"n_actions": 0}, "damaged"),
    "other actions": ({"n_actions": 5}, "do not match"),
    "step of text": ({"step": "1"}, "damaged"),
    "seed of text": ({"seed": "<script>"}, "damaged"),
    "name of a number": ({"name": 3}, "damaged"),
    "world of null": ({"world": None}, "damaged"),
    "precision of a list": ({"precision": []}, "damaged"),
    "pixels of another size": ({"observation": "rgb", "shape": [3, 8, 8]}, "damaged"),
    "pixels of another net": ({"observation": "rgb", "shape": [3, 64, 64]}, "do not match"),
    "tiles of text": ({"options": {"tiles": ["9", 15]}, "algorithm": "PPO"}, "damaged"),
    "tiles smaller than a pixel": ({"options": {"tiles": [9, 65]}, "algorithm": "PPO"}, "damaged"),
    "tiles of planes": ({"options": {"tiles": [9, 15]}, "algorithm": "PPO"}, "damaged"),
    "many layers": ({"pi": [1] * 40}, "damaged"),
}


@pytest.mark.parametrize("fault", WRONG_CARDS)
def test_wrong_card_is_refused(fault: str, folder: Path) -> None:
    changes, words = WRONG_CARDS[fault]
    card_with(folder, **changes)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_policy(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"x"',
        "{}",
        '{"format": 1}',
        "[" * 10**5,
        "\x00",
        '{"format": NaN}',
        " " * (1 << 21),
    ],
)
def test_malformed_card_is_refused(text: str, folder: Path) -> None:
    (folder / "checkpoint.json").write_text(text)
    with pytest.raises(CheckpointError):
        load_policy(folder)


HUGE = {
    "one layer": {"trunk": [65_536], "shape": [64, 65_536, 1]},
    "two layers": {"trunk": [65_536, 65_536]},
    "policy": {"pi": [65_536, 65_536]},
    "value": {"vf": [65_536] * 10},
    "observation": {"shape": [65_536] * 3},
    "within the limit of all agents, beyond what the file holds": {"pi": [8192, 8192]},
}


@pytest.mark.parametrize("fault", HUGE)
def test_a_huge_net_is_refused_before_it_is_made(fault: str, folder: Path) -> None:
    """Regression: only the product of the observation and the widest trunk was bounded, so 17 GB were allocated."""
    card_with(folder, **HUGE[fault])
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(CheckpointError):
        load_policy(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20
    assert time.monotonic() - began < 5


def test_count_weights_matches_the_net() -> None:
    for trunk, pi, vf in (((), (), ()), ((7,), (), (3,)), ((8, 9), (5, 4), (3,))):
        for observation, shape in (("view", (5, 9, 15)), ("rgb", (3, 64, 64))):
            for options in ({}, {"tiles": [9, 15]}) if observation == "rgb" else ({},):
                card = AgentCard("CoinRun", observation, shape, 4, trunk, pi, vf, 0, options=options)
                assert count_weights(card) == sum(p.numel() for p in build_policy(card).parameters())


def spoil(change):
    """Rewrite the weights with changes."""

    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file(change(tensors), folder / "model.safetensors")

    return apply


def bias(value: float):
    return spoil(lambda t: {**t, "action_net.bias": torch.full((4,), value)})


WRONG_WEIGHTS = {
    "not a number": (bias(float("nan")), "not finite numbers"),
    "infinite": (bias(float("inf")), "not finite numbers"),
    "one missing": (spoil(lambda t: {k: v for k, v in t.items() if k != "value_net.bias"}), "do not match"),
    "one too many": (spoil(lambda t: {**t, "extra": torch.zeros(1)}), "do not match"),
    "one of another shape": (spoil(lambda t: {**t, "value_net.bias": torch.zeros(2)}), "do not match"),
    "double precision": (spoil(lambda t: {k: v.double() for k, v in t.items()}), "do not match"),
    "whole numbers": (spoil(lambda t: {k: v.long() for k, v in t.items()}), "do not match"),
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "damaged"),
    "missing": (lambda f: (f / "model.safetensors").unlink(), "missing; is .* a checkpoint folder"),
    "a folder": (
        lambda f: ((f / "model.safetensors").unlink(), (f / "model.safetensors").mkdir()),
        "cannot be read",
    ),
    "text": (lambda f: (f / "model.safetensors").write_text("hello"), "damaged"),
    "a header of 2**60 bytes": (
        lambda f: (f / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}"),
        "damaged",
    ),
    "offsets beyond the end": (
        lambda f: (f / "model.safetensors").write_bytes(
            (lambda h: struct.pack("<Q", len(h)) + h)(
                b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'
            )
        ),
        "damaged",
    ),
    "a type from the future": (
        lambda f: (f / "model.safetensors").write_bytes(
            (lambda h: struct.pack("<Q", len(h)) + h + bytes(8))(
                b'{"a":{"dtype":"F8_E8M0","shape":[8],"data_offsets":[0,8]}}'
            )
        ),
        "do not match|damaged",
    ),
}


@pytest.mark.parametrize("fault", WRONG_WEIGHTS)
def test_wrong_weights_are_refused(fault: str, folder: Path) -> None:
    change, words = WRONG_WEIGHTS[fault]
    change(folder)
    with pytest.raises(CheckpointError, match=words):
        load_policy(folder)


def test_weights_larger_than_any_agent_are_not_even_read(folder: Path) -> None:
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(MAX_WEIGHTS + 1)
    with pytest.raises(CheckpointError, match=r"too large for an agent .limit 1024 MiB"):
        load_policy(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pickle", "torch", "numpy"])
def test_a_pickle_in_place_of_a_file_is_not_executed(name: str, kind: str, folder: Path) -> None:
    trap, out = Trap(folder / "executed"), io.BytesIO()
    if kind == "pickle":
        pickle.dump(trap, out)
    elif kind == "torch":
        torch.save({"policy": trap}, out)
    else:
        np.save(out, np.array([trap], object), allow_pickle=True)
    (folder / name).write_bytes(out.getvalue())
    with pytest.raises(CheckpointError):
        load_policy(folder)
    assert not (folder / "executed").exists()


def test_stable_baselines3_archive_is_refused(tmp_path: Path) -> None:
    training().model.save(tmp_path / "agent.zip")
    for path in (tmp_path, tmp_path / "agent.zip"):
        with pytest.raises(CheckpointError, match="contains no agent"):
            load_agent(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(luck=st.randoms(use_true_random=False), name=st.sampled_from(FILES))
def test_mutated_files_give_an_agent_or_a_checkpoint_error(
    original: Path, tmp_path: Path, luck: random.Random, name: str
) -> None:
    for each in FILES:
        (tmp_path / each).write_bytes((original / each).read_bytes())
    content = bytearray((tmp_path / name).read_bytes())
    reach = min(len(content), 3000)  # where the header is
    for _ in range(luck.randint(1, 4)):
        at = luck.randrange(max(1, min(reach, len(content))))
        match luck.randrange(4):
            case 0:
                content[at : at + 1] = luck.randbytes(1)
            case 1:
                del content[at:]
            case 2:
                del content[at : at + luck.randint(1, 30)]
            case 3:
                content[at:at] = luck.choice([b"9", b"{", b'"', b"[1e9]", b"null,", luck.randbytes(9)])
    (tmp_path / name).write_bytes(content)
    try:
        agent = load_policy(tmp_path)
    except CheckpointError:
        return
    assert np.isfinite(agent.action_probabilities(np.zeros((1, *agent.card.shape), np.uint8))).all()


def test_saved_card_keeps_its_step(original: Path) -> None:
    card = load_policy(original).card
    assert replace(card, step=7).step == 7
    with pytest.raises(AttributeError):
        card.step = 7  # type: ignore[misc]


def test_a_loaded_agent_plays(original: Path) -> None:
    levels = generate("CoinRun", "edge", 0, 5)
    one, other = (play(load_policy(original), levels, noise_seed=2) for _ in range(2))
    assert np.array_equal(one.actions, other.actions)
