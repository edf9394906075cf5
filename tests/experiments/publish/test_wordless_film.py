"""The film without words: training first, the new level second, the endings last; runs that show no difference are refused."""

import numpy as np
import pytest

from goalposts.errors import UserError
from goalposts.experiments.publish.films import FilmSpec, record_film
from goalposts.experiments.publish.wordless_film import AGENTS, LAST, WAIT, _compose
from goalposts.experiments.report.film.encode import CLEAR
from goalposts.experiments.report.film.film import LIGHT


def still(shade: int, count: int) -> list[np.ndarray]:
    return [np.full((96, 128, 3), shade + k, np.uint8) for k in range(count)]


def test_training_plays_first_and_the_endings_come_last() -> None:
    left, right = [still(10, 6), still(40, 8)], [still(80, 4 + LAST), still(120, 6 + LAST)]
    frames = _compose(left, right, ["proxy", "goal"])
    assert len(frames) == 8 + WAIT + 6 + LAST
    middle = frames[0].shape[1] // 2
    new_level = [frame[:, middle + 20 :] for frame in frames]
    assert all((part == new_level[0]).all() for part in new_level[:8])
    assert not (frames[0][:, :middle] == frames[7][:, :middle]).all()
    assert (frames[8][:, : middle - 20] == frames[-1][:, : middle - 20]).all()
    ends = [[(frame == colour).all(2).any() for frame in frames] for colour in (LIGHT.proxy, LIGHT.goal)]
    assert [row.index(True) for row in ends] == [8 + WAIT + 4, 8 + WAIT + 6]
    assert all(row[-1] for row in ends)


def test_ground_is_transparent_and_frames_have_the_agents_colours() -> None:
    frame = _compose([still(10, 2)] * 2, [still(80, 2 + LAST)] * 2, ["proxy", "goal"])[-1]
    assert tuple(frame[frame.shape[0] // 2, 5]) == CLEAR
    assert [tuple(frame[y, 2]) for y in (20, frame.shape[0] - 20)] == list(AGENTS)


@pytest.mark.parametrize(
    "spec", [FilmSpec(wordless=True, count=2), FilmSpec(wordless=True, condition="off_path")]
)
def test_options_that_choose_levels_are_refused(tiny_run, tiny_twin, tmp_path, spec) -> None:
    with pytest.raises(UserError, match="--wordless chooses its levels itself"):
        record_film([str(tiny_run), str(tiny_twin)], tmp_path / "a.gif", spec)


def test_a_single_run_is_refused(tiny_run, tmp_path) -> None:
    with pytest.raises(UserError, match="1 runs were given; --wordless compares two"):
        record_film([str(tiny_run)], tmp_path / "a.gif", FilmSpec(wordless=True))
