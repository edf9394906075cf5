"""Sixteen cells at once: the one instruction of an observation that numba does not find by itself.

LLVM can make vector instructions of a loop over cells only where it knows that the cells and the observation do not overlap
in memory, which it cannot know here. So the vectors are written out, for whatever processor there is.
Read next: `observe.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

SIXTEEN = 16


def _show_sixteen(typing_context: Any, cells: Any, begin: Any, bit: Any, out: Any, at: Any) -> Any:
    """out[at:at + 16] = (cells[begin:begin + 16] & bit) != 0, without a check of any bounds.

    cells and out are flat and contiguous; cells of uint8 or uint16 as bit is, out of uint8; begin and at uint64.
    """
    small, cell = ir.VectorType(ir.IntType(8), SIXTEEN), ir.IntType(cells.dtype.bitwidth)
    vector = ir.VectorType(cell, SIXTEEN)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), SIXTEEN), [0] * SIXTEEN)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointers = [
            cgutils.create_struct_proxy(signature.args[k])(context, builder, given[k]).data for k in (0, 3)
        ]
        source, target = (
            builder.bitcast(builder.gep(pointer, [given[k]]), kind.as_pointer())
            for pointer, k, kind in zip(pointers, (1, 4), (vector, small), strict=True)
        )
        nothing = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(nothing, given[2], ir.Constant(ir.IntType(32), 0))
        bits = builder.shuffle_vector(one, nothing, everywhere)
        seen = builder.load(source)
        seen.align = 1
        shown = builder.icmp_unsigned("!=", builder.and_(seen, bits), ir.Constant(vector, [0] * SIXTEEN))
        written = builder.store(builder.zext(shown, small), target)
        written.align = 1
        return context.get_dummy_value()

    return types.void(cells, types.uint64, cells.dtype, out, types.uint64), generate


def _interpreted(cells: Any, begin: Any, bit: Any, out: Any, at: Any) -> None:
    """The same where numba compiles nothing (NUMBA_DISABLE_JIT=1), as for a debugger."""
    first, place = int(begin), int(at)
    out[place : place + SIXTEEN] = (cells[first : first + SIXTEEN] & bit) != 0


show_sixteen: Any = _interpreted if getattr(config, "DISABLE_JIT", False) else intrinsic(_show_sixteen)
