"""Recorded rows: the table rows of each finished run of a study, in one small file that can be committed.

With it, a long study can be done in parts, on temporary machines: the next part skips recorded runs and ends in the same
tables as a study done at once. The file is a Parquet table of episodes, sorted so that it compresses to a few bytes per
episode; its metadata holds each run's measures, its times, the versions that it was made with, and the golden digests (`golden.py`) of the
code that made them. It contains no weights and no trajectories: films, players and `evaluate` need the run itself.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import polars as pl

from ...measurement.episodes import MAX_ROWS, SCHEMA, episodes_file, validate
from ...runs.provenance import Provenance
from ...system.atomic_files import RunError, read_limited, write_atomic
from ...system.parquet import Unreadable, read_parquet
from ..design.plan import StudyPlan
from ..folder.folder import EPISODES, RECORDED, StudyFolder
from ..workers.job import MEASURES, TIMES, Done, Times
from .episodes import read_episodes_of

VERSION, PROVENANCE = "1", "provenance.json"
MADE = "made"  # in the mark of a restored run
KEYS = VERSION_KEY, MEASURES_KEY, GOLDEN_KEY, TIMES_KEY, MACHINES_KEY, RUNS_KEY = (
    "goalposts.rows.version",
    "goalposts.rows.measures",
    "goalposts.rows.golden",
    "goalposts.rows.times",
    "goalposts.rows.machines",
    "goalposts.rows.runs",
)
MAX_BYTES, MAX_MEASURES = 1 << 30, 1 << 28  # of the file; of the measures of all runs, unpacked
ORDER = ("condition", "sampled", "level_index", "run")


@dataclass(frozen=True)
class RecordedRows:
    """Recorded runs by id (the text of measures.json, the episodes), and the golden digests of the code that made them.

    times: CPU seconds of a run with its evaluation (`cpu`), by run, and the other fields of `Times`. machines: the version of torch and the
    processor's vectors, by run, which a byte-identical repetition needs too. made: the commit and the versions that made a run, as its
    page words them. Files of older versions have CPU seconds and machines only, or none of these.
    """

    measures: Mapping[str, str] = field(default_factory=dict)
    episodes: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    golden: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    machines: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)


def read_rows(path: Path) -> RecordedRows:
    """Read a file that `write_rows` wrote. Raises RunError, or EpisodesError for a table that contradicts itself."""
    remedy = "Restore it, or remove it and run the study again"
    try:
        parquet = read_parquet(read_limited(path, MAX_BYTES), MAX_ROWS, KEYS, path)
    except Unreadable as error:
        raise RunError(f"{path} is not a file of recorded rows ({error}). {remedy}") from None
    if parquet.metadata.get(VERSION_KEY) != VERSION or parquet.table is None:
        raise RunError(f"{path} is not a file of recorded rows of version {VERSION}. {remedy}")
    try:
        unpack = zlib.decompressobj()
        text = unpack.decompress(base64.b64decode(parquet.metadata[MEASURES_KEY]), MAX_MEASURES)
        if unpack.unconsumed_tail:
            raise RunError(f"{path} has more than {MAX_MEASURES >> 20} MiB of measures. {remedy}")
        measures = {str(run): json.dumps(rows) for run, rows in json.loads(text).items()}
        golden = {str(name): str(value) for name, value in json.loads(parquet.metadata[GOLDEN_KEY]).items()}
        seconds = json.loads(parquet.metadata.get(TIMES_KEY, "{}"))
        times = {str(run): {"cpu": float(cpu)} for run, cpu in seconds.items()}
        machines = _by_run(json.loads(parquet.metadata.get(MACHINES_KEY, "{}")))
        of_runs = json.loads(parquet.metadata.get(RUNS_KEY, '{"times": {}, "made": {}}'))
        for run, known in of_runs["times"].items():
            times[str(run)] = asdict(Times.from_json(json.dumps(known).encode()))
        made = _by_run(of_runs["made"])
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error, RecursionError) as error:
        raise RunError(f"{path} is damaged ({type(error).__name__}). {remedy}") from None
    parts = {str(key[0]): part for key, part in parquet.table.partition_by("run", as_dict=True).items()}
    if set(parts) != set(measures):
        raise RunError(f"{path} is damaged: episodes and measures are of different runs. {remedy}")
    episodes = {
        run: validate(part.select([name for name in SCHEMA if name in part.columns]))
        for run, part in parts.items()
    }
    return RecordedRows(measures, episodes, golden, times, machines, made)


def restore_rows(path: Path, folder: StudyFolder, plan: StudyPlan, golden: Mapping[str, str]) -> int:
    """Restore the plan's recorded runs in the study's folder as finished runs; return their number.

    golden: the current digests, from `golden_digests`. The caller must hold the folder. Raises RunError if the code now
    trains or evaluates differently than when the rows were recorded.
    """
    if not path.exists():
        return 0
    recorded, finished = read_rows(path), folder.finished()
    _refuse_other_code(path, recorded, golden)
    wanted = [
        candidate for candidate in plan.runs if candidate in recorded.measures and candidate not in finished
    ]
    for run in wanted:
        mark = {"rows": path.name, "golden": dict(recorded.golden), MADE: recorded.made.get(run)}
        files = {
            "config.yaml": plan.runs[run].to_yaml().encode(),
            MEASURES: recorded.measures[run].encode(),
            EPISODES: episodes_file(as_played(recorded.episodes[run], plan.study.conditions)),
            RECORDED: json.dumps(mark, indent=0).encode(),
        }
        if _is_whole(times := recorded.times.get(run, {})):
            files[TIMES] = json.dumps(times).encode()
        folder.keep(Done(run, files))
    return len(wanted)


def as_played(episodes: pl.DataFrame, conditions: Sequence[str]) -> pl.DataFrame:
    """In the order of an evaluation: conditions as in the study, sampled episodes first, levels by number."""
    place = {name: k for k, name in enumerate(conditions)}
    by = (
        pl.col("condition").replace_strict(place, default=len(place), return_dtype=pl.Int64),
        ~pl.col("sampled"),
        pl.col("level_index"),
    )
    return episodes.sort(by, maintain_order=True)


def write_rows(path: Path, folder: StudyFolder, plan: StudyPlan, golden: Mapping[str, str]) -> int:
    """Record all finished runs of the plan, in addition to those in the file; return the total. Raises RunError."""
    before = read_rows(path) if path.exists() else RecordedRows()
    _refuse_other_code(path, before, golden)
    finished = folder.finished()
    new = [run for run in plan.runs if run in finished and run not in before.measures]
    if not new and path.exists():
        return len(before.measures)
    tables = read_episodes_of({run: folder.run(run) / EPISODES for run in new})
    measures = dict(before.measures)
    measures |= {run: read_limited(folder.run(run) / MEASURES, MAX_MEASURES).decode() for run in new}
    if not measures:
        return 0
    times = dict(before.times)
    times |= {run: asdict(run_times) for run in new if (run_times := folder.times(run)) is not None}
    machines = dict(before.machines) | {run: words for run in new if (words := _machine_of(folder.run(run)))}
    made = dict(before.made) | {run: words for run in new if (words := made_of(folder.run(run)))}
    of_runs = {
        "times": {run: times[run] for run in sorted(times) if _is_whole(times[run])},
        "made": _by_words(made),
    }
    episodes = pl.concat([*before.episodes.values(), *tables.values()]).sort(ORDER, maintain_order=True)
    packed = zlib.compress(
        json.dumps({run: json.loads(measures[run]) for run in sorted(measures)}).encode(), 9
    )
    metadata = {
        VERSION_KEY: VERSION,
        MEASURES_KEY: base64.b64encode(packed).decode(),
        GOLDEN_KEY: json.dumps({**before.golden, **golden}, sort_keys=True),
        TIMES_KEY: json.dumps({run: round(times[run]["cpu"], 2) for run in sorted(times)}),
        MACHINES_KEY: json.dumps(_by_words(machines)),
        RUNS_KEY: json.dumps(of_runs),
    }
    buffer = io.BytesIO()
    episodes.write_parquet(buffer, compression="zstd", compression_level=19, metadata=metadata)
    write_atomic(path, buffer.getvalue())
    return len(measures)


def machine_words(torch: str, processor: Mapping[str, str]) -> str:
    """What training's arithmetic depends on besides the code: the version of torch, and the processor's vectors."""
    return f"torch {torch}, {processor.get('vectors', 'unknown')}"


def made_of(run: Path) -> str | None:
    """The commit and the versions that made a finished run; None if neither its provenance nor its recorded rows hold them."""
    facts = _provenance_of(run)
    if facts is not None:
        commit = (facts.commit or "an installed package")[:12] + (" with changes" if facts.dirty else "")
        return f"{commit}, {facts.python}, torch {facts.packages.get('torch')}, numpy {facts.packages.get('numpy')}"
    try:
        words = json.loads(read_limited(run / RECORDED, MAX_MEASURES)).get(MADE)
    except (RunError, ValueError, AttributeError):
        return None
    return " ".join(words.split()) if isinstance(words, str) else None


def _machine_of(run: Path) -> str | None:
    """The machine of a finished run; None if its provenance is missing, as in a restored run, or does not say."""
    facts = _provenance_of(run)
    if facts is None or not facts.processor:
        return None
    return machine_words(facts.packages.get("torch", "unknown"), facts.processor)


def _provenance_of(run: Path) -> Provenance | None:
    try:
        return Provenance.model_validate_json(read_limited(run / PROVENANCE, MAX_MEASURES))
    except (RunError, ValueError):
        return None


def _is_whole(times: Mapping[str, float]) -> bool:
    """Whether the times of a run are those of `Times`, not its CPU seconds alone."""
    return all(fact.name in times for fact in fields(Times))


def _by_words(words: Mapping[str, str]) -> dict[str, list[str]]:
    """The runs of each text, both sorted: many runs have the same."""
    return {text: sorted(run for run in words if words[run] == text) for text in sorted(set(words.values()))}


def _by_run(runs: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The text of each run, from the runs of each text."""
    return {str(run): str(text) for text, names in runs.items() for run in names}


def _refuse_other_code(path: Path, recorded: RecordedRows, golden: Mapping[str, str]) -> None:
    if other := list(_differences(recorded.golden, golden)):
        raise RunError(
            f"{path} was recorded by code that trains or evaluates differently ({', '.join(other)}), so its rows do not belong "
            "with new runs. Check out the commit that recorded it, or give --rows another file and run the study again"
        )


def _differences(recorded: Mapping[str, str], golden: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(recorded.keys() & golden.keys()):
        if recorded[name] != golden[name]:
            yield f"{name}: {recorded[name]} recorded, {golden[name]} now"
