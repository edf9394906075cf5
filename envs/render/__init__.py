"""Rendering of scenes as images or text: pure functions, no state, no randomness."""
