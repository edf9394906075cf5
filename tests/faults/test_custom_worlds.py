"""Row C1: a custom world by module and by file, in studies and in every worker; every command: `test_world_in_every_command.py`."""

import pickle
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.custom_world import FILE, SPEC, write_world
from fixtures.faults import row
from fixtures.study_small import tables

from goalposts.envs import get_world, load_world
from goalposts.envs.worlds.contract import sources as contract_sources
from goalposts.envs.worlds.contract.sources import sources
from goalposts.envs.worlds.contract.world import WorldError
from goalposts.envs.worlds.registry import load_again
from goalposts.errors import UserError
from goalposts.experiments.cli.main import main
from goalposts.experiments.config.schema import load_config

Goalposts = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the file of a custom world that is not on Python's path."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) not in sys.path
    return tmp_path


@pytest.fixture
def goalposts(home: Path, capsys: pytest.CaptureFixture[str]) -> Goalposts:
    """Run a command in this process; returns (exit code, output)."""

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


@row("C1")
@pytest.mark.parametrize(
    "spec", [SPEC, f"{FILE}:MY_WORLD", f"./{FILE}:MY_WORLD", "{home}/my_module.py:MY_WORLD"]
)
def test_a_world_is_loaded_by_module_or_file_and_the_folder_stays_off_the_path(home: Path, spec: str) -> None:
    before = list(sys.path)
    world = load_world(spec.format(home=home))
    assert world.name == "Flag"
    assert sys.path == before
    assert load_world(SPEC) is load_world(f"{home / FILE}:MY_WORLD") is get_world("Flag") is world


@row("C1")
def test_entry_point_imports_only_the_named_module_from_the_working_directory(home: Path) -> None:
    """`goalposts`, unlike `python -m goalposts`, has no working directory on its path."""
    (home / "yaml.py").write_text("raise SystemExit('code of the working directory ran')")
    (home / "sitecustomize.py").write_text("raise SystemExit('code of the working directory ran')")
    entry = "import sys; from goalposts.__main__ import main; sys.argv[0] = 'goalposts'; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", entry, "worlds", SPEC],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "a flag that in training always stands on a rug" in done.stdout


@row("C1")
def test_files_that_name_a_world_import_nothing(goalposts: Goalposts) -> None:
    assert goalposts("config", "check", "my.yaml")[0] == 0
    for words in (["train", "my.yaml"], ["study", "study.yaml"], ["study", "study.yaml", "--dry-run"]):
        code, said = goalposts(*words)
        assert code == 2
        assert "--world my_module:MY_WORLD" in said
        assert "Traceback" not in said
    assert "my_module" not in sys.modules


@row("C1")
def test_a_config_records_the_module_however_the_world_was_named(home: Path, goalposts: Goalposts) -> None:
    by_module = load_config("my.yaml", ["env.condition=on_rug"])
    load_world(f"{home / FILE}:MY_WORLD")
    for name in (SPEC, f"{home / FILE}:MY_WORLD", "Flag"):
        config = load_config("my.yaml", [f"world={name}"])
        assert config.world == SPEC
        assert config.env.condition == "on_rug"
        assert config.evaluate.conditions == ("on_rug_held_out", "apart", "anywhere")
    assert (
        by_module.override(["evaluate.conditions=[apart]"]).hash()
        == config.override(["evaluate.conditions=[apart]"]).hash()
    )
    code, said = goalposts("config", "check", "my.yaml", "env.condition=on_rugs")
    assert code == 2
    assert "there is no condition 'on_rugs'; the conditions are on_rug, " in said


@row("C1")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nowhere.py:MY_WORLD", "there is no file"),
        ("my_module.py:YOURS", "has no attribute 'YOURS'"),
        ("broken.py:W", "broken.py, line 2: ZeroDivisionError: division by zero"),
        ("unreadable.py:W", "SyntaxError"),
        ("leaves.py:W", "SystemExit: enough"),
        ("nothing:W", "No module named 'nothing'"),
        ("my_module.py:", "it lacks a module or a name"),
        ("my_module.py", "it lacks a module or a name; write it as"),
    ],
)
def test_failed_import_of_a_world_gives_the_reason_without_a_traceback(
    home: Path, goalposts: Goalposts, spec: str, words: str
) -> None:
    (home / "broken.py").write_text("x = 1\nW = x / 0\n")
    (home / "unreadable.py").write_text("W = (\n")
    (home / "leaves.py").write_text("raise SystemExit('enough')\n")
    code, said = goalposts("worlds", "--world", spec)
    assert code == 2
    assert words in said
    assert "Traceback" not in said
    assert Path(spec.partition(":")[0]).stem not in sys.modules or spec.startswith("my_module")


