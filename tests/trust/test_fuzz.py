"""Hostile input: every parser reads it or refuses it with a message, without crashes, hangs or memory growth.

`GOALPOSTS_FUZZ=1_000_000` runs the full number of cases; the default is smaller.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.places import HARNESS, TESTS

DRIVER = HARNESS / "fuzz.py"
CASES = int(os.environ.get("GOALPOSTS_FUZZ", "20_000"))


def fuzz(*words: str, patch: str = "") -> dict:
    code = f"import sys; sys.argv = ['fuzz.py', *sys.argv[1:]]; sys.path.insert(0, {str(TESTS)!r})\n{patch}\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from harness import fuzz; fuzz.main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_parser_reads_hostile_input_or_refuses_it_with_a_message(tmp_path: Path) -> None:
    found = fuzz("--cases", str(CASES), "--keep", str(tmp_path))
    for name, tally in found["parsers"].items():
        assert tally["faults"] == [], f"{name}; the inputs are in {tmp_path}"
        assert tally["refused"] > 0, name
        assert tally["refused"] + tally["accepted"] == tally["cases"], name
    assert found["total"]["cases"] >= 0.99 * CASES


CARELESS = """
import json
from pathlib import Path
from goalposts.agents.policy import checkpoint
checkpoint.read_json = lambda path: json.loads(Path(path).read_text())
"""


@pytest.mark.slow
def test_the_harness_finds_a_parser_that_lets_errors_through() -> None:
    found = fuzz("--cases", "300", "--only", "cards", patch=CARELESS)
    assert any(
        fault.startswith(("JSONDecodeError", "UnicodeDecodeError"))
        for fault in found["parsers"]["cards"]["faults"]
    )
