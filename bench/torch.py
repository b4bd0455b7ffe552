"""The seed of `make jiangsu`: its picture, marked under a key that is kept beside the logs, and its entry in a new daemon's store."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Final

from bench import cards
from mmsd import config
from mmsd.model import Batch, NewSeed, SeedEntry, SeedPart
from mmsd.seeds import alterations
from mmsd.seeds.making import Original
from mmsd.seeds.seed import RegisteredSeed, key_name
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore
from sim.relay.pdus import Pictures

KEY: Final = "state.key"
_SEED, _PICTURE = "torch.seed", "torch.jpg"
_SIZE: Final = (320, 240)
_OTHERS: Final = 12
_QUALITY: Final = 88


def drawn(made: Path, campaign: str, name: str, seed: int) -> Pictures:
    """The seed's picture and others like it; key, registered seed and picture are written into `made`. ValueError: the seed is weak."""
    draw = random.Random(seed)
    key = Keys.load(made / KEY, draw.randbytes).mark_key
    picture = alterations.jpeg(cards.torch(draw, _SIZE), _QUALITY)
    marked = Original(picture, key, draw.randbytes(16)).marked("torch.jpg")
    if marked.registered.weak:
        raise ValueError("the torch's card makes a weak seed: take another --seed")
    registered = RegisteredSeed(name, campaign, name, key_name(key), (marked.registered,))
    (made / _SEED).write_bytes(registered.to_bytes())
    (made / _PICTURE).write_bytes(marked.octets)
    return Pictures(marked.octets, [_other(draw, number) for number in range(_OTHERS)])


def _other(draw: random.Random, number: int) -> bytes:
    """The same card unmarked with another runner, other cards, landscapes: what people send beside it."""
    templates = (*cards.TEMPLATES.values(), cards.landscape)
    return alterations.jpeg(templates[number % len(templates)](draw, _SIZE), _QUALITY)


def register(made: Path, settings: config.Settings) -> None:
    """The seed into the store of a daemon that has read nothing, under the key it was marked with."""
    directory = settings.state.directory
    directory.mkdir(mode=0o700)
    shutil.copy(made / KEY, directory / KEY)
    seed = RegisteredSeed.from_bytes((made / _SEED).read_bytes())
    picture = (made / _PICTURE).read_bytes()
    entry = SeedEntry(
        campaign=seed.campaign, name=seed.name, family=seed.family, weak=False, pictures=len(seed.pictures), octets=len(picture),
        subject="", who="bench",
    )  # fmt: skip
    new = NewSeed(entry, seed.to_bytes(), (SeedPart("image/jpeg", 0, picture, picture),))
    keys = Keys.load(directory / KEY, os.urandom)
    with SqliteStore.open(directory, settings=settings.store, keys=keys, wall=lambda: 0) as store:
        store.transact(Needs(), lambda rows: Batch(0, seeds=[new]))
