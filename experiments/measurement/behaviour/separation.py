"""Hypotheses that the shift does not separate, compared on the probes that do: does it go to the edge, or just move right?

In CoinRun the edge is the last column of an `off_path` level, so "right edge" and "move right" predict the same there, and attribution
lists only one of them. Where a level continues past the edge they differ. This module compares the two on the probes' episodes, by the
evidence that attribution computes for them anyway. Read next: `experiments/measurement/attribution.py`; `naming.py`, for names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..attribution import TIED, Attribution


@dataclass(frozen=True)
class Lead:
    """How much better a target explains the episodes of one probe than a proxy: in nats, negative if the proxy does better.

    shared: the episodes together, as those of one agent; each: the sum over single episodes, each with new parameters.
    """

    condition: str
    shared: float
    each: float

    @property
    def sign(self) -> int:
        """1 for the target, −1 for the proxy, 0 for undecided: the two poolings disagree, or the shared lead is within 3 nats."""
        if abs(self.shared) < TIED or self.shared * self.each <= 0:
            return 0
        return 1 if self.shared > 0 else -1


@dataclass(frozen=True)
class Separation:
    """A proxy that explains the episodes of the shift best, and a target that these levels do not separate from it."""

    shift: str
    proxy: str
    target: str
    leads: tuple[Lead, ...]  # of the target over the proxy, on the probes that were played

    @property
    def better(self) -> str | None:
        """The one that explains the probes' episodes better; None if no probe decides it, or if probes disagree."""
        signs = {lead.sign for lead in self.leads} - {0}
        if len(signs) != 1:
            return None
        return self.target if signs == {1} else self.proxy

    @property
    def sentence(self) -> str:
        """The finding, without a full stop."""
        proxy, target = _quoted(self.proxy), _quoted(self.target)
        alike = f"{self.shift} does not separate {proxy} from {target}"
        if not self.leads:
            return f"{alike}, and no probe that does was played"
        leads = ", ".join(f"{lead.condition} {lead.shared:+,.1f} nats" for lead in self.leads)
        finding = (
            "it is undecided which of them explains the actions better"
            if self.better is None
            else f"{_quoted(self.better)} explains the actions better"
        )
        return f"{alike}; on the probes that do, {finding} (lead of {target}: {leads})"

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        leads = [{**vars(lead), "sign": lead.sign} for lead in self.leads]
        return {**vars(self), "leads": leads, "better": self.better, "sentence": self.sentence}


def separations(
    shift: str,
    attribution: Attribution,
    probes: Mapping[str, Attribution],
    proxies: Iterable[str],
    targets: Iterable[str],
) -> tuple[Separation, ...]:
    """Compare each proxy that is best on the shift, or tied with the best, with the targets that are no hypothesis there.

    attribution: of the shift's episodes; probes: by condition, of the same agent.
    """
    listed = set(attribution.table["hypothesis"])
    return tuple(
        Separation(shift, proxy, target, tuple(_leads(probes, proxy, target)))
        for proxy in proxies
        if proxy in (attribution.best, *attribution.tied)
        for target in targets
        if target not in listed
    )


def _leads(probes: Mapping[str, Attribution], proxy: str, target: str) -> Iterator[Lead]:
    for condition, attribution in probes.items():
        columns = attribution.table.select("hypothesis", "log_evidence", "log_evidence_each")
        evidence = {name: (shared, each) for name, shared, each in columns.iter_rows()}
        if proxy in evidence and target in evidence:
            shared, each = (a - b for a, b in zip(evidence[target], evidence[proxy], strict=True))
            yield Lead(condition, shared, each)


def _quoted(name: str) -> str:
    return f"“{name.replace('_', ' ')}”"
