"""SIMD intrinsics that process many cells at once, where numba does not vectorize by itself.

LLVM vectorizes a loop over cells only if it knows that the memory being read and written does not overlap, which it
cannot know here. These functions therefore emit vector code explicitly, for any processor.
Read next: `envs/engine/observe.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

LINE = 64  # bytes of a cache line
COPIED = 16  # number of cells copied by `copy_cells`
SHOWN = 64  # number of cells written by `show_cells`; `show_few_cells` writes a half and a quarter


def _copy_cells(typing_context: Any, cells: Any, begin: Any, out: Any, at: Any) -> Any:
    """Copy out[at:at + COPIED] = cells[begin:begin + COPIED] without bounds checks.

    cells and out are flat, contiguous and of the same type; begin and at are uint64.
    """
    vector = ir.VectorType(ir.IntType(cells.dtype.bitwidth), COPIED)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        source = _place(context, builder, signature, given, 0, vector)
        target = _place(context, builder, signature, given, 2, vector)
        _store(builder, _load(builder, source), target)
        return context.get_dummy_value()

    return types.void(cells, types.uint64, out, types.uint64), generate


def _copy_run(typing_context: Any, source: Any, begin: Any, out: Any, at: Any, n: Any) -> Any:
    """Copy out[at:at + n] = source[begin:begin + n] without bounds checks; n int64, otherwise like `copy_cells`."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = ir.IntType(source.dtype.bitwidth)
        first = _place(context, builder, signature, given, 0, kind)
        target = _place(context, builder, signature, given, 2, kind)
        cgutils.raw_memcpy(builder, target, first, given[4], source.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(source, types.uint64, out, types.uint64, types.int64), generate


def _showing(many: int) -> Any:
    """Build an intrinsic for out[at:at + many] = (cells[begin:begin + many] & bit) != 0, without bounds checks.

    cells and out are flat and contiguous; cells and bit are both uint8 or both uint16, out is uint8; begin and at are uint64.
    """

    def show_cells(typing_context: Any, cells: Any, begin: Any, out: Any, at: Any, bit: Any) -> Any:
        small, cell = ir.VectorType(ir.IntType(8), many), ir.IntType(cells.dtype.bitwidth)
        vector = ir.VectorType(cell, many)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), many), [0] * many)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            source = _place(context, builder, signature, given, 0, vector)
            target = _place(context, builder, signature, given, 2, small)
            nothing = ir.Constant(vector, ir.Undefined)
            lane = builder.insert_element(nothing, given[4], ir.Constant(ir.IntType(32), 0))
            bits = builder.shuffle_vector(lane, nothing, everywhere)
            seen = builder.and_(_load(builder, source), bits)
            shown = builder.icmp_unsigned("!=", seen, ir.Constant(vector, [0] * many))
            _store(builder, builder.zext(shown, small), target)
            return context.get_dummy_value()

        return types.void(cells, types.uint64, out, types.uint64, cells.dtype), generate

    def shown(cells: Any, begin: Any, out: Any, at: Any, bit: Any) -> None:
        first, place = int(begin), int(at)
        out[place : place + many] = (cells[first : first + many] & bit) != 0

    return shown if _interpreted else intrinsic(show_cells)


def _awaiting(writing: int) -> Any:
    """Build an intrinsic that prefetches the cache line of array[at]; no effect beyond the array."""

    def await_line(typing_context: Any, array: Any, at: Any) -> Any:
        word = ir.IntType(32)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            target = _place(context, builder, signature, given, 0, ir.IntType(8))
            kind = ir.FunctionType(ir.VoidType(), [target.type, word, word, word])
            fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(fetch, [target, word(writing), word(3), word(1)])  # into the L1 cache; data
            return context.get_dummy_value()

        return types.void(array, types.uint64), generate

    def awaited(array: Any, at: Any) -> None:
        pass

    return awaited if _interpreted else intrinsic(await_line)


def _lowest_bit(typing_context: Any, word: Any) -> Any:
    """Index of the lowest bit of a uint64 that is set, as int64; 64 for 0."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _lowest(word: Any) -> int:
    number = int(word)
    return (number & -number).bit_length() - 1 if number else 64


def _place(context: Any, builder: Any, signature: Any, given: Any, k: int, kind: Any) -> Any:
    """Pointer to the vector in array argument k, starting at the index given by the next argument."""
    array = cgutils.create_struct_proxy(signature.args[k])(context, builder, given[k])
    return builder.bitcast(builder.gep(array.data, [given[k + 1]]), kind.as_pointer())


def _load(builder: Any, source: Any) -> Any:
    value = builder.load(source)
    value.align = 1
    return value


def _store(builder: Any, value: Any, target: Any) -> None:
    builder.store(value, target).align = 1


def _copied(cells: Any, begin: Any, out: Any, at: Any) -> None:
    """Python version of `copy_cells` for NUMBA_DISABLE_JIT=1, for example in a debugger."""
    first, place = int(begin), int(at)
    out[place : place + COPIED] = cells[first : first + COPIED]


def _run_copied(source: Any, begin: Any, out: Any, at: Any, n: Any) -> None:
    first, place = int(begin), int(at)
    out[place : place + n] = source[first : first + n]


_interpreted = getattr(config, "DISABLE_JIT", False)
copy_cells: Any = _copied if _interpreted else intrinsic(_copy_cells)
copy_run: Any = _run_copied if _interpreted else intrinsic(_copy_run)
show_cells, show_half, show_quarter = _showing(SHOWN), _showing(SHOWN // 2), _showing(SHOWN // 4)
await_reading, await_writing = _awaiting(0), _awaiting(1)
lowest_bit: Any = _lowest if _interpreted else intrinsic(_lowest_bit)
