"""Conformance tests of the world contract, for any world: `python -m goalposts.experiments.conformance`."""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .suite import WorldFault as WorldFault, check_world as check_world

__getattr__, __all__ = lazy_exports(__name__)
