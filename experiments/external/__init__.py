"""Agents from and for other tools: measure those trained elsewhere, export ours. Trains nothing."""
