"""Export a run: a model card in Markdown and, on request, a zip that stable-baselines3 loads.

The card says what the agent was trained on, the verdict with its intervals, its provenance and its limits. Reads a run folder, changes
none. Read next: `adopt.py`, the other direction.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from goalposts.errors import UserError
from goalposts.text import plain

from ...agents.algorithms.training import algorithm_class
from ...agents.policy.algorithm_names import Q_LEARNING
from ...agents.policy.architectures import policy_class, policy_kwargs
from ..evaluation.evaluated_run import Evaluated
from ..measurement import Verdict
from ..measurement.metrics import METRICS, withheld
from ..runs.agent_card import load_agent_of
from ..runs.run import Run
from ..system.atomic_files import check_new, disk_errors, read_limited, write_atomic

CARD, MAX_CARD = "model-card.md", 1 << 20
SEAL = "<!-- goalposts export, SHA-256 of the text above: {} -->"
LIMITS = (
    "It was trained and measured in small gridworlds; nothing here says how it behaves elsewhere.",
    "The verdict describes behaviour on the conditions in the table, not what the weights represent.",
)


def export_run(
    run: Run | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    sb3: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a model card of a run to `out` (default: model-card.md in the run folder); returns its path.

    sb3: also write stable-baselines3's zip of the last checkpoint there. Existing files are never overwritten, except a card in
    the run folder that is as it was exported. Raises RunError, UserError.
    """
    if not isinstance(run, Run):
        run = Run.open(run)
    card = run.path / CARD if out is None else Path(out)
    zipped = None if sb3 is None else Path(sb3)
    for path in (None if out is None else card, zipped):
        check_new(path)
    if out is None:
        _refuse_changed(card)
    text = model_card(run)
    if zipped is not None:
        _write_zip(run, zipped)
    with disk_errors(card, "write"):
        write_atomic(card, (text + _seal(text)).encode())
    return card


def _seal(text: str) -> str:
    return SEAL.format(hashlib.sha256(text.encode()).hexdigest()) + "\n"


def _refuse_changed(card: Path) -> None:
    """Raise UserError if a card has been changed since it was exported: it may have been completed by hand."""
    if not os.path.lexists(card):
        return
    text, seal, rest = (
        read_limited(card, MAX_CARD).decode("utf-8", "replace").partition(SEAL.partition("{")[0])
    )
    if seal + rest != _seal(text):
        raise UserError(
            f"{card} was changed after it was exported, so it was left as it is; give --out another name, or remove it"
        )


def model_card(run: Run) -> str:
    """The model card of a run, as Markdown; without a verdict if it has not been evaluated. Raises RunError."""
    config, verdict = run.config, _verdict(run)
    last = run.latest_checkpoint()
    trained = f"{last.step:,} environment steps" if last else "elsewhere; its weights are not part of the run"
    method = "" if config.method is None else f", method {_cell(config.method.name)}"
    parts = [
        f"# {_cell(config.name)}, seed {config.seed}",
        f"An agent for {_cell(config.world)} by [Goalposts](https://pypi.org/project/goalposts/): {config.train.algorithm}{method}, "
        f"trained for {trained}."
        if last
        else f"An agent for {_cell(config.world)} that was trained {trained}.",
        "## Trained on",
        _table(("what", "value"), _training(run)),
        "## Verdict",
        *_judged(verdict),
        "## Provenance",
        _table(("what", "value"), _provenance(run)),
        "## Limits",
        "\n".join(f"- {limit}" for limit in (*LIMITS, *_limits(verdict))),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(run: Run) -> Verdict | None:
    return Evaluated(run).verdict() if run.episodes_path.exists() else None


def _training(run: Run) -> list[tuple[str, object]]:
    config = run.config
    env = config.env
    if run.latest_checkpoint() is None:
        return [("observation", env.observation), ("training", "not known: the agent was adopted")]
    levels = "a new level in every episode" if env.levels is None else f"{env.levels:,}"
    return [
        ("condition", env.condition),
        ("levels", levels),
        ("observation", env.observation),
        ("reward", env.reward),
        ("seed", config.seed),
    ]


def _judged(verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return ["Not evaluated."]
    rows = []
    for metric in METRICS:
        found = verdict.numbers[metric.key]
        if found is not None:
            rows.append(
                (
                    metric.title,
                    withheld(metric.key, verdict.world) or found.short,
                    f"{found.n:,}",
                    metric.meaning,
                )
            )
    about = f"**{verdict.label}** ({verdict.scope}"
    about += ")." if verdict.shift is None else f", by `{verdict.shift}` against `{verdict.control}`)."
    reasons = "\n".join(f"- {_cell(reason)}" for reason in verdict.reasons)
    return [about, reasons, _table(("number", "value [95% interval]", "n", "meaning"), rows)]


def _provenance(run: Run) -> list[tuple[str, object]]:
    facts = run.provenance()
    versions = ", ".join(f"{name} {version}" for name, version in facts.packages.items())
    commit = (
        "an installed package"
        if facts.commit is None
        else facts.commit + (" with changes" if facts.dirty else "")
    )
    return [
        ("config hash", run.config.hash()),
        ("code", commit),
        ("started", facts.started),
        ("Python", facts.python),
        ("packages", versions),
        *((f"custom code {name}", digest) for name, digest in facts.modules.items()),
    ]


def _limits(verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return ["It was not evaluated, so what it pursues is unknown."]
    return ["One agent is one training seed: another seed of the same training may pursue something else."]


def _table(header: tuple[str, ...], rows: list[Any]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in lines)


def _cell(value: object) -> str:
    """Text in which nothing is markup: names may come from an untrusted file."""
    return re.sub(r"([\\|<>`&]|\](?=[(\[:]))", r"\\\1", plain(str(value)))


def _write_zip(run: Run, path: Path) -> None:
    """Write the last checkpoint as stable-baselines3's zip. Raises UserError for agents that are not one policy."""
    last = run.latest_checkpoint()
    if last is None:
        raise UserError(f"{run.path} has no checkpoint, so there are no weights to export")
    agent = load_agent_of(run.config, last)
    if "members" in agent.card.options:
        raise UserError(
            f"{run.path} is an ensemble of {agent.card.options['members']} policies, and a zip of stable-baselines3 holds one"
        )
    model = sb3_model(agent)
    with disk_errors(path, "write"):
        write_atomic(path, lambda file: model.save(file))


def sb3_model(agent: Any) -> Any:
    """A model of stable-baselines3 or sb3-contrib with an agent's policy, for `predict` and further training."""
    import torch

    from ...agents.sb3_vec_env import GoalpostsVecEnv

    card = agent.card
    name, rgb = card.algorithm, card.observation == "rgb"
    kwargs = policy_kwargs(name, card.widths, card.precision, rgb, card.options)
    kwargs |= {"optimizer_class": torch.optim.Adam, "optimizer_kwargs": {"eps": 1e-5}}
    env = GoalpostsVecEnv(1, world=card.world, observation=card.observation, num_levels=1)
    buffer = {"buffer_size": 1} if name in Q_LEARNING else {}
    model = algorithm_class(name)(
        policy_class(name, card.options), env, policy_kwargs=kwargs, device="cpu", **buffer
    )
    model.policy.load_state_dict(agent.policy.state_dict())
    return model
