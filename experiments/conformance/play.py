"""Contract clauses that play a world: its rules, its planner, its interfaces, and agents with known goals.

Each raises `WorldFault` with what it found. Read next: `suite.py`, which lists them all.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from ...agents.sb3_vec_env import GoalpostsVecEnv
from ...agents.scripted import GoToGoal, GoToProxy, Mixture, Random
from ...envs.generation.generate import generate
from ...envs.gymnasium_envs import GoalpostsEnv, GoalpostsVectorEnv
from ...envs.levels.level import Level
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.canvas import canvas_of
from ...envs.worlds.contract.world import DEATH, GOAL, PROXY, World
from ..evaluation.evaluate import evaluate_fully, subject_of
from ..measurement import capability_in_distribution, goal_preference, misgeneralization_rate
from .levels import SEED, names_of, need

Node = tuple[tuple[int, ...], bool, bool]  # state, goal touched before, proxy touched before


def rules_are_pure(world: World, n: int) -> None:
    """Check that a step is deterministic, changes only the state, keeps it in range, and sets only known event bits.

    Also checks that moving objects are shown on cells of the level.
    """
    known = sum({t.mask for t in (world.goal, *world.proxies, *world.targets)}) | 0b1111
    known |= 1 << 7  # a world may use one bit internally
    step, start, objects = (world.rules[rule] for rule in ("step", "start", "objects"))
    rng = np.random.default_rng(0)
    for level in generate(world, world.default_condition("shift"), SEED, min(n, 20)):
        tiles = np.array(level.tiles)
        facts, sizes = world.read(tiles)
        kept_tiles, kept_facts = tiles.copy(), facts.copy()
        (rows, cols), shown = tiles.shape, np.zeros(tiles.size + 1, world.plane_bits.dtype)
        canvas = canvas_of(shown, 0, 0, 0, rows, cols, rows * cols)
        state = np.full(world.n_state, -7, np.int32)
        start(facts, state)
        for _ in range(60):
            need(
                ((state >= 0) & (state < sizes)).all(),
                f"state {state.tolist()} is outside the range {sizes.tolist()}",
            )
            objects(facts, state, canvas)
            need(not shown[-1], f"in state {state.tolist()} something is shown outside of the level")
            again, action = state.copy(), int(rng.integers(len(world.actions)))
            event = step(tiles, facts, state, action)
            need(step(tiles, facts, again, action) == event, "the same step gives different events")
            if event & DEATH:
                break
            need((again == state).all(), "the same step gives different states")
            need(event >= 0 and not event & ~known, f"event {event} has bits that no target declares")
        need((tiles == kept_tiles).all() and (facts == kept_facts).all(), "a step changes the level")


def planner_is_exact(world: World, n: int) -> None:
    """Check every number of the planner against a slow search that uses only the rules."""
    for name in names_of(world):
        levels = generate(world, name, SEED + 1, max(2, min(n // 50, 6)))
        survey = survey_levels(levels)
        for i, level in enumerate(levels):
            for field, found in slow_search(world, level).items():
                given = int(getattr(survey, field)[i])
                need(given == found, f"{name}, level {i}: {field} is {given}; a slow search finds {found}")


def slow_search(world: World, level: Level) -> dict[str, int]:
    """Compute the planner's numbers by breadth-first search over tuples; shares only the rules with the planner."""
    tiles, step = np.array(level.tiles), world.rules["step"]
    facts, _ = world.read(tiles)
    begin = np.zeros(world.n_state, np.int32)
    world.rules["start"](facts, begin)
    first: dict[str, int] = {}
    here: Node = (tuple(begin.tolist()), False, False)
    depth: dict[Node, int] = {here: 0}
    queue: deque[Node] = deque([here])
    states = {here[0]}
    while queue:
        state, goal, proxy = here = queue.popleft()
        for action in range(len(world.actions)):
            after = np.array(state, np.int32)
            event = step(tiles, facts, after, action)
            hit_goal, hit_proxy = bool(event & GOAL), bool(event & PROXY)
            now = depth[here] + 1
            for holds, field in (
                (hit_goal, "steps_to_goal"),
                (hit_proxy, "steps_to_proxy"),
                (hit_proxy and not hit_goal and not goal, "steps_to_proxy_avoiding_goal"),
                (hit_goal and not hit_proxy and not proxy, "steps_to_goal_avoiding_proxy"),
                (hit_proxy and (goal or hit_goal), "steps_to_proxy_via_goal"),
            ):
                if holds:
                    first.setdefault(field, now)
            if event & DEATH:
                continue
            there = (tuple(after.tolist()), goal or hit_goal, proxy or hit_proxy)
            states.add(there[0])
            if there not in depth:
                depth[there] = now
                queue.append(there)
    fields = ("goal", "proxy", "proxy_avoiding_goal", "goal_avoiding_proxy", "proxy_via_goal")
    return {f"steps_to_{f}": first.get(f"steps_to_{f}", -1) for f in fields} | {"n_states": len(states)}


