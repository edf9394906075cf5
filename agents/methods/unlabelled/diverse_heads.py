"""Diverse heads: imitation heads that agree on training levels and disagree on shifted inputs; one label chooses the head.

DivDis (Lee, Yao and Finn 2023, see `diversity.py`) for an agent: the labelled data are the states and actions of a teacher on training
levels, the classes are actions. The teacher is the agent that the config's algorithm trains, so that the heads are hypotheses about
what that agent learned, at the price of rewards alone; or the planner. The loss of H heads on one shared trunk is

    mean_i cross-entropy(f_i) + repulsion · mean_{i<j} L_MI(f_i, f_j) + prior · mean_i L_reg(f_i)

with the last two on unlabelled inputs. The first observation of a level shows little of what a disagreement would be about, so by
default these inputs are random states of the teacher's episodes on shifted levels (`visited`). The chosen head gives the planner's actions
on the labelled level the highest mean log-likelihood. The value function is not trained. Read next: `diversity.py`, the losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...policy.algorithm_names import ACTOR_CRITIC
from ..actor_critic import actor_critic
from ..labelled.imitation import Pairs
from ..labelled.shared_options import trained_plainly
from ..option_range import one_of, within
from .diversity import mean_distance_to_prior, mean_mutual_information

TEACHERS = ("policy", "planner")


@dataclass(frozen=True)
class DiverseHeads:
    """Options of diverse heads. heads: their number; teacher: `policy` or `planner`, on `levels` training levels.

    plain: fraction of the step budget in which the policy is trained, unless the config has `init_from`. inputs: number of unlabelled
    inputs; visited: those that the teacher visits, else first observations. labels: levels that choose the head. repulsion, prior:
    weights of the losses on unlabelled inputs. updates, batch_size, learning_rate: of Adam.
    """

    label_class: ClassVar[str] = "L2"
    source: ClassVar[str] = "Lee et al. 2023 (DivDis)"
    algorithms: ClassVar[tuple[str, ...]] = ACTOR_CRITIC

    heads: int = 2
    teacher: str = "policy"
    plain: float = 0.8
    levels: int = 2000
    inputs: int = 2000
    visited: bool = True
    labels: int = 1
    repulsion: float = 10.0
    prior: float = 10.0
    updates: int = 2000
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        within("heads", self.heads, 2, 32)
        one_of("teacher", self.teacher, TEACHERS)
        within("plain", self.plain, 0, 1)
        for name in ("levels", "inputs", "labels", "updates", "batch_size"):
            within(name, getattr(self, name), 1)
        within("repulsion", self.repulsion, 0)
        within("prior", self.prior, 0)

    def train(self, task: Any, seed: int) -> Any:
        """Let the teacher act, fit the heads, and keep the one that a label chooses."""
        from ...policy.library_defaults import defaults
        from ...scripted import GoToGoal
        from ..task import demonstrations

        taught, shifted = self._data(task)
        learner = task.learner(fresh=True)
        heads = DivergingHeads(self, learner, np.random.default_rng([seed, 8]))
        with defaults():  # on one thread, as in all training
            loss = heads.fit(taught, shifted)
        label = Pairs(*demonstrations(task, GoToGoal(), task.labelled_levels(self.labels, draw=seed)))
        heads.keep(int(np.argmax(heads.log_likelihoods(label))))
        task.log(learner.agent(), policy_loss=loss)
        return learner.agent()

    def _data(self, task: Any) -> tuple[Pairs, np.ndarray]:
        """The teacher's pairs on training levels, and the unlabelled inputs."""
        from ...scripted import GoToGoal
        from ..task import demonstrations

        levels = task.levels(self.levels)
        teacher = GoToGoal() if self.teacher == "planner" else trained_plainly(task, self.plain).agent()
        taught = Pairs(*demonstrations(task, teacher, levels, sampled=True))
        return taught, task.unlabelled_inputs(self.inputs, teacher if self.visited else None)


class DivergingHeads:
    """Several linear heads on the trunk of a learner's policy."""

    def __init__(self, method: DiverseHeads, learner: Any, random: np.random.Generator) -> None:
        import torch

        self.method, self._random = method, random
        self.policy = actor_critic(learner)
        last = self.policy.action_net
        self.heads = torch.nn.ModuleList(
            torch.nn.Linear(last.in_features, last.out_features) for _ in range(method.heads)
        )

    def logits(self, observations: np.ndarray) -> Any:
        """Logits float32[H, n, A] of all heads for uint8[n, …]."""
        import torch

        features = self.policy.extract_features(self.policy.obs_to_tensor(observations)[0])
        latent = self.policy.mlp_extractor.forward_actor(features)
        return torch.stack([head(latent) for head in self.heads])

    def fit(self, taught: Pairs, shifted: np.ndarray) -> float:
        """Fit trunk and heads; returns the mean loss of the last tenth of the updates."""
        import torch

        method, losses = self.method, []
        n_actions = self.policy.action_net.out_features
        prior = np.bincount(taught.actions, minlength=n_actions) / len(taught.actions)
        frequencies = torch.from_numpy(prior.astype(np.float32))
        self.policy.set_training_mode(True)
        optimizer = torch.optim.Adam(
            [*self.policy.parameters(), *self.heads.parameters()], lr=method.learning_rate
        )
        for _ in range(method.updates):
            picks = self._random.integers(0, len(taught.actions), method.batch_size)
            others = self._random.integers(0, len(shifted), method.batch_size)
            logits = self.logits(taught.observations[picks])
            targets = torch.from_numpy(taught.actions[picks]).repeat(method.heads)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
            apart = self.logits(shifted[others]).softmax(2)
            loss = loss + method.repulsion * mean_mutual_information(apart)
            loss = loss + method.prior * mean_distance_to_prior(apart, frequencies)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses[-max(1, method.updates // 10) :]))

    def log_likelihoods(self, label: Pairs) -> np.ndarray:
        """Mean log-likelihood float64[H] of the labelled actions under each head."""
        import torch

        with torch.no_grad():
            logs = self.logits(label.observations).log_softmax(2).double().numpy()
        return logs[:, np.arange(len(label.actions)), label.actions].mean(1)

    def keep(self, number: int) -> None:
        """Make one head the policy's own."""
        self.policy.action_net.load_state_dict(self.heads[number].state_dict())
