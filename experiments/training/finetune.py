"""The fine-tuning test: k steps of training on shifted levels from the run's weights, and the same k from scratch.

A third arm starts from the run's weights with a fresh net's entropy (`matched_entropy.py`). All arms have the run's settings and
seed, the shifted condition, the intended reward and a constant learning rate; they train on the same levels and are measured on the
same held-out ones, with sampled and with greedy actions. A number of steps below one rollout is a separate training from the same
start: one rollout and one update, with fewer environments. The result is `finetune.csv`. Until the test ends, its checkpoints are in
`finetune/` in the run's folder: a killed test resumes and ends in the same table.
Read next: `experiments/measurement/relearning.py`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from goalposts.errors import UserError
from goalposts.safe_folder import make_folder
from goalposts.whole_numbers import whole

from ...agents.policy.checkpoint import read_tensors
from ...agents.ppo.training import Training, TrainingProgress
from ...agents.rollout import play
from ...envs.engine.outcome import END, FIRST, O_END, O_FIRST
from ...envs.generation.generate import generate
from ...envs.levels.level import LevelSet
from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..config.train_section import TrainConfig
from ..measurement.paired_contrasts import HIDDEN
from ..measurement.relearning import ARMS, MATCHED, SCHEMA, SCRATCH, WORDS
from ..runs.agent_card import load_agent_of
from ..runs.checkpoints import list_checkpoints, write_checkpoint
from ..runs.finetune_csv import FILE, MAX_BYTES, as_csv, parse_table, read_finetuned
from ..runs.run import Run
from ..system.atomic_files import RunError, disk_errors, read_limited, write_atomic
from ..system.forks import refuse_after_fork
from ..system.leftovers import discard
from .matched_entropy import can_match, match_entropy
from .train import OnProgress, new_training

STEPS = (10_000, 30_000, 100_000, 300_000)
LEVELS = 500
MATCHED_ON = 100  # training levels on whose observations entropies are compared
WORK = "finetune"
_CHECKPOINT = r"(?:checkpoint\.json|model\.safetensors|state\.json|state\.safetensors|finetune\.csv)"
_SCRATCH = re.compile(rf"settings\.json|(?:{'|'.join(ARMS)})/[0-9]+/{_CHECKPOINT}")


def finetune(
    run: Run,
    condition: str | None = None,
    steps: Sequence[int] = STEPS,
    levels: int = LEVELS,
    tell: OnProgress | None = None,
) -> pl.DataFrame:
    """Train all arms; measure each after 0 and the given numbers of steps (rounded up, see `marks_of`).

    condition: placement of the goal; default: the world's usual shift. The table (columns: `relearning.SCHEMA`) is stored in
    the run's folder. An existing table with the same condition, steps and levels is returned unchanged; any other is replaced, and so
    is one without greedy episodes.
    Raises RunError (no checkpoint, in use, disk full), UserError, TrainingDiverged.
    """
    refuse_after_fork()
    config = shifted(run.config, condition, steps)
    marks = marks_of(config, steps)
    levels = whole("levels", levels, UserError, 1, 1_000_000)
    with run.lock():
        old_table = read_finetuned(run)
        if old_table is not None and _settings_of(old_table) == (config.env.condition, marks, levels, True):
            return old_table
        last = run.latest_checkpoint()
        if last is None:
            raise RunError(
                f"{run.path} has no checkpoint yet, so there is nothing to fine-tune. Resume training with: "
                f"{shown_command('train', run.path / 'config.yaml', '--out', run.path)}"
            )
        load_agent_of(run.config, last)  # refuses damaged weights before anything is written
        settings = {
            "of": last.step,
            "marks": marks,
            "levels": levels,
            "config": config.hash(),
            "greedy": True,
        }
        work = _workplace(run.path / WORK, settings)
        chosen = generate(
            config.world, config.env.condition, config.evaluate.level_seed, levels, split="test"
        )
        test = _Test(run, config, marks, chosen, last.path)
        arms = [arm for arm in ARMS if arm != MATCHED or can_match(new_training(config).agent())]
        total = len(arms) * marks[-1]
        table = pl.concat(
            _arm(test, arm, work / arm, _told(tell, k * marks[-1], total, arm)) for k, arm in enumerate(arms)
        )
        write_atomic(run.path / FILE, as_csv(table))
        discard(work, is_scratch)
        return table


def shifted(config: ExperimentConfig, condition: str | None, steps: Sequence[int]) -> ExperimentConfig:
    """Make the config of all arms. Raises UserError for impossible steps or conditions."""
    steps = [whole("steps", step) for step in steps]
    if not steps or min(steps) < 1 or len(set(steps)) < len(steps):
        raise UserError(
            f"steps {list(steps)}: give at least one number of training steps, from 1, and each once"
        )
    world = get_world(config.world)
    name = condition or world.default_condition("shift")
    world.condition(name)
    if name in (HIDDEN, "none"):
        raise UserError(
            f"{name!r} shows no goal, so there is nothing to learn there; take {world.default_condition('shift')}, say"
        )
    changes = [
        f"env.condition={name}",
        "env.reward=goal",
        "train.anneal=false",
        f"train.total_steps={max(steps)}",
    ]
    return config.override(changes)


def is_scratch(path: str) -> bool:
    """Whether a file is one that an unfinished test writes, by its path from the scratch folder."""
    return _SCRATCH.fullmatch(path) is not None


def marks_of(config: ExperimentConfig, steps: Sequence[int]) -> list[int]:
    """Steps at which each arm is measured: 0, then the given ones rounded up to whole rollouts, or to one of fewer environments."""
    rollout = config.train.rollout
    return sorted(
        {0, *(max(-(-k // rollout), 1) * fewer_environments(config, k).train.rollout for k in steps)}
    )


def fewer_environments(config: ExperimentConfig, steps: int) -> ExperimentConfig:
    """The config of one rollout of the steps: environments halved as long as it holds them; unchanged from one rollout, or without PPO.

    The minibatch is the largest common divisor of the config's and the rollout.
    """
    train = config.train
    if not isinstance(train, TrainConfig):
        return config
    envs = train.num_envs
    while envs % 2 == 0 and envs // 2 * train.n_steps >= max(steps, 2):
        envs //= 2
    rollout = envs * train.n_steps
    batch = math.gcd(train.batch_size, rollout)
    if envs == train.num_envs or batch < 2:
        return config
    changes = (
        f"train.num_envs={envs}",
        f"train.batch_size={batch}",
        f"train.total_steps={rollout}",
    )
    return config.override(changes)


def _settings_of(table: pl.DataFrame) -> tuple[str, list[int], int, bool]:
    steps = sorted(table["steps"].unique().to_list())
    return table["condition"][0], steps, table["level_index"].n_unique(), not table["sampled"].all()


def _workplace(work: Path, settings: dict[str, object]) -> Path:
    """The scratch folder of an unfinished test; emptied if it belongs to other settings. Raises RunError."""
    content = json.dumps(settings, sort_keys=True).encode()
    note = work / "settings.json"
    with disk_errors(work, "write"):
        if not note.exists() or read_limited(note, 100_000) != content:
            if foreign := discard(work, is_scratch):
                raise RunError(
                    f"{work / foreign[0]} is not a file of the fine-tuning test, and its scratch folder would be emptied. "
                    "Nothing was changed. Move that file away."
                )
            make_folder(work)
            write_atomic(note, content)
    return work


def _begin_from(training: Training, start: Path, run: Run) -> None:
    try:
        training.model.policy.load_state_dict(read_tensors(start / "model.safetensors"))
    except (
        RuntimeError
    ):  # an untrusted file: a training of Goalposts writes the net that its config describes
        raise RunError(
            f"{start} holds a different net from the one in {run.path / 'config.yaml'}, so training cannot continue from it. "
            "Restore both from a copy of the run, or train it again."
        ) from None


class _Test(NamedTuple):
    """What the arms have in common. checkpoint: what all but one start from."""

    run: Run
    config: ExperimentConfig
    marks: list[int]
    levels: LevelSet
    checkpoint: Path


def _told(tell: OnProgress | None, before: int, total: int, arm: str) -> Callable[[int], None]:
    return lambda step: tell(before + step, total, WORDS[arm]) if tell else None


def _started(test: _Test, arm: str, config: ExperimentConfig) -> Training:
    """A training of an arm at its start."""
    training, env = new_training(config), config.env
    if arm != SCRATCH:
        _begin_from(training, test.checkpoint, test.run)
    if arm == MATCHED:
        some = generate(config.world, env.condition, config.evaluate.level_seed, MATCHED_ON, split="train")
        match_entropy(training.agent(), new_training(config).agent(), some, env.observation)
    return training


def _arm(test: _Test, arm: str, folder: Path, tell: Callable[[int], None]) -> pl.DataFrame:
    """Train and measure one arm, or resume it; return its rows."""
    rollout, kept = test.config.train.rollout, list_checkpoints(folder)
    if kept and (training := new_training(test.config)).resumable:
        training.restore(kept[-1].path)
        path = kept[-1].path / FILE
        parts, done = [parse_table(read_limited(path, MAX_BYTES), path)], kept[-1].step
    else:
        # First, because each training sets the random state of the process.
        parts = [_after_few(test, arm, step) for step in test.marks if 0 < step < rollout]
        training, done = _started(test, arm, test.config), -1

    def save(part: Path) -> None:
        training.save(part)
        (part / FILE).write_bytes(as_csv(pl.concat(parts)))

    def on_update(progress: TrainingProgress | None) -> None:
        nonlocal done
        step = training.step
        tell(step)
        if step in test.marks and step > done:
            parts.append(_measure(training, test, arm, step))
            write_checkpoint(folder, step, save, keep=2)
            done = step

    if test.marks[-1] < rollout:
        parts.append(_measure(training, test, arm, 0))
    else:
        training.run(on_update)
    return pl.concat(parts).sort("steps", maintain_order=True)


def _after_few(test: _Test, arm: str, step: int) -> pl.DataFrame:
    """Rows of an arm after fewer steps than a rollout, by a separate training with fewer environments."""
    training = _started(test, arm, fewer_environments(test.config, step))
    training.run(lambda progress: None)
    return _measure(training, test, arm, step)


def _measure(training: Training, test: _Test, arm: str, step: int) -> pl.DataFrame:
    """Rows of one arm after a number of steps: every held-out level with sampled actions, then with greedy ones."""
    config, env, levels = test.run.config, test.config.env, test.levels
    n, parts = len(levels), []
    for sampled in (True, False):
        played = play(
            training.agent(),
            levels,
            env.observation,
            sampled,
            noise_seed=config.evaluate.level_seed,
            max_steps=env.max_steps,
            slip=env.slip,
        )
        columns = {
            "run": [f"{config.name}-s{config.seed}-{config.hash()[:6]}"] * n,
            "condition": [env.condition] * n,
            "arm": [arm] * n,
            "steps": [step] * n,
            "sampled": [sampled] * n,
            "level_index": levels.index,
            "outcome_first": [FIRST[k] for k in played.outcome[:, O_FIRST]],
            "outcome_end": [END[k] for k in played.outcome[:, O_END]],
        }
        parts.append(pl.DataFrame(columns, schema_overrides=SCHEMA))
    return pl.concat(parts)
