"""The page's search and its exact probabilities agree with the planner and with a calculation in numpy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.live_traces import node, script, some_agent

from goalposts.envs import generate, solve
from goalposts.envs.engine.engine import Engine
from goalposts.envs.levels.level import Level, LevelSet
from goalposts.envs.worlds.contract.world import DEATH, DONE, GOAL, PROXY
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.publish.live_world import window_block, world_block
from goalposts.experiments.publish.weights import packed_network
from goalposts.experiments.report.live.page import live_part

pytestmark = pytest.mark.skipif(node() is None, reason="no Node.js on this machine")


def asked(folder: Path, levels: LevelSet, agent: Any, question: str) -> list[Any]:
    """Answers of the page's scripts for each level."""
    world = get_world(levels.world)
    spec = window_block(world, "view", levels.tiles.shape[1:])
    given = {"world": world_block(world), "spec": spec, "network": packed_network(agent, "a")}
    program = (
        f"{script(world, replay=False)}\n{live_part('agents.js')}\n{live_part('search.js')}\nconst given = {json.dumps(given)};\n"
        f"const levels = {json.dumps([level.tiles.tolist() for level in levels])};\n"
        "const world = { ...given.world, rules: RULES };\n"
        "const mind = mindOf(world, { spec: given.spec, network: networkOf(given.network) }, 0);\n"
        f"console.log(JSON.stringify(levels.map((codes) => {{ const level = openLevel(world, codes); return {question}; }})));\n"
    )
    (folder / "search.js").write_text(program, "utf-8")
    done = subprocess.run(
        [node() or "", str(folder / "search.js")], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_search_agrees_with_the_planner(tmp_path: Path) -> None:
    levels = LevelSet.of(
        [*generate("CoinRun", "off_path", 3, 12), *generate("CoinRun", "edge_held_out", 3, 6)]
    )
    found = asked(tmp_path, levels, some_agent(get_world("CoinRun"), "view"), "survey(world, level)")
    for level, said in zip(levels, found, strict=True):
        plan = solve(level)
        assert said["states"] == len(plan.states)
        assert (said["toGoal"], said["toProxy"]) == (plan.steps_to_goal, plan.steps_to_proxy)
        assert (said["solvable"], said["distinguishing"]) == (plan.solvable, plan.distinguishing)


def first_touched(level: Level, agent: Any) -> dict[str, float]:
    """Probabilities of the first event, from powers of the transition matrix."""
    plan, world = solve(level), get_world(level.world)
    engine = Engine(world, len(plan.states), LevelSet.of([level] * len(plan.states)), "view", direct=True)
    for k in range(len(plan.states)):
        engine.load(k, k)
    engine.state[:] = plan.states
    p = agent.action_probabilities(engine.observe())
    mass, out = np.zeros(len(plan.states)), {"goal": 0.0, "proxy": 0.0, "neither": 0.0}
    mass[0] = 1
    for _ in range(int(engine.limits[0])):
        after = np.zeros_like(mass)
        for s in np.flatnonzero(mass):
            for a in range(len(world.actions)):
                event, weight = int(plan.events[s, a]), mass[s] * p[s, a]
                if event & GOAL:
                    out["goal"] += weight
                elif event & PROXY:
                    out["proxy"] += weight
                elif event & (DEATH | DONE):
                    out["neither"] += weight
                else:
                    after[plan.succ[s, a]] += weight
        mass = after
    out["neither"] += mass.sum()
    return out


def test_the_goal_map_is_exact(tmp_path: Path) -> None:
    levels = generate("CoinRun", "anywhere", 8, 3)
    agent = some_agent(get_world("CoinRun"), "view", seed=4)
    for level, said in zip(levels, asked(tmp_path, levels, agent, "exactly(mind, level)"), strict=True):
        expected = first_touched(level, agent)
        assert said == pytest.approx(expected, abs=2e-3)
        assert sum(said.values()) == pytest.approx(1)


def test_sampled_episodes_agree_with_the_exact_probabilities(tmp_path: Path) -> None:
    levels = generate("CoinRun", "anywhere", 8, 3)
    agent = some_agent(get_world("CoinRun"), "view", seed=4)
    answers = asked(tmp_path, levels, agent, "[exactly(mind, level), sampled(mind, level, 4000).counts]")
    for exact, counts in answers:
        for kind, p in exact.items():
            assert abs(counts[kind] / 4000 - p) < 4 * np.sqrt(0.25 / 4000)


def test_what_mattered_is_the_change_when_a_cell_is_switched_off(tmp_path: Path) -> None:
    levels = generate("CoinRun", "off_path", 3, 1)
    world, agent = get_world("CoinRun"), some_agent(get_world("CoinRun"), "view", seed=2)
    found = asked(tmp_path, levels, agent, "heeded(mind, level, startOf(world, level))")[0]
    engine = Engine(world, 1, levels, "view", direct=True)
    engine.load(0, 0)
    seen = engine.observe()
    row, col = engine.state[0, :2]
    whole = agent.action_probabilities(seen)[0]
    for cell in found[:: max(1, len(found) // 10)]:
        without = seen.copy()
        without[0, :, cell["row"] - row + world.view[0] // 2, cell["col"] - col + world.view[1] // 2] = 0
        change = np.abs(agent.action_probabilities(without)[0] - whole).sum() / 2
        assert cell["change"] == pytest.approx(change, abs=2e-3)
