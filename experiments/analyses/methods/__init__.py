"""The study of training methods: its search, its predictions and its page. docs/results/methods-plan.md is the plan."""
