"""`init_from`, `record` and callbacks: recorded, hashed where results depend on them, and without effect on other runs."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.little import ignore, training, weights
from fixtures.tiny import copy_of, results
from stable_baselines3.common.callbacks import BaseCallback

from goalposts.agents import CheckpointError, load_agent, load_code, load_input_support, named_code
from goalposts.errors import UserError
from goalposts.experiments import ConfigError, Run, load_config, train

SHORT = ["train.total_steps=2048", "train.probe_every=null"]


def test_init_from_is_hashed_by_its_weights_and_not_by_its_place(tiny_run: Path, tmp_path: Path) -> None:
    other = copy_of(tiny_run, tmp_path / "elsewhere")
    plain = load_config("coinrun/edge")
    one, two = (load_config("coinrun/edge", [f"init_from={path}"]) for path in (tiny_run, other))
    assert one.init_from is not None
    assert len(one.init_from.weights or "") == 64
    assert one.hash() == two.hash() != plain.hash()
    earlier = tiny_run / "checkpoints" / "4096"
    assert load_config("coinrun/edge", [f"init_from={earlier}"]).hash() != one.hash()
    again = load_config("coinrun/edge").parse(one.to_dict())
    assert again == one
    with pytest.raises(ConfigError, match="holds no weights; give the folder of a run"):
        load_config("coinrun/edge", [f"init_from={tmp_path / 'nowhere'}"])


def test_a_training_starts_from_the_weights_of_a_run(
    tiny_run: Path, tiny_config: Path, tmp_path: Path
) -> None:
    changes = [*SHORT, f"init_from={tiny_run}", "record.initial=true"]
    run = train(load_config(tiny_config, changes), tmp_path / "run", evaluate=False)
    assert [point.step for point in run.checkpoints()] == [0, 2048]
    start, source = load_agent(run.path / "checkpoints" / "0"), load_agent(tiny_run)
    for one, other in zip(start.policy.parameters(), source.policy.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())
    assert "init_from" in (run.path / "config.yaml").read_text()


def test_other_weights_or_another_net_are_refused(tiny_run: Path, tiny_config: Path, tmp_path: Path) -> None:
    source = copy_of(tiny_run, tmp_path / "source")
    config = load_config(tiny_config, [*SHORT, f"init_from={source}"])
    wider = load_config(tiny_config, [*SHORT, f"init_from={source}", "train.net.trunk=[48]"])
    with pytest.raises(UserError, match=r"does not fit this config \(trunk \(32,\) and \(48,\)"):
        train(wider, tmp_path / "wider")
    last = max((source / "checkpoints").iterdir(), key=lambda path: int(path.name))
    for file in last.iterdir():
        file.unlink()
    last.rmdir()
    with pytest.raises(UserError, match="has other weights now"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_recorded_changes_no_weight_and_nothing_of_other_runs(
    tiny_config: Path, tmp_path: Path
) -> None:
    plain = train(load_config(tiny_config, SHORT), tmp_path / "plain", evaluate=False)
    changes = [*SHORT, "train.checkpoint_every=1024", "record.initial=true", "record.support=true"]
    kept = train(load_config(tiny_config, changes), tmp_path / "kept", evaluate=False)
    assert [point.step for point in kept.checkpoints()] == [0, 1024, 2048]
    same, other = (load_agent(run.path).policy.state_dict() for run in (plain, kept))
    assert all(np.array_equal(same[name].numpy(), other[name].numpy()) for name in same)
    assert "record" not in (plain.path / "config.yaml").read_text()
    assert not list(plain.path.rglob("support.safetensors"))
    counts = load_input_support(kept.path / "checkpoints" / "2048")
    assert counts.observations == 2048 + 32
    assert 0 < int(counts.ones.max()) <= counts.observations
    assert (
        int(counts.ones[:, 4, 7].max()) == counts.observations
    )  # the agent's own cell, always 1 in its plane
    with pytest.raises(CheckpointError, match=r"train with record\.support=true"):
        load_input_support(plain.path / "checkpoints" / "2048")


def test_support_resumes(tmp_path: Path) -> None:
    whole = training()
    whole.record_support()
    whole.run(ignore)

    class Killed(Exception):
        pass

    first = training()
    first.record_support()

    def kill(_: Any) -> None:
        if first.step == 1024:
            first.save(tmp_path)
            raise Killed

    with pytest.raises(Killed):
        first.run(kill)
    second = training()
    second.record_support()
    second.restore(tmp_path)
    second.run(ignore)
    assert second.env.support is not None
    assert whole.env.support is not None
    assert np.array_equal(second.env.support.ones, whole.env.support.ones)
    assert second.env.support.observations == whole.env.support.observations


def test_pixels_have_no_support() -> None:
    with pytest.raises(UserError, match="pixels"):
        training("rgb", num_envs=4).record_support()


# Callbacks


class Counting(BaseCallback):
    """Keeps what stable-baselines3's callbacks usually read."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.returns = 0, []

    def _on_step(self) -> bool:
        self.calls += 1
        for done, info in zip(self.locals["dones"], self.locals["infos"], strict=True):
            if done:
                self.returns.append(info["episode"]["r"])
        return True


