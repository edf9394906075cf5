"""All parsers of Goalposts that read untrusted files or texts, as fuzzed by `fuzz.py`.

One entry per parser: initial valid examples, tokens of its format, and the reading function, which may raise UserError and
nothing else. Read next: `fuzz.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.study_fuzz import BASE, ROW, rows_of

from goalposts.errors import UserError

JSON = [
    b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 30, b"\\u0000", b"\\ud800",
    b'""',
]  # fmt: skip
NAMES = [
    b"CoinRun",
    b"edge",
    b"off_path",
    b"mixture(0.1)",
    b"mixture(",
    b"finished",
    b"../../etc",
    b"/dev/zero",
    b"<script>",
    b"\x00",
]
YAML_WORDS = [
    b"&a ", b"*a", b"!!python/object/apply:os.system ", b"<<: ", b"- ", b"? ", b"| ", b">", b"\n", b"\t", b"  ", b"---\n",
    b"...", b"%YAML 9.9\n", b"0x1f", b"1_000", b"1e400", b".inf", b".nan", b"~", b"[" * 50, b"{" * 50, b'"\\x41"', b"'", b"# ",
    b": ", b"base: ", b"=",
]  # fmt: skip


SHARES = {
    "conditions": 0.21,
    "overrides": 0.01,
    "configs": 0.008,
    "levels": 0.13,
    "level sets": 0.02,
    "status": 0.13,
    "provenance": 0.07,
    "leakage": 0.1,
    "progress": 0.03,
    "episodes": 0.005,
    "trajectories": 0.005,
    "explored": 0.001,
    "cards": 0.13,
    "weights": 0.06,
    "checkpoints": 0.011,
    "training states": 0.01,
    "run folders": 0.001,
    "study files": 0.003,
    "summaries": 0.004,
    "measures": 0.05,
    "times": 0.02,
    "fine-tuning": 0.005,
}  # fraction of all cases, by parser
IMPORTS = (
    "goalposts.experiments.publish.run_report",
    "goalposts.experiments.training.train",
    "goalposts.experiments.config.schema",
)


@dataclass(frozen=True)
class Parser:
    """How to fuzz one reader.

    examples: valid inputs. words: tokens that mutations may insert. read: reads an input, raising only UserError.
    """

    name: str
    examples: tuple[bytes, ...]
    words: tuple[bytes, ...]
    read: Callable[[bytes], object]


def make_run(folder: Path) -> Path:
    """Create a tiny finished run as a source of examples."""
    from goalposts.experiments import load_config, train

    (folder / "tiny.yaml").write_text(BASE, encoding="utf-8")
    return train(load_config(folder / "tiny.yaml"), folder / "run").path


def parsers(run: Path, work: Path) -> dict[str, Parser]:
    """All parsers by name. `run`: a finished run; `work`: an empty folder on a fast disk for inputs."""
    from goalposts.envs import generate, levels_from_text, load_levels, save_levels
    from goalposts.envs.worlds.contract.condition_names import parse_condition
    from goalposts.experiments.config.schema import ExperimentConfig, parse_config
    from goalposts.experiments.evaluation.goal_sweep_file import read_sweep
    from goalposts.experiments.evaluation.trajectories import (
        levels_and_actions,
        read_leakage,
        read_trajectories,
    )
    from goalposts.experiments.measurement.episodes import read_episodes
    from goalposts.experiments.runs.progress_csv import append_row, read_rows, rewind_rows
    from goalposts.experiments.runs.provenance import Provenance
    from goalposts.experiments.runs.run import Run
    from goalposts.experiments.runs.status import Status, read_json

    def file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        path = work / name

        def reads(content: bytes) -> object:
            path.write_bytes(content)
            return read(path)

        return reads

    def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
        return lambda content: read(content.decode("utf-8", "replace"))

    def progress(path: Path) -> None:
        last = max((int(row["step"] or 0) for row in read_rows(path)), default=0)
        rewind_rows(path, last)  # as at the start of every training
        append_row(path, {"step": last + 1, "new": 1.0})

    def recorded(path: Path) -> None:
        found = read_trajectories(path).head(3)
        if found["world"].n_unique() == 1:
            levels_and_actions(found)

    levels = generate("CoinRun", "mixture(0.25)", 5, 7, first=100)
    config = ExperimentConfig.parse({"name": "x"})
    last = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name))
    here = Run.open(run)
    leakage = Run(work, here.config)
    pictures = "\n\n".join(level.to_text() for level in levels[:3])

    def bytes_of(*paths: Path) -> tuple[bytes, ...]:
        return tuple(path.read_bytes() for path in paths)

    found = [
        Parser(
            "conditions",
            (b"off_path", b"mixture(0.25)", b"right_fraction(1e-3)"),
            (b"(", b")", b"e9", *NAMES),
            text(parse_condition),
        ),
        Parser(
            "overrides",
            (b"train.net.pi=[64, 64]", b"seed=3", b"env.condition=mixture(0.1)"),
            (*NAMES, *YAML_WORDS),
            text(lambda t: config.override([t])),
        ),
        Parser(
            "configs",
            (BASE.encode(), here.config.to_yaml().encode()),
            (*YAML_WORDS, *NAMES),
            text(lambda t: parse_config(t, "x.yaml")),
        ),
        Parser(
            "levels",
            (pictures.encode(), b"######v#\n#A....C#\n#.....##\n########"),
            (b"#", b"v", b"A", b"C", b"Mmm", b"\n", b"\n\n", b";", b"\r\n", b"\xe2\x80\xa8"),
            text(levels_from_text),
        ),
        Parser(
            "level sets",
            bytes_of(save_levels(levels, work / "a.npz")),
            (
                b"PK\x03\x04",
                b"PK\x01\x02",
                b"\x93NUMPY",
                b"'shape': (",
                b"'|O'",
                b"True",
                b"\xff\xff\xff\xff",
            ),
            file("set.npz", load_levels),
        ),
        Parser(
            "status",
            bytes_of(run / "status.json"),
            (*JSON, *NAMES),
            file("status.json", lambda p: read_json(Status, p, "Delete it.")),
        ),
        Parser(
            "provenance",
            bytes_of(run / "provenance.json"),
            (*JSON, *NAMES),
            file("provenance.json", lambda p: read_json(Provenance, p, "Restore it.")),
        ),
        Parser(
            "leakage",
            bytes_of(run / "leakage.json"),
            (*JSON, *NAMES),
            file("leakage.json", lambda p: read_leakage(leakage)),
        ),
        Parser(
            "progress",
            bytes_of(run / "progress.csv"),
            (b",", b"\n", b"step", b"-0", b"1e999", b"nan", b"\x00", b'"'),
            file("progress.csv", progress),
        ),
        Parser(
            "episodes",
            bytes_of(run / "episodes.parquet"),
            (b"PAR1", b"\xff\xff\xff\x7f", b"\x00" * 8, *NAMES),
            file("episodes.parquet", read_episodes),
        ),
        Parser(
            "trajectories",
            bytes_of(run / "trajectories.parquet"),
            (b"PAR1", b"\xff\xff\xff\x7f", b"\x00" * 8, b"#", b"A"),
            file("trajectories.parquet", recorded),
        ),
        Parser(
            "explored",
            (_explored(levels[0].to_text()),),
            (b"PAR1", b"\xff\xff\xff\x7f", b"\x00" * 8, b"#", b"A"),
            file("goal_sweep.parquet", read_sweep),
        ),
        *_checkpoints(last, work, file),
    ]
    more = (*_studies(work, file), _whole_run(run, work))
    return {parser.name: parser for parser in (*found, *more)}


def _explored(picture: str) -> bytes:
    """A table of a goal sweep with three rollouts."""
    import polars as pl

    from goalposts.experiments.evaluation.goal_sweep_file import SCHEMA

    row = {
        name: b"\x01\x02" if kind == pl.Binary else 1 if kind.is_integer() else "x"
        for name, kind in SCHEMA.items()
    }
    buffer = io.BytesIO()
    pl.DataFrame([row | {"level": picture}] * 3, schema=SCHEMA).write_parquet(buffer)
    return buffer.getvalue()


def _checkpoints(last: Path, work: Path, file: Callable) -> list[Parser]:
    """Parsers of cards, weights, complete checkpoints and training states."""
    from goalposts.agents.policy.checkpoint import load_policy, read_card, read_tensors

    folder = work / "checkpoint"
    shutil.copytree(last, folder)
    kinds = ("checkpoint.json", "model.safetensors", "state.json", "state.safetensors")
    originals = {name: (last / name).read_bytes() for name in kinds}

    def either(content: bytes) -> object:
        """Replace the file of a checkpoint selected by the first byte with the rest."""
        name = kinds[content[0] % 2] if content else kinds[0]
        for other in kinds[:2]:
            (folder / other).write_bytes(content[1:] if other == name else originals[other])
        return load_policy(folder)

    @cache
    def training():
        from goalposts.experiments import load_config
        from goalposts.experiments.training.train import new_training

        return new_training(load_config(work.parent / "tiny.yaml"))

    def state(content: bytes) -> object:
        name = kinds[2 + content[0] % 2] if content else kinds[2]
        for other in kinds:
            (folder / other).write_bytes(content[1:] if other == name else originals[other])
        return training().restore(folder)

    tensors = (
        b'"F32"',
        b'"BF16"',
        b'"F8_E8M0"',
        b'"shape":[',
        b'"data_offsets":[',
        b"99999999999",
        b"\xff" * 8,
        b"\x00" * 8,
        *JSON,
    )
    card = (*JSON, *NAMES, b"65536", b'"format": 2', b'"trunk": [')

    def marked(*names: str) -> tuple[bytes, ...]:
        return tuple(bytes([kinds.index(name) % 2]) + originals[name] for name in names)

    return [
        Parser(
            "cards",
            (originals[kinds[0]],),
            card,
            file("card/checkpoint.json", lambda p: read_card(p.parent)),
        ),
        Parser("weights", (originals[kinds[1]],), tensors, file("x.safetensors", read_tensors)),
        Parser("checkpoints", marked(*kinds[:2]), (*card, *tensors), either),
        Parser("training states", marked(*kinds[2:]), (*card, *tensors), state),
    ]


def _studies(work: Path, file: Callable) -> list[Parser]:
    """Parsers of study files, and of the tables of studies and fine-tuning."""
    import polars as pl

    from goalposts.experiments.config.schema import shipped_root
    from goalposts.experiments.measurement.relearning import ARMS, SCHEMA
    from goalposts.experiments.runs.finetune_csv import as_csv, parse_table
    from goalposts.experiments.study.design.plan import plan_study
    from goalposts.experiments.study.results.summary import read_summary, summary_table
    from goalposts.experiments.study.results.summary_check import read_measures
    from goalposts.experiments.study.workers.job import Times

    text = (
        "version: 1\nname: small\nbase: coinrun/edge\ngrid: {env.condition: [edge, mixture(0.1)]}\nseeds: 2\n"
    )
    shipped = tuple(path.read_bytes() for path in sorted((shipped_root() / "studies").glob("*.yaml"))[:2])
    (work / "studied.yaml").write_text(f"{text}conditions: [off_path, edge_held_out]\n", encoding="utf-8")
    plan = plan_study(work / "studied.yaml")
    summary = summary_table(plan, rows_of(plan)).write_csv().encode()
    numbers = json.dumps(
        [ROW, {**ROW, "measure": "eval/off_path/levels", "step": 1000, "condition": None}]
    ).encode()
    times = json.dumps(dict.fromkeys(Times.__dataclass_fields__, 1)).encode()
    one = {"run": "r", "condition": "off_path", "arm": ARMS[0], "steps": 0, "sampled": True, "level_index": 0}
    tuned = as_csv(pl.DataFrame([{**one, "outcome_first": "goal", "outcome_end": "goal"}], schema=SCHEMA))
    cells = (b",", b"\n", b'"', b"-1", b"1e999", b"nan", b"\x00", b"9" * 30, b"\r\n", b'""')
    return [
        Parser(
            "study files", (text.encode(), *shipped), (*YAML_WORDS, *NAMES), file("study.yaml", plan_study)
        ),
        Parser("summaries", (summary,), cells, file("summary.csv", lambda path: read_summary(path, plan))),
        Parser(
            "measures",
            (numbers,),
            (*JSON, *NAMES),
            file("measures.json", lambda path: read_measures(path, "Do it anew")),
        ),
        Parser("times", (times,), tuple(JSON), _as_none(Times.from_json)),
        Parser("fine-tuning", (tuned,), cells, lambda content: parse_table(content, work / "finetune.csv")),
    ]


def _as_none(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Wrap a reader whose callers treat ValueError as "unknown"."""

    def reads(content: bytes) -> object:
        try:
            return read(content)
        except ValueError as error:
            raise UserError(str(error)) from None

    return reads


