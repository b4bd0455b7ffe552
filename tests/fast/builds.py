"""The builds of the kernels that are here: the specification, and what was compiled."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Final

import numpy as np

from mmsd.fast import scan_py
from mmsd.fast.program import Cells

COMPILED: Final[list[ModuleType]] = []
if find_spec("mmsd.fast.scan_base") is not None:
    from mmsd.fast import scan_base

    COMPILED.append(scan_base)
    if scan_base.has_avx2() and find_spec("mmsd.fast.scan_avx2") is not None:
        from mmsd.fast import scan_avx2

        COMPILED.append(scan_avx2)

BUILDS: Final[list[ModuleType]] = [scan_py, *COMPILED]
KEY: Final = (0x0123456789ABCDEF, 0xFEDCBA9876543210)


def assert_equal(got: Cells, expected: Cells) -> None:
    """Field by field; says the first row or reject that differs."""
    assert (got.consumed, got.lines, got.skipped) == (expected.consumed, expected.lines, expected.skipped)
    for name in ("rejects", "offsets", "out"):
        one, other = getattr(got, name), getattr(expected, name)
        assert one.shape == other.shape, name
        assert one.dtype == other.dtype == np.int64
        if not np.array_equal(one, other):
            row = int(np.nonzero((one != other).reshape(len(one), -1).any(axis=1))[0][0])
            raise AssertionError(f"{name}[{row}]: {one[row].tolist()} is not {other[row].tolist()}")


def joined(first: Cells, second: Cells) -> Cells:
    """Two scans of one buffer, the second begun where the first ended, as one."""
    return Cells(
        np.concatenate([first.out, second.out]),
        np.concatenate([first.offsets, second.offsets]),
        np.concatenate([first.rejects, second.rejects]),
        second.consumed,
        first.lines + second.lines,
        first.skipped + second.skipped,
    )
