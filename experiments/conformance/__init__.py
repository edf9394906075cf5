"""The contract of a world, as a test suite for any world: `python -m goalposts.experiments.conformance`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .suite import WorldFault, check_world

__all__ = ["WorldFault", "check_world"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import suite

        return getattr(suite, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
