# cython: language_level=3
"""The scanner's kernel for x86-64 with AVX2; see scan.pxi."""

include "scan.pxi"
