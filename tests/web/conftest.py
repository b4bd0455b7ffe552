"""What tests of the API and its pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsd.store.sqlite import SqliteStore
from tests.web.stored import stored


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Empty."""
    with stored(tmp_path) as made:
        yield made
