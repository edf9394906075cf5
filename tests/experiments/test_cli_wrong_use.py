"""Wrong use of every command: exit code 2, one message on stderr with the place and the next step, nothing else happens.

Each row of the tables: the words of the command, and what the message must say. Words in braces are places that the fixture
`places` makes. After each, the folder must be as it was.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny import YAML, copy_of, untouched

from goalposts.envs import generate, save_levels
from goalposts.experiments import Run
from goalposts.experiments.cli import main


@pytest.fixture(scope="module")
def places(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything, whole and damaged."""
    here = tmp_path_factory.mktemp("places")
    copy_of(tiny_run, here / "run")
    (here / "tiny.yaml").write_text(YAML)
    (here / "empty").mkdir()
    (here / "full").mkdir()
    (here / "full" / "thesis.tex").write_text("mine")
    (here / "there.txt").write_text("mine")
    (here / "list.yaml").write_text("- a\n- b\n")
    (here / "tab.yaml").write_text("name: x\ntrain:\n\tgamma: 0.9\n")
    (here / "binary.yaml").write_bytes(b"\x00\xff\xfe" * 20)
    (here / "wrong.yaml").write_text(
        "name: x\nseed: [1, 2]\ntrain: {gama: 0.9, batch_size: 1000}\nenv: {condition: mixture(1.2)}\n"
    )
    (here / "circle.yaml").write_text("base: circle.yaml\n")
    (here / "anchor.yaml").write_text("name: &a x\nnotes: *a\n")
    (here / "ragged.txt").write_text("####\n#A.C#\n####\n")
    (here / "strange.txt").write_text("####\n#AZ#\n####\n")
    (here / "none.txt").write_text("; nothing here\n")
    (here / "binary.txt").write_bytes(b"\xff\xfe\x00" * 30)
    (here / "zeros.npz").write_bytes(b"PK\x03\x04" + b"\x00" * 100)
    whole = here / "run"
    for name, file, content in (
        ("edited", "config.yaml", YAML.encode() + b"seed: 9\n"),
        ("no-yaml", "config.yaml", b"\x00\x01"),
        ("bad-status", "status.json", b'{"state": "flying"}'),
        ("bad-provenance", "provenance.json", b"{"),
        ("bad-episodes", "episodes.parquet", b"PAR1 no table PAR1"),
        ("other-table", "episodes.parquet", (whole / "trajectories.parquet").read_bytes()),
        ("bad-trajectories", "trajectories.parquet", b"PAR1 no table PAR1"),
        ("bad-leakage", "leakage.json", b'["edge"]'),
        ("bad-progress", "progress.csv", b"step,a\n1,2\nmore,less,all\n"),
        ("bad-card", "checkpoints/8192/checkpoint.json", b'{"format": 1, "world": "CoinRun"}'),
        ("bad-weights", "checkpoints/8192/model.safetensors", b"\x80\x04\x95pickle"),
    ):
        path = copy_of(whole, here / name)
        (path / file).write_bytes(content)
    for name, state, step in (("created", "created", 0), ("failed", "failed", 5120)):
        with Run.open(copy_of(whole, here / name)).lock() as run:
            run.set_status(state, step)
    (here / "bad-study.yaml").write_text("name: x\nbase: coinrun/edge\nseeds: many\n")
    (here / "no-base.yaml").write_text("name: x\nbase: nothing.yaml\n")
    for name, content in (
        (
            "study",
            "version: 1\nname: small\nbase: coinrun/edge\ngrid: {env.condition: [edge, anywhere]}\nseeds: 2\n",
        ),
        ("broken-study", "name: x\nbase: coinrun/edge\nseeds: many\n"),
    ):
        (here / name).mkdir()
        (here / name / "study.yaml").write_text(content)
    save_levels(generate("CoinRun", "off_path", 1, 1), here / "good.txt")
    (copy_of(whole, here / "bad-finetune") / "finetune.csv").write_text("a,b\n1\n")
    other = copy_of(whole, here / "other-net")  # weights of another net than its config and card say
    save_file({"w": np.zeros((2, 2), np.float32)}, other / "checkpoints/8192/model.safetensors")
    bare = copy_of(whole, here / "unevaluated")
    for file in ("episodes.parquet", "trajectories.parquet", "leakage.json"):
        (bare / file).unlink()
    shutil.rmtree(copy_of(whole, here / "no-checkpoint") / "checkpoints")
    (copy_of(whole, here / "no-trajectories") / "trajectories.parquet").unlink()
    return here


