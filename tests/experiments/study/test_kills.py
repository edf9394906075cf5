"""A study that is killed and resumed gives byte-identical tables to an undisturbed one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.study_small import RUNS, done, start, tables, workers_of, write_study

from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.workers.local import TRIES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes under /proc"),
]
KILLS = 20
LONGEST = 20.0  # seconds until the next kill


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes], float]:
    """(study file, its tables, its duration in seconds)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    study = write_study(folder)
    began = time.monotonic()
    code, said = done(start(study, folder / "out", "--workers", "2"))
    assert code == 0, said
    assert f"{RUNS} runs done" in said
    return study, tables(folder / "out"), time.monotonic() - began


def test_twenty_kills_of_driver_and_workers_change_no_byte(
    undisturbed: tuple[Path, list[bytes], float], tmp_path: Path
) -> None:
    study, expected, seconds = undisturbed
    luck, killed, whole, out = random.Random(20), 0, 0, tmp_path / "out"
    while killed < KILLS:
        driver, hit = start(study, out, "--workers", "2"), 0  # hit: workers of this driver that were killed
        while killed < KILLS and driver.poll() is None:
            end = time.monotonic() + luck.uniform(0.0, min(0.7 * seconds, LONGEST))
            while time.monotonic() < end and driver.poll() is None:
                time.sleep(0.05)
            if driver.poll() is not None:
                break
            targets = workers_of(driver)
            if targets and luck.random() < 0.5:
                os.kill(luck.choice(targets), signal.SIGKILL)
                hit += 1
            else:
                driver.kill()
            killed += 1
            print(f"{killed} kills, {len(list((out / 'runs').glob('[0-9a-f]*')))} runs done", file=sys.stderr)
        code, said = done(driver)
        if (
            code == 1
        ):  # one run's worker was killed in every attempt: recorded as failed and retried by the next call
            assert hit >= TRIES, said
            assert f"its process died {TRIES} times" in said
            continue
        assert code in (0, -signal.SIGKILL), said
        if code == 0:  # it finished despite the kills: compare and restart
            assert tables(out) == expected
            whole += 1
            shutil.rmtree(out)
    code, said = done(start(study, out, "--workers", "2"))
    assert code == 0, said
    assert tables(out) == expected
    assert len(list((out / "runs").iterdir())) == RUNS
    assert not (out / ".work").exists()
    assert not (out / "failed").exists()


def test_ctrl_c_prints_one_line_and_the_next_call_resumes(
    undisturbed: tuple[Path, list[bytes], float], tmp_path: Path
) -> None:
    study, expected, _ = undisturbed
    out = tmp_path / "out"
    driver = start(study, out, "--workers", "2", "--quiet")
    while not list((out / "runs").glob("[0-9a-f]*")):
        assert driver.poll() is None
        time.sleep(0.05)
    children = workers_of(driver)
    driver.send_signal(signal.SIGINT)
    code, said = done(driver)
    assert code == 130
    assert said.strip().splitlines()[-1].startswith("goalposts: interrupted")
    assert "Traceback" not in said
    time.sleep(1)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    assert done(start(study, out))[0] == 0
    assert tables(out) == expected


def test_parts_one_worker_and_an_extended_study_give_the_same_tables(
    undisturbed: tuple[Path, list[bytes], float], tmp_path: Path
) -> None:
    study, expected, _ = undisturbed
    out = tmp_path / "out"
    for limit in (1, 2):
        code, said = done(start(study, out, "--workers", "1", "--limit", str(limit)))
        assert code == 0
        assert "still missing" in said
    assert (
        done(start(study, out, "seeds=1"))[0] == 0
    )  # a smaller study in the same folder does not touch the other runs
    assert done(start(study, out))[0] == 0
    assert tables(out) == expected


def test_finished_study_writes_only_missing_files(
    undisturbed: tuple[Path, list[bytes], float], tmp_path: Path
) -> None:
    study, expected, _ = undisturbed
    out = tmp_path / "out"
    shutil.copytree(study.parent / "out", out, copy_function=shutil.copy2)
    before = {path: path.stat().st_mtime_ns for path in (out / "report.html", out / "summary.csv")}
    page = (out / "report.html").read_bytes()
    code, said = done(start(study, out))
    assert (code, "up to date" in said) == (0, True), said
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (out / "report.html").unlink()
    (out / "summary.csv").write_text("a,b\n")
    code, said = done(start(study, out))
    assert (code, "0 runs done" in said) == (0, True), said
    assert (out / "report.html").read_bytes() == page
    assert tables(out) == expected


def test_a_run_that_fails_is_kept_with_its_log_and_stops_no_other(
    undisturbed: tuple[Path, list[bytes], float], tmp_path: Path
) -> None:
    """A run whose scratch folder belongs to another run is refused; all others finish; the next call fixes it."""
    study, expected, _ = undisturbed
    out = tmp_path / "out"
    assert done(start(study, out, "--workers", "1", "--limit", "0"))[0] == 0
    plan = plan_study(study)
    failing, other = list(plan.runs)[1:3]
    place = out / ".work" / failing
    place.mkdir(parents=True)
    (place / "config.yaml").write_text(plan.runs[other].to_yaml())
    code, said = done(start(study, out, "--workers", "2"))
    assert code == 1
    assert "Traceback" not in said
    assert f"failed/{failing}.log" in said
    assert "1 still missing" in said
    assert "run the same command again to retry the failed runs" in said
    assert len(list((out / "runs").iterdir())) == RUNS - 1
    log = (out / "failed" / f"{failing}.log").read_text()
    assert log.startswith("RunError: ")
    assert "Traceback" in log
    shown = subprocess.run(
        [sys.executable, "-m", "goalposts", "study", "status", str(out)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"{RUNS - 1} of {RUNS} runs done" in shown
    assert "RunError" in shown
    assert done(start(study, out))[0] == 0
    assert tables(out) == expected
    assert not (out / "failed" / f"{failing}.log").exists()
