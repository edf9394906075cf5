"""A pygame window that shows views, forwards keys and mouse to them, and lists their keys at the bottom.

The views do the watching, playing and editing: `watch.py`, `play.py`, `edit.py`. Nothing
else imports pygame, and these files are imported only when a window is requested.
"""

from __future__ import annotations

from pathlib import Path

from goalposts.text import plain

from .canvas import DARK, HEADING, LIGHT, SMALL, TEXT, Canvas, key_width, pygame
from .display import WindowError, open_display
from .opening import SIZE
from .view import Key, View

SMALLEST = (640, 420)
SIDE, MARGIN = 330, 18
FRAMES = 60  # per second
HELD = (
    pygame.K_LSHIFT,
    pygame.K_RSHIFT,
    pygame.K_LCTRL,
    pygame.K_RCTRL,
    pygame.K_LALT,
    pygame.K_RALT,
    pygame.K_LMETA,
    pygame.K_RMETA,
    pygame.K_CAPSLOCK,
    pygame.K_MODE,
)


class Window:
    """A window on the screen. Raises WindowError without a screen. Close it with `close` or use it as a context manager."""

    def __init__(self, view: View, size: tuple[int, int] = SIZE, dark: bool = False) -> None:
        self.surface = open_display(size, resizable=True)
        pygame.key.set_repeat(280, 110)
        self.dark, self.help, self.open = dark, False, True
        self.views: list[View] = []
        self._note, self._note_ms = "", 0
        self._chips: list[tuple[pygame.Rect, Key]] = []
        self.push(view)

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def view(self) -> View:
        """The visible view."""
        return self.views[-1]

    def push(self, view: View) -> None:
        """Show another view until it is closed."""
        view.window = self
        self.views.append(view)

    def note(self, words: str, seconds: float = 4) -> None:
        """Show a message for some seconds."""
        self._note, self._note_ms = words, round(1000 * seconds)

    def run(self) -> None:
        """Run until the window is closed."""
        clock = pygame.time.Clock()
        while self.open:
            self.frame(clock.tick(FRAMES))

    def frame(self, ms: int) -> None:
        """Handle pending events, advance by `ms` milliseconds, and paint."""
        for event in pygame.event.get():
            self._take(event)
        if not self.open:
            return
        if not self.help:
            self.view.tick(ms)
        self._note_ms -= ms
        self.paint()
        pygame.display.flip()

    def press(self, name: str) -> bool:
        """Press a key by its name, see `name_of`; returns whether it had an effect."""
        if self.help and name != "?":
            self.help = False
            return True
        for key in self._keys():
            if name in key.names:
                key.do()
                return True
        return self.view.typed(name)

    def press_all(self, names: str) -> None:
        """Press several keys, such as `right*5 v`; `wait` advances by a second. Raises WindowError for an unknown key."""
        for word in names.split():
            name, _, times = word.partition("*")
            if not (times.isdecimal() or (not times and "*" not in word)) or int(times or 1) > 10_000:
                raise WindowError(f"{word}: must be a key or a key with a count, such as right*5")
            for _ in range(int(times or 1)):
                if name != "wait" and not self.press(name.replace("_", " ")):
                    keys = ", ".join(key.names[0].replace(" ", "_") for key in self._keys())
                    raise WindowError(f"no key {name!r} here; must be one of wait, {keys}")
                self.frame(1000 if name == "wait" else 0)
                if not self.open:
                    return

    def save_image(self, path: str | Path) -> None:
        """Save a screenshot as PNG. Raises WindowError if it cannot be written."""
        self.paint()
        try:
            pygame.image.save(self.surface, str(path))
        except (pygame.error, OSError) as error:
            raise WindowError(f"{path} cannot be written ({error}); choose another place") from None

    def close(self) -> None:
        """Let every view save its data, and close."""
        self.open = False
        while self.views:
            self.views.pop().leave()
        pygame.display.quit()

    def back(self) -> None:
        """Close the visible view; the last one closes the window."""
        if not self.view.may_close():
            return
        if len(self.views) > 1:
            self.views.pop().leave()
        else:
            self.open = False

    def paint(self) -> None:
        """Draw everything."""
        canvas = Canvas(self.surface, DARK if self.dark else LIGHT)
        theme = canvas.theme
        canvas.surface.fill(theme.paper)
        pygame.display.set_caption(plain(self.view.title, 200))
        width, height = canvas.size
        bar = self._bar(canvas)
        side = pygame.Rect(width - SIDE, 0, SIDE, height - bar)
        canvas.fill(side, theme.surface)
        pygame.draw.line(canvas.surface, theme.rule, side.topleft, side.bottomleft)
        room = pygame.Rect(MARGIN, MARGIN, width - SIDE - 2 * MARGIN, height - bar - 2 * MARGIN)
        canvas.surface.set_clip(pygame.Rect(0, 0, width, height - bar))
        self.view.paint(canvas, room, side.inflate(-2 * MARGIN, -2 * MARGIN))
        canvas.surface.set_clip(None)
        if self._note_ms > 0:
            self._banner(canvas, room)
        if self.help:
            self._help(canvas)

    def _keys(self) -> list[Key]:
        last = "close" if len(self.views) == 1 else "go back"
        return [
            *self.view.keys(),
            Key(("d",), "D", "dark", self._turn_dark, "dark or light", lambda: self.dark, bar=False),
            Key(("?", "f1"), "?", "help", self._turn_help, "show or hide this help"),
            Key(("q", "escape"), "Q", last, self.back, f"{last} (also Esc)"),
        ]

    def _turn_dark(self) -> None:
        self.dark = not self.dark

    def _turn_help(self) -> None:
        self.help = not self.help

    def _take(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self.open = False
        elif event.type == pygame.KEYDOWN:
            if event.key not in HELD:  # Shift alone is ignored: it precedes the ? that closes the help
                self.press(name_of(event))
        elif event.type == pygame.VIDEORESIZE:
            wide, high = (max(a, b) for a, b in zip(event.size, SMALLEST, strict=True))
            if (wide, high) != self.surface.get_size():
                self.surface = pygame.display.set_mode((wide, high), pygame.RESIZABLE)
        elif event.type != pygame.MOUSEBUTTONDOWN or event.button != 1 or not self._clicked(event.pos):
            self._take_mouse(event)

    def _take_mouse(self, event: pygame.event.Event) -> None:
        if self.help:
            return
        if event.type == pygame.MOUSEBUTTONDOWN and event.button in (1, 3):
            self.view.mouse("down", event.pos, event.button)
        elif event.type == pygame.MOUSEBUTTONUP and event.button in (1, 3):
            self.view.mouse("up", event.pos, event.button)
        elif event.type == pygame.MOUSEMOTION:
            self.view.mouse("move", event.pos, 1 if event.buttons[0] else 3 if event.buttons[2] else 0)
        elif event.type == pygame.MOUSEWHEEL:
            self.view.mouse("wheel", pygame.mouse.get_pos(), event.y)

    def _clicked(self, place: tuple[int, int]) -> bool:
        if self.help:
            self.help = False
            return True
        for box, key in self._chips:
            if box.inflate(6, 6).collidepoint(place):
                key.do()
                return True
        return False

    def _bar(self, canvas: Canvas) -> int:
        """Draw the key bar at the bottom, in as many rows as needed; returns its height."""
        width, height = canvas.size
        keys = [key for key in self._keys() if key.bar]
        rows: list[list[Key]] = [[]]
        taken = MARGIN
        for key in keys:
            wide = key_width(key.shown, key.label) + 20
            if rows[-1] and taken + wide > width:
                rows.append([])
                taken = MARGIN
            rows[-1].append(key)
            taken += wide
        high = 34 * len(rows) + 14
        box = pygame.Rect(0, height - high, width, high)
        canvas.fill(box, canvas.theme.sunken)
        pygame.draw.line(canvas.surface, canvas.theme.rule, box.topleft, box.topright)
        self._chips = []
        for number, row in enumerate(rows):
            x = MARGIN
            for key in row:
                lit = key.lit is not None and key.lit()
                chip = canvas.key(key.shown, key.label, x, box.y + 12 + 34 * number, lit)
                self._chips.append((chip, key))
                x = chip.right + 20
        return high

    def _banner(self, canvas: Canvas, room: pygame.Rect) -> None:
        box = pygame.Rect(room.x, room.bottom - 40, room.width, 40)
        canvas.fill(box, canvas.theme.ink, 8)
        canvas.text(self._note, box.x + 16, box.y + 10, TEXT, canvas.theme.paper, True, width=box.width - 32)

    def _help(self, canvas: Canvas) -> None:
        theme, keys = canvas.theme, self._keys()
        veil = pygame.Surface(canvas.size, pygame.SRCALPHA)
        veil.fill((10, 14, 18, 150))
        canvas.surface.blit(veil, (0, 0))
        half = (len(keys) + 1) // 2
        box = pygame.Rect(0, 0, min(canvas.size[0] - 40, 980), 110 + 34 * half)
        box.center = canvas.surface.get_rect().center
        canvas.fill(box, theme.paper, 12)
        canvas.text("Keys", box.x + 28, box.y + 22, HEADING, bold=True)
        canvas.text("press any key to return", box.right - 28, box.y + 28, SMALL, theme.muted, right=True)
        for number, key in enumerate(keys):
            x = box.x + 28 + (number // half) * (box.width // 2 - 10)
            y = box.y + 70 + 34 * (number % half)
            cap = canvas.key(key.shown, "", x, y, key.lit is not None and key.lit())
            canvas.text(
                key.tells or key.label, max(x + 76, cap.right + 8), y + 3, TEXT, width=box.width // 2 - 120
            )


def name_of(event: pygame.event.Event) -> str:
    """Name of a key: the character that it types, or a name such as space, right, page down, ctrl+s."""
    if event.mod & (pygame.KMOD_CTRL | pygame.KMOD_META):
        return f"ctrl+{pygame.key.name(event.key)}"
    typed = getattr(event, "unicode", "")
    if len(typed) == 1 and typed.isprintable() and not typed.isspace():
        return typed.lower() if typed.isalpha() and not event.mod & pygame.KMOD_SHIFT else typed
    return pygame.key.name(event.key)
