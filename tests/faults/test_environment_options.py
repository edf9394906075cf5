"""Invalid options: messages and behaviour of the interfaces, the conformance suite and an editable install."""

import subprocess
import sys
import sysconfig
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.board import ID, make, make_vec
from fixtures.faults import row
from fixtures.places import ROOT

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import generate, get_world
from goalposts.errors import UserError
from goalposts.experiments.conformance.levels import WorldFault, declares_what_it_must

TEN = generate("CoinRun", "off_path", 3, 10)


@row("C8")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"levels": 50_000}, r"levels is an int.*num_levels=50000"),
        ({"levels": np.int64(9)}, r"num_levels=9"),
        ({"levels": TEN[0]}, r"levels=LevelSet\.of\(\[level\]\)"),
        ({"levels": list(TEN)}, r"levels=LevelSet\.of\(levels\)"),
        ({"levels": "my.txt"}, r"load_levels"),
        ({"num_levels": TEN}, r"num_levels = LevelSet.*must be a whole number.*given levels: levels="),
        ({"num_levels": "50"}, r"num_levels = '50'.*must be a whole number"),
        ({"max_steps": 1.5}, r"max_steps = 1.5.*must be a whole number"),
        ({"condition": "off-path"}, "Did you mean off_path"),
        ({"condition": "Off Path"}, "Did you mean off_path"),
        ({"condition": "offPath"}, "Did you mean off_path"),
        ({"conditon": "edge"}, "unknown option 'conditon'.*Did you mean 'condition'"),
        ({"max_episode_step": 9}, "Did you mean 'max_steps'"),
        ({"n_levels": 9}, "Did you mean 'num_levels'"),
        ({"seed": 9}, r"reset\(seed="),
        ({"zzz": 9}, "unknown option 'zzz'; the options are (autoreset_mode, )?condition, "),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(options: dict[str, Any], words: str) -> None:
    for build in (make, lambda **given: make_vec(2, **given), lambda **given: GoalpostsVecEnv(2, **given)):
        with pytest.raises(UserError, match=words) as caught:
            build(**options)
        assert "__init__" not in str(caught.value)


@row("C8")
def test_the_conformance_suite_names_the_sentence_and_its_limit() -> None:
    world = get_world("CoinRun")
    first, *rest = world.conditions
    with pytest.raises(WorldFault, match=r"at least 21 characters.*'edge': 'too short'"):
        declares_what_it_must(replace(world, conditions=(replace(first, tells="too short"), *rest)), 3)


@row("B18")
def test_render_modes_and_render_before_reset_get_one_message() -> None:
    for build in (
        lambda mode: make_vec(2, render_mode=mode),
        lambda mode: GoalpostsVecEnv(2, render_mode=mode),
    ):
        for mode in ("human", "ansi", "nonsense"):
            with pytest.raises(UserError, match=f"render_mode = '{mode}': must be one of rgb_array, None"):
                build(mode)
    vector, single, sb3 = make_vec(2, render_mode="rgb_array"), make(render_mode="ansi"), GoalpostsVecEnv(2)
    for look in (vector.render, single.render, sb3.render, lambda: single.level):
        with pytest.raises(UserError, match=r"call reset\(\)"):
            look()
    vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(UserError, match=r"call reset\(\)"):
        vector.render()


@row("C5")
@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.slow
def test_an_editable_install_is_found_next_to_any_folder_of_its_name(tmp_path: Path, cut_off: bool) -> None:
    """Regression: a folder called goalposts next to a script was imported as a namespace package instead."""
    build = f"import sys; sys.path.insert(0, {str(ROOT / 'goalposts')!r}); import build_backend as b; b.build_editable('w')"
    (tmp_path / "w").mkdir()
    source = tmp_path / "copy"
    source.mkdir()
    for name in (
        "goalposts",
        "envs",
        "agents",
        "experiments",
        "configs",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        (source / name).symlink_to(ROOT / name)  # setuptools writes its notes next to these
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = subprocess.run(
            [sys.executable, "-c", build.replace("'w'", repr(str(tmp_path / "w")))],
            cwd=source,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "w").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        record = archive.read(next(name for name in archive.namelist() if name.endswith("RECORD"))).decode()
    assert "__editable___goalposts_first.py,sha256=" in record
    (tmp_path / "goalposts" / "envs").mkdir(parents=True)
    others = [sysconfig.get_path("purelib"), *(p for p in sys.path if "site-packages" in p)]
    code = (
        f"import sys, site; sys.path.insert(0, ''); site.addsitedir({str(tmp_path / 'site')!r}); sys.path += {others!r}\n"
        f"import gymnasium as gym; print(gym.make({ID!r}).reset(seed=1)[0].shape)\n"
        if not cut_off
        else f"import sys, site; sys.path.insert(0, ''); site.addsitedir({str(tmp_path / 'site')!r})\n"
        "import goalposts; print(goalposts.__version__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@row("C8")
@pytest.mark.parametrize("name", ["world", "reward", "split"])
@pytest.mark.parametrize("value", [["CoinRun"], {}, 3])
def test_an_option_of_another_type_gets_one_message(name: str, value: Any) -> None:
    """Regression: "unhashable type: 'list'"."""
    if name == "split" and not value:
        value = [1]
    with pytest.raises(UserError, match="must be"):
        make_vec(2, **{name: value})
