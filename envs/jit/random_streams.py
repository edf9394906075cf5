"""Counter-based random streams: the only source of randomness in levels, identical on every machine.

A stream is a `uint64[1]` array. `open_stream` keys it by integers (world, seed, index, purpose, attempt), so
level k of a seed never depends on what was drawn before, by what, or in which order. SplitMix64 (Steele, Lea and
Flood 2014, "Fast splittable pseudorandom number generators") does the mixing; its quality suffices for levels and action noise.
Not for cryptography. Read next: `envs/generation/generate.py`, which draws levels, and `envs/engine/engine.py`, which draws level numbers.
"""

import numpy as np
from numba import njit

from .kernels import inlined, kernel

U64 = np.uint64
_GAMMA = U64(0x9E3779B97F4A7C15)
_MUL_1 = U64(0xBF58476D1CE4E5B9)
_MUL_2 = U64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = U64(30), U64(27), U64(31), U64(11)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53

# Purposes of a key: one word of `key_of`, so that no two uses share a key. Changing these numbers changes levels and noise.
LAYOUT, OFF_PATH, GOAL_CELL, PLACING = 1, 2, 3, 4
HASH = 7
TRAINING_SLIP, EPISODE_LEVEL = 11, 13
ACTION_NOISE, EVALUATION_SLIP = 17, 19


@inlined
def mix(z):
    """SplitMix64's finaliser, a bijection uint64 → uint64."""
    z = (z ^ (z >> _S30)) * _MUL_1
    z = (z ^ (z >> _S27)) * _MUL_2
    return z ^ (z >> _S31)


@njit(inline="always")
def combine(key, word):
    """Fold another word into a key; the order matters."""
    return mix((key ^ mix(U64(word) + _GAMMA)) + _GAMMA)


@inlined
def unit(key):
    """Convert a key to a float64 in [0, 1)."""
    return np.float64(key >> _S11) * _TO_UNIT


@njit(inline="always")
def draw(stream):
    """Draw the next uint64 and advance the stream."""
    stream[0] = stream[0] + _GAMMA
    return mix(stream[0])


@inlined
def draw_unit(stream):
    """Draw the next float64 in [0, 1)."""
    return unit(draw(stream))


@njit(inline="always")
def draw_below(stream, n):
    """Draw the next integer in 0 … n−1 (n ≥ 1; the bias of less than n/2**53 is negligible)."""
    return np.int64(draw_unit(stream) * n)


@njit(inline="always")
def draw_between(stream, low, high):
    """Draw the next integer in low … high, both inclusive."""
    return low + np.int64(draw_unit(stream) * (high - low + 1))


@inlined
def _key(a, b, c, d):
    return combine(combine(combine(combine(U64(0), a), b), c), d)


@njit(inline="always")
def key_of(a, b, c, d):
    """Build a key from four integers, one of which is its purpose."""
    return _key(U64(a), U64(b), U64(c), U64(d))  # of one type, so that only one version is compiled


@kernel
def hash_bytes(flat, n, height, width):
    """Hash the first n codes of a flat uint8 array and its shape to a uint64."""
    key = key_of(height, width, n, HASH)
    word = U64(0)
    filled = 0
    for i in range(n):
        word = (word << U64(8)) | U64(flat[i])
        filled += 1
        if filled == 8:
            key = combine(key, word)
            word = U64(0)
            filled = 0
    return combine(key, word)


def level_numbers(seeds: np.ndarray, episodes: np.ndarray, n_levels: int) -> np.ndarray:
    """Level index in 0 … n_levels−1 for each (seed uint64, episode int64): int64[n]."""
    out = np.empty(len(seeds), np.int64)
    _number_levels(seeds, episodes, n_levels, out)
    return out


@kernel
def _number_levels(seeds, episodes, n_levels, out):
    for i in range(len(seeds)):
        out[i] = np.int64(key_of(seeds[i], episodes[i], 0, EPISODE_LEVEL) % U64(n_levels))


def hash_stack(tiles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`hash_bytes` of each level in uint8[N, H, W], cropped to its size int32[N, 2]: uint64[N]."""
    out = np.empty(len(tiles), np.uint64)
    _hash_stack(tiles, sizes, np.empty(tiles[0].size if len(tiles) else 0, np.uint8), out)
    return out


@kernel
def _hash_stack(tiles, sizes, flat, out):
    for i in range(len(tiles)):
        rows, cols = sizes[i]
        for r in range(rows):
            for c in range(cols):
                flat[r * cols + c] = tiles[i, r, c]
        out[i] = hash_bytes(flat, np.int64(rows * cols), np.int64(rows), np.int64(cols))
