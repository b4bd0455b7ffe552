"""Subscribers of thirteen cities, by number: where they live, which handset they have, what it does to a message it sends on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.relay.text import Ints

CITIES: Final = (
    "Nanjing", "Wuxi", "Xuzhou", "Changzhou", "Suzhou", "Nantong", "Lianyungang", "Huaian", "Yancheng", "Yangzhou", "Zhenjiang", "Taizhou",
    "Suqian",
)  # fmt: skip
_SHARES: Final = (0.15, 0.11, 0.09, 0.08, 0.14, 0.09, 0.05, 0.05, 0.06, 0.06, 0.04, 0.05, 0.03)
FIRST: Final = 8_613_400_000_000
"""The first subscriber's number."""
BLOCK: Final = 1000
"""Numbers with the same first ten digits live in one city."""


class Model(NamedTuple):
    """What share of people has it, and how it treats a message that is sent on: the recogniser's method tells."""

    agent: bytes
    share: float
    method: str = "exact"
    resends: float = 0.0  # share of its submits that go out twice, the answer to the first being lost
    treats: str = "keep"  # what it does to the picture of a real message (`handsets.TREATMENTS`)


MODELS: Final = (
    Model(b"Nokia6230/2.0 (05.50)", 0.17),
    Model(b"NOKIA-N73/1.0", 0.16),
    Model(b"MOT-E398/0E.20.59R MIB/2.2.1", 0.13),
    Model(b"SonyEricssonK700i/R2AE", 0.12),
    Model(b"SAMSUNG-SGH-E700/1.0", 0.11, treats="strip"),  # the picture's octets are others, what is seen is the same
    Model(b"Lenovo-i750/S1", 0.09),
    Model(b"ZTE-F100/1.0", 0.06),
    Model(b"AMOI-M636/1.2", 0.05, "mark", treats="recompress"),  # these three compose the picture anew: one in ten people
    Model(b"BIRD-S680/2.1", 0.03, "mark", treats="resize"),
    Model(b"KONKA-D163/1.0", 0.02, "registered", treats="crop"),
    Model(b"CECT-T868/1.0", 0.02, "mark", treats="resize"),  # these two could not be followed by a tag
    Model(b"PANDA-EM168/1.1", 0.02, "mark", treats="palette"),
    Model(b"HAIER-Z3000/1.3", 0.02, resends=0.25),
)
METHODS: Final = ("exact", "mark", "registered")


class People(NamedTuple):
    """By rank: city and model. A rank's number is `FIRST` + rank."""

    city: npt.NDArray[np.uint8]
    model: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.city)


def settle(rng: np.random.Generator, count: int) -> People:
    """So many people: whole blocks of numbers live in one city, every city has some."""
    blocks = -(-count // BLOCK)
    cities = np.concatenate([np.arange(len(CITIES)), rng.choice(len(CITIES), max(blocks - len(CITIES), 0), p=_SHARES)])
    shares = np.array([model.share for model in MODELS])
    return People(
        np.repeat(rng.permutation(cities[:blocks]), BLOCK)[:count].astype(np.uint8),
        rng.choice(len(MODELS), count, p=shares / shares.sum()).astype(np.uint8),
    )


def write_prefixes(people: People, path: Path) -> None:
    """`prefix,city`, as the operator's own table has it."""
    rows = [f"{FIRST // BLOCK + block},{CITIES[city]}" for block, city in enumerate(people.city[::BLOCK].tolist())]
    path.write_text("prefix,city\n" + "\n".join(rows) + "\n")


def numbers(ranks: Ints) -> Ints:
    return ranks + FIRST
