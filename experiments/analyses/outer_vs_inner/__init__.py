"""Outer against inner alignment: what was rewarded, and what was learned from it, run by run."""
