"""The live seeds, as the recogniser looks them up: by digest, by fingerprint, by sibling. Built once, then only read.

10,000 seeds of one picture take some 170 MB: the canonical grid of each, and its sixteen fingerprints. Hosts and templates are made when
they are asked for; the busiest stay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmsd.errors import DecodeError
from mmsd.seeds import fingerprint, mark
from mmsd.seeds.fingerprint import Index, Near
from mmsd.seeds.geometry import Map
from mmsd.seeds.mark import Host
from mmsd.seeds.register import Template
from mmsd.seeds.seed import Face, RegisteredPicture, RegisteredSeed, Words, key_name
from mmsd.seeds.signs import Signs

_HOSTS: Final = 512  # of 80 kB
_TEMPLATES: Final = 64  # of 700 kB
_FAMILIES: Final = 32  # of 512 octets a sibling
_LEARNED: Final = 50_000  # of some 200 octets

K = TypeVar("K")
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """Values made on demand; those asked for last are kept."""

    def __init__(self, make: Callable[[K], V], limit: int) -> None:
        self._make, self._limit = make, limit
        self._kept: OrderedDict[K, V] = OrderedDict()

    def __getitem__(self, key: K) -> V:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = self._kept[key] = self._make(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return value


class Entry(NamedTuple):
    """A face and whose it is."""

    seed: RegisteredSeed
    picture: int
    face: Face


class Library:
    """Seeds under one deployment's key. DecodeError for a seed that was marked under another: its mark would never be found."""

    def __init__(self, key: bytes, seeds: Iterable[RegisteredSeed]) -> None:
        self._key = key
        self.seeds = {seed.label: seed for seed in seeds}  # as everything here is known
        self.entries: list[Entry] = []
        self._of_seed: dict[str, list[int]] = {}
        self._families: dict[tuple[str, int], list[int]] = {}
        self._digests: dict[bytes, tuple[str, int]] = {}
        self._learned: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self._texts: dict[str, set[str]] = {}
        self._sounds: dict[bytes, set[str]] = {}
        name = key_name(key)
        for seed in self.seeds.values():
            if seed.key != name:
                raise DecodeError(f"seed {seed.label} was marked under another key", offset=0)
            for number, picture in enumerate(seed.pictures):
                self._digests[picture.digest] = seed.label, number
                for shown in picture.faces:
                    self._of_seed.setdefault(seed.label, []).append(len(self.entries))
                    self._families.setdefault((seed.kin, number), []).append(len(self.entries))
                    self.entries.append(Entry(seed, number, shown))
            for text in seed.texts:
                self._texts.setdefault(text, set()).add(seed.label)
            for sound in seed.sounds:
                self._sounds.setdefault(sound, set()).add(seed.label)
        self._index = Index(entry.face.words for entry in self.entries)
        self._hosts = _Recent(self._host, _HOSTS)
        self._templates = _Recent(self._template, _TEMPLATES)
        self._signs = _Recent(self._family_signs, _FAMILIES)

    def picture(self, number: int) -> RegisteredPicture:
        entry = self.entries[number]
        return entry.seed.pictures[entry.picture]

    def exact(self, body: bytes) -> tuple[str, int] | None:
        """Seed and number of the picture whose octets these are: its own, or altered ones that were recognised before."""
        digest = sha256(body).digest()
        return self._digests.get(digest) or self._learned.get(digest)

    def learn(self, digest: bytes, seed: str, picture: int) -> None:
        """Remembers that octets of that digest were recognised: a model's output repeats."""
        if seed in self.seeds:
            self._learned[digest] = seed, picture
            self._learned.move_to_end(digest)
            if len(self._learned) > _LEARNED:
                self._learned.popitem(last=False)

    def shortlist(self, of: Sequence[Words], limit: int, radius: int) -> list[Near]:
        return self._index.shortlist(of, limit, radius)

    def faces_of(self, seed: str) -> Sequence[int]:
        """The ordinals of a seed's faces; none when it is not live."""
        return self._of_seed.get(seed, ())

    def distances(self, number: int, of: Sequence[Words]) -> Near:
        """The nearest of a face's fingerprints to any of those."""
        words = self.entries[number].face.words
        bits = np.stack([np.bitwise_count(words ^ one).sum(axis=1) for one in of])
        form, variant = divmod(int(bits.argmin()), bits.shape[1])
        return Near(number, variant, int(bits[form, variant]), form)

    def place(self, near: Near) -> Map:
        """Where the face lies in a picture that has that fingerprint."""
        return fingerprint.places(self.entries[near.face].face.trim)[near.variant]

    def host(self, number: int) -> Host:
        return self._hosts[number]

    def template(self, number: int) -> Template:
        return self._templates[number]

    def siblings(self, number: int) -> Sequence[int]:
        """The faces of the same picture in seeds of the same family, itself among them."""
        entry = self.entries[number]
        return self._families[entry.seed.kin, entry.picture]

    def screened(self, number: int, left: NDArray[np.float32], limit: int) -> list[int]:
        """Of a face's siblings those whose chips agree best with what is left of the host: (256, 10) as `mark.left_of` gives it.

        The best of all is always the first; others only as far as they may be the best.
        """
        entry = self.entries[number]
        siblings, signs = self._signs[entry.seed.kin, entry.picture]
        return [siblings[place] for place in signs.best(left, limit)]

    def by_text(self, text: str) -> set[str]:
        """Seeds that have just this reduced text."""
        return self._texts.get(text, set())

    def by_sound(self, digest: bytes) -> set[str]:
        return self._sounds.get(digest, set())

    def _chips(self, number: int) -> NDArray[np.int8]:
        return mark.chips(self._key, self.picture(number).payload)

    def _host(self, number: int) -> Host:
        return mark.host(self.entries[number].face.values, self._chips(number))

    def _template(self, number: int) -> Template:
        return Template(self.entries[number].face.values)

    def _family_signs(self, family: tuple[str, int]) -> tuple[list[int], Signs]:
        siblings = self._families[family]
        return siblings, Signs(self._chips(number) for number in siblings)
