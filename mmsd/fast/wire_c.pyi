"""The compiled twin of wire_py, which says what each function does."""

from typing import Any

from mmsd.fast.wire_py import Kinds

def read_fields(
    data: bytes, at: int, forms: bytes, text: type, moment: type, kinds: Kinds, headers: list[tuple[int, Any]]
) -> tuple[int, int]: ...
def read_content_type(data: bytes, at: int, stop: int, kinds: Kinds) -> tuple[Any, int] | None: ...
def read_parts(data: bytes, at: int, stop: int, count: int, kinds: Kinds, names: tuple[str, ...], make: type, parts: list[Any]) -> int: ...
