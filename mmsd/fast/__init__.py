"""Small kernels that touch every byte of every log, each twice: compiled, and in plain Python as the specification.

`TWIN` names the build that runs: "avx2", "base" or "python" (asked for by MMSD_PURE=1).
"""

from __future__ import annotations

from typing import Final

from mmsd.fast.hash_py import Key, hash64
from mmsd.fast.program import Cells, Program
from mmsd.fast.scan_py import scan
from mmsd.fast.values_py import split_url, url_hashes

__all__ = ["TWIN", "Cells", "Key", "Program", "hash64", "scan", "split_url", "url_hashes"]

TWIN: Final = "python"
