"""Small kernels that touch every byte of every log, each twice: compiled, and in plain Python as the specification.

`TWIN` names the build that runs: "avx2", "base", or "python" (asked for by MMSD_PURE=1, here or when mmsd was built).
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from mmsd.fast.hash_py import Key
from mmsd.fast.program import Cells, Program
from mmsd.fast.values_py import split_url, url_hashes

if os.environ.get("MMSD_PURE") == "1" or find_spec("mmsd.fast.scan_base") is None:
    from mmsd.fast.hash_py import combine, hash64, hash64_many
    from mmsd.fast.scan_py import scan

    TWIN = "python"
else:
    from mmsd.fast.scan_base import combine, has_avx2, hash64, hash64_many, scan

    TWIN = "base"
    if has_avx2() and find_spec("mmsd.fast.scan_avx2") is not None:
        from mmsd.fast.scan_avx2 import combine, hash64, hash64_many, scan

        TWIN = "avx2"

if TWIN == "python" or find_spec("mmsd.fast.wire_c") is None:
    from mmsd.fast.wire_py import read_content_type, read_fields, read_parts
else:
    from mmsd.fast.wire_c import read_content_type, read_fields, read_parts

if TWIN == "python" or find_spec("mmsd.fast.ber_c") is None:
    from mmsd.fast.ber_py import walk
else:
    from mmsd.fast.ber_c import walk

if TWIN == "python" or find_spec("mmsd.fast.charging_c") is None:
    from mmsd.fast.charging_py import read_records
else:
    from mmsd.fast.charging_c import read_records

if TWIN == "python" or find_spec("mmsd.fast.express_c") is None:
    from mmsd.fast.express_py import Express
else:
    from mmsd.fast.express_c import Express

if TWIN == "python" or find_spec("mmsd.fast.texts_c") is None:
    from mmsd.fast.blind_py import blind_numbers, siphash
    from mmsd.fast.texts_py import Texts
else:
    from mmsd.fast.texts_c import Texts, blind_numbers, siphash

__all__ = [
    "TWIN",
    "Cells",
    "Express",
    "Key",
    "Program",
    "Texts",
    "blind_numbers",
    "combine",
    "hash64",
    "hash64_many",
    "read_content_type",
    "read_fields",
    "read_parts",
    "read_records",
    "scan",
    "siphash",
    "split_url",
    "url_hashes",
    "walk",
]
