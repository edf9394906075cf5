"""Contract clauses about a world's declarations and its levels; they need no agent and no interface.

Each raises `WorldFault` with what it found. Read next: `play.py`, the clauses that play;
`suite.py`, which lists them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.generation.edit_levels import LevelEditor
from ...envs.generation.generate import far_reference, generate, generate_at, leakage, split_of
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.condition_names import PARAMETERS, format_condition
from ...envs.worlds.contract.world import APART, FIRST_FREE_BIT, GOAL, PROXY, Condition, Split, World

SEED = 83
DISTINCT = 100_000  # layouts that a shipped world must be able to draw
SHORTEST_SENTENCE = 21  # characters
WORDS = ("goal", "proxy", "reaches_goal", "reaches_proxy", "lets_goal_be")


class WorldFault(AssertionError):
    """A world breaks the contract; the message names the clause and what was found."""


def need(holds: Any, words: str) -> None:
    """Raise WorldFault with the message `words` unless `holds` is true."""
    if not holds:
        raise WorldFault(words)


def names_of(world: World) -> list[str]:
    """List all conditions of a world, those with a parameter at their example value."""
    return [format_condition(c.name, c.parameter) for c in world.conditions]


def declares_what_it_must(world: World, n: int) -> None:
    """Check the declarations: roles, sentences, words, one event bit per target, one key per action."""
    roles = [c.role for c in world.conditions]
    need(roles[:1] == ["train"], "the first condition must have the role train")
    need(
        set(roles) == {"train", "control", "shift", "probe"},
        f"roles are {sorted(set(roles))}; all four are needed",
    )
    need(roles.count("shift") >= 2, "at least two conditions must have the role shift")
    need(
        len({c.distinguishes for c in world.conditions}) == len(roles),
        "two conditions have the same sentence",
    )
    short = {c.name: c.distinguishes for c in world.conditions if len(c.distinguishes) < SHORTEST_SENTENCE}
    need(
        not short,
        f"`tells` must be a sentence of at least {SHORTEST_SENTENCE} characters that says what a condition "
        f"distinguishes; too short: {short}",
    )
    takes = [
        c.name
        for c in world.conditions
        if (c.parameter is not None) != (c.name in PARAMETERS or bool(c.dial))
    ]
    need(
        not takes,
        f"{takes}: a condition with a parameter must describe it in `dial`, and one without must not have a `dial`",
    )
    need(not set(WORDS) - set(world.words), f"words lack {sorted(set(WORDS) - set(world.words))}")
    need(world.summary and world.story.endswith("."), "summary or story is missing")
    need(world.preference, "`preference` must say what it means that an episode prefers the goal")
    targets = (world.goal, *world.proxies, *world.targets)
    need(world.proxies, "at least one proxy is needed")
    need(
        (world.goal.mask, world.proxies[0].mask) == (GOAL, PROXY),
        "goal and first proxy must have the bits 1 and 2",
    )
    need(all(t.mask & (t.mask - 1) == 0 for t in targets), "each target must have exactly one bit")
    further = [*world.proxies[1:], *world.targets]
    need(
        all(t.mask >= 1 << FIRST_FREE_BIT for t in further), "further targets must have bits from 16 upwards"
    )
    need(len({t.name for t in targets}) == len(targets), "two targets have the same name")
    need(len({a.key for a in world.actions}) == len(world.actions), "two actions have the same key")
    need(all(size % 2 for size in world.view), "the view must have an odd number of rows and columns")


def conditions_are_found(world: World, n: int) -> None:
    """Check that each condition is found by its name, as a config or the command line gives it."""
    for condition in world.conditions:
        name = format_condition(condition.name, condition.parameter)
        found = world.condition(name)
        need(
            isinstance(found, Condition) and found.name == name and found.placement == condition.placement,
            f"{name} is not found by its name",
        )


def level_texts_are_levels(world: World, n: int) -> None:
    """Check that every level and layout is valid and survives a round trip as text, and that hidden tiles are declared."""
    for name in names_of(world):
        levels = generate(world, name, SEED, min(n, 100))
        for level in levels:
            need(
                Level.from_text(level.to_text(), world.name) == level,
                f"{name}: a level's text does not read back",
            )
        seen = world.legend.as_seen(levels.tiles)
        need(
            not (seen != levels.tiles).any() or world.condition(name).hidden,
            f"{name}: tiles are hidden from the agent, but the condition does not declare it",
        )
    for level in generate(world, world.default_condition("train"), SEED, min(n, 100)):
        level.layout.validate()


def levels_are_proven(world: World, n: int) -> None:
    """Check that goal and proxy are reachable in half the time limit unless declared absent, and that APART levels distinguish."""
    for name in names_of(world):
        condition, levels = world.condition(name), generate(world, name, SEED, n)
        survey = survey_levels(levels)
        need(
            survey.decided.all(),
            f"{name}: the planner leaves undecided {int((~survey.decided).sum())} levels",
        )
        half = limits(world, levels) // 2
        for what, steps in (("goal", survey.steps_to_goal), ("proxy", survey.steps_to_proxy)):
            if condition.absent == what:
                need((steps == -1).all(), f"{name}: the {what} is declared absent but can be reached")
            else:
                need(
                    ((steps > 0) & (steps <= half)).all(),
                    f"{name}: a {what} cannot be reached in half the time limit",
                )
        if condition.placement == APART and not condition.absent and not condition.hidden:
            need(survey.distinguishing.all(), f"{name}: goal and proxy lie on one path")


def limits(world: World, levels: LevelSet) -> np.ndarray:
    """Time limit of each level: int[N]."""
    return np.array([world.rules["limit"](world.read(level.tiles)[0]) for level in levels])


def levels_are_a_function_of_their_number(world: World, n: int) -> None:
    """Check that level k of a seed does not depend on the other levels drawn, and that seeds differ."""
    order = np.random.default_rng(1).permutation(min(n, 60))
    for name in names_of(world):
        levels = generate(world, name, SEED, len(order))
        need(
            generate_at(world, name, SEED, order) == levels[order],
            f"{name}: the order of drawing changes a level",
        )
        need(
            generate(world, name, SEED, 1, first=int(order[0]))[0] == levels[int(order[0])],
            f"{name}: a level depends on the others drawn with it",
        )
    name = world.default_condition("train")
    need(
        generate(world, name, SEED, 60) != generate(world, name, SEED + 1, 60),
        "two seeds draw the same levels",
    )


def splits_share_no_layout(world: World, n: int) -> None:
    """Check that the layout hash decides the split, and that conditions with equal parameters share layouts level by level."""
    train = generate(world, world.default_condition("train"), SEED, n)
    by_dials: dict[tuple[int, ...], list[str]] = {}
    for name in names_of(world):
        condition = world.condition(name)
        levels = generate(world, name, SEED, n)
        layouts = levels.layout_hashes()
        need(
            {split_of(layout) for layout in layouts} == {condition.split},
            f"{name}: a layout belongs to the other split",
        )
        if condition.split == "test":
            need(leakage(levels, train) == 0, f"{name}: some layouts are also used in training")
            if condition.far:
                near = far_reference(world, condition).nearest(levels).min()
                need(near >= condition.far, f"{name}: a layout is {near} cells from a training layout")
                continue
            first = by_dials.setdefault(condition.layout_params, layouts)
            need(
                layouts == first, f"{name}: its layouts are not those of the other conditions, level by level"
            )
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        one, other = (
            generate(world, world.default_condition(role), SEED, 50, split=split)
            for role in ("train", "shift")
        )
        same = world.condition(one.condition).layout_params == world.condition(other.condition).layout_params
        need(
            not same or one.layout_hashes() == other.layout_hashes(),
            f"{split}: conditions do not share layouts",
        )


def edits_are_sound(world: World, n: int) -> None:
    """Check that edit operators give valid, solvable levels of the same split; identity-preserving ones leave goal objects alone."""
    goal = world.legend.goal_codes()
    parents = generate(world, world.default_condition("train"), SEED, min(n, 60))
    for free in (False, True):
        editor = LevelEditor(world, free)
        children, which = editor.children(parents, 12, np.random.default_rng(0))
        need(len(children), "no edited level is solvable and of the training layouts")
        survey, half = survey_levels(children), limits(world, children) // 2
        for steps in (survey.steps_to_goal, survey.steps_to_proxy):
            need(
                ((steps > 0) & (steps <= half)).all(),
                "an edited level is not solvable in half the time limit",
            )
        need({split_of(one) for one in children.layout_hashes()} == {"train"}, "an edit leaves the split")
        for child in children:
            child.validate()
        same = np.where(goal[children.tiles], children.tiles, 0) == np.where(
            goal[parents.tiles[which]], parents.tiles[which], 0
        )
        need(free or same.all(), "an edit that preserves identity changes a goal object")


def distinct_layouts(world: World, draws: int, condition: str = "") -> int:
    """Count the distinct layouts among `draws` levels of a condition (default: the usual training condition)."""
    name = condition or world.default_condition("train")
    parts = range(0, draws, 20_000)
    found: set[str] = set()
    for first in parts:
        found.update(generate(world, name, 0, min(20_000, draws - first), first=first).layout_hashes())
    return len(found)


def layouts_are_many(world: World, n: int) -> None:
    """Check that few layouts repeat, so that a world has far more than the sample holds."""
    found = distinct_layouts(world, n)
    need(found > n / 2, f"only {found} of {n} layouts differ")
