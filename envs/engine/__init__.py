"""The batch loop that plays levels: observations, level cache, buffers, level stream. No statistics."""