ABSURD = [
    ("frobnicate", r"no command 'frobnicate'; there are demo, train"),
    ("trian coinrun/edge", r"no command 'trian'.*Did you mean 'train'\?"),
    ("Train coinrun/edge", r"no command 'Train'.*Did you mean 'train'\?"),
    ("--fast", r"no option --fast"),
    ("config chek", r"no command 'chek'.*Did you mean 'check'"),
    ("demo --sede 3", r"no option --sede\. Did you mean --seed or --steps\?"),
    ("demo --seed -1", r"--seed -1 is not allowed: it must be at least 0"),
    ("demo --seed 99999999999", r"--seed 99999999999 is not allowed: it must be at most 4294967295"),
    ("demo --seed", r"--seed needs a value"),
    ("demo --steps 0", r"--steps 0 is not allowed"),
    ("demo --steps many", r"--steps many is not allowed: it must be a whole number"),
    ("demo --steps 99999999999999999999", r"--steps|train\.total_steps"),
    ("demo --workers 0", r"--workers 0 is not allowed"),
    ("demo --world Foo", r"no demo of 'Foo'; give --world with one of CoinRun"),
    ("demo CoinRun", r"'CoinRun' is too much"),
    ("demo --out {there.txt} -q", r"there\.txt.*a part of this path is a file"),
    ("demo --out {full}/thesis.tex/x -q", r"a part of this path is a file"),
]
TRAIN = [
    ("train", r"CONFIG is missing\. A YAML file, or a shipped name"),
    ("train coinrun/edgy", r"no config 'coinrun/edgy'.*Did you mean 'coinrun/edge'"),
    ("train {nothing.yaml}", r"no config .*nothing\.yaml"),
    ("train {empty}", r"is a folder; give a file"),
    ("train {run}", r"is a folder; give a file, such as .*run/config\.yaml"),
    ("train {list.yaml}", r"list\.yaml: the file is a list; a config has lines such as"),
    ("train {tab.yaml}", r"tab\.yaml, line 3: there is a tab here"),
    ("train {binary.yaml}", r"binary\.yaml.*not a text file"),
    (
        "train {circle.yaml}",
        r"line 1: base: .*in a circle \(circle\.yaml → circle\.yaml\); take one base line out",
    ),
    ("train {anchor.yaml}", r"line 1: the signs & and \*"),
    (
        "train {wrong.yaml}",
        r"(?s)4 errors in .*wrong\.yaml.*line 2: seed: the list \[1, 2\] is not allowed; it must be a whole number.*"
        r"line 4: env\.condition: 'mixture\(1\.2\)' is out of range.*from 0 to 1.*1000 does not divide.*allowed are.*512.*"
        r"line 3: train\.gama: unknown key\. Did you mean 'gamma'",
    ),
    ("train {tiny.yaml} seed", r'override "seed": write it as key=value'),
    ("train {tiny.yaml} seed=x", r"seed: the text 'x' is not allowed; it must be a whole number"),
    (
        "train {tiny.yaml} train.gamma=[1]",
        r"train\.gamma: the list \[1\] is not allowed; it must be a number",
    ),
    ("train {tiny.yaml} train.gama=1", r"gama: unknown key\. Did you mean 'gamma'\?"),
    ("train {tiny.yaml} env.condition=mixture(1.2)", r"'mixture\(1\.2\)' is out of range.*from 0 to 1"),
    ("train {tiny.yaml} env.condition=ofpath", r"no condition 'ofpath'.*Did you mean off_path"),
    ("train {tiny.yaml} world=CoinRum", r"CoinRum.*Did you mean 'CoinRun'"),
    (
        "train {tiny.yaml} world=os:system -q --out {new}",
        r"os:system.*goalposts --world os:system … on the command line",
    ),
    ("train {tiny.yaml} base=x.yaml", r"the base of a config can only be named in its file"),
    ("train {tiny.yaml} --out {run}", r"already holds the finished run of this config\. Nothing was changed"),
    ("train {tiny.yaml} seed=1 --out {run}", r"a run of another config \(seed 0 and 1"),
    ("train {tiny.yaml} --out {full}", r"not empty and not a run folder \(it holds thesis\.tex\)"),
    ("train {tiny.yaml} --out {there.txt}", r"there\.txt is not a folder"),
    ("train {tiny.yaml} --out {there.txt}/run", r"a part of this path is a file"),
    ("train {tiny.yaml} --out", r"--out needs a value"),
    ("train {tiny.yaml} --levels 3", r"no option --levels"),
    ("train {tiny.yaml} --out {edited}", r"edited after the run began"),
    (
        "train {tiny.yaml} --out {no-yaml}",
        r"no-yaml is not a usable run folder.*Restore config\.yaml from a copy",
    ),
]
RUNS = [
    (f"{command} {words}", said)
    for command in ("evaluate", "diagnose", "report", "record", "reproduce")
    for words, said in (
        ("", r"RUNS? is missing\."),
        ("{nothing}", r"there is no run folder .*nothing\. Runs that are there: "),
        ("{there.txt}", r"there\.txt is a file, not a run folder\. Runs that are there"),
        ("{run}/config.yaml", r"config\.yaml is a part of a run; give the run folder: .*run$"),
        ("{empty}", r"empty is not a run folder: it has no config\.yaml"),
        ("{edited}", r"config\.yaml was edited after the run began"),
        ("{no-yaml}", r"no-yaml is not a usable run folder.*Restore config\.yaml from a copy"),
        ("{bad-status}", r"status\.json is damaged at state\. Delete that file"),
        ("{bad-provenance}", r"provenance\.json is damaged.*Restore it"),
        ("{run} --colour", r"no option --colour"),
    )
]
EVALUATED = [
    (f"{command} {words}", said)
    for command in ("diagnose", "report", "record")
    for words, said in (
        (
            "{unevaluated}",
            r"unevaluated has not been evaluated yet\. Do that with: goalposts evaluate .*unevaluated",
        ),
        ("{bad-episodes}", r"episodes\.parquet is not a whole Parquet file.*Evaluate again"),
        ("{other-table}", r"episodes\.parquet carries no version.*Evaluate again"),
        ("{bad-trajectories}", r"trajectories\.parquet is damaged.*goalposts evaluate .*bad-trajectories"),
        ("{bad-leakage}", r"leakage\.json is damaged\. Write it anew with: goalposts evaluate .*bad-leakage"),
        ("{run} {run}", r"run is given twice; name each run once"),
    )
]
MEASURE = [
    ("evaluate {run} --levels 0", r"--levels 0 is not allowed: it must be at least 1"),
    ("evaluate {run} --levels=-3", r"--levels -3 is not allowed"),
    ("evaluate {run} --levels 99999999999", r"at most 10000000"),
    ("evaluate {run} --levels 1e3", r"--levels 1e3 is not allowed: it must be a whole number"),
    ("evaluate {run} --condition ofpath -q", r"no condition 'ofpath'.*Did you mean off_path"),
    ("evaluate {run} --condition mixture(1.2) -q", r"out of range"),
    ("evaluate {run} --condition mixture -q", r"needs a parameter"),
    ("evaluate {run} --condition left --condition left -q", r"each once"),
    (
        "evaluate {run} --condition left --levels 20 -q",
        r"on 40 levels a condition.*Nothing was changed.*--levels",
    ),
    ("evaluate {run} --out {there.txt}", r"there\.txt is there already and was not changed"),
    ("evaluate {run} --out {nothing}/x.parquet", r"there is no folder .*nothing; make it"),
    ("evaluate {run} {run}", r"is too much"),
    ("evaluate {no-checkpoint}", r"no checkpoint yet.*goalposts train .*config\.yaml --out .*no-checkpoint"),
    ("evaluate {bad-card}", r"checkpoint\.json: damaged; use another checkpoint or train anew"),
    ("evaluate {bad-weights}", r"model\.safetensors: damaged"),
    ("diagnose {run} --all --quick", r"give one of them"),
    ("diagnose {bad-weights} --quick -q", r"model\.safetensors: damaged"),
    ("report {bad-progress}", r"progress\.csv, line 3 is damaged"),
    ("report {run} --out {there.txt}", r"there\.txt is there already and was not changed"),
    ("report {run} --out {empty}", r"empty is there already"),
    ("report {run} --out {nothing}/x.html", r"there is no folder .*nothing"),
    ("record {no-trajectories}", r"trajectories\.parquet"),
    ("record {run} --pick gold", r"--pick gold: allowed are misgeneralized, goal.*Did you mean goal\?"),
    ("record {run} --px 7", r"--px 7: allowed are 8, 16 and 32"),
    ("record {run} --px big", r"--px big is not allowed: it must be a whole number"),
    ("record {run} --fps 0", r"--fps 0 is not allowed: it must be at least 1"),
    ("record {run} --fps nan", r"--fps nan is not allowed|frames a second"),
    ("record {run} --count 0", r"--count 0 is not allowed"),
    ("record {run} --count 65", r"--count 65 is not allowed: it must be at most 64"),
    (
        "record {run} --condition ofpath",
        r"not evaluated on 'ofpath'; it was on edge_held_out, off_path, edge",
    ),
    ("record {run} --condition left", r"goalposts evaluate .*run --condition 'left'"),
    ("record {run} --out {new}.avi", r"new\.avi: the name must end in one of \.gif"),
    ("record {run} --out {new}.png --count 3", r"a \.png shows one episode"),
    ("record {run} --out {there.txt}", r"there\.txt is there already"),
    ("record {run} {bad-leakage} --count 2", r"twins play one level; leave --count out"),
    ("record {run} {bad-leakage} {edited}", r"3 runs were given|edited after"),
]
REPRODUCE = [
    ("reproduce {run} {run}", r"is too much"),
    ("reproduce {run} --out", r"--out needs a value"),
    ("reproduce {run} --out {run} -q", r"is the run itself; give --out another folder"),
    ("reproduce {run} --out {run}/. -q", r"is the run itself"),
    ("reproduce {run} --out {full} -q", r"not empty and not a run folder \(it holds thesis\.tex\)"),
    ("reproduce {run} --out {there.txt} -q", r"there\.txt is not a folder"),
    ("reproduce {run} --out {there.txt}/x -q", r"a part of this path is a file"),
    ("reproduce {run} --out {edited} -q", r"config\.yaml was edited after the run began"),
    ("reproduce {run} --levels 3", r"no option --levels"),
    ("reproduce {run} --seed 3", r"no option --seed"),
    ("reproduce {run} --jsn", r"no option --jsn\. Did you mean --json\?"),
    ("reproduce {run} --workers 2", r"no option --workers"),
    ("reproduce {no-checkpoint} -q", r"no-checkpoint has no checkpoint any more"),
    (
        "reproduce {created} -q",
        r"is not finished \(created, step 0 of 8,192\).*goalposts train .*created/config\.yaml --out",
    ),
    ("reproduce {failed} -q", r"is not finished \(failed, step 5,120 of 8,192\)"),
    ("reproduce {bad-episodes} -q", r"episodes\.parquet is not a whole Parquet file.*Evaluate again"),
    ("reproduce {other-table} -q", r"episodes\.parquet carries no version.*Evaluate again"),
    ("reproduce {run}/checkpoints/8192", r"8192 is not a run folder: it has no config\.yaml"),
    ("reproduce {run}/episodes.parquet", r"is a part of a run; give the run folder"),
    ("reproduce {full}", r"full is not a run folder"),
    ("reproduce coinrun/edge", r"there is no run folder coinrun/edge"),
    ("reprodcue {run}", r"no command 'reprodcue'.*Did you mean 'reproduce'\?"),
]
STUDY = [
    (
        "study nothing.yaml",
        r"there is no study 'nothing\.yaml'; give a file, a study folder, or one of alpha",
    ),
    ("study {list.yaml}", r"list\.yaml: the file is a list"),
    ("study {tab.yaml}", r"tab\.yaml, line 3: there is a tab here"),
    ("study {binary.yaml}", r"binary\.yaml.*not a text file"),
    ("study {anchor.yaml}", r"line 1: the signs & and \*"),
    ("study {there.txt}", r"there\.txt: the file is one value"),
    ("study {empty}", r"cannot read .*empty: it is a folder, and a file is needed"),
    ("study {bad-study.yaml}", r"line 3: seeds: 'many' is not allowed; it must be a number of seeds"),
    ("study {no-base.yaml}", r"line 2: base: there is no config 'nothing\.yaml'"),
    ("study run", r"CONFIG is missing\. A study file, a study folder, or a shipped name"),
    ("study alpha --workers 0", r"--workers 0 is not allowed: it must be at least 1"),
    ("study alpha --workers many", r"--workers many is not allowed: it must be a whole number"),
    ("study alpha --limit -1", r"--limit -1 is not allowed: it must be at least 0"),
    ("study alpha --colour", r"no option --colour"),
    ("study alpha --out", r"--out needs a value"),
    ("study alpha seeds", r'override "seeds": write it as key=value'),
    ("study alpha seeds=0", r"seeds: 0 is out of range; allowed are 1 to"),
    ("study alpha grid.env.conditon=[edge]", r"env\.conditon: unknown key\. Did you mean 'condition'"),
    ("study alpha set.train.gama=1", r"train\.gama: unknown key\. Did you mean 'gamma'"),
    ("study alpha conditions=[nowhere]", r"there is no condition 'nowhere'"),
    ("study alpha --no-estimate --out {there.txt}", r"there\.txt is not a folder\. Nothing was changed"),
    ("study alpha --no-estimate --out {full}", r"not empty and not a study folder \(it holds thesis\.tex\)"),
    ("study alpha --no-estimate --out {run}", r"not empty and not a study folder"),
    ("study status", r"PATH is missing\. A study folder"),
    ("study status {nothing}", r"nothing is not a study folder: it has no study\.yaml\. Begin a study with"),
    ("study status {run}", r"run is not a study folder"),
    ("study report {empty}", r"empty is not a study folder"),
    ("study compare {empty}", r"SECOND is missing"),
    ("study compare {empty} {run}", r"empty is not a study folder"),
    ("study page {empty} --out {nothing}", r"there is no folder .*nothing"),
]
AGENTS = [  # what takes agents and plays them
    (f"{command} {words} {more}", said)
    for command, more in (("finetune", "-q"), ("explore", ""), ("watch", "--picture {new}.png"))
    for words, said in (
        ("{nothing}", r"there is no run folder .*nothing\. Runs that are there: "),
        ("{there.txt}", r"there\.txt is a file, not a run folder"),
        ("{run}/config.yaml", r"is a part of a run; give the run folder: .*run$"),
        ("{run}/checkpoints/8192", r"8192 is not a run folder: it has no config\.yaml. Train one first"),
        ("{empty}", r"empty is not a run folder: it has no config\.yaml. Train one first"),
        ("{full}", r"full is not a run folder"),
        ("coinrun/edge", r"there is no run folder coinrun/edge\. Train one first"),
        ("{edited}", r"config\.yaml was edited after the run began.*Undo the edit"),
        ("{no-yaml}", r"not a usable run folder.*Restore config\.yaml from a copy"),
        ("{bad-status}", r"status\.json is damaged at state\. Delete that file"),
        ("{bad-provenance}", r"provenance\.json is damaged\. Restore it"),
        ("{no-checkpoint}", r"no checkpoint yet.*goalposts train .*config\.yaml --out .*no-checkpoint"),
        ("{bad-card}", r"checkpoint\.json: damaged; use another checkpoint or train anew"),
        ("{bad-weights}", r"model\.safetensors: damaged; use another checkpoint or train anew"),
        ("{other-net}", r"other-net/checkpoints/8192.*use another checkpoint or train anew"),
        ("{run} --colour", r"no option --colour\. See: goalposts \w+ --help"),
    )
]
FINETUNE = [
    ("finetune", r"RUNS is missing\. Run folders"),
    ("finetune {run} {run} -q", r"run is given twice; name each run once"),
    ("finetune {run} --steps 0", r"--steps 0 is not allowed: it must be at least 1"),
    ("finetune {run} --steps", r"--steps needs a value after it"),
    ("finetune {run} --steps many", r"--steps many is not allowed: it must be a whole number"),
    ("finetune {run} --steps 1.5", r"--steps 1\.5 is not allowed: it must be a whole number"),
    ("finetune {run} --steps 99999999999999", r"it must be at most 10000000000"),
    ("finetune {run} --steps=-5", r"--steps -5 is not allowed: it must be at least 1"),
    ("finetune {run} --steps 512 --steps 512 -q", r"steps \[512, 512\]: give .*each once"),
    ("finetune {run} --levels 0", r"--levels 0 is not allowed: it must be at least 1"),
    ("finetune {run} --levels 99999999999", r"it must be at most 1000000"),
    ("finetune {run} --condition ofpath -q", r"no condition 'ofpath'.*Did you mean off_path\?"),
    ("finetune {run} --condition mixture(2) -q", r"'mixture\(2\)' is out of range.*from 0 to 1"),
    ("finetune {run} --condition mixture -q", r"needs a parameter.*as in mixture\(0\.1\)"),
    (
        "finetune {run} --condition none -q",
        r"shows no goal, so there is nothing to learn there; take off_path",
    ),
    ("finetune {run} --condition", r"--condition needs a value after it"),
    ("finetune {run} --stepps 512", r"no option --stepps\. Did you mean --steps\?"),
    (
        "finetune {bad-finetune} -q",
        r"finetune\.csv is damaged\. Make it anew: remove it, then goalposts finetune",
    ),
    ("finetun {run}", r"no command 'finetun'.*Did you mean 'finetune'\?"),
]
EXPLORE = [
    ("explore", r"RUNS is missing\. Run folders"),
    ("explore {run} {run}", r"run is given twice; name each run once"),
    ("explore {run} --levels 0", r"--levels 0 is not allowed: it must be at least 1"),
    ("explore {run} --levels 21", r"--levels 21 is not allowed: it must be at most 20"),
    ("explore {run} --levels many", r"--levels many is not allowed: it must be a whole number"),
    ("explore {run} --levels", r"--levels needs a value after it"),
    ("explore {run} --samples 0", r"--samples 0 is not allowed: it must be at least 1"),
    ("explore {run} --samples 501", r"--samples 501 is not allowed: it must be at most 500"),
    ("explore {run} --samples x", r"--samples x is not allowed: it must be a whole number"),
    ("explore {run} --sample 5", r"no option --sample\. Did you mean --samples\?"),
    ("explore {run} --condition off_path", r"no option --condition"),
    ("explore {unevaluated}", r"has not been evaluated yet\. Do that with: goalposts evaluate .*unevaluated"),
    ("explore {bad-episodes}", r"episodes\.parquet is not a whole Parquet file.*Evaluate again"),
    ("explore {other-table}", r"episodes\.parquet carries no version.*Evaluate again"),
    ("explore {bad-trajectories}", r"trajectories\.parquet is damaged.*goalposts evaluate"),
    ("explore {no-trajectories}", r"trajectories\.parquet is missing.*goalposts evaluate"),
    ("explore {bad-leakage}", r"leakage\.json is damaged.*goalposts evaluate"),
    ("explor {run}", r"no command 'explor'.*Did you mean 'explore'"),
]
WINDOWS = [
    (f"{command} --picture {{new}}.png {words}".strip(), said)
    for command in ("watch random", "play", "edit")
    for words, said in (
        ("--condition ofpath", r"no condition 'ofpath'.*Did you mean off_path\?"),
        ("--condition mixture(2)", r"'mixture\(2\)' is out of range"),
        ("--condition edge(1)", r"the condition edge takes no parameter; write edge"),
        ("--condition", r"--condition needs a value after it"),
        ("--first -1", r"--first -1 is not allowed: it must be at least 0"),
        ("--first 99999999999", r"it must be at most 2147483647"),
        ("--first 1e3", r"--first 1e3 is not allowed: it must be a whole number"),
        ("--press bogus", r"no key 'bogus' here; there are wait, "),
        ("--press right*999999999", r"write a key, or a key and how often, such as right\*5"),
        ("--press", r"--press needs a value after it"),
        ("--picture {new}.gif", r"--picture .*new\.gif: the name must end in \.png"),
        (
            "--picture {there.txt}",
            r"there\.txt is there already and was not changed; give --picture another name",
        ),
        ("--picture {empty}", r"empty is there already and was not changed; give --picture another name"),
        (
            "--picture {nothing}/x.png",
            r"there is no folder .*nothing; make it, or give --picture another name",
        ),
        ("--colour", r"no option --colour"),
    )
]
FILES = [
    (f"{command} --picture {{new}}.png {file}{{{name}}}", said)
    for command, file in (("watch random", "--file "), ("play", "--file "), ("edit", ""))
    for name, said in (
        ("ragged.txt", r"ragged\.txt: level 1 of 1, row 2 has 5 columns"),
        ("strange.txt", r"strange\.txt: level 1 of 1, row 2, column 3: 'Z' is not a character of CoinRun"),
        ("none.txt", r"none\.txt: holds no level"),
        ("binary.txt", r"binary\.txt: not a text file; level pictures are plain text"),
        ("zeros.npz", r"zeros\.npz: not a level set, or damaged; write it anew with `goalposts levels`"),
        ("empty", r"empty"),
    )
]
WATCH = [
    ("watch", r"SUBJECTS is missing\. Run folders, goal-seeker"),
    ("watch goal-seekr --picture {new}.png", r"no 'goal-seekr'.*Did you mean goal-seeker\?"),
    ("watch mixture(2) --picture {new}.png", r"q is a probability from 0 to 1"),
    ("watch random --world Foo --picture {new}.png", r"unknown world 'Foo'; known: CoinRun"),
    (
        "watch {run} --world Corner --picture {new}.png",
        r"different worlds.*show agents of one world together",
    ),
    ("watch random --file {nothing}.txt --picture {new}.png", r"no such level file; `goalposts levels --out"),
    ("watch random --seed 3", r"no option --seed"),
    ("wach random", r"no command 'wach'.*Did you mean 'watch'\?"),
]
PLAY = [
    ("play Foo", r"unknown world 'Foo'; known: CoinRun"),
    ("play CoinRum --picture {new}.png", r"unknown world 'CoinRum'.*Did you mean 'CoinRun'\?"),
    ("play CoinRun CoinRun", r"'CoinRun' is too much"),
    ("play --world CoinRun", r"no option --world"),
    ("play --name", r"--name needs a value after it"),
    ("play --name ../x --picture {new}.png", r"'\.\./x' cannot name a folder; allowed are letters, digits"),
    ("play --name a/b --picture {new}.png", r"'a/b' cannot name a folder"),
    ("play --file {nothing}.txt --picture {new}.png", r"no such level file; `goalposts levels --out"),
    ("play Corner --file {good.txt} --picture {new}.png", r"levels of CoinRun.*give levels of one world"),
    ("play --out {there.txt}", r"there\.txt is not a folder"),
    ("play --out {full}", r"not empty and not a run folder \(it holds thesis\.tex\)"),
    ("play --wole", r"no option --wole\. Did you mean --file or --whole\?"),
    ("plai", r"no command 'plai'.*Did you mean 'play'\?"),
]
EDIT = [
    ("edit {new}.doc --picture {new}.png", r"\.txt"),
    (
        "edit {nothing}/x.txt --picture {new}.png",
        r"there is no folder .*nothing; make it, or choose another name",
    ),
    ("edit {there.txt}/x.txt --picture {new}.png", r"there is no folder .*there\.txt; make it, or choose"),
    ("edit {new}.txt {new}.txt", r"new\.txt' is too much"),
    ("edit --world Foo --picture {new}.png", r"unknown world 'Foo'; known: CoinRun"),
    ("edit {good.txt} --world Corner --picture {new}.png", r"levels of CoinRun.*give levels of one world"),
    ("edit --agent", r"--agent needs a value after it"),
    ("edit --agent goal-seekr --picture {new}.png", r"no 'goal-seekr'.*Did you mean goal-seeker\?"),
    ("edit --agent mixture(2) --picture {new}.png", r"q is a probability from 0 to 1"),
    ("edit --agent {nothing} --picture {new}.png", r"there is no run folder .*nothing"),
    ("edit --agent {empty} --picture {new}.png", r"empty is not a run folder"),
    ("edit --agent {bad-weights} --picture {new}.png", r"model\.safetensors: damaged"),
    ("edit --seed -1", r"--seed -1 is not allowed: it must be at least 0"),
    ("edit --seed x", r"--seed x is not allowed: it must be a whole number"),
    ("edit --seed 99999999999", r"it must be at most 4294967295"),
    ("edti", r"no command 'edti'.*Did you mean 'edit'\?"),
]
STUDIES = [
    (f"study {command} {words}", said)
    for command in ("status", "report")
    for words, said in (
        ("", r"PATH is missing\. A study folder, such as studies/alpha"),
        (
            "{nothing}",
            r"nothing is not a study folder: it has no study\.yaml\. Begin a study with: goalposts study CONFIG",
        ),
        ("{there.txt}", r"there\.txt is not a study folder"),
        ("{run}", r"run is not a study folder"),
        ("{empty}", r"empty is not a study folder"),
        ("{full}", r"full is not a study folder"),
        ("alpha", r"alpha is not a study folder: it has no study\.yaml"),
        ("{study}/study.yaml", r"study\.yaml is not a study folder"),
        ("{study} {study}", r"study' is too much"),
        ("{study} --jsn", r"no option --jsn"),
        ("{study} --workers 3", r"no option --workers"),
        ("{study} --out {new}", r"no option --out"),
    )
]
STUDIES += [
    ("study run", r"CONFIG is missing\. A study file, a study folder, or a shipped name"),
    (
        "study run nothing.yaml",
        r"there is no study 'nothing\.yaml'; give a file, a study folder, or one of alpha",
    ),
    ("study run alhpa", r"no study 'alhpa'.*Did you mean 'alpha'\?"),
    (
        "study run {broken-study}",
        r"line 3: seeds: 'many' is not allowed; it must be a number of seeds, such as 10",
    ),
    ("study run {run}", r"it is a folder, and a file is needed"),
    ("study run alpha --dry-run --workers 0", r"--workers 0 is not allowed: it must be at least 1"),
    ("study run alpha --workers 99999", r"it must be at most 4096"),
    ("study run alpha --limit x", r"--limit x is not allowed: it must be a whole number"),
    ("study run alpha --engine spark", r"no engine 'spark'; the engines are local and ray"),
    ("study run alpha --engine", r"--engine needs a value after it"),
    (
        "study run alpha --no-estimate --address auto --out {new}",
        r"--address is of a Ray cluster; give --engine ray with it",
    ),
    (
        "study run alpha --out {run}/config.yaml",
        r"is not a folder\. Nothing was changed\. Choose another with --out",
    ),
    ("study run alpha --seed 3", r"no option --seed"),
    ("study run alpha alpha", r"write it as key=value"),
    ("study run alpha seeds=1e9", r"seeds: 1000000000\.0 is not allowed; it must be a number of seeds"),
    ("study run alpha base=x", r"base: there is no config 'x'; give a file, or one of"),
    ("study run alpha name=../x", r"name: '\.\./x' cannot name a folder; allowed are letters"),
    ("study run alpha name=", r"name: null is not allowed; it must be a short name"),
    ("study run alpha version=2", r"it reads version 1"),
    ("study run alpha grid=[]", r"grid: the list \[\] is not allowed; it must be a section"),
    ("study run alpha set.seed=3", r"the seeds of a study stand under `seeds`"),
    ("study run alpha conditions=[]", r"conditions: the list \[\] is not allowed; it must be a list such as"),
    ("study status {broken-study}", r"line 3: seeds: 'many' is not allowed"),
    ("study report {study}", r"study has no finished run yet; go on with: goalposts study .*study"),
    ("study compare", r"FIRST is missing\. A study folder"),
    ("study compare {study}", r"SECOND is missing\. A study folder"),
    ("study compare {nothing} {study}", r"nothing is not a study folder"),
    ("study compare {there.txt} {study}", r"there\.txt is not a study folder"),
    ("study compare {study} {study}", r"study has no finished run yet; go on with: goalposts study"),
    ("study compare {study} {study} {study}", r"study' is too much"),
    ("study compare {study} {study} --jsn", r"no option --jsn\. Did you mean --json\?"),
    ("study compare alpha beta", r"alpha is not a study folder"),
    ("study page", r"PATH is missing\. A study folder"),
    ("study page {study} --out", r"--out needs a value after it"),
    (
        "study page {study} --out {there.txt}",
        r"there is no folder .*there\.txt; make it, or give --out another",
    ),
    ("study page {study} --out {nothing}", r"there is no folder .*nothing; make it, or give --out another"),
    ("study page {nothing} --out {empty}", r"nothing is not a study folder"),
    ("study page {run} --out {empty}", r"run is not a study folder"),
    ("study page {study} --out {empty}", r"no finished run yet; go on with: goalposts study"),
    ("study page {study} --jsn", r"no option --jsn"),
    ("study page {study} {study}", r"study' is too much"),
]
DEMO = [
    ("demo --world", r"--world needs a value after it"),
    ("demo --world Cornr", r"Cornr"),
    ("demo --world nosuch:W", r"nosuch"),
    ("demo --world ../x", r"no demo of '\.\./x'"),
    ("demo --world Corner --seed -1", r"--seed -1 is not allowed: it must be at least 0"),
    ("demo --world Corner --steps 0", r"--steps 0 is not allowed"),
    ("demo --world Corner --steps x", r"--steps x is not allowed: it must be a whole number"),
    ("demo --world Corner --workers 0", r"--workers 0 is not allowed"),
    ("demo --world Corner Corner", r"'Corner' is too much"),
    ("demo --world Corner --levels 3", r"no option --levels"),
    ("demo --world Corner --out {there.txt} -q", r"a part of this path is a file"),
]
LOOK_UP = [
    ("worlds CoinRum", r"unknown world 'CoinRum'.*Did you mean 'CoinRun'"),
    ("worlds nosuch:WORLD", r"cannot be loaded: No module named 'nosuch'; write it as `module:NAME`"),
    ("worlds os:path", r"'os:path' is a module, not a goalposts\.envs\.World"),
    ("worlds CoinRun CoinRun", r"is too much"),
    ("--world os:sep worlds", r"'os:sep' is a str, not"),
    ("levels ofpath", r"no condition 'ofpath'.*Did you mean off_path"),
    ("levels mixture(2)", r"'mixture\(2\)' is out of range"),
    ("levels mixture(x)", r"mixture\(x\)"),
    ("levels edge(0.5)", r"the condition edge takes no parameter"),
    ("levels --count 0", r"--count 0 is not allowed"),
    ("levels --count 9999999", r"at most 1000000"),
    ("levels --seed -1", r"--seed -1 is not allowed: it must be at least 0"),
    ("levels --seed 1000000000000000000000000", r"at most 4294967295"),
    ("levels --first 99999999999999999999", r"--first .*at most"),
    ("levels --world Foo", r"unknown world 'Foo'"),
    ("levels --file {nothing}.txt", r"nothing\.txt: no such level file"),
    ("levels --file {empty}", r"empty: cannot be read.*give a level file"),
    ("levels --file {ragged.txt}", r"ragged\.txt: level 1 of 1, .*row 2"),
    ("levels --file {strange.txt}", r"strange\.txt: level 1 of 1, row 2, column 3: 'Z'"),
    ("levels --file {none.txt}", r"none\.txt: holds no level"),
    ("levels --file {binary.txt}", r"binary\.txt: not a text file"),
    ("levels --file {zeros.npz}", r"zeros\.npz: not a level set, or damaged"),
    ("levels --out {there.txt}", r"there\.txt is there already and was not changed"),
    ("levels --out {new}.doc", r"a level file ends in \.npz or \.txt"),
    ("levels --out {nothing}/x.txt", r"there is no folder"),
    ("config check", r"CONFIG is missing"),
    ("config check {wrong.yaml}", r"4 errors in .*wrong\.yaml"),
    ("config check nothing", r"no config 'nothing'; give a file, or one of .*coinrun/"),
    (
        "config show coinrun/edge train.n_steps=0",
        r"train\.n_steps: 0 is out of range; allowed is a whole number from 1 to",
    ),
    ("config show coinrun/edge seed=-1", r"seed: -1 is out of range; allowed is a whole number from 0 to"),
    ("config show coinrun/edge evaluate.levels=0", r"evaluate\.levels: 0 is out of range; allowed is"),
    ("config schema now", r"'now' is too much"),
    ("doctor please", r"'please' is too much"),
    ("doctor --jsn", r"no option --jsn\. Did you mean --json\?"),
    ("bench --seconds 0", r"--seconds 0 is not allowed"),
    ("bench --world Foo", r"unknown world 'Foo'"),
]
MORE = [*AGENTS, *FINETUNE, *EXPLORE, *WINDOWS, *FILES, *WATCH, *PLAY, *EDIT, *STUDIES, *DEMO]


@pytest.mark.parametrize(
    ("words", "said"),
    [*ABSURD, *TRAIN, *RUNS, *EVALUATED, *MEASURE, *REPRODUCE, *STUDY, *LOOK_UP, *MORE],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_use_is_told_in_one_message(
    places: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = untouched(places)
    given = words.replace("{", f"{places}/").replace("}", "").split()
    with pytest.raises(SystemExit) as ended:
        main(given)
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert shown.err.startswith("goalposts: ")
    assert shown.err.endswith("\n")
    assert shown.err.count("goalposts: ") == 1
    message = shown.err.removeprefix("goalposts: ").rstrip("\n")
    assert re.search(said, message), message
    for jargon in (
        "Traceback",
        "Error:",
        "NoneType",
        "pydantic",
        "polars",
        "errno",
        "Errno",
        "<class",
        "object at 0x",
    ):
        assert jargon not in message
    assert untouched(places) == before
    assert os.listdir(tmp_path) == []
