"""CoinRun once more, slowly: the game's manual in plain Python, and its states as a networkx graph.

It shares nothing with goalposts.envs but the characters of the pictures. Not a test; the rules and the planner are
compared with it.
"""

import math
from dataclasses import dataclass

import networkx as nx

SOLID, DEADLY, COINS = set("#vB="), set("~^o"), set("Cc")
KEYS = ".lrj"  # the actions, by their number

State = tuple[int, int, int, int]  # row, column, cells still to rise, time modulo the monsters' period


@dataclass(frozen=True)
class Patrol:
    """A monster that walks to and fro; `way` are its columns, one a step, from where it starts."""

    row: int
    way: tuple[int, ...]

    def col(self, time: int) -> int:
        return self.way[time % len(self.way)]


class SlowCoinRun:
    """One level."""

    def __init__(self, picture: str) -> None:
        self.rows = picture.split("\n")
        self.spawn = next((r, line.index("A")) for r, line in enumerate(self.rows) if "A" in line)
        self.edge = self.rows[0].index("v")
        self.patrols = [
            patrol_of(r, line, c)
            for r, line in enumerate(self.rows)
            for c, char in enumerate(line)
            if char == "M"
        ]
        self.period = math.lcm(1, *(len(patrol.way) for patrol in self.patrols))
        self.start: State = (*self.spawn, 0, 0)

    def at(self, row: int, col: int) -> str:
        return self.rows[row][col]

    def solid(self, row: int, col: int) -> bool:
        return self.at(row, col) in SOLID

    def step(self, state: State, key: str) -> tuple[State, set[str]]:
        """The next state and what happened: a set of `coin`, `edge`, `death`."""
        row, col, rising, time = state
        standing = self.solid(row + 1, col)
        aside = {"l": -1, "r": 1}.get(key, 0)
        new_col = col if self.solid(row, col + aside) else col + aside
        if key == "j" and standing and not rising:
            rising = 3
        new_row = row
        if rising and self.solid(row - 1, new_col):
            rising = 0  # the head bumps: the step is spent
        elif rising:
            new_row, rising = row - 1, rising - 1
        elif not self.solid(row + 1, new_col):
            new_row = row + 1
        after: State = (new_row, new_col, rising, (time + 1) % self.period)
        if self.at(new_row, new_col) in DEADLY or self.caught((row, col), (new_row, new_col), time):
            return after, {"death"}
        happened = set()
        if self.at(new_row, new_col) in COINS:
            happened.add("coin")
        to_the_right = self.edge > self.spawn[1]
        beyond = new_col >= self.edge if to_the_right else new_col <= self.edge
        if beyond and self.solid(new_row + 1, new_col):
            happened.add("edge")
        return after, happened

    def caught(self, before: tuple[int, int], now: tuple[int, int], time: int) -> bool:
        for patrol in self.patrols:
            was, stands = patrol.col(time), patrol.col(time + 1)
            if now == (patrol.row, stands):
                return True
            if before == (patrol.row, stands) and now == (patrol.row, was):  # they changed places
                return True
        return False

    def graph(self) -> nx.MultiDiGraph:
        """Living states that can be reached; each edge carries its `key` and what `happened`. Deaths lead nowhere."""
        graph = nx.MultiDiGraph()
        graph.add_node(self.start)
        todo = [self.start]
        while todo:
            state = todo.pop()
            for key in KEYS:
                after, happened = self.step(state, key)
                if "death" in happened:
                    continue
                if after not in graph:
                    todo.append(after)
                graph.add_edge(state, after, key=key, happened=frozenset(happened))
        return graph


def patrol_of(row: int, line: str, col: int) -> Patrol:
    first = last = col
    while line[first - 1] == "m":
        first -= 1
    while line[last + 1] == "m":
        last += 1
    there = list(range(first, last + 1))
    round_trip = there + there[-2:0:-1]
    at = round_trip.index(col)
    return Patrol(row, tuple(round_trip[at:] + round_trip[:at]))


def fewest_steps(
    graph: nx.MultiDiGraph, start: State, wanted: str, avoid: str = "", via: str = ""
) -> int | None:
    """Length of a shortest way from `start` to `wanted`: never touching `avoid`, or having touched `via` by then."""
    layers = nx.DiGraph()
    done = "done"
    layers.add_node((start, not via))
    for state, after, data in graph.edges(data=True):
        happened = data["happened"]
        if avoid in happened:
            continue
        for seen in (False, True):
            now = seen or via in happened or not via
            layers.add_edge((state, seen), (after, now))
            if wanted in happened and now:
                layers.add_edge((state, seen), done)
    if done not in layers:
        return None
    try:
        return nx.shortest_path_length(layers, (start, not via), done)
    except nx.NetworkXNoPath:
        return None
