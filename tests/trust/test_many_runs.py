"""The many-runs harness builds a valid study: its commands work, and removed runs are retrained identically."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.places import HARNESS

DRIVER = HARNESS / "many_runs.py"


@pytest.mark.slow
def test_fifty_runs_are_listed_resumed_and_reported(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            str(DRIVER),
            "--runs",
            "50",
            "--points",
            "1",
            "--missing",
            "1",
            "--keep",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found["faults"] == [], done.stderr
    assert done.returncode == 0
    assert found["took"].keys() >= {
        "status",
        "resume, nothing missing",
        "resume, nothing changed",
        "report",
        "page",
    }
    assert len(list((tmp_path / "study/runs").iterdir())) == 50
    assert "50 of 50 agents" in (tmp_path / "study/report.html").read_text()
