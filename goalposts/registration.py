"""The gymnasium ids: `goalposts/<World>-v0` for every world, by entry points given as text.

It imports neither a world nor the engine, and not even gymnasium: where gymnasium is not loaded yet, the ids are
entered at the moment when it is. So `goalposts --help` need not wait for it (0.15 s), and the order of imports does
not matter. Read next: `envs/faces.py`, which the entry points name.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

WORLDS = ("CoinRun",)
"""Names of the worlds that have an id; the rules of each stand in `envs/worlds/`."""


def register_with_gymnasium() -> None:
    """Enter the ids now if gymnasium is loaded, else as soon as somebody imports it."""
    if "gymnasium" in sys.modules:
        _enter_ids()
    else:
        sys.meta_path.insert(0, _GymnasiumWatcher())


def _enter_ids() -> None:
    import gymnasium

    for world in WORLDS:
        gymnasium.register(
            id=f"goalposts/{world}-v0",
            entry_point="goalposts.envs.faces:make_env",
            vector_entry_point="goalposts.envs.faces:make_vector_env",
            kwargs={"world": world},
        )


class _GymnasiumWatcher:
    """Lets gymnasium be imported as ever, then enters the ids, and is gone. A mere search for it changes nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "gymnasium":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_then_enter_ids(module: ModuleType) -> None:
            run(module)
            sys.meta_path.remove(self)
            _enter_ids()

        spec.loader.exec_module = run_then_enter_ids
        return spec
