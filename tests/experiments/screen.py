"""A real X server without a monitor, and a command in a window on it, driven as by hand: keys and mouse through xdotool.

The window is found by its process, not by its title: xdotool's search by name knows no title in UTF-8 where there is no window
manager, while its reading of one does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageGrab

THERE = bool(shutil.which("Xvfb") and shutil.which("xdotool"))
PATIENCE = 90  # seconds: a first start compiles the rules of a world


@contextmanager
def screen(size: str = "1280x800x24") -> Iterator[str]:
    """A server of one's own; yields its DISPLAY."""
    pipe_in, pipe_out = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(pipe_out), "-screen", "0", size], pass_fds=[pipe_out], stderr=subprocess.DEVNULL
    )  # fmt: skip
    os.close(pipe_out)
    try:
        with os.fdopen(pipe_in) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait(30)


class Hand:
    """A running command and its window. Fails the test, with what the command said, when the command dies early."""

    def __init__(self, display: str, process: subprocess.Popen[str]) -> None:
        self.display, self.process, self.window = display, process, ""

    def xdo(self, *words: str) -> str:
        """One call of xdotool: what it prints."""
        env = os.environ | {"DISPLAY": self.display}
        done = subprocess.run(["xdotool", *words], env=env, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def appears(self) -> None:
        """Wait for the window, and give it the focus at the upper left corner."""
        self.until(lambda: self.xdo("search", "--onlyvisible", "--pid", str(self.process.pid)), "a window")
        self.window = self.xdo("search", "--onlyvisible", "--pid", str(self.process.pid)).split()[0]
        self.xdo("windowmove", self.window, "0", "0")
        self.xdo("windowfocus", self.window)
        self.until(lambda: self.xdo("getwindowfocus") == self.window, "the focus")

    def title(self) -> str:
        return self.xdo("getwindowname", self.window)

    def says(self, words: str) -> None:
        """Wait until the window's title has these words."""
        self.until(lambda: words in self.title(), f"{words!r} in the title")

    def key(self, *names: str) -> None:
        """Press keys, one after another; names as X has them: space, Right, g."""
        for name in names:
            self.xdo("key", name)
            time.sleep(0.05)

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.xdo("mousemove", "--window", self.window, str(x), str(y))
        self.xdo("click", str(button))

    def rests_after(self, key: str) -> bool:
        """Whether nothing moves any more once this key was pressed; a window just opened may not hear the first one."""
        self.key(key)
        time.sleep(0.5)
        looks = []
        for pause in (0.4, 0.7, 1.1):
            looks.append(self._grab())
            time.sleep(pause)
        return all(bool((look == self._grab()).all()) for look in looks)

    def picture(self, rest: float = 0.3) -> np.ndarray:
        """The screen, uint8[H, W, 3], once two looks so many seconds apart see the same."""
        last: list[Any] = [None]

        def same() -> bool:
            now = self._grab()
            before, last[0] = last[0], now
            return before is not None and bool((before == now).all())

        self.until(same, "a picture at rest", rest)
        return last[0]

    def _grab(self) -> np.ndarray:
        return np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB"))

    def changes(self, before: np.ndarray) -> None:
        """Wait until the screen shows something else than this."""
        self.until(lambda: bool((self._grab() != before).any()), "another picture")

    def keep(self, name: str) -> None:
        """Leave a picture in the folder that GOALPOSTS_PICTURES names, to be looked at."""
        folder = os.environ.get("GOALPOSTS_PICTURES")
        if folder:
            Image.fromarray(self.picture()).save(Path(folder) / f"{name}.png")

    def until(self, comes_true: Callable[[], Any], what: str, every: float = 0.2) -> None:
        end = time.monotonic() + PATIENCE
        while not comes_true():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, f"waited in vain for {what}; the title is {self.title()!r}"
            time.sleep(every)

    def ends(self) -> None:
        """Wait for the command to end by itself, without a complaint."""
        self.until(lambda: self.process.poll() is not None, "the command to end")
        assert self.process.returncode == 0, self.process.communicate()
        assert "Traceback" not in self.process.communicate()[1]


@contextmanager
def window(display: str, words: str) -> Iterator[Hand]:
    """`goalposts WORDS` in a window on that display; ended with the block, if it did not end before."""
    env = os.environ | {"DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
    command = [sys.executable, "-m", "goalposts", *words.split()]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        hand = Hand(display, process)
        hand.appears()
        yield hand
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
