"""Check that memory stays constant during long runs: trains or evaluates in a separate process and samples its memory.

    python tests/harness/memory.py train --steps 12_000_000
    python tests/harness/memory.py evaluate RUN --levels 1_000_000 --condition off_path

Prints JSON: steps or levels, seconds, memory in the first and last fifth (MB), and the slope of a line fitted to
all samples after the first fifth. Linux only: it reads /proc. Uses a tiny net and few updates, so that steps dominate.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CONFIG = """\
name: long
env: {{levels: 2000}}
train:
  total_steps: {steps}
  num_envs: 512
  n_steps: 64
  batch_size: 8192
  n_epochs: 1
  net: {{trunk: [8], pi: [8], vf: [8]}}
  checkpoint_every: {every}
  probe_every: {every}
  probe_levels: 50
evaluate: {{conditions: [edge_held_out, off_path], levels: 100}}
"""


def memory_of(process: subprocess.Popen) -> float | None:
    """Current memory of a process in MB; None if it has ended."""
    try:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def watch(words: list[str], place: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sample time in seconds and memory in MB twice per second until the command ends."""
    began, times, held = time.monotonic(), [], []
    with (place / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", "goalposts", *words], stdout=said, stderr=said)
        while process.poll() is None:
            found = memory_of(process)
            if found is not None:
                times.append(time.monotonic() - began)
                held.append(found)
            time.sleep(0.5)
    if process.returncode != 0:
        sys.exit((place / "said").read_text())
    return np.array(times), np.array(held)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    train = kinds.add_parser("train")
    train.add_argument("--steps", type=int, default=12_000_000)
    evaluate = kinds.add_parser("evaluate")
    evaluate.add_argument("run", type=Path)
    evaluate.add_argument("--levels", type=int, default=1_000_000)
    evaluate.add_argument("--condition", default="off_path")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goalposts-memory-") as folder:
        place = Path(folder)
        if given.kind == "train":
            config = place / "long.yaml"
            config.write_text(CONFIG.format(steps=given.steps, every=max(given.steps // 12, 1)))
            words = ["train", str(config), "--out", str(place / "run"), "-q"]
        else:
            words = [
                "evaluate",
                str(given.run.resolve()),
                "--levels",
                str(given.levels),
                "--condition",
                given.condition,
                "-q",
                "--out",
                str(place / "table.parquet"),
            ]
        times, held = watch(words, place)
    fifth = max(len(held) // 5, 1)
    share = times / times[-1]  # fraction of the work, assuming a constant pace
    slope = float(np.polyfit(share[fifth:], held[fifth:], 1)[0]) if len(held) > 10 else float("nan")
    count = given.steps if given.kind == "train" else given.levels
    print(
        json.dumps(
            {
                "what": given.kind,
                "count": count,
                "seconds": round(float(times[-1]), 1),
                "samples": len(held),
                "first_fifth_mb": round(float(np.median(held[fifth : 2 * fifth])), 1),
                "last_fifth_mb": round(float(np.median(held[-fifth:])), 1),
                "most_mb": round(float(held.max()), 1),
                "slope_mb_per_million": round(slope / count * 1e6, 3),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
