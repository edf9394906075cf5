"""Kill a training at given moments; run by test_train.py in a separate process: kill_training.py CONFIG FOLDER MOMENT…

Trains once undisturbed and counts the operations on the folder; then, for each moment (a fraction of these operations), one
child trains and dies there without clean-up, and another one resumes. Prints the results as JSON.
Forking is safe because this process never starts polars' threads.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from fixtures.tiny import results
from fixtures.touching import touches

from goalposts.experiments import Run, load_config, train
from goalposts.experiments.training.train import TrainingEval, new_training


class Touches:
    """Count the operations on a folder; die before operation number `last`."""

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last, self.count = str(folder), last, 0

    def __call__(self, event: str, arguments: tuple) -> None:
        if touches(event, arguments, self.folder):
            if self.count == self.last:
                os._exit(9)
            self.count += 1


def train_in_a_child(config: Path, path: Path, last: int | None = None) -> tuple[int, int]:
    """Train in a forked process; returns (exit code, number of operations)."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            counted = Touches(path, last)
            sys.addaudithook(counted)
            train(load_config(config), path)
            os.write(tell, str(counted.count).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(tell)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(ready) as told:
        return code, int(told.read() or 0)


def state(path: Path) -> str | None:
    return Run.open(path).status().state if (path / "config.yaml").exists() else None


def warm_up(config: Path) -> None:
    """Do once what every child would otherwise do first."""
    import_module("torch.utils.tensorboard")
    found = load_config(config)
    training = new_training(found)
    TrainingEval.of(training.env.stream.world, 20).measure(training.agent(), found)


def main() -> None:
    config, folder, moments = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    warm_up(config)
    code, touches = train_in_a_child(config, folder / "undisturbed")
    assert code == 0, code
    made = {
        "undisturbed": {"states": [state(folder / "undisturbed")], "results": results(folder / "undisturbed")}
    }
    for moment in moments:
        path = folder / f"killed-{moment}"
        code, _ = train_in_a_child(config, path, int(float(moment) * touches))
        assert code == 9, code
        states = [state(path)]
        if states[0] != "finished":
            code, _ = train_in_a_child(config, path)
            assert code == 0, code
        made[moment] = {"states": [*states, state(path)], "results": results(path)}
    print(json.dumps(made))


if __name__ == "__main__":
    main()
