"""Which seeds a message holds: exact octets, then the mark, then the mark after the picture was laid straight. It never guesses.

    L0 exact → L1 canonical → L2 shortlist (and what the sender holds) → L3 mark → L4 registration → L5 verdict

A picture counts by its octets or by a score of ACCEPTED or more, and by nothing else. What only looks, reads or sounds like a seed is
*probable*: shown to people, never counted. Every step is bounded; DecodeError never leaves here, it costs the one part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from mmsd.errors import DecodeError
from mmsd.seeds import mark, pictures, texts
from mmsd.seeds.contents import Content
from mmsd.seeds.fingerprint import Near, fingerprint
from mmsd.seeds.geometry import IDENTITY, Map, blocks_inside, boxed, cropped, inside, inverted, joined, seen
from mmsd.seeds.library import Library
from mmsd.seeds.mark import ACCEPTED
from mmsd.seeds.pictures import LIMITS, Limits
from mmsd.seeds.register import Found, Received
from mmsd.seeds.seed import SIDE, Floats, Words
from mmsd.seeds.verdict import EXACT, MARK, REGISTERED, Learned, Probable, Sighting, Verdict

RADIUS: Final = 104
"""Bits of 256 within which a fingerprint makes a candidate; unrelated pictures lie about 128 apart."""
CANDIDATES: Final = 8
HELD: Final = 24  # faces of seeds the sender holds, tried whatever they look like
NEAR: Final = 70  # bits within which a picture may lie straight, or where its fingerprint says
LAID: Final = 3  # candidates that are laid straight
BEGUN: Final = 3  # of the places that phase correlation finds
CROWD: Final = 3  # siblings, more than which are asked together before any is by itself
_BY_ITSELF: Final = 64  # and more than which none is
LOOKED_ALIKE: Final = 64  # bits: nearer than this a picture looks like the seed
_HINT: Final = 2.5  # a score from which a place is worth more steps
_SETTLED: Final = 0.6  # correlation from which a place is the right one
PICTURES: Final = 12  # of one message
_TONED: Final = 25.0  # above this score a better fit of the host changes nothing


class _Seen(NamedTuple):
    """The best reading of a picture."""

    face: int = -1
    score: float = 0.0
    method: str = MARK


class _View:
    """A received picture on the canonical grid, what lies within its margins, and what was made of it on the way.

    It has one form, or two: the whole of it, and what lies within even margins. A fingerprint is taken of each.
    """

    def __init__(self, source: Image.Image) -> None:
        self.values = pictures.canonical(source)
        self.trim = pictures.margins(source)
        self.image = Image.fromarray(self.values)
        self.plain = mark.coefficients(self.values)
        self._forms = [(IDENTITY, self.values, source.width / source.height)]
        if self.trim is not None:
            left, top, right, bottom = self.trim
            width, height = source.size
            within = pictures.canonical(source, (left * width, top * height, right * width, bottom * height))
            self._forms.append((boxed(self.trim), within, (right - left) * width / ((bottom - top) * height)))
        self.prints: list[Words] = [fingerprint(values) for _, values, _ in self._forms]
        self._received: dict[int, Received] = {}

    def outer(self, form: int) -> Map:
        """Where a form lies in the whole."""
        return self._forms[form][0]

    def received(self, form: int) -> Received:
        if form not in self._received:
            _, values, shape = self._forms[form]
            self._received[form] = Received(values, shape)
        return self._received[form]


def judge(
    contents: Sequence[Content], library: Library, held: Collection[str] = (), *, look_at_all: bool = True, limits: Limits = LIMITS
) -> Verdict:
    """The seeds that a message's contents hold; `held`: seeds that its sender is known to hold, campaign/name. Never raises.

    Without `look_at_all` only octets and texts are compared, and no picture is decoded.
    """
    found: dict[str, Sighting] = {}
    learned: list[Learned] = []
    faults: list[str] = []
    looks: set[str] = set()
    highest = 0.0
    number_of_pictures = 0
    for part, content in enumerate(contents):
        if not content.is_picture:
            continue
        known = library.exact(content.body)
        if known is not None:
            seed = library.seeds[known[0]]
            _keep(found, Sighting(seed.name, seed.campaign, EXACT, 0.0, part))
            continue
        number_of_pictures += 1
        if not look_at_all or number_of_pictures > PICTURES:
            continue
        try:
            best, near = picture(content.body, library, held, limits)
        except DecodeError as error:
            faults.append(f"part {part}: {error.reason}")
            continue
        looks.update(near)
        if best.score < ACCEPTED:
            highest = max(highest, best.score)
            continue
        entry = library.entries[best.face]
        _keep(found, Sighting(entry.seed.name, entry.seed.campaign, best.method, best.score, part))
        learned.append(Learned(sha256(content.body).digest(), entry.seed.label, entry.picture))
    sightings = sorted(found.values(), key=lambda sighting: (sighting.method != EXACT, -sighting.score, sighting.part))
    return Verdict(tuple(sightings), _probable(contents, library, held, looks, found), tuple(learned), tuple(faults), highest)


def _keep(found: dict[str, Sighting], sighting: Sighting) -> None:
    known = found.get(sighting.label)
    if known is None or (known.method != EXACT and (sighting.method == EXACT or sighting.score > known.score)):
        found[sighting.label] = sighting


def picture(body: bytes, library: Library, held: Collection[str] = (), limits: Limits = LIMITS) -> tuple[_Seen, set[str]]:
    """The best reading of one picture, and the seeds it looks like. DecodeError when it is none, or too large."""
    image = pictures.opened(body, limits)
    count = getattr(image, "n_frames", 1)
    if count > limits.frames:
        raise DecodeError(f"{count} frames are more than a picture may have", offset=0)
    best, near = _frame(_View(pictures.grey(image)), library, held)
    if best.score < ACCEPTED and count > 1:  # an animation may begin with what a handset put before it
        try:
            image.seek(count // 2)
        except (EOFError, OSError, SyntaxError, ValueError) as error:
            raise DecodeError(f"frame {count // 2} cannot be decoded: {type(error).__name__}", offset=0) from error
        other, looks = _frame(_View(pictures.grey(image)), library, held)
        best, near = max(best, other, key=lambda seen: seen.score), near | looks
    return best, near


def _frame(view: _View, library: Library, held: Collection[str]) -> tuple[_Seen, set[str]]:
    near = library.shortlist(view.prints, CANDIDATES, RADIUS)
    looks = {library.entries[one.face].seed.label for one in near if one.distance <= LOOKED_ALIKE}
    listed = {one.face for one in near}
    owned = [face for seed in held for face in library.faces_of(seed) if face not in listed][:HELD]
    candidates = near + [library.distances(face, view.prints) for face in owned]
    best = _Seen()
    straight = [one for one in candidates if one.distance <= NEAR or one.face not in listed]
    crowded = [one for one in straight if _siblings_each(library, one.face) > CROWD]
    for one in straight:
        if one not in crowded:
            best = max(best, _marked(view, library, one.face), key=_by_score)
        if best.score >= _TONED:
            return best, looks
    if best.score < ACCEPTED:
        best = max(best, _siblings(view, library, straight), key=_by_score)
    for one in crowded:
        if best.score < ACCEPTED and _siblings_each(library, one.face) <= _BY_ITSELF:
            best = max(best, _marked(view, library, one.face), key=_by_score)
    if best.score < ACCEPTED:
        best = max(best, _laid(view, library, candidates), key=_by_score)
    return best, looks


def _siblings_each(library: Library, face: int) -> int:
    """How many siblings a face has, itself among them; of animations those of one frame."""
    return len(library.siblings(face)) // len(library.picture(face).faces)


def _by_score(seen: _Seen) -> float:
    return seen.score


def _marked(view: _View, library: Library, face: int) -> _Seen:
    """L3: the score where the picture was only squashed, or put into even margins."""
    score = mark.score(view.plain, library.host(face))
    if view.trim is not None and score < ACCEPTED:
        own = library.entries[face].face.trim
        score = max(score, _score(view, library, face, boxed(view.trim)))
        if own is not None and score < ACCEPTED:
            score = max(score, _score(view, library, face, joined(boxed(view.trim), cropped(own))))
    if score < ACCEPTED:
        score = max(score, _score(view, library, face, IDENTITY))
    return _Seen(face, score)


class _Fit(NamedTuple):
    """A host subtracted from a picture."""

    left: Floats
    score: float


def _fit(view: _View, library: Library, face: int, by: Map) -> _Fit:
    """The picture laid on a host by that map, the host seen through the picture's tone curve, subtracted."""
    host = library.host(face)
    if by is IDENTITY:
        values, sound = view.values, None
    else:
        values = np.where(inside(by, SIDE), seen(view.image, by), host.values)
        sound = blocks_inside(by)
    toned = host._replace(spectrum=mark.coefficients(mark.toned(host.values, values)))
    left = mark.left_of(mark.coefficients(values), toned, sound)
    return _Fit(left, float(np.vdot(left, host.signs)))


