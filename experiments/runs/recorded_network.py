"""A checkpoint's network as text for the live part of a report, without torch.

Weights are whole numbers of two bytes or one, with a scale for each unit: nearer to the weights than half-precision floats.
Read next: `experiments/publish/weights.py`, which packs a loaded policy; `experiments/report/live/network.js`, which computes with it.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from goalposts.errors import UserError
from goalposts.process.budget import reading_budget
from goalposts.safe_read import read_ordinary

from .run import Run

MAX_JSON, MAX_WEIGHTS = 1 << 20, 1 << 26  # a live page holds far smaller networks than a checkpoint may
_LAYER = re.compile(
    r"(features_extractor\.layers|mlp_extractor\.(?:policy|value)_net)\.(\d{1,3})\.(weight|bias)"
)
_COPIES = ("pi_features_extractor.", "vf_features_extractor.")  # SB3 lists the shared layers three times
_HEADS = {f"{head}_net.{part}" for head in ("action", "value") for part in ("weight", "bias")}


class NotLiveError(UserError):
    """An agent whose network a page cannot compute."""


def recorded_network(run: Run, in_bytes: bool = False) -> dict[str, Any]:
    """The network of a run's last checkpoint, as `weights.packed_network` gives it. Raises NotLiveError."""
    last = run.latest_checkpoint()
    if last is None:
        raise NotLiveError(f"{run.path} holds no agent")
    card = _card(last.path)
    plain = card.get("algorithm", "PPO") == "PPO" and not card.get("options")
    if not plain or card.get("observation") == "rgb":
        recurrent = str(card.get("algorithm", "")).startswith("Recurrent")
        what = (
            "sees pixels"
            if plain
            else "remembers what it saw"
            if recurrent
            else "has another kind of network"
        )
        raise NotLiveError(f"{run.path} {what}")
    arrays = _arrays(last.path / "model.safetensors")
    parts = [
        _layers(arrays, "features_extractor.layers"),
        [*_layers(arrays, "mlp_extractor.policy_net"), "action_net"],
        [*_layers(arrays, "mlp_extractor.value_net"), "value_net"],
    ]
    if any(
        _LAYER.fullmatch(name) is None
        for name in arrays
        if name not in _HEADS and not name.startswith(_COPIES)
    ):
        raise NotLiveError(f"{run.path} has layers of another kind")
    trunk, pi, vf = (
        [
            packed_arrays(_numbers(arrays, f"{name}.weight"), _numbers(arrays, f"{name}.bias"), in_bytes)
            for name in names
        ]
        for names in parts
    )
    _check_chain(run.path, card, trunk, pi, vf)
    return {"trunk": trunk, "pi": pi, "vf": vf, "bf16": card.get("precision") == "bf16"}


def packed_arrays(weights: np.ndarray, bias: np.ndarray, in_bytes: bool) -> dict[str, Any]:
    """One layer, float[outputs, inputs], as base64 text [input][output], and by what each unit's numbers are multiplied."""
    weights = weights.astype(np.float64).T
    most, kind = (127, "<i1") if in_bytes else (32_767, "<i2")
    scale = np.maximum(np.abs(weights).max(axis=0) / most, 1e-30).astype("<f4")
    whole = np.clip(np.round(weights / scale.astype(float)), -most, most).astype(kind)
    return {
        "w": encoded(whole),
        "b": encoded(bias.astype("<f4")),
        "scale": encoded(scale),
        "inputs": weights.shape[0],
        "outputs": weights.shape[1],
    }


def encoded(numbers: np.ndarray) -> str:
    """Base64 of an array's bytes."""
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def _card(folder: Path) -> Mapping[str, Any]:
    try:
        card = json.loads(read_ordinary(folder / "checkpoint.json", MAX_JSON, follow=False).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise NotLiveError(f"{folder / 'checkpoint.json'} cannot be read")
    return card


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file that anyone may have written. Raises NotLiveError."""
    try:
        content = read_ordinary(path, MAX_WEIGHTS, follow=False)
        names = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else 0
        if not 0 < names <= MAX_JSON:
            raise ValueError
        reading_budget().claim(4 * len(content), path)
        return load_arrays(content)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, struct.error):
        raise NotLiveError(f"{path} cannot be read") from None


def _layers(arrays: Mapping[str, Any], prefix: str) -> list[str]:
    numbers = {int(m[2]) for name in arrays if (m := _LAYER.fullmatch(name)) and m[1] == prefix}
    return [f"{prefix}.{k}" for k in sorted(numbers)]


def _numbers(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    weights = arrays.get(name)
    if (
        weights is None
        or weights.dtype != np.float32
        or not np.isfinite(weights).all()
        or weights.ndim != 2 - name.endswith("bias")
    ):
        raise NotLiveError(f"the weights {name} are missing or damaged")
    return weights


def _check_chain(path: Path, card: Mapping[str, Any], *parts: list[dict[str, Any]]) -> None:
    """Raise NotLiveError unless each layer takes what the one before gives, and the first what the agent observes."""
    trunk, pi, vf = parts
    shape = card.get("shape")
    inputs = int(np.prod(shape)) if isinstance(shape, list) and all(type(n) is int for n in shape) else -1
    for chain, outputs in ((trunk + pi, card.get("n_actions")), (trunk + vf, 1)):
        widths = [inputs, *(layer["outputs"] for layer in chain)]
        if widths[-1] != outputs or any(
            layer["inputs"] != n for layer, n in zip(chain, widths, strict=False)
        ):
            raise NotLiveError(f"{path} has layers that do not fit each other")
