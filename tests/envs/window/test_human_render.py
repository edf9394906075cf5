"""Render mode `human`: shows the images of `rgb_array`, passes gymnasium's checks, and closing the window is harmless."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from goalposts.envs import known_worlds
from goalposts.envs.gymnasium_envs import GoalpostsEnv
from goalposts.envs.render.render import framed
from goalposts.envs.window.canvas import pygame

WORLDS = tuple(known_worlds())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the delay between images."""
    monkeypatch.setitem(GoalpostsEnv.metadata, "render_fps", 1000)


def on_the_screen() -> np.ndarray:  # uint8[h, w, 3]
    surface = pygame.display.get_surface()
    assert surface is not None
    return pygame.surfarray.array3d(surface).swapaxes(0, 1)


@pytest.mark.parametrize("world", WORLDS)
def test_the_window_shows_every_step_of_every_world(world: str) -> None:
    env = gym.make(f"goalposts:goalposts/{world}-v0", render_mode="human", disable_env_checker=True)
    env.reset(seed=3)
    inner = env.unwrapped
    assert isinstance(inner, GoalpostsEnv)
    seen = []
    for action in range(int(inner.action_space.n)):  # type: ignore[attr-defined]
        shown = on_the_screen()
        rows, cols = inner.stream.engine.tiles.shape[1:]
        assert np.array_equal(shown, framed(inner.stream.scene(0), rows, cols, 32))
        seen.append(shown.tobytes())
        assert env.render() is None
        if any(env.step(action)[2:4]):
            break
    assert len(set(seen)) > 1
    env.close()
    assert not pygame.display.get_init()


def test_gymnasium_accepts_it_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = GoalpostsEnv("human", levels=None)
        check_env(env, skip_render_check=True)
        env.close()


def test_closing_the_window_does_not_stop_the_environment() -> None:
    env, blind = GoalpostsEnv("human"), GoalpostsEnv()
    for one in (env, blind):
        one.reset(seed=5)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    for _ in range(3):
        here, there = env.step(0), blind.step(0)
        assert np.array_equal(here[0], there[0])
        assert here[1:4] == there[1:4]
    assert not pygame.display.get_init()
    env.reset(seed=6)
    assert not pygame.display.get_init()
    env.close()
    env.close()
