"""The level editor: a view for drawing a level with mouse or keyboard, checked by the planner after every stroke.

The tiles come from the world's legend and validity from its check, so the editor works for every world. Read next:
`draft_level.py`, the level being edited; `watch.py`, which replays it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from goalposts.errors import UserError
from goalposts.safe_write import write_whole

from ..engine.proxy_cells import proxy_cells
from ..levels.level import Level, LevelSet, Tile
from ..levels.level_file import save_levels
from ..render.look import look_of
from ..render.render import draw
from ..render.scene import Scene, Sprite
from ..render.sprites import drawn_names
from ..worlds.contract.world import GOAL
from .canvas import HEADING, SMALL, TEXT, Canvas, font, lay_way, pygame, surface_of
from .draft_level import Sketch
from .model import Course, Episode, Player
from .overlays import shortest_way
from .panel import GAP, plan_words, rule
from .view import Board, Key, View
from .watch import Watch

CHIP, COLUMNS = 44, 6  # palette: pixels per tile, tiles per row


class Edit(View):
    """Editor for the levels of a file. `players` replay the current level. Writes to `path` only on request."""

    def __init__(
        self, levels: Sequence[Level], path: Path, players: Sequence[Player], number: int = 0
    ) -> None:
        self.path, self.players = path, list(players)
        self.sketches = [Sketch(level) for level in levels]
        self.number = number % len(self.sketches)
        self.world = self.sketches[0].world
        self.tile = next((k for k, t in enumerate(self.world.legend.tiles) if t.goal_object), 0)
        self.cursor = (1, 1)
        self.to_goal = self.to_proxy = True
        self.reachable = False
        self.rescued: Path | None = None  # where unsaved levels were written when the window closed
        self._warned = False
        self._board = Board()
        self._palette: list[tuple[pygame.Rect, int]] = []

    @property
    def title(self) -> str:  # type: ignore[override]
        """Window title."""
        return f"Goalposts: {self.path.name}{' (not saved)' if self.changed else ''}"

    @property
    def sketch(self) -> Sketch:
        """The level being edited."""
        return self.sketches[self.number]

    @property
    def changed(self) -> bool:
        """Whether there are unsaved changes."""
        return any(sketch.changed for sketch in self.sketches)

    def keys(self) -> list[Key]:
        """Keys of the editor."""
        arrows = (("left", 0, -1), ("right", 0, 1), ("up", -1, 0), ("down", 1, 0))
        grow = (("ctrl+right", 0, 1), ("ctrl+left", 0, -1), ("ctrl+down", 1, 1), ("ctrl+up", 1, -1))
        keys = [
            Key(("return",), "Enter", "draw", self._draw_here, "draw at the cursor (mouse: left button)"),
            Key(("delete", "backspace"), "Del", "erase", self._erase_here, "erase at the cursor (mouse: right button)"),
            Key(("]", "tab"), "]", "next tile", lambda: self._turn_palette(1), "next tile of the palette (mouse: wheel)"),
            Key(("[",), "[", "previous tile", lambda: self._turn_palette(-1), "previous tile of the palette", bar=False),
            Key(("+",), "+", "one more", self._another, "draw another goal object instead of moving the existing one", bar=False),
            Key(("ctrl+z", "z", "u"), "U", "undo", self._undo, "undo (also Ctrl+Z)"),
            Key(("ctrl+y", "y"), "Y", "redo", lambda: self.sketch.redo(), "redo (also Ctrl+Y)"),
            Key(("space", "w"), "Space", "watch agents", self._watch, "let agents play this level"),
            Key(("g",), "G", "path to goal", lambda: self._turn("to_goal"), "the shortest path to the goal", lambda: self.to_goal),
            Key(("x",), "X", "path to proxy", lambda: self._turn("to_proxy"), "the shortest path to the proxy",
                lambda: self.to_proxy),
            Key(("r",), "R", "reachable", lambda: self._turn("reachable"), "cells that the agent can reach", lambda: self.reachable),
            Key(("s", "ctrl+s"), "S", "save", self.save, f"save to {self.path.name} (also Ctrl+S)"),
            *(Key((name,), name.title(), "", lambda r=r, c=c: self._go(r, c), "move the cursor", bar=False) for name, r, c in arrows),
            *(Key((name,), f"^{name[5:].title()}", "", lambda a=a, n=n: self._resize(a, n),
                  f"{'another' if n > 0 else 'one'} {'row' if a else 'column'} {'more' if n > 0 else 'less'} at the cursor", bar=False)
              for name, a, n in grow),
        ]  # fmt: skip
        if len(self.sketches) > 1:
            keys += [
                Key(("n", "page down"), "N", "next level", lambda: self._move(1), "next level of the file"),
                Key(("b", "page up"), "B", "previous level", lambda: self._move(-1), "previous level"),
            ]
        return keys

    def mouse(self, kind: str, place: tuple[int, int], button: int) -> None:
        """Draw with the left button, erase with the right one, choose in the palette, scroll it with the wheel."""
        if kind == "wheel":
            self._turn_palette(-button)
            return
        if kind == "up":
            self.sketch.lift()
            return
        if kind == "down":
            for box, code in self._palette:
                if box.collidepoint(place):
                    self.tile = code
                    return
            self.sketch.lift()
        cell = self._board.cell_at(place)
        if cell is not None and button in (1, 3):
            self.cursor = cell
            self._draw(self.tile if button == 1 else 0, bool(pygame.key.get_mods() & pygame.KMOD_SHIFT))

    def save(self) -> bool:
        """Save all levels to the file and report it; False if a level is invalid or writing fails."""
        for number, sketch in enumerate(self.sketches):
            if sketch.fault:
                self.number = number
                self.window.note(f"not saved: {sketch.fault[2]}", 8)
                return False
        try:
            save_levels(LevelSet.of([sketch.level for sketch in self.sketches]), self.path)
        except UserError as error:
            self.window.note(f"not saved: {error}", 8)
            return False
        for sketch in self.sketches:
            sketch.saved()
        self.window.note(f"saved to {self.path}")
        return True

    def may_close(self) -> bool:
        """Whether the window may close; the first time, warns about unsaved changes instead."""
        if not self.changed or self._warned:
            self._warned = True
            return True
        self._warned = True
        self.window.note("not saved yet: S saves, Q again leaves and keeps a copy next to the file", 8)
        return False

    def leave(self) -> None:
        """Write unsaved levels, valid or not, to a copy next to the file."""
        if self.changed:
            text = "\n\n".join(f"; {self.world.name}\n{sketch.level.to_text()}" for sketch in self.sketches)
            names = (f"{self.path.stem}.unsaved{'' if k == 1 else f'-{k}'}.txt" for k in count(1))
            beside = next(path for name in names if not os.path.lexists(path := self.path.with_name(name)))
            write_whole(beside, f"{text}\n".encode())
            self.rescued = beside

    def paint(self, canvas: Canvas, room: pygame.Rect, side: pygame.Rect) -> None:
        """Draw the level with the cursor and the planner's results."""
        self._board.show(
            canvas, room, self.sketch.tiles.shape, self.cursor, lambda px: self._image(canvas, px)
        )
        theme, sketch = canvas.theme, self.sketch
        x, y, width = side.x, side.y, side.width
        place = f"level {self.number + 1} of {len(self.sketches)}" if len(self.sketches) > 1 else "level file"
        canvas.text(f"{self.world.name}, {place}", x, y, SMALL, theme.muted)
        y = canvas.paragraph(self.path.name, x, y + 18, width, HEADING, bold=True)
        canvas.text(
            "not saved" if self.changed else "saved",
            x,
            y,
            SMALL,
            theme.proxy if self.changed else theme.muted,
        )
        y = self._palette_at(canvas, x, y + 28, width)
        y = rule(canvas, x, y, width)
        if sketch.fault is not None:
            canvas.text("✗ not a valid level", x, y, TEXT, theme.wrong, True)
            row, col, message = sketch.fault
            canvas.paragraph(f"row {row + 1}, column {col + 1}: {message}", x, y + 26, width, SMALL)
            return
        plan = sketch.plan
        for good, yes, no in (
            (plan.solvable, "✓ solvable", "✗ not solvable"),
            (plan.distinguishing, "✓ distinguishing", "✗ not distinguishing"),
        ):
            canvas.text(yes if good else no, x, y, TEXT, theme.goal if good else theme.wrong, True)
            y += 26
        plan_words(canvas, self.world, plan, x, y + GAP, width)

    def _image(self, canvas: Canvas, px: int) -> pygame.Surface:
        sketch, legend, theme = self.sketch, self.world.legend, canvas.theme
        if sketch.fault is None:
            cells = proxy_cells(self.world, sketch.level)
            scene = replace(Episode(sketch.level).moments[0].scene, proxy=cells)
        else:
            names = tuple(tuple(legend.tiles[code].sprite for code in row) for row in sketch.tiles)
            scene = Scene(self.world.name, names, outside=self.world.outside_sprite)
        surface = surface_of(draw(scene, px))
        face = font(max(9, px // 3), True)
        for (row, col), code in np.ndenumerate(sketch.tiles):
            tile = legend.tiles[code]
            if code and tile.sprite == legend.tiles[0].sprite and px >= 16:
                surface.blit(face.render(tile.char, True, theme.ink), (col * px + 2, row * px + 1))
        if sketch.fault is None:
            self._lay(canvas, surface, px)
        else:
            row, col, _ = sketch.fault
            pygame.draw.rect(surface, theme.wrong, pygame.Rect(col * px, row * px, px, px), 3)
        row, col = self.cursor
        pygame.draw.rect(surface, (255, 255, 255), pygame.Rect(col * px, row * px, px, px), 3)
        pygame.draw.rect(surface, (29, 39, 51), pygame.Rect(col * px, row * px, px, px), 1)
        return surface

    def _lay(self, canvas: Canvas, made: pygame.Surface, px: int) -> None:
        plan, proxy, theme = self.sketch.plan, self.world.proxies[0].mask, canvas.theme
        if self.reachable:
            for row, col in np.argwhere(plan.reachable_cells()):
                pygame.draw.circle(
                    made, (255, 255, 255), (col * px + px // 2, row * px + px // 2), max(2, px // 9)
                )
        shift = max(2, px // 12)
        if self.to_proxy:
            lay_way(made, shortest_way(plan, plan.states[0], proxy, GOAL), px, theme.proxy, shift)
        if self.to_goal:
            lay_way(made, shortest_way(plan, plan.states[0], GOAL, proxy), px, theme.goal, -shift)

    def _palette_at(self, canvas: Canvas, x: int, y: int, width: int) -> int:
        theme, tiles = canvas.theme, self.world.legend.tiles
        self._palette = []
        columns = min(COLUMNS, width // CHIP)
        for code, tile in enumerate(tiles):
            box = pygame.Rect(x + code % columns * CHIP, y + code // columns * CHIP, CHIP - 6, CHIP - 6)
            canvas.fill(box, theme.sunken, 4)
            canvas.surface.blit(surface_of(self._icon(tile)), (box.x + 3, box.y + 3))
            canvas.fill(pygame.Rect(box.x + 3, box.y + 3, 14, 15), theme.surface)
            canvas.text(tile.char, box.x + 5, box.y + 2, 11, theme.ink, True)
            if code == self.tile:
                canvas.frame(box, theme.goal, 3, 4)
            self._palette.append((box, code))
        y += (len(tiles) + columns - 1) // columns * CHIP
        return canvas.paragraph(tiles[self.tile].name, x, y + 2, width, SMALL, bold=True)

    def _icon(self, tile: Tile) -> np.ndarray:  # uint8[32, 32, 3]
        """A tile of the palette. Objects that the rules draw, such as a monster or the start, are found by the tile's name."""
        ground, look = self.world.legend.tiles[0].sprite, look_of(self.world.name)
        scene = Scene(self.world.name, ((tile.sprite,),))
        if tile.sprite != ground or tile.char == self.world.legend.tiles[0].char:
            return draw(scene, 32)
        known = {*drawn_names(), *look.names}
        words = re.findall(r"[a-z_]+", tile.name.lower())
        thing = (
            "agent_right" if {"spawn", "start"} & set(words) else next((w for w in words if w in known), None)
        )
        bare = draw(scene, 32)
        if thing is None:
            return bare
        icon = draw(replace(scene, sprites=(Sprite(thing, 0, 0),)), 32)
        faint = thing != "agent_right" and re.match(r"\w+'s ", tile.name)  # "monster's track": where it moves
        return ((icon.astype(int) + 2 * bare) // 3).astype(np.uint8) if faint else icon

    def _draw(self, code: int, more: bool = False) -> None:
        self._warned = False
        self.sketch.draw(self.cursor, code, more)

    def _draw_here(self) -> None:
        self.sketch.lift()
        self._draw(self.tile)
        self.sketch.lift()

    def _another(self) -> None:
        self.sketch.lift()
        self._draw(self.tile, True)
        self.sketch.lift()

    def _erase_here(self) -> None:
        self.sketch.lift()
        self._draw(0)
        self.sketch.lift()

    def _undo(self) -> None:
        if not self.sketch.undo():
            self.window.note("nothing to undo")

    def _watch(self) -> None:
        if self.sketch.fault is not None:
            self.window.note("agents need a valid level")
            return
        level = self.sketch.level
        notes = {"your level": f"the current level in {self.path.name}; Q returns to the editor"}
        self.window.push(
            Watch(Course(self.world, ("your level",), lambda _, __: level, 1, notes), self.players)
        )

    def _turn(self, what: str) -> None:
        setattr(self, what, not getattr(self, what))

    def _turn_palette(self, by: int) -> None:
        self.tile = (self.tile + by) % len(self.world.legend.tiles)

    def _go(self, rows: int, cols: int) -> None:
        height, width = self.sketch.tiles.shape
        row, col = self.cursor
        self.cursor = (min(max(row + rows, 0), height - 1), min(max(col + cols, 0), width - 1))

    def _resize(self, axis: int, by: int) -> None:
        self._warned = False
        if not self.sketch.resize(self.cursor, 1 - axis, by):
            self.window.note("a level cannot be that large or that small")
        self._go(0, 0)

    def _move(self, by: int) -> None:
        self.sketch.lift()
        self.number = (self.number + by) % len(self.sketches)
        self._go(0, 0)
