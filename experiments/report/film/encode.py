"""Encode films and images as GIF, MP4 and PNG, written atomically.

A GIF has one palette for all frames, with exact colours up to 255 of them, which suffices for pixel art; equal frames give
equal bytes. MP4 needs the extra `video`. `film.py` composes the frames.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from goalposts.closest import closest
from goalposts.errors import UserError
from goalposts.safe_folder import open_below, remove_file, rename
from goalposts.safe_write import sync_file

from ...system.atomic_files import disk_errors, sync_folder, unfinished_name, write_atomic

Pixels = np.ndarray  # uint8[height, width, 3]

CLEAR = (255, 0, 254)  # of pixels that a GIF leaves transparent; other formats show them dark
GROUND = (27, 30, 40)
HOLD = 1.6  # seconds for which the last frame stays before the film repeats
_COLOURS = 255  # one of 256 is reserved for "as in the previous frame", which makes the files small


class FilmError(UserError):
    """A film that cannot be written as asked."""


def save(frames: Sequence[Pixels], path: Path, fps: float = 8) -> None:
    """Write frames in the format of the path's suffix: .gif, .mp4, or .png for a single one.

    Raises FilmError for another suffix, several frames in a PNG, a speed outside 1 to 50 frames per second or a missing
    `imageio-ffmpeg`, and RunError if the disk refuses.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        hint = closest(path.suffix, _WRITERS, lambda suffix: path.stem + suffix)
        raise FilmError(f"cannot write {path}: the name must end in one of {', '.join(_WRITERS)}.{hint}")
    if not 1 <= fps <= 50:
        raise FilmError(f"{fps:g} frames per second cannot be written; must be 1 to 50")
    if not len(frames):
        raise FilmError(f"cannot write {path}: there is no frame to write")
    writer(frames if writer is write_gif else [_on_ground(frame) for frame in frames], path, fps)


def _on_ground(frame: Pixels) -> Pixels:
    """The image with its transparent pixels in a dark colour."""
    clear = (frame == CLEAR).all(2)
    return np.where(clear[..., None], np.array(GROUND, np.uint8), frame) if clear.any() else frame


def write_gif(frames: Sequence[Pixels], path: Path, fps: float = 8) -> None:
    """Write a GIF that repeats forever and holds its last frame for `HOLD` seconds."""
    palette, index_of = _palette(frames)
    images, clear = [], index_of[CLEAR[0] << 16 | CLEAR[1] << 8 | CLEAR[2]]
    transparency = {} if clear < 0 else {"transparency": int(clear)}
    for frame in frames:
        indices = index_of[_packed(frame)].astype(np.uint8)
        image = Image.frombytes("P", (frame.shape[1], frame.shape[0]), indices.tobytes())
        image.putpalette(palette.tobytes())
        images.append(image)
    tick = 10 * round(100 / fps)  # milliseconds; a GIF's delays are multiples of 10 ms
    durations = [tick] * (len(images) - 1) + [round(HOLD * 1000)]

    def write(file) -> None:
        images[0].save(
            file,
            "GIF",
            save_all=True,
            append_images=images[1:],
            duration=durations,
            loop=0,
            disposal=1,
            optimize=False,
            **transparency,
        )

    write_atomic(path, write)


def write_png(frames: Sequence[Pixels], path: Path, fps: float = 8) -> None:
    """Write a single image. `fps` is not used."""
    if len(frames) != 1:
        raise FilmError(
            f"cannot write {len(frames)} frames into {path}: a .png holds one; choose .gif, or make a strip"
        )
    image = Image.fromarray(np.ascontiguousarray(frames[0]))
    write_atomic(path, lambda file: image.save(file, "PNG", optimize=True))


def write_mp4(frames: Sequence[Pixels], path: Path, fps: float = 8) -> None:
    """Write an H.264 film that every browser plays; repeats a row or column if a side is odd."""
    try:
        from imageio_ffmpeg import write_frames
    except ImportError:
        raise FilmError(
            f"cannot write {path}: MP4 needs the package imageio-ffmpeg. Install it with "
            "`pip install 'goalposts[video]'`, or choose a name that ends in .gif."
        ) from None
    height, width = frames[0].shape[:2]
    pad = ((0, height % 2), (0, width % 2), (0, 0))
    size = (width + width % 2, height + height % 2)
    options: dict[str, Any] = {"fps": fps, "codec": "libx264", "quality": 7, "macro_block_size": 2}
    part = unfinished_name(path)
    with disk_errors(path, "write"):
        try:
            os.close(open_below(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            sink = write_frames(
                str(part), size, output_params=["-f", "mp4", "-movflags", "+faststart"], **options
            )
            with closing(sink):
                sink.send(None)
                for number in [*range(len(frames)), *[len(frames) - 1] * round(HOLD * fps)]:
                    sink.send(np.ascontiguousarray(np.pad(frames[number], pad, "edge")))
            with open(open_below(part, os.O_RDWR), "rb+") as file:
                sync_file(file.fileno())
            rename(part, path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                remove_file(part)
            raise


_WRITERS: dict[str, Callable[[Sequence[Pixels], Path, float], None]] = {
    ".gif": write_gif,
    ".mp4": write_mp4,
    ".png": write_png,
}


def _palette(frames: Sequence[Pixels]) -> tuple[np.ndarray, np.ndarray]:
    """Compute the palette uint8[n, 3] of all frames, and the palette index of every colour 0xRRGGBB, int32[2**24].

    If there are too many colours, the most frequent are kept, and the others are mapped to the nearest of those.
    """
    index_of = np.full(1 << 24, -1, np.int32)
    for frame in frames:
        index_of[_packed(frame)] = 0
    colours = np.flatnonzero(index_of == 0)
    index_of[colours] = np.arange(len(colours))
    if len(colours) > _COLOURS:
        counts = sum(
            np.bincount(index_of[_packed(frame)].ravel(), minlength=len(colours)) for frame in frames
        )
        kept = np.sort(np.argsort(-counts, kind="stable")[:_COLOURS])
        index_of[colours] = _nearest(_unpacked(colours), _unpacked(colours[kept]))
        colours = colours[kept]
    return _unpacked(colours), index_of


def _nearest(
    colours: np.ndarray, choice: np.ndarray
) -> np.ndarray:  # int[n]: the index of the nearest choice
    wanted, offered = colours.astype(np.int32), choice.astype(np.int32)
    pieces = [
        ((wanted[start : start + 4096, None] - offered[None]) ** 2).sum(2).argmin(1)
        for start in range(0, len(wanted), 4096)
    ]
    return np.concatenate(pieces)


def _packed(frame: Pixels) -> np.ndarray:  # int32[h, w]: 0xRRGGBB
    parts = frame.astype(np.int32)
    return parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]


def _unpacked(colours: np.ndarray) -> np.ndarray:  # uint8[n, 3]
    return np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], 1).astype(np.uint8)
