"""Kernels specialized per world, counter-based random streams, SIMD intrinsics. Knows no levels."""
