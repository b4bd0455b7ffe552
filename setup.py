"""Compiles ext/*.pyx into mmsd.fast. A failed compile fails the build; MMSD_PURE=1 leaves the kernels out, aloud."""

import os
import platform
import sys

from setuptools import Extension, setup

AVX2 = platform.machine() in ("x86_64", "AMD64")


def extension(name: str, depends: list[str], *flags: str) -> Extension:
    """ext/<name>.pyx as mmsd.fast.<name>."""
    sources, depends = [f"ext/{name}.pyx"], [f"ext/{file}" for file in depends]
    return Extension(f"mmsd.fast.{name}", sources, depends=depends, include_dirs=["ext"], extra_compile_args=["-O3", *flags])


PLAIN = ("wire_c", "ber_c", "charging_c", "express_c", "texts_c")
EXTENSIONS = [
    extension("scan_base", ["scan.pxi", "scan.h", "values.h", "simd.h"]),
    *(extension(name, ["portrait.pxi", "portrait.h", "pages.h"] if name == "express_c" else []) for name in PLAIN),
]
if AVX2:  # this file alone is compiled for it; mmsd.fast asks the processor before it is imported
    EXTENSIONS.append(extension("scan_avx2", ["scan.pxi", "scan.h", "values.h", "simd.h"], "-mavx2"))

if os.environ.get("MMSD_PURE") == "1":
    sys.stderr.write("mmsd: MMSD_PURE=1, the kernels are not compiled; everything runs in plain Python, slowly\n")
    setup()
else:
    from Cython.Build import cythonize

    setup(
        ext_modules=cythonize(
            EXTENSIONS,
            build_dir="build/cython",
            language_level=3,
            compiler_directives={"boundscheck": False, "wraparound": False, "cdivision": True, "initializedcheck": False},
        )
    )
