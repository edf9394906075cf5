"""Fuzz untrusted study folders: change one file at random, then call everything that reads studies.

    python tests/harness/study_fuzz.py --cases 2000

creates small studies of four kinds of figure, and prints JSON with the numbers of changed folders read and refused. A
reader may raise UserError and nothing else. Read next: `parsers.py`, the single files.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = ("plain", "alpha", "capability", "seeds")
STUDY = """\
name: {kind}
figure: {kind}
base: tiny.yaml
seeds: {seeds}
conditions: [edge_held_out, off_path]
levels: 30
"""
GRID = "grid: {env.condition: [edge, anywhere]}\n"
BASE = """\
name: tiny
env: {levels: 100}
train:
  total_steps: 2048
  num_envs: 16
  n_steps: 16
  batch_size: 256
  n_epochs: 1
  net: {trunk: [8], pi: [4], vf: [4]}
  checkpoint_every: 1024
  probe_every: 1024
  probe_levels: 10
evaluate: {conditions: [edge_held_out, off_path], levels: 12}
"""
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    1,
    -1,
    2,
    0.5,
    -0.5,
    1e11,
    -1e11,
    1e12,
    1e300,
    float("nan"),
    float("inf"),
    1 << 53,
    1 << 64,
    10**30,
    "",
    "x",
    "0",
    "nan",
    "../../..",
    "off_path",
    "edge_held_out",
    "edge",
    "verdict",
    "preference",
    "capability",
    "leaked",
    "outlier",
    "ALIGNED",
    "eval/off_path/goal_first",
    "eval/off_path/levels",
    "eval//x",
    "\x1b[2J",
    "<script>alert(1)</script>",
    "a|b\n",
    "x" * 3000,
    [],
    {},
    [[]],
    {"a": 1},
)
TEXTS = (
    b"",
    b"{",
    b"[",
    b"]",
    b"null",
    b"1",
    b'"x"',
    b"[1]",
    b"{}",
    b'{"a":1}',
    b"[[]]",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\xff\xfe",
    b"\x00" * 100,
    b"NaN",
    b"9" * 5000,
    b"a,b\n1,2\n",
    b"arm\n",
    b'"',
    b"\n\n\n",
)
OF_RUN = (
    "measures.json",
    "times.json",
    "provenance.json",
    "episodes.parquet",
    "trajectories.parquet",
    "config.yaml",
)
OF_STUDY = ("summary.csv", "calls.jsonl", ".made.json")


ROW = {
    "measure": "preference",
    "condition": "off_path",
    "step": None,
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
    "n": 10,
    "seeds": 1,
    "kept": 1.0,
    "words": None,
}


def rows_of(plan: Any) -> list[dict]:
    """Valid summary rows of a study of off_path, without any run."""
    rows = []
    alone = {"value": None, "low": None, "high": None}
    for point in plan.points:
        for seed, run in (*point.runs, (None, None)):
            where = {"arm": point.arm, "point": point.name, **point.values, "seed": seed, "run": run}
            rows += [where | ROW, where | ROW | alone | {"measure": "verdict", "words": "MIXED"}]
            rows.append(where | ROW | alone | {"measure": "leaked", "condition": None, "value": 0.0})
    return rows


def make_studies(place: Path) -> list[Path]:
    """Create small studies with tables and page, one of each kind."""
    from goalposts.experiments.study.design.plan import plan_study
    from goalposts.experiments.study.driver import run_study
    from goalposts.experiments.study.folder.progress import StudyProgress
    from goalposts.experiments.study.workers.local import LocalEngine

    (place / "tiny.yaml").write_text(BASE, encoding="utf-8")
    found = []
    for kind in KINDS:
        text = STUDY.format(kind=kind, seeds=5 if kind == "seeds" else 2) + (GRID if kind != "seeds" else "")
        (place / f"{kind}.yaml").write_text(text, encoding="utf-8")
        plan = plan_study(place / f"{kind}.yaml")
        done = run_study(
            plan, place / "studies" / kind, LocalEngine(1), StudyProgress(plan, 1, {}, quiet=True)
        )
        assert not done.missing, done.failed
        found.append(place / "studies" / kind)
    return found


def read_all(study: Path, other: Path, out: Path) -> dict[str, str]:
    """Call everything that reads studies; returns refusals with reasons by name. Other exceptions propagate."""
    from typer.testing import CliRunner

    from goalposts.errors import UserError
    from goalposts.experiments.cli.main import app

    refused = {}
    for words in (
        ["status", str(study)],
        ["page", str(study), "--out", str(out)],
        ["compare", str(study), str(other)],
        ["run", str(study), "--dry-run", "--no-estimate"],
        ["report", str(study)],
    ):
        result = CliRunner().invoke(app, ["study", *words])
        error = result.exception
        if isinstance(error, UserError):
            refused[words[0]] = str(error)
        elif error is not None and not (isinstance(error, SystemExit) and error.code in (0, 2)):
            raise error
    return refused


def mutate(study: Path, others: list[Path], rng: random.Random) -> str:
    """Change one thing in the folder; returns its description."""
    run = rng.choice(sorted((study / "runs").iterdir()))
    kinds: list[Callable[[], str]] = [
        lambda: _json(run / "measures.json", rng),
        lambda: _json(run / "measures.json", rng),
        lambda: _json(run / rng.choice(("times.json", "provenance.json")), rng),
        lambda: _json(study / "calls.jsonl", rng),
        lambda: _csv(study / "summary.csv", rng),
        lambda: _csv(study / "summary.csv", rng),
        lambda: _text(
            rng.choice((*(run / name for name in OF_RUN), *(study / name for name in OF_STUDY))), rng
        ),
        lambda: _swap(run, others, rng),
        lambda: _study(study / "study.yaml", rng),
        lambda: _fewer(study, rng),
    ]
    return rng.choice(kinds)()


def _json(path: Path, rng: random.Random) -> str:
    data = json.loads(path.read_text())
    rows = data if isinstance(data, list) else [data]
    row = rng.choice(rows)
    key = rng.choice(sorted(row))
    what = rng.choice(("value", "value", "value", "key", "row", "double", "none"))
    if what == "value":
        row[key] = rng.choice(VALUES)
    elif what == "key":
        row[rng.choice(("zzz", "measure", "value"))] = row.pop(key)
    elif what == "row":
        rows.remove(row)
    elif what == "double":
        rows.append(dict(row))
    else:
        for one in rows:
            one[key] = None
    path.write_text(json.dumps(data), encoding="utf-8", errors="surrogatepass")
    return f"{path.name}: {what} {key} {str(row.get(key))[:60]!r} of {str(row)[:80]}"


def _csv(path: Path, rng: random.Random) -> str:
    rows = list(csv.reader(io.StringIO(path.read_text())))
    k, c = rng.randrange(1, len(rows)), rng.randrange(len(rows[0]))
    what = rng.choice(
        ("cell", "cell", "cell", "row", "double", "column", "measure", "empty", "from elsewhere")
    )
    said = f"{path.name}: {what} {rows[0][c]} of {rows[k][:8]}"
    if what == "cell":
        value = rng.choice(VALUES)
        rows[k][c] = "" if value is None else str(value)
        said += f" is {rows[k][c][:60]!r}"
    elif what == "row":
        del rows[k]
    elif what == "double":
        rows.append(rows[k])
    elif what == "column":
        for row in rows:
            del row[c]
    elif what == "measure":  # all rows sharing a cell with this one
        rows = [rows[0], *(row for row in rows[1:] if row[c] != rows[k][c])]
    elif what == "empty":
        rows = rows[:1]
    else:
        rows[k][c] = rng.choice(rows[1:])[c]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return said


def _text(path: Path, rng: random.Random) -> str:
    whole = path.read_bytes() if path.exists() else b""
    what = rng.choice(("text", "text", "cut", "byte", "gone"))
    if what == "gone":
        path.unlink(missing_ok=True)
        return f"{path.name}: gone"
    if what == "text":
        content = rng.choice(TEXTS)
    elif what == "cut":
        content = whole[: rng.randrange(len(whole) + 1)]
    else:
        changed = bytearray(whole or b"x")
        changed[rng.randrange(len(changed))] = rng.randrange(256)
        content = bytes(changed)
    path.write_bytes(content)
    return f"{path.name}: {what} {content[:40]!r}"


def _swap(run: Path, others: list[Path], rng: random.Random) -> str:
    name = rng.choice(OF_RUN)
    other = rng.choice(sorted((rng.choice(others) / "runs").iterdir()))
    shutil.copy(other / name, run / name)
    return f"{name} is another run's"


def _fewer(study: Path, rng: random.Random) -> str:
    runs = sorted((study / "runs").iterdir())
    gone = rng.sample(runs, rng.randrange(1, len(runs)))
    for run in gone:
        shutil.rmtree(run)
    return f"{len(gone)} runs of {len(runs)} are gone"


def _study(path: Path, rng: random.Random) -> str:
    from goalposts.experiments.study.design.config import StudyConfig
    from goalposts.experiments.study.design.plan import plan_study

    study = plan_study(path).study
    figures = StudyConfig.model_json_schema()["properties"]["figure"]["enum"]
    changes: dict[str, Any] = rng.choice(
        (
            {"figure": rng.choice(figures)},
            {"figure": rng.choice(figures), "grid": {}},
            {"figure": rng.choice(figures), "grid": {"env.levels": (None, 100)}},
            {
                "figure": rng.choice(figures),
                "grid": {"env.condition": ("anywhere", "edge"), "train.gamma": (0.9, 0.99)},
            },
            {"question": rng.choice(("<script>alert(1)</script>", "| a |", "x" * 150))},
            {"conditions": ("off_path",)},
            {"conditions": ("edge_held_out", "off_path", "edge")},
            {"levels": 31},
            {"seeds": (0, 1, 7)},
            {"greedy": True},
        )
    )
    path.write_text(study.model_copy(update=changes).to_yaml(), encoding="utf-8")
    return f"study.yaml: {changes}"


def fuzz(studies: list[Path], cases: int, seed: int, work: Path) -> dict[str, Any]:
    """Try `cases` changed folders; returns the numbers read and refused by command, and the faults."""
    faults: list[str] = []
    tally: Counter[str] = Counter()
    out = work / "docs"
    out.mkdir()
    for case in range(cases):
        rng = random.Random(f"{seed}/{case}")
        origin = rng.choice(studies)
        study = Path(shutil.copytree(origin, work / f"case-{case}" / origin.name))
        said = mutate(study, studies, rng)
        try:
            refused = read_all(study, origin, out)
            tally.update(f"{name} refused" for name in refused)
            tally["read" if not refused else "refused"] += 1
        except Exception as error:
            places = [
                f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
            ]
            ours = [one for one in places if one.startswith(("study", "cli_study", "film"))][-2:]
            faults.append(
                f"case {case}, {origin.name}, {said}: {type(error).__name__}: {str(error)[:150]} at {ours}"
            )
        shutil.rmtree(work / f"case-{case}")
    return {"cases": cases, "seed": seed, "tally": dict(sorted(tally.items())), "faults": faults}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "work").mkdir()
        found = fuzz(make_studies(place), asked.cases, asked.seed, place / "work")
    print(json.dumps(found, indent=1))
    sys.exit(bool(found["faults"]))


if __name__ == "__main__":
    main()
