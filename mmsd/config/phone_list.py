"""Prefixes of the `phone` package from PyPI (MIT), read from where it is installed: `pip install 'mmsd[cities]'`. Nothing of it is ours.

Its file is a header `<4si` (version, offset of the index), texts `province|city|postcode|area code\\0`, and an index of `<iiB`: seven
digits of Chinese mobile numbers, the offset of a text, the kind of card.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mmsd.errors import ConfigError

_HEAD: Final = struct.Struct("<4si")
_ENTRY: Final = struct.Struct("<iiB")
_COUNTRY: Final = "86"
_MOST_OCTETS: Final = 64 << 20


def installed() -> tuple[Path, str]:
    """Where the package's data lies, and which version it is. Raises ConfigError when it is not installed."""
    spec = importlib.util.find_spec("phone")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / "phone.dat"
        if path.exists():
            return path, importlib.metadata.version("phone")
    raise ConfigError("the package `phone` is not installed here; run: pip install 'mmsd[cities]', or give a file of prefix,city")


def read_phone(data: bytes) -> Iterator[tuple[str, str]]:
    """(prefix with country code, city) of each entry. Raises ConfigError when the data is not as described above."""
    try:
        _, start = _HEAD.unpack_from(data)
        if not _HEAD.size <= start <= len(data) <= _MOST_OCTETS or (len(data) - start) % _ENTRY.size:
            raise ConfigError("phone.dat: its index does not end where it should; is it another version's?")
        texts: dict[int, str] = {}
        for prefix, offset, _ in _ENTRY.iter_unpack(memoryview(data)[start:]):
            if offset not in texts:
                if not _HEAD.size <= offset < start or not 1_000_000 <= prefix <= 9_999_999:
                    raise ConfigError("phone.dat: an entry leads nowhere; is it another version's?")
                fields = data[offset : data.index(b"\0", offset)].decode().split("|")
                texts[offset] = fields[1] or fields[0]
            yield f"{_COUNTRY}{prefix}", texts[offset]
    except (struct.error, ValueError, IndexError) as error:
        raise ConfigError(f"phone.dat: cannot be read: {error}") from error
