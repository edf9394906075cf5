"""Wrong use of no command at all, of training, and of what takes runs and agents.

Rows of `test_cli_wrong_use.py`: the words of a command, and what the message must say.
"""

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
OF_RUNS = [*ABSURD, *TRAIN, *RUNS, *EVALUATED, *MEASURE, *REPRODUCE, *AGENTS, *FINETUNE, *EXPLORE, *FILES]
