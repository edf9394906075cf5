"""Precompilation covers every kernel that a run needs, from its levels to its report, so that none is compiled twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.tiny import YAML

from goalposts.experiments.training.precompile import main

CODE = """
import sys
from pathlib import Path
from numba.core import event

class Compiled(event.Listener):
    names = []
    def on_start(self, e):
        self.names.append(e.data["dispatcher"].py_func.__qualname__)
    def on_end(self, e):
        pass

event.register("numba:compile", Compiled())
from goalposts.experiments import load_config, train
from goalposts.experiments.training.precompile import compile_ahead
from goalposts.experiments.publish.run_report import report_data

config = load_config(sys.argv[1])
given = config.world, config.env.observation
print(compile_ahead(*given), compile_ahead(*given))
run = train(config, Path(sys.argv[1]).parent / "run")
report_data([run], "a test")
print(Compiled.names)
"""


@pytest.mark.slow
def test_a_run_finds_compiled_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(YAML)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "tiny.yaml")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
    )
    assert done.stdout.splitlines() == ["True False", "[]"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nonsense", "one of levels, playing"),
        ("levels", "with a world"),
        ("levels Nowhere view", "'Nowhere'"),
    ],
)
def test_invalid_arguments_exit_with_code_2(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err
