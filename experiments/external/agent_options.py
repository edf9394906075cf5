"""How to load an agent that the command line names. Loads no torch, so that every command can import it. Read next: `named_agent.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goalposts.errors import UserError


@dataclass(frozen=True)
class AgentOptions:
    """How to load an agent of the command line. trust: pickled files may be read; frames, vec_normalize: see `load_sb3`."""

    trust: bool = False
    frames: int = 1
    vec_normalize: Path | None = None

    def refuse_for_runs(self, observation: str, levels: int | None = None) -> None:
        """Refuse options that a run folder would ignore. Raises UserError."""
        given = {
            "--levels": levels is not None,
            "--observation": observation != "view",
            "--trust": self.trust,
            "--frames": self.frames != 1,
            "--vec-normalize": self.vec_normalize is not None,
        }
        if names := [name for name, is_given in given.items() if is_given]:
            raise UserError(
                f"{' and '.join(names)}: only for an agent that is not a run (module:NAME, or a zip); a run has these settings in its "
                "config, so leave them out"
            )