def _whole_run(run: Path, work: Path) -> Parser:
    """Parser of a run folder with one file replaced: opens it and reads everything that a report reads."""
    from goalposts.experiments.evaluation.evaluated_run import Evaluated
    from goalposts.experiments.runs.run import Run

    folder = Path(shutil.copytree(run, work / "whole"))
    names = [
        "config.yaml",
        "status.json",
        "provenance.json",
        "progress.csv",
        "episodes.parquet",
        "trajectories.parquet",
        "leakage.json",
    ]
    originals = [(run / name).read_bytes() for name in names]

    def read(content: bytes) -> None:
        k = content[0] % len(names) if content else 0
        for name, original in zip(names, originals, strict=True):
            (folder / name).write_bytes(content[1:] if name == names[k] else original)
        if names[k] == "config.yaml":  # otherwise its digest would reject every case
            facts = json.loads(originals[2])
            facts["config_sha256"] = hashlib.sha256(content[1:]).hexdigest()
            (folder / "provenance.json").write_text(json.dumps(facts))
        found = Run.open(folder)
        found.progress()
        item = Evaluated(found)
        item.verdict()
        item.recorded()

    examples = tuple(bytes([k]) + original for k, original in enumerate(originals))
    return Parser("run folders", examples, (*JSON, *NAMES, *YAML_WORDS, b"PAR1"), read)
