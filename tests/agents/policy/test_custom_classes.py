"""Custom policies and features extractors: trained by name, and imported only if the user names them."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.little import ignore, training, weights

from goalposts.agents import load_agent, load_code, named_code
from goalposts.agents.named_code import CodeError
from goalposts.agents.policy.checkpoint import save_policy
from goalposts.agents.ppo.planes_ppo import PlanesPPO

CODE = """
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

class Halves(BaseFeaturesExtractor):
    def __init__(self, observation_space, width=4):
        super().__init__(observation_space, width)
        self.layer = torch.nn.Linear(observation_space.shape[0], width)

    def forward(self, observations):
        return torch.tanh(self.layer(observations.float().mean(dim=(2, 3))))

class Sharper(ActorCriticPolicy):
    def _get_action_dist_from_latent(self, latent_pi):
        return self.action_dist.proba_distribution(action_logits=3 * self.action_net(latent_pi))

NUMBER = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own_nets.py").write_text(CODE)
    return f"{tmp_path / 'own_nets.py'}:"


def test_custom_extractor_and_policy_are_trained_saved_and_loaded(own: str, tmp_path: Path) -> None:
    load_code(f"{own}Halves")
    load_code(f"{own}Sharper")
    options = {
        "features_extractor": "own_nets:Halves",
        "features_extractor_kwargs": {"width": 6},
        "policy": "own_nets:Sharper",
    }
    made = training(total_steps=512, trunk=(), options=options)
    made.run(ignore)
    save_policy(tmp_path, made.model.policy, made.card())
    agent = load_agent(tmp_path)
    assert type(agent.policy).__name__ == "Sharper"
    assert agent.policy.features_extractor.layer.out_features == 6
    seen = np.random.default_rng(0).integers(0, 2, (16, *agent.card.shape), np.uint8)
    assert np.array_equal(
        agent.predict(seen, deterministic=True)[0], made.model.predict(seen, deterministic=True)[0]
    )
    assert np.array_equal(
        agent.action_probabilities(seen).argmax(1), agent.predict(seen, deterministic=True)[0]
    )
    assert agent.value(seen).shape == (16,)


def test_a_checkpoint_does_not_import_what_it_names(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_code(f"{own}Halves")
    made = training(trunk=(), options={"features_extractor": "own_nets:Halves"})
    save_policy(tmp_path, made.model.policy, made.card())
    monkeypatch.setattr(named_code, "_named", {})
    sys.modules.pop("own_nets", None)
    monkeypatch.chdir(tmp_path)  # contains the module, so an import would succeed
    with pytest.raises(CodeError, match=r"goalposts --code own_nets:Halves … on the command line"):
        load_agent(tmp_path)
    assert "own_nets" not in sys.modules


@pytest.mark.parametrize("name", ["NUMBER", "Halves"])
def test_invalid_policy_class_is_refused(name: str, own: str) -> None:
    load_code(f"{own}{name}")
    with pytest.raises(CodeError, match=f"own_nets:{name} must be a subclass of .*ActorCriticPolicy"):
        training(options={"policy": f"own_nets:{name}"})


@pytest.mark.parametrize("spec", ["own_nets", "nowhere.py:X", "no_such_module:X"])
def test_failed_import_of_code_explains_the_syntax(spec: str) -> None:
    with pytest.raises(CodeError, match=r"write it as module:NAME or path/to/file\.py:NAME"):
        load_code(spec)


def test_the_source_of_named_code_is_hashed(own: str, tmp_path: Path) -> None:
    load_code(f"{own}Sharper")
    code = named_code.named_code("own_nets:Sharper")
    assert list(code.modules) == ["own_nets"]
    assert len(code.digest) == 64


def test_ppos_new_options_train_and_the_old_ones_keep_the_fast_path() -> None:
    usual = training()
    assert isinstance(usual.model, PlanesPPO)
    assert usual.model._rows is not None
    usual.run(ignore)
    section = {"name": "AdamW", "eps": 1e-5, "weight_decay": 0.5}
    changes: list[tuple[dict[str, Any], bool]] = [
        ({"options": {"activation": "Tanh"}}, False),
        ({"target_kl": 1e-6}, False),
        ({"normalize_advantage": False}, True),
        ({"optimizer": section}, True),
        ({"optimizer": {"name": "RMSpropTF", "eps": 1e-5, "weight_decay": 0.0}}, True),
    ]
    for changed, fast in changes:
        made = training(**changed)
        assert (made.model._rows is not None) == fast, changed
        made.run(ignore)
        assert weights(made) != weights(usual), changed