def _score(view: _View, library: Library, face: int, by: Map) -> float:
    return _fit(view, library, face, by).score


def _siblings(view: _View, library: Library, candidates: Sequence[Near], by: Map = IDENTITY) -> _Seen:
    """The best of all siblings of the candidates on one alignment: the nearest card of a family is often the wrong one."""
    best = _Seen()
    tried: set[tuple[str, int]] = set()
    for one in candidates:
        entry = library.entries[one.face]
        if (entry.seed.kin, entry.picture) in tried or len(library.siblings(one.face)) < 2:
            continue
        tried.add((entry.seed.kin, entry.picture))
        for place in _margined(view, library, one.face) if by is IDENTITY else (by,):
            left = _fit(view, library, one.face, place).left
            for face in library.screened(one.face, left, 3):
                best = max(best, _Seen(face, _score(view, library, face, place)), key=_by_score)
                if best.score >= ACCEPTED:
                    return best
    return best


def _margined(view: _View, library: Library, face: int) -> Iterator[Map]:
    """Where a picture lies that was only squashed, or put into even margins, the likeliest first."""
    yield IDENTITY
    if view.trim is not None:
        yield boxed(view.trim)
        own = library.entries[face].face.trim
        if own is not None:
            yield joined(boxed(view.trim), cropped(own))


