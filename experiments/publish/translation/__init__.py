"""Translate the rules of a world from Python to JavaScript. Executes no rule."""
