"""Lazy package exports: names that are imported on first use, so that light commands do not load torch.

A package lists them once, as imports under `if TYPE_CHECKING:`, where type checkers and editors find them too.
"""

import ast
from collections.abc import Callable
from importlib import import_module, util
from importlib.abc import InspectLoader
from typing import Any


def lazy_exports(package: str, first: str = "") -> tuple[Callable[[str], Any], list[str]]:
    """Build a package's `__getattr__` and `__all__` from the imports under its `if TYPE_CHECKING:`.

    first: a module to import before any name. Raises ImportError if the package has no source.
    """
    spec = util.find_spec(package)
    loader = spec.loader if spec else None
    source = loader.get_source(package) if isinstance(loader, InspectLoader) else None
    if source is None:
        raise ImportError(f"the source of {package} is missing, which lists its names")
    block = next(node for node in ast.parse(source).body if isinstance(node, ast.If))
    home = {
        alias.asname or alias.name: ("." * node.level + (node.module or ""), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if first:
            import_module(first, package)
        module, original = home[name]
        value = getattr(import_module(module, package), original)
        vars(import_module(package))[name] = value
        return value

    return load, sorted(home)
