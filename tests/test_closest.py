"""Suggestions for mistyped words: one function, used by every message."""

import ast
from pathlib import Path

import pytest

from goalposts.closest import closest, near

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("sede", " Did you mean 'seed'?"),
        ("SEED", " Did you mean 'seed'?"),
        ("zzz", ""),
        ("", ""),
        (3, ""),
        ("seed" * 10**6, ""),
    ],
)
def test_closest_choice_is_suggested_if_any(word: object, hint: str) -> None:
    assert closest(word, ("seed", "steps")) == hint


def test_several_and_other_spellings() -> None:
    assert near("edge-s0", ["edge-s1", "edge-s2", "left"], 3) == ["edge-s2", "edge-s1"]
    assert closest("egde", ["edge"], str.upper) == " Did you mean EDGE?"


def test_no_other_module_looks_for_close_matches() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("goalposts", "envs", "agents", "experiments")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
        and "get_close_matches" in (getattr(node, "attr", ""), getattr(node, "id", ""))
    ]
    assert found == ["goalposts/closest.py"]
