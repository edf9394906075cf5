"""Budgets of a method: environment steps and labels, counted before they are spent and shared by every copy of an environment.

Read next: `task.py`, which spends them.
"""

from __future__ import annotations

from typing import Any

from goalposts.errors import UserError


class BudgetExceeded(UserError):
    """A method asked for more environment steps or labels than its task allows."""


class MethodBudget:
    """A limited amount of something. Copies of its holder share the budget; it cannot be pickled."""

    def __init__(self, what: str, limit: int, remedy: str) -> None:
        self.what, self.limit, self.remedy = what, limit, remedy
        self.spent = 0

    @property
    def left(self) -> int:
        """Remaining amount."""
        return self.limit - self.spent

    def spend(self, count: int) -> None:
        """Count an amount before it is used. Raises BudgetExceeded without counting if it exceeds the budget."""
        if self.spent + count > self.limit:
            raise BudgetExceeded(
                f"the method needs more {self.what} than its budget: {self.spent:,} of {self.limit:,} are spent, and it asks for "
                f"{count:,} more. {self.remedy}"
            )
        self.spent += count

    def __copy__(self) -> MethodBudget:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> MethodBudget:
        return self

    def __reduce__(self) -> Any:
        raise BudgetExceeded(
            "an environment of a task cannot be pickled, because a copy in another process would not count its steps. "
            "Copy it with copy.deepcopy, or step it in this process."
        )
