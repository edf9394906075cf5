"""Every command that is killed at random moments can be resumed, with the same bytes as an undisturbed one.

`GOALPOSTS_KILLS=200` runs the full number of kills; the default is smaller.
"""

import json
import os
import subprocess
import sys

import pytest
from fixtures.places import HARNESS, TESTS

DRIVER = HARNESS / "kill.py"
KILLS = int(os.environ.get("GOALPOSTS_KILLS", "20"))


def kill(*words: str, patch: str = "") -> dict:
    code = f"import sys; sys.argv = ['kill.py', *sys.argv[1:]]; sys.path.insert(0, {str(TESTS)!r})\n{patch}\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from harness import kill; kill.main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_killed_commands_lose_nothing() -> None:
    found = kill("--kills", str(KILLS))
    for name, tally in found["scenes"].items():
        assert tally["faults"] == [], name
        assert tally["kills"] >= 1, name
    assert found["total"]["kills"] >= KILLS


HALF_WRITTEN = """
from goalposts.experiments.system import atomic_files as storage
def straight(contents):
    for path, content in contents.items():
        with open(path, "wb") as file:
            for k in range(0, len(content), 50):
                file.write(content[k:k + 50]); file.flush(); open(path).close()
storage.write_together = straight
"""


@pytest.mark.slow
def test_the_harness_finds_files_that_are_written_straight_to_their_names() -> None:
    found = kill("--kills", "12", "--only", "train", patch=HALF_WRITTEN)
    faults = found["scenes"]["train"]["faults"]
    assert any("neither as it was nor as it becomes" in fault or "damaged" in fault for fault in faults), (
        faults
    )


STRAIGHT_INTO_PLACE = """
from goalposts.experiments.study.folder.folder import StudyFolder
def keep(self, done):
    for name, content in done.files.items():
        path = self.run(done.id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for k in range(0, len(content), 50):
                file.write(content[k:k + 50]); file.flush(); open(path).close()
StudyFolder.keep = keep
"""


@pytest.mark.slow
def test_the_harness_finds_runs_that_a_study_keeps_file_by_file() -> None:
    found = kill("--kills", "2", "--by-time", "0", "--only", "study", patch=STRAIGHT_INTO_PLACE)
    faults = found["scenes"]["study"]["faults"]
    assert any(
        "is not there, but its folder is" in fault or "neither as it was nor as it becomes" in fault
        for fault in faults
    ), faults
