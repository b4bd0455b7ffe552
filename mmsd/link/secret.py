"""Passwords and tokens: each alone in a file that nobody else may read."""

from __future__ import annotations

import os
import stat
from typing import Final

from mmsd.errors import ConfigError

_MOST: Final = 4096


def read(path: str, key: str) -> str:
    """The file's text without its last line end. `key`: the setting that names it.

    ConfigError when it cannot be read, is empty or longer than a line, or when its mode lets others than its owner read or write it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without writer must not hold us
    except OSError as error:
        raise ConfigError(f"{key}: {path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{key}: {path} is no file")
        if status.st_mode & 0o077:
            raise ConfigError(f"{key}: others may read {path}; do `chmod 600 {path}`")
        octets = file.read(_MOST + 1)
    try:
        text = octets.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or len(octets) > _MOST or not text.isprintable():
        raise ConfigError(f"{key}: {path} holds no secret: expected one line of text")
    return text