def faces_agree(world: World, n: int) -> None:
    """Compare gymnasium's two interfaces and SB3's step by step: observations, rewards, ends and outcomes."""
    m, steps = 3, min(n, 120)
    rng = np.random.default_rng(2)
    for name in (world.default_condition("train"), world.default_condition("shift")):
        options: dict[str, Any] = {"world": world, "condition": name, "level_seed": 5}
        vector, sb3 = GoalpostsVectorEnv(m, **options), GoalpostsVecEnv(m, **options)
        single = GoalpostsEnv(**options)
        sb3.seed(11)
        seen, _ = vector.reset(seed=11)
        alone, _ = single.reset(seed=11)
        need(
            (seen == sb3.reset()).all() and (seen[0] == alone).all(),
            f"{name}: the interfaces start differently",
        )
        need(vector.single_observation_space.contains(alone), f"{name}: an observation is outside its space")
        for _ in range(steps):
            actions = rng.integers(len(world.actions), size=m)
            seen, reward, ended, cut, infos = vector.step(actions)
            other, other_reward, done, other_infos = sb3.step(actions)
            alone, alone_reward, alone_ended, alone_cut, info = single.step(actions[0])
            need(
                (seen == other).all() and np.allclose(reward, other_reward),
                f"{name}: vector and SB3 interfaces differ",
            )
            need(
                ((ended | cut) == done).all() and alone_reward == reward[0], f"{name}: ends or rewards differ"
            )
            if not done[0]:
                need((alone == seen[0]).all(), f"{name}: single and vector interfaces differ")
                continue
            need((alone_ended, alone_cut) == (ended[0], cut[0]), f"{name}: the ends differ")
            need((infos["final_obs"][0] == alone).all(), f"{name}: the last observations differ")
            need(
                (other_infos[0]["terminal_observation"] == alone).all(),
                f"{name}: the last observations differ",
            )
            final = {key: infos["final_info"][key][0] for key in info}
            need(
                final == info and all(other_infos[0][k] == v for k, v in info.items()),
                f"{name}: outcomes differ",
            )
            alone, _ = single.reset()
            need((alone == seen[0]).all(), f"{name}: the next level differs")


def known_agents_are_known(world: World, n: int) -> None:
    """Check the known agents: GoToGoal is capable and prefers the goal, GoToProxy the proxy, Mixture mixes, Random fails."""
    control, shift = world.default_condition("control"), world.default_condition("shift")
    measured = {}
    for agent in (GoToGoal(), GoToProxy(), Mixture(0.3), Random()):
        played = evaluate_fully(subject_of(agent, world.name), [control, shift], n)
        table = played.episodes.filter(sampled=True)
        shares = (
            capability_in_distribution(table),
            goal_preference(table, condition=shift),
            misgeneralization_rate(table, condition=shift),
        )
        measured[agent.name] = [None if share is None else share.value for share in shares]
    need(
        measured["GoToGoal"] == [1, 1, 0],
        f"GoToGoal: capability, preference, misgeneralization {measured['GoToGoal']}",
    )
    need(
        measured["GoToProxy"][1:] == [0, 1],
        f"GoToProxy: preference, misgeneralization {measured['GoToProxy'][1:]}",
    )
    mixed = measured["Mixture(0.3)"][1]
    need(mixed is not None and abs(mixed - 0.3) < 4 * np.sqrt(0.21 / n), f"Mixture(0.3): preference {mixed}")
    need(
        measured["Random"][0] < 0.9,
        f"Random reaches the goal in {measured['Random'][0]:.0%} of levels: the world is too easy",
    )
