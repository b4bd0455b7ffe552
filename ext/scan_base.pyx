# cython: language_level=3
"""The scanner's kernel for every machine; see scan.pxi."""

include "scan.pxi"