@row("C1")
def test_what_a_world_prints_at_its_import_is_not_in_the_output_of_a_command(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Regression: `--json` was no JSON."""
    monkeypatch.setattr(contract_sources, "is_command", lambda: True)
    (home / "loud.py").write_text("print('hello')\n" + (home / FILE).read_text())
    assert load_world("loud.py:MY_WORLD").name == "Flag"
    assert capsys.readouterr() == ("", "hello\n")


@row("C1")
def test_another_process_imports_the_world_again(home: Path, tmp_path: Path) -> None:
    """From its file, from the recorded code if the file is missing or edited, or as a package from its folder."""
    load_world(f"{FILE}:MY_WORLD")
    (source,) = pickle.loads(pickle.dumps(sources()))
    assert (source.place, source.file, Path(source.folder or "")) == (SPEC, FILE, home)
    script = (
        "import pickle, sys; from goalposts.envs.worlds.registry import get_world, load_again; "
        "load_again(pickle.load(sys.stdin.buffer)); w = get_world('my_module:MY_WORLD'); print(w.name, w.summary[:6], w.source)"
    )

    def elsewhere(*given: Any) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-c", script],
            input=pickle.dumps(given),
            cwd="/",
            capture_output=True,
            timeout=120,
        )
        return (done.stdout or done.stderr).decode().splitlines()[-1]

    assert elsewhere(source) == f"Flag a flag {home / FILE}"
    assert elsewhere(replace(source, folder="/nowhere")).startswith("Flag a flag /")
    (home / FILE).write_text((home / FILE).read_text().replace('summary="a flag', 'summary="edited'))
    assert elsewhere(source).startswith("Flag a flag /")
    assert "cannot be loaded by this worker: this machine has no file" in elsewhere(
        replace(source, folder="/nowhere", code=b"")
    )


@row("C1")
def test_package_in_the_working_directory_is_reimported_by_its_folder(home: Path) -> None:
    (home / "flags").mkdir()
    (home / "flags" / "__init__.py").write_text("")
    (home / "flags" / "colours.py").write_text("NAME = 'Flag'\n")
    text = (home / FILE).read_text().replace('    name="Flag"', "    name=NAME")
    (home / "flags" / "red.py").write_text(
        text.replace("from numba", "from .colours import NAME\nfrom numba", 1)
    )
    world = load_world("flags.red:MY_WORLD")
    (source,) = sources()
    assert (world.name, source.place, source.folder) == ("Flag", "flags.red:MY_WORLD", str(home))
    load_again([source])
    assert get_world("flags.red:MY_WORLD") is world


@row("C1")
@pytest.mark.parametrize("name", ["my-flags.py", "my flags.py", "2flags.py", "json.py"])
def test_a_file_may_have_any_name(home: Path, name: str) -> None:
    """Even one that is not a valid module name, or the name of an installed module."""
    import json

    (home / FILE).rename(home / name)
    world = load_world(f"{name}:MY_WORLD")
    config = load_config("my.yaml", [f"world={home / name}:MY_WORLD"])
    assert get_world(config.world) is world
    assert load_config("my.yaml", [f"world={config.world}"]).hash() == config.hash()
    assert sys.modules["json"] is json
    load_again(sources())


@row("C1")
def test_two_files_of_one_name_are_not_confused(home: Path) -> None:
    (home / "other").mkdir()
    text = (home / FILE).read_text()
    (home / "other" / FILE).write_text(text.replace('"Flag"', '"Other"'))
    load_world(f"{FILE}:MY_WORLD")
    with pytest.raises(
        WorldError, match="would be recorded as 'my_module:MY_WORLD', as the world Flag is already"
    ):
        load_world(f"other/{FILE}:MY_WORLD")


@row("C1")
def test_a_demo_needs_a_pair_of_configs_and_says_so(home: Path, goalposts: Goalposts) -> None:
    code, said = goalposts("demo", "--world", SPEC, "--out", "demo")
    assert code == 2
    assert "the world Flag declares no pair of configs, so it has no demo" in said
    assert not (home / "demo").exists()


@row("C1")
def test_a_demo_takes_the_pair_that_lies_next_to_the_worlds_file(home: Path) -> None:
    from goalposts.experiments.study.demo import demo_configs

    text = (home / FILE).read_text().replace("    planes=(", '    pair=("my", "control"),\n    planes=(', 1)
    (home / "sub").mkdir()
    (home / "sub" / "paired.py").write_text(text)
    mine = (home / "my.yaml").read_text().replace(SPEC, "paired:MY_WORLD")
    (home / "sub" / "my.yaml").write_text(mine)
    (home / "sub" / "control.yaml").write_text(
        "base: my.yaml\nname: flag-control\nenv: {condition: anywhere}\n"
    )
    found = demo_configs("sub/paired.py:MY_WORLD", 3, ["train.total_steps=512"])
    assert [(one.name, one.env.condition, one.seed) for one in found] == [
        ("flag", "on_rug", 3),
        ("flag-control", "anywhere", 3),
    ]
    (home / "sub" / "control.yaml").write_text("base: coinrun/edge\nname: x\n")
    with pytest.raises(
        UserError, match=r"control.yaml is of the world CoinRun, but the demo is of paired:MY_WORLD"
    ):
        demo_configs("sub/paired.py:MY_WORLD", 3)


@row("C1")
@pytest.mark.slow
def test_a_study_of_a_custom_world_runs_in_local_workers(home: Path, goalposts: Goalposts) -> None:
    code, said = goalposts("study", "study.yaml", "--workers", "2", "--quiet", "--world", f"{FILE}:MY_WORLD")
    assert code == 0, said
    assert "2 runs done" in said
    assert "estimated time" in said
    code, said = goalposts("report", "studies/flags", "--world", SPEC)
    assert code == 0, said
    page = (home / "studies" / "flags" / "report.html").read_text()
    assert re.search(r"goalposts study [^<]*flags[^<]*--world", page)
    code, said = goalposts("study", "status", "studies/flags")
    assert (code, "2 of 2 runs done" in said) == (0, True)


@row("C1")
@pytest.mark.slow
def test_a_study_of_a_custom_world_runs_on_a_cluster_of_two_nodes(home: Path, goalposts: Goalposts) -> None:
    """One driver in the world's folder, with workers on both nodes started in other folders."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        words = ["study", "study.yaml", "--world", SPEC, "--no-estimate", "--quiet"]
        code, said = goalposts(*words, "--engine", "ray", "--address", cluster.address, "--out", "on_ray")
        assert code == 0, said
    finally:
        ray.shutdown()
        cluster.shutdown()
    code, said = goalposts(*words, "--workers", "1", "--out", "here")
    assert code == 0, said
    assert tables(home / "on_ray") == tables(home / "here")


@row("C1", "C10")
def test_a_printed_command_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a folder is called, and with the options for the custom worlds that are imported."""
    monkeypatch.setattr(contract_sources, "sources", lambda: ())
    for name in ("my run", "-x", "a;rm b", "$HOME", "it's", "é", "*"):
        words = shlex.split(contract_sources.shown_command("diagnose", Path(name), "--evaluate-missing"))
        assert words == ["goalposts", "diagnose", f"./{name}" if name == "-x" else name, "--evaluate-missing"]
    spec = "path to/post.py:POST"
    monkeypatch.setattr(contract_sources, "sources", lambda: (SimpleNamespace(spec=spec),))
    assert shlex.split(contract_sources.shown_command("report", Path("r")))[-2:] == ["--world", spec]


@row("C10")
@pytest.mark.parametrize(
    ("given", "command"),
    [
        ("runs/a", "train runs/a/config.yaml --out runs/a-again"),
        ("/tmp/x/a", "train a/config.yaml --out a-again"),
        (".", "train config.yaml --out ../a-again"),
        ("my runs/a", "train 'my runs/a/config.yaml' --out 'my runs/a-again'"),
    ],
)
def test_the_command_of_a_report_works_where_the_report_was_made(given: str, command: str) -> None:
    from goalposts.experiments.publish.run_report import _again

    assert _again(contract_sources.from_here(Path(given)), "a") == f"goalposts {command}"
