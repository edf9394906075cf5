"""Condition names: parsing, invalid names, and the round trip with formatting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs.worlds.contract.condition_names import ConditionError, format_condition, parse_condition
from goalposts.registration import WORLDS

COINRUN = WORLDS["CoinRun"].conditions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("edge", ("edge", None)),
        (" off_path ", ("off_path", None)),
        ("mixture(0.001)", ("mixture", 0.001)),
        ("mixture( 1e-3 )", ("mixture", 0.001)),
        ("mixture(0)", ("mixture", 0.0)),
        ("mixture(-0.0)", ("mixture", 0.0)),
        ("right_fraction(1)", ("right_fraction", 1.0)),
        ("lamp_elsewhere", ("lamp_elsewhere", None)),
    ],
)
def test_condition_names_are_parsed(text: str, expected: tuple[str, float | None]) -> None:
    assert parse_condition(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("egde", "Did you mean edge?"),
        ("Mixture(0.1)", r"Did you mean mixture\(0.1\)"),
        ("mixture", "needs a parameter"),
        ("mixture()", "from 0 to 1"),
        ("mixture(1.2)", "from 0 to 1"),
        ("mixture(-0.1)", "from 0 to 1"),
        ("mixture(nan)", "from 0 to 1"),
        ("mixture(inf)", "from 0 to 1"),
        ("mixture(1e999)", "from 0 to 1"),
        ("mixture(0.1, 0.2)", "from 0 to 1"),
        ("edge(0.1)", "takes no parameter"),
        ("", "is not a condition"),
        ("edge edge", "is not a condition"),
        ("mixture(0.1", "is not a condition"),
        ("__import__('os')", "no condition"),
        ("x" * 100_000, "is not a condition"),
        (3, "is not a condition|a condition is a name"),
        (None, "a condition is a name"),
    ],
)
def test_invalid_condition_names_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said) as caught:
        parse_condition(text, COINRUN)
    assert len(str(caught.value)) < 500


@given(st.sampled_from(["mixture", "right_fraction"]), st.floats(0, 1))
def test_formatting_and_parsing_are_inverse(name: str, parameter: float) -> None:
    text = format_condition(name, parameter)
    assert parse_condition(text, COINRUN) == (name, parameter)
    assert format_condition(*parse_condition(text)) == text


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name, parameter = parse_condition(text, COINRUN)
    except ConditionError:
        return
    assert name in COINRUN
    assert parameter is None or 0 <= parameter <= 1


@pytest.mark.parametrize("world", WORLDS)
def test_the_names_are_those_of_the_world(world: str) -> None:
    from goalposts.envs.worlds.registry import get_world

    assert set(WORLDS[world].conditions) == {condition.name for condition in get_world(world).conditions}
