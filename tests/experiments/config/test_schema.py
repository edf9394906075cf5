"""Configs: valid and invalid input, error messages, dependencies of the hash."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fixtures.places import GOLDEN as FILES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goalposts.experiments.config.schema import (
    ConfigError,
    ExperimentConfig,
    config_schema,
    known_worlds,
    load_config,
    parse_config,
    shipped_configs,
)

GOLDEN = FILES / "config_hashes.json"


def write(folder: Path, text: str | bytes, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --- valid input


def test_every_shipped_config_loads_and_names_itself() -> None:
    assert set(shipped_configs()) >= {
        "coinrun/edge",
        "coinrun/anywhere",
        "coinrun/alpha",
        "coinrun/pixels",
        "coinrun/reward_proxy",
        "coinrun/proxy_anywhere",
    }
    configs = [load_config(name) for name in shipped_configs()]
    assert len({config.name for config in configs}) == len(configs)
    assert len({config.hash() for config in configs}) == len(configs)


def test_edge_is_the_default_in_full() -> None:
    """The file that students read first must not silently differ from the defaults."""
    assert load_config("coinrun/edge") == ExperimentConfig(name="edge")


def test_a_shipped_config_is_found_by_its_path_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("configs/coinrun/edge.yaml") == load_config("coinrun/edge")


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    text = (
        "name: x\nseed: 1_000\ntrain: {learning_rate: 7e-4, gamma: .9, ent_coef: 0, total_steps: 1_000_000}\n"
    )
    config = load_config(write(tmp_path, text), ["train.clip_range=1e-1", "env.levels=500_000"])
    assert (config.seed, config.env.levels, config.train.total_steps) == (1000, 500_000, 1_000_000)
    assert (config.train.learning_rate, config.train.clip_range, config.train.gamma) == (7e-4, 0.1, 0.9)


def test_yes_and_no_are_read_as_text(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "name: on\n")).name == "on"


def test_overrides() -> None:
    config = load_config(
        "coinrun/edge",
        [
            "seed=3",
            "train.net.pi=[32, 32]",
            "env.levels=null",
            "evaluate.greedy=false",
            "seed=4",
            "notes='a: b'",
            "env.condition=mixture(0.0010)",
            "evaluate.conditions=[edge_held_out, right_fraction(1.0)]",
        ],
    )
    assert (config.seed, config.env.levels, config.evaluate.greedy) == (4, None, False)
    assert config.train.net.pi == (32, 32)
    assert config.train.net.vf == ()
    assert config.notes == "a: b"
    assert config.env.condition == "mixture(0.001)"
    assert config.evaluate.conditions == ("edge_held_out", "right_fraction(1)")


def test_override_of_a_config_value_leaves_it_as_it_is() -> None:
    config = load_config("coinrun/edge")
    assert config.override(["train.precision=bf16"]).train.precision == "bf16"
    assert config.train.precision == "fp32"
    with pytest.raises(ConfigError, match=r"train\.precison: unknown key. Did you mean 'precision'"):
        config.override(["train.precison=bf16"])


def test_child_config_overrides_its_base(tmp_path: Path) -> None:
    write(tmp_path, "name: low\nseed: 1\ntrain: {gamma: 0.5, net: {pi: [1, 2, 3]}}\n", "low.yaml")
    (tmp_path / "sub").mkdir()
    write(tmp_path, "base: ../low.yaml\nname: mid\ntrain: {n_epochs: 9}\n", "sub/mid.yaml")
    config = load_config(write(tmp_path, "base: sub/mid.yaml\nseed: 2\ntrain: {net: {pi: [4]}}\n"))
    assert (config.name, config.seed) == ("mid", 2)
    assert (config.train.gamma, config.train.n_epochs, config.train.net.pi) == (0.5, 9, (4,))


def test_base_may_be_a_shipped_config(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "base: coinrun/edge\nname: mine\n"))
    assert config.hash() == load_config("coinrun/edge").hash()


def test_config_names_a_custom_world_without_importing_it(tmp_path: Path) -> None:
    text = "name: x\nworld: nowhere.at_all:WORLD\nenv: {condition: lamp_elsewhere}\n"
    assert load_config(write(tmp_path, text)).env.condition == "lamp_elsewhere"


# --- any config, any text

sections = {
    "seed": st.integers(0, 2**32 - 1),
    "notes": st.text(max_size=40),
    "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    "env": st.fixed_dictionaries(
        {},
        optional={
            "condition": st.one_of(
                st.sampled_from(["edge", "none"]), st.floats(0, 1).map(lambda x: f"mixture({x})")
            ),
            "levels": st.none() | st.integers(1, 10**12),
            "slip": st.floats(0, 1),
            "observation": st.sampled_from(["view", "full", "rgb"]),
        },
    ),
    "train": st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.floats(0, 1, exclude_min=True),
            "anneal": st.booleans(),
            "net": st.fixed_dictionaries({}, optional={"pi": st.lists(st.integers(1, 8192), max_size=8)}),
        },
    ),
}


@given(st.fixed_dictionaries(sections))
def test_yaml_and_back(data: dict[str, object]) -> None:
    try:
        config = ExperimentConfig.parse(data)
    except ConfigError:  # a reserved name, or control characters in the notes
        data = {key: value for key, value in data.items() if key not in ("name", "notes")}
        config = ExperimentConfig.parse({**data, "name": "x"})
    text = config.to_yaml()
    again = parse_config(text, "again")
    assert again == config
    assert again.hash() == config.hash()
    assert again.to_yaml() == text
    assert yaml.safe_load(text)["notes"] == config.notes  # a standard YAML reader agrees


yaml_like = st.text(alphabet="name: x\n-[]{}&*!'\"#|>%@`,?0123456789.e\t~<=seedtrain", max_size=200)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(yaml_like, st.text(max_size=200)), st.lists(st.text(max_size=40), max_size=3))
def test_any_text_is_a_config_or_a_message(text: str, overrides: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        parse_config(text, "text")
    with contextlib.suppress(ConfigError):
        load_config("coinrun/edge", overrides)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_config_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = write(tmp_path_factory.getbasetemp(), content, "any.yaml")
    with pytest.raises(ConfigError):
        load_config(path)


# --- the hash, the schema, the cost of loading


def test_hashes_are_the_golden_ones(update_golden: bool) -> None:
    """A changed hash orphans every stored run, so change it only on purpose."""
    hashes = {name: load_config(name).hash() for name in shipped_configs()}
    if update_golden:
        GOLDEN.write_text(json.dumps(hashes, indent=2) + "\n")
    assert hashes == json.loads(GOLDEN.read_text())


def test_labels_are_not_hashed_and_everything_else_is() -> None:
    config = load_config("coinrun/edge")
    assert config.override(["name=other", "notes=hello"]).hash() == config.hash()
    changes = ["seed=1", "env.slip=0.1", "train.net.vf=[8]", "evaluate.levels=10", "verdict.aligned=0.9"]
    assert len({config.override([change]).hash() for change in changes} | {config.hash()}) == 6


def test_different_spellings_have_one_hash() -> None:
    one = load_config("coinrun/edge", ["env.condition=mixture(0.10)", "env.slip=0", "train.gamma=1"])
    two = load_config("coinrun/edge", ["env.condition=mixture(1e-1)", "env.slip=-0.0", "train.gamma=1.0"])
    assert one.hash() == two.hash()


def test_no_machine_facts_in_a_config() -> None:
    text = json.dumps(config_schema()).lower()
    assert not [word for word in ("device", "workers", "cuda", "threads") if word in text]


def test_schema_knows_every_key_and_describes_it() -> None:
    schema = config_schema()
    assert set(schema["properties"]) == {*ExperimentConfig.model_fields, "base"}
    for section in (schema, *schema["$defs"].values()):
        assert section["additionalProperties"] is False
        for name, entry in section["properties"].items():
            assert entry.get("description"), name


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_config("coinrun/edge").seed = 3  # type: ignore[misc]


def test_known_worlds_and_loading_cost_neither_numba_nor_torch() -> None:
    code = (
        "import sys\nfrom goalposts.experiments.config.schema import load_config, known_worlds\n"
        "load_config('coinrun/anywhere', ['seed=3'])\nimport goalposts.experiments.runs.run\n"
        "assert known_worlds()\n"
        "print(*{'torch', 'numba', 'numpy', 'polars', 'gymnasium'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    assert "CoinRun" in known_worlds()


@pytest.mark.parametrize(
    ("features", "chosen"),
    [({"amx-bf16": True}, "bf16"), ({"avx512bf16": True}, "bf16"), ({"avx512f": True}, "fp32"), ({}, "fp32")],
)
def test_resolved_config_contains_the_precision_chosen_by_auto(
    monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], chosen: str
) -> None:
    monkeypatch.setattr("goalposts.experiments.config.train_section.get_host_cpu_features", lambda: features)
    config = load_config("coinrun/edge", ["train.precision=auto"])
    assert config.train.precision == chosen
    assert config.hash() == load_config("coinrun/edge", [f"train.precision={chosen}"]).hash()
    assert f"precision: {chosen}" in config.to_yaml()
