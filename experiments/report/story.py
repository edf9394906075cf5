"""The sentences of a report: headline, the three steps of the first screen, captions of replays.

All sentences work for any world: their nouns and verbs come from `data.WorldWords`. Measures nothing.
Read next: `experiments/report/page/page.py`, which places the sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goalposts.outcome_words import as_clause

from .data import AgentSection, ConditionNote, OutcomeRow, ReportData, RolloutLike, WorldWords
from .numbers import ShownEstimate, percent, shown
from .words import capitalized, phrase, sentence

ALIKE = 0.05  # capabilities closer than this count as the same score
WORTH_SAYING = 0.15  # a second outcome at least this frequent is mentioned with the first

ROLES = {
    "train": ("Training", "Levels from the layouts that training uses."),
    "control": (
        "Control",
        "New levels on which goal and proxy coincide: either may be touched first.",
    ),
    "shift": ("Shift", "Goal and proxy were separated. What it goes for now is what it learned to want."),
    "probe": ("Probe", "One thing was changed, to distinguish two explanations."),
}

VERDICTS = {  # label -> (css class, what it means)
    "ALIGNED": ("aligned", "It goes for the goal, wherever that is."),
    "MISGENERALIZED": ("misgeneralized", "It acts capably, but pursues the proxy instead of the goal."),
    "CAPABILITY LOSS": (
        "lost",
        "It is not capable enough for its behaviour to show its goal.",
    ),
    "MIXED": ("mixed", "Sometimes the goal, sometimes the proxy."),
    "INCONCLUSIVE": ("inconclusive", "These episodes do not decide which."),
}


@dataclass(frozen=True)
class StoryStep:
    """One of the three steps of the first screen: what was trained, what was changed, what it did."""

    title: str
    sentences: tuple[str, ...]


def tag(index: int, agents: int) -> str:
    """The letter by which the page refers to an agent; empty if there is only one."""
    return chr(ord("A") + index) if 1 < agents <= 26 else (str(index + 1) if agents > 26 else "")


def subject(index: int, agents: int) -> str:
    return tag(index, agents) or "The agent"


def titled(data: ReportData, index: int, words: str) -> str:
    """Format a chart's heading: "A: what it goes for"; without the letter if there is only one agent."""
    many = len(data.agents)
    return f"{subject(index, many)}: {words}" if many > 1 else capitalized(words)


def note_of(data: ReportData, condition: str) -> ConditionNote:
    """The condition's note; an empty one for a condition that the report does not describe."""
    return next((note for note in data.conditions if note.name == condition), ConditionNote(condition, ""))


def headline(data: ReportData) -> str:
    """Summarize the verdicts in one sentence."""
    if data.headline:
        return data.headline
    words, labels = data.world, [str(agent.verdict.get("label", "")) for agent in data.agents]
    if len(labels) == 1:
        return {
            "ALIGNED": f"It learned to want {words.goal}.",
            "MISGENERALIZED": _not_the_goal(data.agents[0], words),
            "CAPABILITY LOSS": (
                "It is not capable enough to show what it wants."
                if _never_able(data.agents[0])
                else "After the change, it fails too often to say what it wants."
            ),
            "MIXED": f"Sometimes {words.goal}, sometimes {words.proxy}.",
            "INCONCLUSIVE": "Too little evidence to say what it wants.",
        }.get(labels[0], data.title)
    if {"ALIGNED", "MISGENERALIZED"} <= set(labels):
        return "Same score, different goals." if _same_score(data.agents) else "Different goals."
    return f"What did {len(labels)} agents learn to want?" if labels else data.title


def named_pair(data: ReportData) -> str:
    """The second sentence of a pair's headline: what each of the two does, where the probes support a name; else empty."""
    names = [_name_of(agent) for agent in data.agents]
    if data.headline or len(names) != 2 or not any(names):
        return ""
    if names[0] == names[1]:
        return f"Each {names[0]}."
    return ", ".join(f"{tag(k, 2)}\u00a0{name}" for k, name in enumerate(names) if name) + "."


def same_score(data: ReportData) -> str:
    """The score behind "Same score": how often each of the agents reaches the goal in distribution; empty for other headlines."""
    if not headline(data).startswith("Same score"):
        return ""
    scores = [estimate(agent, "capability") for agent in data.agents]
    clauses = [
        f"{subject(i, len(scores))} {{}}in {percent(score.value)}" for i, score in enumerate(scores) if score
    ]
    first = clauses[0].format(f"{data.world.reaches_goal} ")
    return f"On new levels as in training, {_listed([first, *(clause.format('') for clause in clauses[1:])])} of episodes."


def _not_the_goal(agent: AgentSection, words: WorldWords) -> str:
    """What a misgeneralizing agent does, by the name that the probes support; without one, that it is not the goal."""
    name = _name_of(agent)
    return (
        f"It {name}, and not for {words.goal}."
        if name
        else f"It learned to want something else than {words.goal}."
    )


def _name_of(agent: AgentSection) -> str:
    """The name that the probes support, such as "runs right"; empty without one."""
    return str((agent.evidence.get("behaviour") or {}).get("name") or "")


def _never_able(agent: AgentSection) -> bool:
    """Whether the agent already fails in distribution, by the verdict's own threshold."""
    capability, least = (
        estimate(agent, "capability"),
        (agent.verdict.get("thresholds") or {}).get("capability"),
    )
    return capability is not None and least is not None and capability.high < least


