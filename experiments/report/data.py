"""What a report page is made of: plain, frozen data, and the one place that says which fields exist.

It computes nothing and reads no file: the command that writes a report gathers a `ReportData` from run folders and rollouts
and hands it to `page.write_page`. Read `experiments/report/page/page.py` next for how it becomes HTML, `story.py` for the
sentences made from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class SpriteLike(Protocol):
    """A thing that moves or vanishes, as `envs.scene.Sprite`."""

    @property
    def name(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...


class RolloutLike(Protocol):
    """One recorded episode, as `experiments.rollouts.Rollout`: frame t is the state after action t−1, frame 0 the start."""

    @property
    def condition(self) -> str: ...
    @property
    def level_hash(self) -> str: ...
    @property
    def level_text(self) -> str: ...
    @property
    def tiles(self) -> Sequence[Sequence[str]]: ...  # sprite name per cell, [rows][cols]
    @property
    def frames(self) -> Sequence[Sequence[SpriteLike]]: ...  # [steps + 1][sprites of that moment]
    @property
    def camera(
        self,
    ) -> Sequence[tuple[int, int, int, int]]: ...  # per frame: top, left, rows, cols; may be empty
    @property
    def actions(self) -> Sequence[int]: ...  # [steps]
    @property
    def outcome_first(self) -> str: ...  # goal | proxy | neither
    @property
    def outcome_end(self) -> str: ...  # goal | death | timeout
    @property
    def steps(self) -> int: ...
    @property
    def caption(self) -> str: ...


@dataclass(frozen=True)
class WorldWords:
    """How the page speaks of a world: 'the coin', 'the right edge'."""

    name: str
    goal: str = "the goal"
    proxy: str = "the proxy"
    reaches_goal: str = "takes the goal"  # third person: "takes the coin"
    reaches_proxy: str = "reaches the proxy"  # "runs to the right edge"
    lets_goal_be: str = "past the goal"  # how the proxy is reached without the goal: "past the coin"


@dataclass(frozen=True)
class ConditionNote:
    """A condition in words. Role: train, control, shift or probe."""

    name: str
    role: str
    sentence: str = ""  # what it tells apart
    phrase: str = ""  # "with the coin off the path"; made from the name where empty (`words.phrase`)
    has_goal: bool = True  # False where there is no goal to take


@dataclass(frozen=True)
class OutcomeRow:
    """How the episodes of one agent under one condition came out.

    Each share is an estimate: a mapping or an object with value, low, high, n, seeds, kept (`measurement.intervals.Estimate`
    or its dict), or None where there is nothing to say. goal + proxy + neither = 1 (what was touched first); `goal` is None
    where no level has a goal.
    """

    condition: str  # a ConditionNote's name
    goal: Any
    proxy: Any
    neither: Any
    death: Any = None
    timeout: Any = None
    sampled: bool = True  # True: actions drawn from the policy; False: the likeliest action

    @classmethod
    def of(cls, found: Any, sampled: bool = True) -> OutcomeRow:
        """From `measurement.rates.Outcomes`."""
        shares = (found.goal, found.proxy, found.neither, found.death, found.timeout)
        return cls(found.condition, *shares, sampled)


@dataclass(frozen=True)
class AgentSection:
    """One agent, or one training procedure: what it was trained on, what was measured, how it was trained."""

    name: str  # short and unique on the page: "edge-0"
    label: str  # goes on after "the agent": "trained with the coin at the edge"
    verdict: Mapping[str, Any] = field(default_factory=dict)  # Verdict.to_dict()
    outcomes: Sequence[OutcomeRow] = ()
    progress: Sequence[Mapping[str, Any]] = ()  # rows of progress.csv, see `figures.points`
    config: str = ""  # resolved YAML
    provenance: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""  # makes this run again
    note: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # Diagnosis.to_dict()


@dataclass(frozen=True)
class Replay:
    """A rollout and its place in the player: replays of one layout are shown together, in step."""

    agent: str  # an AgentSection's name
    layout: str  # what the twins share (layout_hash)
    condition: str
    rollout: RolloutLike


@dataclass(frozen=True)
class Place:
    """The goal in one cell of a level, and what one agent did there."""

    row: int
    col: int
    counts: Mapping[str, int]  # sampled episodes by what was touched first: goal, proxy, neither
    rollouts: Sequence[RolloutLike]  # the one of the likeliest actions, then sampled ones, each with its luck


@dataclass(frozen=True)
class Exploration:
    """One level with the goal in every place that it may have; the same places in the same order for every agent."""

    layout: str
    condition: str
    goal: str  # name of the sprite that is moved
    home: tuple[int, int]  # where the generator put it
    places: Mapping[str, Sequence[Place]]  # by an AgentSection's name


@dataclass(frozen=True)
class SpriteSheet:
    """All sprites in one PNG; `places` gives each one's left upper corner in pixels.

    `backdrop` is the landscape that shows through tiles called `ground` (and around sprites that do not fill their cell), as a
    PNG of `backdrop_px` pixels a tile; without it the sprite called `ground` stands there.
    """

    png: bytes
    places: Mapping[str, tuple[int, int]]  # name -> (x, y)
    px: int  # side of a sprite
    ground: str = "sky"
    backdrop: bytes = b""
    backdrop_px: int = 8


@dataclass(frozen=True)
class Leakage:
    """How many of the layouts that an agent was judged on it had also seen in training."""

    agent: str
    condition: str
    layouts: int
    shared: int


@dataclass(frozen=True)
class ReportData:
    """Everything on one page. Same data, same bytes: nothing is read from the clock or the machine."""

    title: str  # names the report: "CoinRun demo"
    intro: str  # one or two sentences under the headline
    world: WorldWords
    agents: Sequence[AgentSection]
    conditions: Sequence[ConditionNote] = ()
    replays: Sequence[Replay] = ()
    explorations: Sequence[Exploration] = ()
    sprites: SpriteSheet | None = None
    headline: str = ""  # made from the verdicts where empty (`story.headline`)
    moved: str = ""  # the condition of the first screen; where empty, the one that the verdict is about
    replay_note: str = ""  # how the recorded levels were chosen
    leakage: Sequence[Leakage] = ()
    command: str = ""  # makes this page again
    made: str = ""  # shown as it stands; empty: not shown
    version: str = ""
