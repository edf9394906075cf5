"""The foresight study: its table of agents, its page. docs/results/foresight-plan.md is the plan."""
