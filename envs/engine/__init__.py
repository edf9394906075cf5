"""The batch loop that plays levels: observations, level cache, buffers, the stream of levels. No statistics."""