@pytest.mark.parametrize("changed", [{}, {"target_kl": 0.5}])
def test_callbacks_see_what_they_see_in_stable_baselines3(changed: dict[str, Any]) -> None:
    """On the fast path and on SB3's own; the weights are the same."""
    alone, watched, callback = training(**changed), None, Counting()
    alone.run(ignore)
    expected = weights(alone)
    watched = training(**changed)
    watched.run(ignore, [callback])
    assert weights(watched) == expected
    assert callback.calls == 2048 // 16
    assert len(callback.returns) > 10


def test_a_run_records_its_callbacks(tiny_config: Path, tmp_path: Path) -> None:
    callback = Counting()
    run = train(load_config(tiny_config, SHORT), tmp_path / "run", evaluate=False, callbacks=[callback])
    assert callback.calls == 2048 // 32
    facts = json.loads((run.path / "provenance.json").read_text())
    assert facts["callbacks"] == [f"{Counting.__module__}.Counting"]
    without = train(load_config(tiny_config, SHORT), tmp_path / "without", evaluate=False)
    assert results(without.path) == results(run.path)
    assert Run.open(without.path).provenance().callbacks == ()


def test_a_method_starts_from_the_weights_and_keeps_checkpoints(
    tiny_run: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starting.py").write_text(
        "class Starting:\n"
        "    def train(self, task, seed):\n"
        "        learner = task.learner(total_steps=task.share(2))\n"
        "        task.checkpoint(learner.agent())\n"
        "        task.run(learner)\n"
        "        task.checkpoint(learner.agent())\n"
        "        return task.run(task.learner(total_steps=task.share(2))).agent()\n"
    )
    load_code(f"{tmp_path / 'starting.py'}:Starting")
    config = load_config(tiny_config, [*SHORT, f"init_from={tiny_run}", "method.name=starting:Starting"])
    run = train(config, tmp_path / "run", evaluate=False)
    assert [point.step for point in run.checkpoints()] == [0, 1024, 2048]
    start, source = load_agent(run.path / "checkpoints" / "0"), load_agent(tiny_run)
    for one, other in zip(start.policy.parameters(), source.policy.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())


def test_the_source_of_a_custom_net_enters_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change = "train.net.features_extractor=hashed_net:Flat"
    hashes = set()
    for width in (3, 4):
        monkeypatch.setattr(named_code, "_named", {})
        sys.modules.pop("hashed_net", None)
        (tmp_path / "hashed_net.py").write_text(
            "from stable_baselines3.common.torch_layers import FlattenExtractor\n"
            f"class Flat(FlattenExtractor):\n    width = {width}\n"
        )
        load_code(f"{tmp_path / 'hashed_net.py'}:Flat")
        config = load_config("coinrun/edge", [change])
        assert len(config.train.net.source or "") == 64
        assert load_config("coinrun/edge").parse(config.to_dict()) == config
        hashes.add(config.hash())
    assert len(hashes) == 2
    old = config.override([f"train.net.source={'ab' * 32}"])
    with pytest.raises(UserError, match="hashed_net:Flat was edited since this config was resolved"):
        train(old, tmp_path / "run")
    assert not (tmp_path / "run").exists()
