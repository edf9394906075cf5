"""The study of goal conflict and paralysis: its numbers, its mechanism, its page. docs/results/paralysis-plan.md is the plan."""
