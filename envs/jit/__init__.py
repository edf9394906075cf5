"""Kernels specialized per world, counter-based random streams, SIMD. Knows no levels."""
