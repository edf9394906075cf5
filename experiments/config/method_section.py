"""The `method` section of a config: which method trains the agent, its options and its budgets.

    method: plr                                     a shipped method with its defaults
    method: {name: plr, replay: 0.3}                its options are written next to its name
    method: {name: "my_file:MyMethod", labels: 10}  a custom one, whose source is hashed

A resolved config spells out all options, and for custom code its SHA-256, so two methods never share a hash. Trains nothing.
Read next: `agents/methods/registry.py`; `schema.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from goalposts.errors import UserError

from .fields import ConditionName, Count, Section, Whole
from .train_section import Plain


class MethodConfig(Section):
    """The method that trains the agent, with its options and its budgets. The method's options are written next to its name."""

    LATER = frozenset({"unlabelled"})

    name: str = Field(max_length=300, description="a shipped method, or a custom one as module:NAME")
    steps: Count | None = Field(
        default=None,
        description="environment steps that it may take; null: those of train.total_steps, in whole rollouts",
    )
    labels: Whole = Field(default=0, description="shifted levels that it may see, one label each")
    unlabelled: Whole = Field(
        default=0, description="shifted inputs that it may see without their levels, rewards or outcomes"
    )
    labels_from: ConditionName | None = Field(
        default=None,
        description="condition of the levels that cost labels, and of unlabelled inputs; null: the world's usual shift",
    )
    options: dict[str, Plain] = Field(
        default={},
        max_length=100,
        description="options of the method; they may also be written next to its name",
    )
    source: str | None = Field(
        default=None, max_length=64, description="SHA-256 of a custom method's source; filled in"
    )

    @model_validator(mode="before")
    @classmethod
    def _resolved(cls, value: Any) -> Any:
        """Short spellings written out, every option with its value, and the hash of custom code that the user has named."""
        written = _written_out(value, set(cls.model_fields))
        if not isinstance(written, dict) or not isinstance(written.get("name"), str):
            return written
        from ...agents.methods.registry import check_options
        from ...agents.named_code import find_code

        try:
            written["options"] = check_options(written["name"], written["options"])
        except UserError as error:
            raise ValueError(str(error)) from error
        code = find_code(written["name"])
        if code is not None and written.get("source") is None:
            written["source"] = code.digest
        return written


def _written_out(value: Any, keys: set[str]) -> Any:
    """`plr` alone as a section, and options from next to the name under `options`; what is neither stays as it is."""
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("options", {}), Mapping):
        return value
    own = {key: entry for key, entry in value.items() if key in keys}
    more = {key: entry for key, entry in value.items() if key not in keys}
    return {**own, "options": {**own.get("options", {}), **more}}
