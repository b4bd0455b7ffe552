"""Fuzzing of everything that reads a peer's octets: `make fuzz`, or `python -m tests.fuzz --help`.

targets    what each decoder promises of any octets: a value or DecodeError, values that read back as they were written, equal twins
seeds      where the search begins: our own vectors, and those beside the checkout
explore    octets that reach new code (atheris, one process a target)
costs      a megabyte of anything: seconds and memory
found      an input that broke a promise: made small, kept in tests/data/fuzz/, run by tests/codec/test_found.py
"""
