"""The data of a report page, as frozen dataclasses; the only definition of its fields.

Computes nothing and reads no file: the command that writes a report gathers a `ReportData` from run folders and rollouts and
passes it to `page.write_page`. Read next: `experiments/report/page/page.py`, which renders the HTML; `story.py`, which
writes the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class SpriteLike(Protocol):
    """An object that moves or vanishes, such as `envs.render.scene.Sprite`."""

    @property
    def name(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...


class RolloutLike(Protocol):
    """One recorded episode, such as `evaluation.replay.Rollout`: frame t is the state after action t−1, frame 0 the start."""

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
    """Nouns and verbs that a page uses for a world: 'the coin', 'the right edge'."""

    name: str
    goal: str = "the goal"
    proxy: str = "the proxy"
    reaches_goal: str = "takes the goal"  # third person: "takes the coin"
    reaches_proxy: str = "reaches the proxy"  # "reaches the right edge"
    lets_goal_be: str = "past the goal"  # describes reaching the proxy without the goal: "past the coin"


@dataclass(frozen=True)
class LivePage:
    """The data of a live page.

    rules: JavaScript; labels: of the agents; training: description of the training levels; hidden: what "blind" hides; block: for
    the scripts.
    """

    world: str
    words: WorldWords
    story: str
    rules: str
    labels: Sequence[str]
    training: str
    hidden: str
    block: dict[str, Any]
    command: str = ""


@dataclass(frozen=True)
class ConditionNote:
    """The description of a condition. Role: train, control, shift or probe."""

    name: str
    role: str
    sentence: str = ""  # what it distinguishes
    phrase: str = ""  # "with the coin off the path"; if empty, made from the name (`words.phrase`)
    has_goal: bool = True  # False if there is no goal to take


@dataclass(frozen=True)
class OutcomeRow:
    """Outcome rates of one agent under one condition.

    Each is an estimate: a mapping or an object with value, low, high, n, seeds, kept (`measurement.intervals.Estimate` or its
    dict), or None if there is none. goal + proxy + neither = 1 (first touch); `goal` is None if no level has a goal.
    """

    condition: str  # a ConditionNote's name
    goal: Any
    proxy: Any
    neither: Any
    death: Any = None
    timeout: Any = None
    sampled: bool = True  # True: actions drawn from the policy; False: the likeliest action

    @classmethod
    def of(cls, outcomes: Any, sampled: bool = True) -> OutcomeRow:
        """Convert from `measurement.rates.Outcomes`."""
        shares = (outcomes.goal, outcomes.proxy, outcomes.neither, outcomes.death, outcomes.timeout)
        return cls(outcomes.condition, *shares, sampled)


@dataclass(frozen=True)
class AgentSection:
    """One agent or training procedure: its training condition, its measurements, its config."""

    name: str  # short and unique on the page: "edge-0"
    label: str  # continues "the agent": "trained with the coin at the edge"
    verdict: Mapping[str, Any] = field(default_factory=dict)  # Verdict.to_dict()
    outcomes: Sequence[OutcomeRow] = ()
    progress: Sequence[Mapping[str, Any]] = ()  # rows of progress.csv, see `figures.points`
    config: str = ""  # resolved YAML
    provenance: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""  # command that repeats this run
    note: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # Diagnosis.to_dict()


@dataclass(frozen=True)
class InsideMap:
    """What the policy does if a thing is lit in a cell: (row, column, pull) relative to the agent."""

    thing: str  # goal | proxy
    role: str  # control | shift
    cells: Sequence[tuple[int, int, float]]


@dataclass(frozen=True)
class Inside:
    """What `goalposts explain` found of one agent."""

    agent: str  # an AgentSection's name, or "untrained"
    maps: Sequence[InsideMap]
    answers: tuple[str, str, str, str]  # decodable? goal used? proxy used? the critic values
    note: str = ""  # one line about the maps; empty: none


@dataclass(frozen=True)
class Replay:
    """A rollout and its place in the player: replays of one layout are shown together, synchronized."""

    agent: str  # an AgentSection's name
    layout: str  # layout_hash, which twins share
    condition: str
    rollout: RolloutLike
    proxy: Sequence[tuple[int, int]] = ()  # cells (row, column) that reach the proxy


@dataclass(frozen=True)
class Take:
    """One recorded episode of an agent: what it touched first, how it ended, and its actions, one byte each."""

    first: str  # goal | proxy | neither
    end: str  # goal | death | timeout
    actions: bytes


@dataclass(frozen=True)
class RecordedEpisodes:
    """All recorded episodes under a condition: number, text and kind of each level, and each agent's episode on it."""

    condition: str
    numbers: Sequence[int]
    distinguishing: Sequence[bool]
    levels: Sequence[str]  # as text
    takes: Mapping[str, Sequence[Take]]  # by an AgentSection's name


@dataclass(frozen=True)
class Place:
    """One goal position in a level, and one agent's episodes with it."""

    row: int
    col: int
    counts: Mapping[str, int]  # sampled episodes by what was touched first: goal, proxy, neither
    rollouts: Sequence[RolloutLike]  # the greedy one, then sampled ones, each with its own action noise


@dataclass(frozen=True)
class Exploration:
    """One level with the goal in every possible place; the same places in the same order for every agent."""

    layout: str
    condition: str
    goal: str  # name of the sprite that is moved
    home: tuple[int, int]  # where the generator put the goal
    places: Mapping[str, Sequence[Place]]  # by an AgentSection's name
    proxy: Sequence[tuple[int, int]] = ()  # cells (row, column) that reach the proxy


@dataclass(frozen=True)
class SpriteSheet:
    """All sprites in one PNG; `places` gives the upper left corner of each in pixels.

    `backdrop` is the landscape that shows through tiles called `ground` (and around sprites that do not fill their cell), as a
    PNG of `backdrop_px` pixels per tile; without it, the sprite called `ground` is drawn.
    """

    png: bytes
    places: Mapping[str, tuple[int, int]]  # name -> (x, y)
    px: int  # side of a sprite
    ground: str = "sky"
    backdrop: bytes = b""
    backdrop_px: int = 8


@dataclass(frozen=True)
class Leakage:
    """Number of layouts that an agent was judged on and that also occurred in its training."""

    agent: str
    condition: str
    layouts: int
    shared: int
    nearest: str = ""  # how far its layouts are from the training layouts


@dataclass(frozen=True)
class ReportData:
    """The complete data of one page. Equal data gives equal bytes: nothing depends on the clock or the machine."""

    title: str  # names the report: "CoinRun demo"
    intro: str  # one or two sentences under the headline
    world: WorldWords
    agents: Sequence[AgentSection]
    conditions: Sequence[ConditionNote] = ()
    replays: Sequence[Replay] = ()
    explorations: Sequence[Exploration] = ()
    sprites: SpriteSheet | None = None
    headline: str = ""  # if empty, made from the verdicts (`story.headline`)
    moved: str = ""  # the condition of the first screen; if empty, the one that the verdict is about
    replay_note: str = ""  # how the recorded levels were chosen
    leakage: Sequence[Leakage] = ()
    command: str = ""  # command that recreates this page
    boards: LivePage | None = None  # the live part, which comes first; None: recorded episodes do
    preview: bytes = b""  # a small PNG, the picture of the page where its address is shared
    no_boards: str = ""  # why there is no live part
    recorded: Sequence[RecordedEpisodes] = ()  # all episodes, to be listed
    inside: Sequence[Inside] = ()  # what the nets use; empty: not explained
    live: str = ""  # address of the live page of these runs; empty: there is none
    made: str = ""  # shown verbatim; empty: not shown
    version: str = ""
