"""The Ray engine against a real cluster of two nodes on this machine, one of which dies in the middle of a study."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures import half_method
from fixtures.study_small import RUNS, done, start, tables, write_study

from goalposts.agents import load_code
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.driver import run_study
from goalposts.experiments.study.results.summary import read_summary
from goalposts.experiments.study.workers.job import Failed
from goalposts.experiments.study.workers.local import At, LocalEngine

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


class Watching:
    """Call back after a given number of finished runs."""

    def __init__(self, after: int = 0, what: Any = None) -> None:
        self.ids: list[str] = []
        self.after, self.what = after, what

    def begun(self, todo: list[str], finished: int) -> None: ...

    def tick(self, at: list[At]) -> None: ...

    def ended(self, run_id: str, failed: Failed | None) -> None:
        assert failed is None, failed
        self.ids.append(run_id)
        if len(self.ids) == self.after:
            self.what()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster with a one-core head and a second one-core node."""
    from ray.cluster_utils import Cluster

    found = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "_system_config": {"health_check_period_ms": 500},
        },
    )
    try:
        yield found
    finally:
        ray.shutdown()
        found.shutdown()


def test_a_node_that_dies_loses_nothing_and_doubles_nothing(cluster: Any, tmp_path: Path) -> None:
    from goalposts.experiments.study.workers.ray_cluster import RayEngine

    plan = plan_study(write_study(tmp_path))
    quiet = run_study(plan, tmp_path / "local", LocalEngine(1), Watching())
    assert (quiet.done, quiet.failed) == (RUNS, ())
    node = cluster.add_node(num_cpus=1)
    engine = RayEngine(cluster.address)
    assert engine.workers == 2

    def kill() -> None:
        time.sleep(1)  # wait until both nodes are working again
        cluster.remove_node(node, allow_graceful=False)

    watching = Watching(2, kill)
    found = run_study(plan, tmp_path / "ray", engine, watching)
    assert (found.done, found.missing, found.failed) == (RUNS, 0, ())
    assert sorted(watching.ids) == sorted(plan.runs)
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")
    runs = read_summary(tmp_path / "ray" / "summary.csv", plan).filter(measure="verdict").drop_nulls("seed")
    assert runs["run"].is_unique().all()
    assert runs.height == RUNS


def test_a_method_from_outside_gives_the_same_bytes_killed_on_workers_and_on_two_nodes(
    cluster: Any, tmp_path: Path
) -> None:
    """Against plain PPO, three seeds each: on two workers; killed and resumed; on a Ray cluster of two nodes."""
    from goalposts.experiments.study.workers.ray_cluster import RayEngine

    (tmp_path / "elsewhere").mkdir()
    code = tmp_path / "elsewhere" / "outside_method.py"
    code.write_text(Path(half_method.__file__).read_text("utf-8"))
    load_code(f"{code}:HalfAndHalf")
    study = write_study(tmp_path)
    arm = '{name: half, set: {method.name: "outside_method:HalfAndHalf", method.labels: 20}}'
    study.write_text(study.read_text().replace("grid: {env.condition: [edge, anywhere]}", f"arms: [{arm}]"))
    plan = plan_study(study)
    assert len(plan.runs) == RUNS
    whole = run_study(plan, tmp_path / "workers", LocalEngine(2), Watching())
    assert (whole.done, whole.failed) == (RUNS, ())

    words = ("--code", f"{code}:HalfAndHalf", "--workers", "2", "--quiet")
    process = start(study, tmp_path / "killed", *words)
    finished = tmp_path / "killed" / "runs"
    while process.poll() is None and not (finished.is_dir() and list(finished.glob("*/measures.json"))):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "summary.csv").exists()
    exit_code, said = done(start(study, tmp_path / "killed", *words))
    assert exit_code == 0, said

    cluster.add_node(num_cpus=1)
    engine = RayEngine(cluster.address)
    assert engine.workers == 2
    found = run_study(plan, tmp_path / "ray", engine, Watching())
    assert (found.done, found.failed) == (RUNS, ())
    assert tables(tmp_path / "workers") == tables(tmp_path / "killed") == tables(tmp_path / "ray")
