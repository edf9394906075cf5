"""Exact search, value iteration and likelihoods over the reachable states of a level. Does not act."""