def _laid(view: _View, library: Library, candidates: Sequence[Near]) -> _Seen:
    """L4: the likeliest candidates of different families are laid straight, and they and their siblings scored there."""
    first: dict[tuple[str, int], str] = {}
    found: list[tuple[Near, int, Found]] = []
    for one in candidates:
        entry = library.entries[one.face]
        if (
            one.distance > RADIUS
            or len(found) == CANDIDATES
            or first.setdefault((entry.seed.kin, entry.picture), entry.seed.label) != entry.seed.label
        ):
            continue  # of siblings one will do, with all its frames
        template = library.template(one.face)
        forms = {0, one.form} if one.distance <= NEAR else {0}
        found.append(max(((one, form, template.coarse(view.received(form), BEGUN)) for form in forms), key=_by_peak))
    found.sort(key=lambda tried: tried[0].distance / 8 - tried[2].peak)
    best = _Seen(method=REGISTERED)
    for one, form, coarse in found[:LAID]:
        if one.distance > NEAR and not coarse.is_clear(one.distance):
            continue
        template, received, outer = library.template(one.face), view.received(form), view.outer(form)
        straight, most = IDENTITY, -1.0
        for by, alike in template.refined(received, [*_begun(view, library, one, form), *coarse.places]):
            score = _score(view, library, one.face, joined(outer, by))
            if _HINT <= score < ACCEPTED:
                by = template.polished(received, by)
                score = max(score, _score(view, library, one.face, joined(outer, by)))
            best = max(best, _Seen(one.face, score, REGISTERED), key=_by_score)
            if best.score >= ACCEPTED:
                return best
            if alike > most:
                straight, most = joined(outer, by), alike
            if alike >= _SETTLED and score < _HINT:
                break  # it lies there, and has no mark: a look-alike, or a sibling
        if most > 0:
            best = max(best, _siblings(view, library, [one], straight)._replace(method=REGISTERED), key=_by_score)
            if best.score >= ACCEPTED:
                return best
    return best


def _by_peak(tried: tuple[Near, int, Found]) -> float:
    return tried[2].peak


def _begun(view: _View, library: Library, one: Near, form: int) -> list[Map]:
    """Where in a form a candidate lies by its fingerprint, and where it would lie untouched; nowhere when it is not like it enough."""
    if one.distance > NEAR:
        return []
    begin = [joined(view.outer(one.form), library.place(one)), view.outer(form)]
    back = inverted(view.outer(form))
    return [joined(back, by) for by in begin]


def _probable(
    contents: Iterable[Content], library: Library, held: Collection[str], looks: Collection[str], found: Collection[str]
) -> tuple[Probable, ...]:
    """Seeds with two signs or more that were not found."""
    signs: dict[str, set[str]] = {}
    for name in looks:
        signs.setdefault(name, set()).add("look")
    for content in contents:
        if content.is_sound:
            for name in library.by_sound(texts.sound(content.body)):
                signs.setdefault(name, set()).add("sound")
        elif content.is_text and len(content.body) <= _TEXT_LIMIT:
            said = texts.reduced(content.body, content.charset)
            for name in library.by_text(said):
                signs.setdefault(name, set()).add("text")
            for name in {*looks, *held} & library.seeds.keys():
                if any(texts.alike(own, said) for own in library.seeds[name].texts):
                    signs.setdefault(name, set()).add("text")
    for name in held:
        if name in signs:
            signs[name].add("holder")
    return tuple(
        Probable(library.seeds[name].name, library.seeds[name].campaign, tuple(sorted(said)))
        for name, said in sorted(signs.items())
        if len(said) > 1 and name not in found
    )


_TEXT_LIMIT: Final = 32 * 1024
