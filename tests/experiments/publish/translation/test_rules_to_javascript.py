"""Rules in JavaScript are translated from the Python rules, never rewritten, and refused if untranslatable."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fixtures.custom_world import write_world
from fixtures.live_traces import node, record, replayed, some_agent

from goalposts.envs import generate, known_worlds
from goalposts.envs.worlds.contract.world import World
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.publish.translation.rules_to_javascript import (
    TranslationError,
    Translator,
    javascript_of,
)
from goalposts.experiments.report.live.page import live_part

needs_node = pytest.mark.skipif(node() is None, reason="no Node.js on this machine")
RULES = ("prepare", "start", "step", "radices", "objects", "limit", "paint")


def test_every_world_is_translated_whole() -> None:
    for name in known_worlds():
        world, text = get_world(name), javascript_of(get_world(name))
        assert text.startswith("(() => {")
        for rule in RULES:
            assert (f"{rule}: null" in text) == (rule not in world.rules), (name, rule)


def load(folder: Path, source: str) -> ModuleType:
    path = folder / "rules.py"
    path.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location("rules_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ARITHMETIC = '''
import numpy as np

LIMITS, BIG = (3, 5, 8), 1 << 40

def half(x, by=2):
    """Defaults and keywords."""
    return x // by

def swapped(a, b):
    a, b = b, a % (abs(b) + 1)
    return a, b

def rules(a, b, numbers, table):
    n = 0
    for k in range(5, -2, -2):
        n += k * (k > 0)
    while True:
        n += 1
        if n % 7 == 0:
            break
        if n == 10:
            continue
    numbers[1:3] = 9
    numbers[-1] -= 4
    table[1, 2] += a
    table[0][1] = b
    x, y = swapped(a, b)
    return (
        half(a), half(a, by=3), a // b, a % b, -a // b, -a % b, a & b, a | b, a ^ b, ~a, a << 3, a >> 1, BIG | a, n, x, y,
        a if a < b else b, int(0 <= a < b <= 9), int(a in LIMITS), int(a not in (b, 3)), int(not a), min(a, b), max(a, b, 4),
        abs(-a), numbers[0], numbers[1], numbers[2], numbers[-1], table[1, 2], table[0, 1], table.shape[0], table.shape[1],
        int(np.uint32(a - b)), int(np.floor(a / 3)), int(np.uint64(b - a) > np.uint64(9)), LIMITS[1], len(LIMITS),
    )
'''


@needs_node
def test_arithmetic_is_pythons(tmp_path: Path) -> None:
    """Negative divisors, shifts, masks beyond 32 bits, slices, negative indices, unsigned casts."""
    module = load(tmp_path, ARITHMETIC)
    translator = Translator()
    name = translator.name_of(module.rules)
    functions = "\n".join(translator.translate_all())
    cases = [(a, b) for a in (-13, -3, 0, 1, 5, 12) for b in (-7, -1, 2, 5, 9)]
    numbers, table = [4, 5, 6, 7], [[1, 2, 3], [4, 5, 6]]
    program = (
        f"{live_part('arithmetic.js')}\n{functions}\nconst cases = {json.dumps(cases)};\n"
        f"console.log(JSON.stringify(cases.map(([a, b]) => {name}(a, b, Int32Array.from({numbers}), "
        f"{table}.map((row) => Int32Array.from(row))).map(Number))));\n"
    )
    (tmp_path / "program.js").write_text(program, "utf-8")
    done = subprocess.run(
        [node() or "", str(tmp_path / "program.js")], capture_output=True, text=True, check=True, timeout=60
    )
    for case, found in zip(cases, json.loads(done.stdout), strict=True):
        with np.errstate(over="ignore"):
            expected = module.rules(
                *map(np.int64, case), np.array(numbers, np.int32), np.array(table, np.int32)
            )
        assert [float(x) for x in expected] == found, case


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("    return [x for x in state]", "[x for x in state]"),
        ("    return print(state)", "print(state)"),
        ("    with open(state): pass", "with open(state):"),
        ("    return lambda: 1", "lambda: 1"),
        ("    return state @ state", "state @ state"),
    ],
)
def test_untranslatable_rules_are_refused_with_file_and_line(tmp_path: Path, line: str, text: str) -> None:
    module = load(tmp_path, f"def step(tiles, facts, state, action):\n    '''A step.'''\n{line}\n")
    translator = Translator()
    translator.name_of(module.step)
    with pytest.raises(TranslationError) as refused:
        translator.translate_all()
    assert f"{tmp_path / 'rules.py'}, line 3: {text!r} cannot be translated" in str(refused.value)


def trace_of(world: World, condition: str, observation: str, levels: int, steps: int) -> dict[str, Any]:
    drawn = generate(world, condition, seed=11, count=levels)
    return record(world, drawn, some_agent(world, observation), steps)


def assert_same(found: dict[str, Any], transitions: int) -> None:
    assert found["transitions"] >= transitions
    assert found["episodes"] > 0
    assert (found["observations"], found["ends"], found["outcomes"]) == (0, 0, 0), found["first"]
    assert found["probability"] < 1e-3


@needs_node
def test_javascript_plays_as_python_does(tmp_path: Path) -> None:
    """A small part of the slow comparison below."""
    world = get_world("CoinRun")
    assert_same(replayed(world, trace_of(world, "off_path", "view", 24, 60), tmp_path), 1400)


@needs_node
def test_one_byte_a_weight_keeps_the_likeliest_action(tmp_path: Path) -> None:
    world = get_world("CoinRun")
    levels = generate(world, "off_path", seed=11, count=24)
    trace = record(world, levels, some_agent(world, "view", width=128), 60, in_bytes=True)
    found = replayed(world, trace, tmp_path)
    assert found["likeliest"] / found["transitions"] >= 0.99
    assert found["observations"] == 0


@needs_node
def test_a_difference_is_seen(tmp_path: Path) -> None:
    """Without this, the comparison could pass on anything."""
    world = get_world("CoinRun")
    trace = trace_of(world, "off_path", "view", 4, 30)
    trace["header"]["world"]["bits"][1] = 0
    assert replayed(world, trace, tmp_path)["observations"] > 0


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", known_worlds())
def test_a_hundred_thousand_transitions_of_every_world(tmp_path: Path, name: str) -> None:
    world = get_world(name)
    shift, control = world.default_condition("shift"), world.default_condition("control")
    half = [
        trace_of(world, condition, observation, 64, 800)
        for condition, observation in ((shift, "view"), (control, "full"))
    ]
    for trace in half:
        assert_same(replayed(world, trace, tmp_path), 51_200)


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("observation", ["view(coin=0)", "view(coin=2, deadly=1x3)", "full(coin=1x5)"])
def test_planes_left_out_repeated_and_drawn_larger(tmp_path: Path, observation: str) -> None:
    world = get_world("CoinRun")
    one = generate(world, "off_path", seed=5, count=40)
    widest = max(one, key=lambda level: level.tiles.shape[1])  # an engine's rim is that of its largest level
    alike = [level for level in one if level.tiles.shape == widest.tiles.shape]
    from goalposts.envs.levels.level import LevelSet

    trace = record(world, LevelSet.of(alike[:8]), some_agent(world, observation), 300)
    found = replayed(world, trace, tmp_path)
    assert (found["observations"], found["ends"]) == (0, 0), found


@pytest.mark.slow
@needs_node
def test_live_page_supports_custom_worlds(tmp_path: Path) -> None:
    """The example of docs/worlds.md."""
    from goalposts.envs.worlds.registry import load_world

    world = load_world(f"{write_world(tmp_path)}:MY_WORLD")
    found = replayed(world, trace_of(world, world.default_condition("shift"), "view", 64, 1600), tmp_path)
    assert_same(found, 102_400)
