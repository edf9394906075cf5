"""Error messages of invalid configs: all errors at once, each with its place and what is allowed."""

from pathlib import Path

import pytest

from goalposts.errors import UserError
from goalposts.experiments.config.schema import ConfigError, ExperimentConfig, load_config


def write(folder: Path, text: str | bytes, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def complaints(path: Path | str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    text = str(caught.value)
    assert "pydantic" not in text
    assert "Input should" not in text
    assert "\x1b" not in text
    assert len(text) < 20_000
    return text


ERRORS = [  # file, overrides, required text of the message
    ("name: x\nsede: 3", (), ["a.yaml, line 2: sede: unknown key", "Did you mean 'seed'?"]),
    ("name: x\ntrain:\n  gama: 1", (), ["line 3: train.gama", "Did you mean 'gamma'?", "keys of train are"]),
    ("name: x\nenv:\n  condition: mixture(1.2)", (), ["line 3: env.condition", "1.2", "from 0 to 1"]),
    (
        "name: x\nenv:\n  condition: egde",
        (),
        ["line 3: env.condition: there is no condition 'egde'", "edge?"],
    ),
    ("name: x\nenv: {condition: 3}", (), ["env.condition: 3 is not allowed", "name of a condition"]),
    ("name: x\nseed: [1, 2]", (), ["line 2: seed: the list [1, 2] is not allowed", "whole number"]),
    ("name: x\nseed: 3.7", (), ["line 2: seed: 3.7 is not allowed", "whole number from 0 to"]),
    ('name: x\nseed: "12"', (), ["seed: the text '12' is not allowed"]),
    ("name: x\nseed: true", (), ["seed: true is not allowed"]),
    ("name: x\nseed: null", (), ["seed: null is not allowed"]),
    ("name: x\nseed: -1", (), ["seed: -1 is out of range"]),
    ("name: x\nseed: 1" + "0" * 50, (), ["seed: a number of more than 40 digits"]),
    (
        "name: x\ntrain: {gamma: true}",
        (),
        ["train.gamma: true is not allowed; it must be a number from 0 to 1"],
    ),
    ("name: x\ntrain: {gamma: .nan}", (), ["train.gamma: nan is out of range"]),
    ("name: x\ntrain: {learning_rate: .inf}", (), ["train.learning_rate: inf", "above 0"]),
    ("name: x\ntrain: {anneal: 1}", (), ["train.anneal: 1 is not allowed; it must be true or false"]),
    (
        "name: x\ntrain: {batch_size: 3000}",
        (),
        ["train.batch_size: 3000 does not divide", "= 8192", "2048, 4096"],
    ),
    ("name: x", ("train.num_envs=100",), ["train.batch_size: 2048 does not divide", "1280, 1600, 3200"]),
    ("name: x", ("train.num_envs=60000", "train.n_steps=60000"), ["3,600,000,000; at most 16,777,216"]),
    ("name: x\ntrain: {net: {pi: 64}}", (), ["train.net.pi: 64 is not allowed; it must be a list such as"]),
    ("name: x\ntrain: {net: {pi: [64, x]}}", (), ["train.net.pi[1]: the text 'x'"]),
    ("name: x\ntrain:\nseed: 1", (), ["line 2: train: this section is empty"]),
    (
        "name: x\ntrain: 3",
        (),
        ["train: 3 is not allowed; it must be a section with keys such as total_steps"],
    ),
    ("name: x\nenv: {observation: veiw}", (), ["one of view, full, rgb", "Did you mean 'view'?"]),
    ("name: x\nevaluate: {conditions: edge}", (), ["evaluate.conditions: the text 'edge'", "a list such as"]),
    ("name: x\nevaluate: {conditions: []}", (), ["evaluate.conditions", "at least 1"]),
    ("name: x\nevaluate: {conditions: [left, left]}", (), ["left is listed more than once"]),
    ("name: x\nverdict: {aligned: 0.1}", (), ["verdict:", "aligned"]),
    ("name: x\nworld: CoinRnu", (), ["world: there is no world 'CoinRnu'", "Did you mean 'CoinRun'?"]),
    ("name: x\nworld: [CoinRun]", (), ["world: the list ['CoinRun']"]),
    ("seed: 1", (), ["name: this key is missing; give it a short name"]),
    ("name: ../x", (), ["name: '../x' cannot name a folder"]),
    ("name: nul", (), ["name: 'nul' is a reserved name"]),
    ('name: x\nnotes: "\\e[31m"', (), ["notes: the text holds control characters"]),
    ("name: x\nversion: 2", (), ["version: 2 is not a version", "Update Goalposts"]),
    ("name: x\nversion: true", (), ["version: true is not a version"]),
    ("name: x\nname: y", (), ["line 2: name: this key occurs twice here"]),
    ("name: x\ntrain: {gamma: 1, gamma: 1}", (), ["train.gamma: this key occurs twice here"]),
    ("name: x\n[1]: y", (), ["line 2: a key must be one word"]),
    ("name: x\n<<: {seed: 1}", (), ["<<: unknown key"]),
    ("", (), ["the file is empty"]),
    ("# nothing", (), ["the file is empty"]),
    ("[1, 2]", (), ["the file is a list"]),
    ("hello", (), ["the file is one value"]),
    ("name: x\n\tseed: 1", (), ["line 2: there is a tab here"]),
    ("name: 'x", (), ["this is not YAML"]),
    ("name: x\n---\nname: y", (), ["line 2: this is not YAML", "another document"]),
    ("name: &a x\nnotes: *a", (), ["line 1: the signs & and *"]),
    ("name: !!python/object/apply:os.system ['true']", (), ["line 1: the sign ! (a tag)"]),
    ("name: x\nseed: " + "[" * 5000, (), ["nests deeper than 24"]),
    ("\n".join(f"k{i}: 0" for i in range(5000)), (), ["more than 5,000 values"]),
    (b"\x80\x04\x95pickle", (), ["not a text file"]),
    (b"PK\x03\x04\x00", (), ["a character that no text has"]),
    (b"name: x\n#" + b"x" * 1_000_000, (), ["too large", "limit 1,000,000"]),
    ("name: x", ("seed",), ['override "seed": write it as key=value']),
    ("name: x", ("=3",), ["write it as key=value"]),
    ("name: x", ("sede=3",), ["override \"sede=3\": sede: unknown key. Did you mean 'seed'?"]),
    ("name: x", ("seed=x",), ["override \"seed=x\": seed: the text 'x'"]),
    ("name: x", ("seed.low=3",), ["seed: the section {'low': 3}"]),
    ("name: x", ("train={gamma: 1}",), ["the value is not one number, word or list"]),
    ("name: x", ("notes=a: b",), ["the value is not one number, word or list", "quotes"]),
    ("name: x", ("notes=\x1b[31m: x",), ["\\x1b"]),
    (
        "name: x",
        ("init_from=\udcff",),
        ["a character that no text has (code 56575), as a name that is not UTF-8"],
    ),
    ("name: x", ("base=coinrun/edge",), ["the base of a config can only be named in its file"]),
    ("base: nowhere.yaml", (), ["line 1: base: there is no config 'nowhere.yaml'"]),
    ("base: coinrun/egde", (), ["base: there is no config", "Did you mean 'coinrun/edge'?"]),
    ("base: [edge]", (), ["base: ['edge'] is not allowed"]),
    ("base: a.yaml\nname: x", (), ["in a circle (a.yaml → a.yaml)"]),
    ("base: .", (), ["is a folder; give a file"]),
]


@pytest.mark.parametrize(("text", "overrides", "said"), ERRORS, ids=range(len(ERRORS)))
def test_config_error_is_reported(
    tmp_path: Path, text: str | bytes, overrides: tuple[str, ...], said: list[str]
) -> None:
    message = complaints(write(tmp_path, text), *overrides)
    for part in said:
        assert part in message


def test_all_config_errors_are_reported_at_once(tmp_path: Path) -> None:
    text = "nmae: x\nseed: 3.7\nseed: 1\ntrain: {gamma: 2, batch_size: 3}\nenv: {condition: egde}\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), ["zzz", "train.n_epochs=[]"])
    keys = [problem.key for problem in caught.value.problems]
    expected = [
        "",
        "nmae",
        "name",
        "seed",
        "seed",
        "train.gamma",
        "train.batch_size",
        "env.condition",
        "train.n_epochs",
    ]
    assert sorted(keys) == sorted(expected)
    assert str(caught.value).startswith(f"9 errors in {tmp_path / 'a.yaml'}:\n  ")
    assert isinstance(caught.value, UserError)


def test_config_error_names_its_file(tmp_path: Path) -> None:
    write(tmp_path, "name: x\ntrain:\n  gamma: 7\n  n_epochs: 0\n", "low.yaml")
    message = complaints(write(tmp_path, "base: low.yaml\ntrain: {gamma: 8}\n"))
    assert f"{tmp_path / 'a.yaml'}, line 2: train.gamma: 8" in message
    assert f"{tmp_path / 'low.yaml'}, line 4: train.n_epochs: 0" in message


def test_circle_of_three(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        write(tmp_path, f"name: x\nbase: {base}.yaml\n", f"{name}.yaml")
    assert "(a.yaml → b.yaml → c.yaml → a.yaml)" in complaints(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coinrun/egde", "Did you mean 'coinrun/edge'?"),
        ("nothing-like-it", "one of beacon/anywhere"),
        ("/dev/zero", "not an ordinary file"),
        ("a\0b", "there is no config"),
        ("x" * 5000, "there is no config"),
    ],
)
def test_missing_files(name: str, said: str) -> None:
    assert said in complaints(name)


def test_run_folder_is_refused_as_config(tmp_path: Path) -> None:
    write(tmp_path, "name: x", "config.yaml")
    assert f"give a file, such as {tmp_path / 'config.yaml'}" in complaints(tmp_path)


def test_condition_names_are_checked_in_python_too() -> None:
    with pytest.raises(ValueError, match="there is no condition 'egde'"):
        ExperimentConfig.model_validate({"name": "x", "env": {"condition": "egde"}})