def steps(data: ReportData) -> tuple[StoryStep, ...]:
    """Write the three steps (training, change, behaviour), as far as the data allows."""
    many, words = len(data.agents), data.world
    trained = [f"{_agent(i, many)} was {agent.label}" for i, agent in enumerate(data.agents) if agent.label]
    told = ["; ".join(trained) + "."] if trained else []
    home = home_condition(data)
    if home is not None:
        goals = [estimate(agent, "capability") for agent in data.agents]
        shares = [f"{subject(i, many)} in {goal.text}" for i, goal in enumerate(goals) if goal]
        if shares:
            who, share = ("it" if many == 1 else subject(0, many)), shares[0].split(" in ", 1)[1]
            shares[0] = f"{who} {words.reaches_goal} in {share}"
            told.append(f"On new levels {phrase(home, words)}, {_listed(shares)} of episodes.")
    story = [StoryStep("Trained", tuple(told))] if told else []
    moved = moved_condition(data)
    if moved is not None:
        tried = {1: "it was", 2: "both were"}.get(many, "all were")
        story.append(
            StoryStep("Changed", (f"Then {tried} tried on levels {phrase(moved, words)}. {sentence(moved)}",))
        )
        did = [
            _did(words, subject(i, many), row_of(agent, moved.name), moved)
            for i, agent in enumerate(data.agents)
        ]
        if any(did):
            story.append(
                StoryStep(
                    "What it did" if many == 1 else "What they did", tuple(text for text in did if text)
                )
            )
    return tuple(story)


def home_condition(data: ReportData) -> ConditionNote | None:
    """The condition with the goal placed as in training; held-out levels, if there are any, before training levels."""
    return _shared_condition(data, ("control", "train"))


def moved_condition(data: ReportData) -> ConditionNote | None:
    """The condition that the first screen is about."""
    names = [data.moved, *(str(agent.verdict.get("shift") or "") for agent in data.agents)]
    wanted = next((note for name in names for note in data.conditions if note.name == name), None)
    if wanted is not None and all(row_of(agent, wanted.name) for agent in data.agents):
        return wanted
    return _shared_condition(data, ("shift", "probe"))


def row_of(agent: AgentSection, condition: str) -> OutcomeRow | None:
    """The agent's outcomes under a condition: with sampled actions if recorded, else greedy."""
    rows = sorted(
        (row for row in agent.outcomes if row.condition == condition), key=lambda row: not row.sampled
    )
    return rows[0] if rows else None


def outcome(rollout: RolloutLike, words: WorldWords, has_goal: bool = True) -> str:
    """Describe the outcome of a recorded episode, as a clause that follows the agent's name."""
    lets_goal_be = words.lets_goal_be if has_goal else ""
    return as_clause(
        rollout.outcome_first,
        rollout.outcome_end,
        rollout.steps,
        words.reaches_goal,
        words.reaches_proxy,
        lets_goal_be,
    )


def did(data: ReportData, index: int) -> str:
    """What an agent did after the change, in one sentence: "Reaches the right edge first … in 85.9% of episodes."."""
    moved = moved_condition(data)
    if moved is None:
        return ""
    text = _did(data.world, "", row_of(data.agents[index], moved.name), moved).strip()
    return capitalized(text)


def description(data: ReportData) -> str:
    """What the page says, for search results and previews."""
    first = [headline(data), *filter(None, [named_pair(data)])]
    return " ".join([*first, *(sentence for step in steps(data)[1:] for sentence in step.sentences)])


def _agent(index: int, agents: int) -> str:
    return f"Agent {tag(index, agents)}" if agents > 1 else "The agent"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


def _same_score(agents: Sequence[AgentSection]) -> bool:
    values = [score.value for agent in agents if (score := estimate(agent, "capability")) is not None]
    return len(values) == len(agents) > 1 and max(values) - min(values) <= ALIKE


def estimate(agent: AgentSection, key: str) -> ShownEstimate | None:
    """An estimate of the agent's verdict, by metric key."""
    return shown(agent.verdict.get(key))


def _shared_condition(data: ReportData, roles: tuple[str, ...]) -> ConditionNote | None:
    """The first condition of these roles, in order of roles, that every agent was measured on."""
    for role in roles:
        for note in data.conditions:
            if note.role == role and data.agents and all(row_of(agent, note.name) for agent in data.agents):
                return note
    return None


def _did(words: WorldWords, who: str, row: OutcomeRow | None, moved: ConditionNote) -> str:
    verbs = {
        "goal": f"{words.reaches_goal} first",
        "proxy": f"{words.reaches_proxy} first{f', {words.lets_goal_be},' if moved.has_goal else ''}",
        "neither": "reaches neither",
    }
    shares = {key: share for key in verbs if row is not None and (share := shown(getattr(row, key)))}
    order = sorted(shares, key=lambda key: -shares[key].value)
    told = [key for key in order if key == order[0] or shares[key].value >= WORTH_SAYING]
    parts = [f"{verbs[key]} in {shares[key].text}" for key in told]
    return f"{who} {parts[0]} of episodes{''.join(f', and {part}' for part in parts[1:])}." if parts else ""
