"""`make recognise`: how well altered seeds are recognised and how surely nothing else is, on the corpus of `bench/corpus.py`.

Runs in pieces, each a line of JSON in run/recognise; a run that was stopped goes on where it was. Prints every target with *met* or *not
met*, beside two perceptual hashes on the same files, and the largest scores among pictures that are no seeds. Times are CPU time.
"""

from __future__ import annotations

import json
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from importlib import import_module, util
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import cards, corpus
from mmsd.seeds import alterations as alter
from mmsd.seeds import fingerprint, mark, pictures, recognise, verdict
from mmsd.seeds.contents import Content
from mmsd.seeds.faces import face, faces
from mmsd.seeds.library import Library
from mmsd.seeds.making import Marked, Original
from mmsd.seeds.mark import ACCEPTED
from mmsd.seeds.pictures import canonical, colour, opened
from mmsd.seeds.seed import PAYLOAD_OCTETS, RegisteredPicture, RegisteredSeed, key_name

KEY: Final = sha256(b"the key of the evaluation").digest()
FOREIGN: Final = sha256(b"the key of another deployment").digest()
UNRELATED, SAME_TEMPLATE, LIVE = 20_000, 5_000, 1_000
SCORES: Final = 24  # of each negative against hosts drawn by lot: the tail of the score, no judgement of the recogniser
CHUNK: Final = 250  # negatives of a piece


def payload(name: str) -> bytes:
    return sha256(name.encode()).digest()[:PAYLOAD_OCTETS]


def registered(source: corpus.Source, made: RegisteredPicture) -> RegisteredSeed:
    return RegisteredSeed(source.name, "relay", source.siblings or source.name, key_name(KEY), (made,))


def filler(number: int) -> RegisteredSeed:
    """A live seed nobody sends: only its face counts."""
    image = opened(corpus.unrelated(1_000_000 + number)).convert("L")
    made = RegisteredPicture("", "image/jpeg", payload(f"filler {number}"), payload(f"filler {number}"), faces([image]), 1.0)
    return RegisteredSeed(f"filler-{number:04}", "other", f"filler-{number:04}", key_name(KEY), (made,))


# ----------------------------------------------------------------------------------------------------------------------- peers


def _dct_hash(image: Image.Image) -> NDArray[np.uint8]:
    """pHash as it is commonly defined: 32×32, the 8×8 lowest frequencies, their signs about the median; 64 bits."""
    values = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    place = np.arange(32)
    rows = np.stack([np.cos(np.pi * (2 * place + 1) * row / 64) for row in range(8)])
    lowest = (rows @ values @ rows.T).ravel()
    return np.packbits(lowest > np.median(lowest))


def _own_hash(image: Image.Image) -> NDArray[np.uint8]:
    return fingerprint.fingerprint(canonical(image.convert("L"))).view(np.uint8)


def _pdq() -> Callable[[Image.Image], NDArray[np.uint8]] | None:
    if util.find_spec("pdqhash") is None:
        return None
    compute = import_module("pdqhash").compute
    return lambda image: np.packbits(compute(np.asarray(image))[0].astype(np.uint8))


def peers() -> dict[str, Callable[[Image.Image], NDArray[np.uint8]]]:
    """Hashes by name; PDQ only where its package is installed."""
    found: dict[str, Callable[[Image.Image], NDArray[np.uint8]]] = {"pHash": _dct_hash, "our fingerprint alone": _own_hash}
    pdq = _pdq()
    return {"PDQ": pdq, **found} if pdq else found


def _hashes(octets: bytes) -> dict[str, str]:
    image = colour(opened(octets))
    return {name: compute(image).tobytes().hex() for name, compute in peers().items()}


# ---------------------------------------------------------------------------------------------------------------------- pieces


class Run:
    """One evaluation: its seeds made or read, its pieces done or read."""

    def __init__(self, share: float, folder: Path) -> None:
        self.share = share
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.sources = corpus.sources(share)
        self._made: dict[str, Marked] = {}
        self._library: Library | None = None

    def count(self, whole: int) -> int:
        return max(CHUNK if self.share >= 1 else 10, round(whole * self.share))

    def made(self, source: corpus.Source) -> Marked:
        """The marked picture of a source, from its file when it was made before."""
        if source.name not in self._made:
            kept = self.folder / f"{source.name}.{sha256(source.octets + _code()).hexdigest()[:12]}"
            if kept.exists():
                octets, value = msgspec.msgpack.decode(kept.read_bytes(), type=tuple[bytes, RegisteredPicture])
                self._made[source.name] = Marked(octets, value)
            else:
                found = Original(source.octets, KEY, payload(source.name)).marked(source.name)
                kept.write_bytes(msgspec.msgpack.encode((found.octets, found.registered)))
                self._made[source.name] = found
        return self._made[source.name]

    @property
    def library(self) -> Library:
        if self._library is None:
            live = [registered(source, self.made(source).registered) for source in self.sources]
            fillers = [filler(number) for number in range(max(20, round(LIVE * self.share)))]
            self._library = Library(KEY, [*live, *fillers])
        return self._library

    def pieces(self) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
        for source in self.sources:
            yield f"seed {source.name}", partial(self.altered, source)
        for kind, whole in (("unrelated", UNRELATED), ("same template", SAME_TEMPLATE)):
            total = self.count(whole)
            for start in range(0, total, CHUNK):
                yield f"{kind} {start}", partial(self.negatives, kind, start, min(start + CHUNK, total))
        for source in self.sources:
            yield f"foreign {source.name}", partial(self.foreign, source)
        yield "ten thousand", self.many
        yield "numbered siblings", self.numbered

    def altered(self, source: corpus.Source) -> dict[str, Any]:
        """The seed itself, and after each alteration."""
        made = self.made(source)
        image = opened(made.octets)
        frames = list(pictures.frames(image))
        rows, exact = {}, []
        for _ in range(3):
            _, took = self._judged(made.octets)
            exact.append(took)
        for name, (_, change) in corpus.CHANGES.items():
            draw = random.Random(f"{source.name} {name}")
            octets = change(draw.choice(frames), draw)
            verdict, took = self._judged(octets)
            sighting = verdict.sightings[0] if verdict.sightings else None
            rows[name] = {
                "seed": sighting.seed if sighting else "",
                "method": sighting.method if sighting else "",
                "score": round(sighting.score if sighting else verdict.highest, 2),
                "ms": round(took * 1e3, 3),
                "hashes": _hashes(octets),
            }
        trial = made.registered.trial
        return {
            "trial": msgspec.to_builtins(trial),
            "exact_ms": round(min(exact) * 1e3, 3),
            "rows": rows,
            "hashes": _hashes(made.octets),
        }

    def _judged(self, octets: bytes) -> tuple[verdict.Verdict, float]:
        library = self.library
        contents = [Content("image/any", octets)]
        begun = time.process_time()
        verdict = recognise.judge(contents, library)
        return verdict, time.process_time() - begun

    def negatives(self, kind: str, start: int, stop: int) -> dict[str, Any]:
        """Pictures that are no seeds: what was accepted, the scores, the CPU time; hashes of every fifth."""
        make = corpus.unrelated if kind == "unrelated" else corpus.same_template
        accepted, scores, lots, ms, decoded, hashes = [], [], [], [], [], []
        for number in range(start, stop):
            octets = make(number)
            verdict, took = self._judged(octets)
            ms.append(round(took * 1e3, 3))
            accepted += [f"{kind} {number}: {sighting.seed} {sighting.score:.1f}" for sighting in verdict.sightings]
            begun = time.process_time()
            found = mark.coefficients(canonical(pictures.grey(opened(octets))))
            decoded.append(round((time.process_time() - begun) * 1e3, 3))
            scores.append(verdict.highest)
            lots += self._by_lot(found, f"{kind} {number}")
            if number % 5 == 0:
                hashes.append(_hashes(octets))
        rounded = {"scores": [round(score, 3) for score in scores], "lots": [round(score, 3) for score in lots]}
        return {"accepted": accepted, **rounded, "ms": ms, "decoded": decoded, "hashes": hashes}

    def _by_lot(self, found: NDArray[np.float32], name: str) -> list[float]:
        draw = random.Random(name)
        library = self.library
        return [mark.score(found, library.host(draw.randrange(len(library.entries)))) for _ in range(SCORES)]

    def foreign(self, source: corpus.Source) -> dict[str, Any]:
        """The seed's own original without a mark, and with another deployment's, each after some alterations: the dearest of negatives."""
        original = Original(source.octets, FOREIGN, payload(source.name))
        marked = original.encoded(self.made(source).registered.deviation)
        accepted, scores, ms = [], [], []
        for kind, octets in (("unmarked", source.octets), ("foreign", marked)):
            image = next(pictures.frames(opened(octets)))
            some = random.Random(f"{kind} {source.name}").sample(sorted(corpus.CHANGES), 10)
            files = [octets, *(corpus.CHANGES[name][1](image, random.Random(name)) for name in some)]
            for name, file in zip(("itself", *some), files, strict=True):
                verdict, took = self._judged(file)
                ms.append(round(took * 1e3, 3))
                scores.append(round(verdict.highest, 3))
                accepted += [f"{kind} {source.name}, {name}: {sighting.seed} {sighting.score:.1f}" for sighting in verdict.sightings]
        return {"accepted": accepted, "scores": scores, "ms": ms}

    def many(self) -> dict[str, Any]:
        """10,000 live seeds: what they take and how long the shortlist is looked for, over faces drawn by lot."""
        count = 10_000 if self.share >= 0.25 else 200
        noise = np.random.default_rng(1)
        before = _resident()
        live = []
        for number in range(count):
            coarse = Image.fromarray(noise.integers(0, 256, (12, 12), np.uint8)).resize((128, 128), Image.Resampling.BICUBIC)
            shown = face(canonical(coarse), None)
            live.append(
                RegisteredSeed(
                    str(number),
                    "",
                    str(number),
                    key_name(KEY),
                    (RegisteredPicture("", "", payload(str(number)), payload(str(number)), (shown,), 1.0),),
                )
            )
        library = Library(KEY, live)
        grown = _resident() - before
        prints = [fingerprint.fingerprint(noise.integers(0, 256, (128, 128)).astype(np.float32)) for _ in range(200)]
        begun = time.process_time()
        for words in prints:
            library.shortlist([words], recognise.CANDIDATES, recognise.RADIUS)
        took = (time.process_time() - begun) / len(prints)
        return {"seeds": count, "octets": grown, "shortlist_ms": round(took * 1e3, 3)}

    def numbered(self) -> dict[str, Any]:
        """10,000 numbered siblings of one card live, four of them sent and altered: who is found, the CPU time, what the seeds take."""
        count = 10_000 if self.share >= 0.25 else 400
        before = _resident()

        def card(number: int) -> Image.Image:
            return cards.torch(random.Random("numbered"), (320, 240), number=f"{20_080_000 + number:08}")

        shown = [faces([card(number).convert("L")]) for number in range(min(count, 200))]  # the others look like one of these
        sent = {str(number): Original(alter.png(card(number)), KEY, payload(str(number))) for number in (7, 42, 123, 199)}
        live = []
        for number in range(count):
            name = payload(str(number))
            picture = RegisteredPicture("", "image/png", name, name, shown[number % len(shown)], 2.0)
            live.append(RegisteredSeed(str(number), "", "card", key_name(KEY), (picture,)))
        library = Library(KEY, live)
        found: dict[str, list[Any]] = {"ms": [], "right": [], "wrong": [], "look-alike ms": []}
        warm = corpus.unrelated(0), alter.jpeg(card(count), 75)  # what is made once is made
        for octets in warm:
            recognise.judge([Content("image/any", octets)], library)
        for sent_one, original in sent.items():
            image = colour(opened(original.encoded(2.0)))
            for change, (_, altered) in corpus.CHANGES.items():
                octets = altered(image, random.Random(f"{sent_one} {change}"))
                begun = time.process_time()
                sightings = recognise.judge([Content("image/any", octets)], library).sightings
                found["ms"].append(round((time.process_time() - begun) * 1e3, 3))
                seed = sightings[0].seed if sightings else ""
                found["right"].append(seed == sent_one)
                if seed not in {"", sent_one}:
                    found["wrong"].append(f"{sent_one}, {change}: {seed}")
        for number in range(100):
            octets = alter.jpeg(card(count + number), 75)
            begun = time.process_time()
            sightings = recognise.judge([Content("image/any", octets)], library).sightings
            found["look-alike ms"].append(round((time.process_time() - begun) * 1e3, 3))
            found["wrong"] += [f"no seed, {number}: {sighting.seed}" for sighting in sightings]
        return {"seeds": count, "octets": _resident() - before, **found}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _code() -> bytes:
    """Of the modules that the results hang on: other code, other results."""
    here = [Path(str(module.__file__)) for module in (corpus, cards)]
    files = [Path(mark.__file__).with_name(f"{name}.py") for name in _DECIDING] + here
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).digest()


_DECIDING: Final = (
    "alterations", "faces", "fingerprint", "geometry", "library", "making", "mark", "pictures", "recognise", "register", "seed", "signs",
)  # fmt: skip


def evaluated(share: float, folder: Path, again: bool = False, said: Callable[[str, int, int], None] = lambda *_: None) -> dict[str, Any]:
    """All pieces, by name; those done before by the same code are read."""
    code = _code().hex()[:16]
    results = folder / f"{share:g}-{code}.jsonl"
    if again:
        results.unlink(missing_ok=True)
    run = Run(share, folder)
    done = {}
    if results.exists():
        for line in results.read_text().splitlines():
            row = json.loads(line)
            done[row["piece"]] = row["result"]
    pieces = list(run.pieces())
    for number, (name, work) in enumerate(pieces):
        said(name, number, len(pieces))
        if name not in done:
            done[name] = work()
            with results.open("a") as out:
                out.write(json.dumps({"piece": name, "result": done[name]}) + "\n")
    return done


# ---------------------------------------------------------------------------------------------------------------------- report

TARGETS: Final = {  # (all together, each single step), of 1
    corpus.HANDSET: (0.999, 0.99),
    corpus.PEOPLE: (0.995, 0.97),
    corpus.HARD: (0.0, 0.0),
}
SINGLE: Final = {
    "5 hops": 0.98,
    "JPEG 20": 0.99,
    "96 px": 0.99,
    "128 px, JPEG 40": 0.99,
    "128 px, GIF 16": 0.95,
    "5 mixed hops": 0.93,
    "1 bit": 0.92,
}
"""Steps with a target of their own."""


class Line(msgspec.Struct, frozen=True):
    """A row of the table of targets."""

    what: str
    found: str
    target: str
    met: bool


def _parts(done: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name[len(kind) + 1 :]: result for name, result in done.items() if name.startswith(kind + " ")}


def _share(rows: list[bool]) -> float:
    return sum(rows) / len(rows) if rows else 1.0


def lines(done: dict[str, Any]) -> list[Line]:
    """Every target beside what was found."""
    altered = _parts(done, "seed")
    right = {name: {change: row["seed"] == name for change, row in result["rows"].items()} for name, result in altered.items()}
    found: list[Line] = []

    def target(what: str, value: float, at_least: float) -> None:
        found.append(Line(what, f"{value:.2%}", f"≥ {at_least:.1%}", value >= at_least))

    def bound(what: str, value: float, most: float, unit: str = "") -> None:
        found.append(Line(what, f"{value:,.2f}{unit}", f"≤ {most:g}{unit}", value <= most))

    for kind, (together, each) in TARGETS.items():
        of_kind = [change for change, (its, _) in corpus.CHANGES.items() if its == kind]
        if together:
            target(f"{kind}: all together", _share([rows[change] for rows in right.values() for change in of_kind]), together)
            steps = {change: _share([rows[change] for rows in right.values()]) for change in of_kind if change not in SINGLE}
            worst = min(steps, key=lambda change: steps[change])
            target(f"{kind}: each step, the worst: {worst}", steps[worst], each)
    for change, share in SINGLE.items():
        target(change, _share([rows[change] for rows in right.values()]), share)
    wrong = [name for name, result in altered.items() for row in result["rows"].values() if row["seed"] not in {"", name}]
    bound("wrong seed", len(wrong), 0)
    for kind in ("unrelated", "same template", "foreign"):
        parts = _parts(done, kind).values()
        count = sum(len(part["ms"]) for part in parts)
        bound(f"false positives among {count:,} {_KINDS[kind]}", sum(len(part["accepted"]) for part in parts), 0)
    trials = [result["trial"] for result in altered.values()]
    plain = [trial for trial in trials if trial["grade"] < 2]
    raised = [trial for trial in trials if trial["grade"] >= 2]
    found.append(_at_least("PSNR, the mean", float(np.mean([trial["psnr"] for trial in trials])), 41.0, " dB"))
    if plain:
        found.append(_at_least(f"PSNR, the least of {len(plain)} not raised", min(trial["psnr"] for trial in plain), 39.5, " dB"))
    if raised:
        found.append(_at_least(f"PSNR, the least of {len(raised)} raised", min(trial["psnr"] for trial in raised), 38.0, " dB"))
    found.append(_at_least("SSIM, the mean", float(np.mean([trial["ssim"] for trial in trials])), 0.98, ""))
    positive = [row["ms"] for result in altered.values() for row in result["rows"].values()]
    negative = [ms for part in _parts(done, "unrelated").values() for ms in part["ms"]]
    dear = [ms for kind in ("same template", "foreign") for part in _parts(done, kind).values() for ms in part["ms"]]
    bound("CPU, exact", float(np.mean([result["exact_ms"] for result in altered.values()])), 0.2, " ms")
    bound("CPU, altered, the mean", float(np.mean(positive)), 5, " ms")
    bound("CPU, unrelated, the mean", float(np.mean(negative)), 10, " ms")
    for what, times in (("altered", positive), ("unrelated", negative), ("look-alikes", dear)):
        bound(f"CPU, {what}, 99 of 100 below", float(np.percentile(times, 99)), 60, " ms")
    many = done["ten thousand"]
    bound(f"shortlist among {many['seeds']:,} live seeds", many["shortlist_ms"], 1, " ms")
    bound(f"memory of {many['seeds']:,} live seeds", many["octets"] / 2**20, 400, " MiB")
    many = done["numbered siblings"]
    siblings = f"{many['seeds']:,} numbered siblings"
    target(f"{siblings}: recognised", _share(many["right"]), 0.99)
    bound(f"{siblings}: wrong seed, or none of them", len(many["wrong"]), 0)
    bound(f"CPU, {siblings}, altered, the mean", float(np.mean(many["ms"])), 5, " ms")
    bound(f"CPU, {siblings}, altered, 99 of 100 below", float(np.percentile(many["ms"], 99)), 60, " ms")
    bound(f"CPU, {siblings}, look-alikes, 99 of 100 below", float(np.percentile(many["look-alike ms"], 99)), 60, " ms")
    bound(f"memory of {siblings}", many["octets"] / 2**20, 400, " MiB")
    return found


_KINDS: Final = {
    "unrelated": "unrelated",
    "same template": "of the same templates",
    "foreign": "originals without a mark or with a foreign one",
}


def _at_least(what: str, value: float, least: float, unit: str) -> Line:
    return Line(what, f"{value:.3f}{unit}" if not unit else f"{value:.2f}{unit}", f"≥ {least:g}{unit}", value >= least)


def by_family(done: dict[str, Any], sources: list[corpus.Source]) -> list[tuple[str, ...]]:
    """Recognised, by family of seeds: tuned on and held back, each kind of alteration."""
    altered = _parts(done, "seed")
    rows = []
    for held in (False, True):
        for family in [*sorted({source.family for source in sources}), "all"]:
            names = [source.name for source in sources if source.held_back == held and family in {source.family, "all"}]
            if not names:
                continue
            cells = []
            for kind in (corpus.HANDSET, corpus.PEOPLE, corpus.HARD):
                marks = [
                    altered[name]["rows"][change]["seed"] == name
                    for name in names
                    for change, (its, _) in corpus.CHANGES.items()
                    if its == kind
                ]
                cells.append(f"{_share(marks):.2%}")
            rows.append(("held back" if held else "tuned on", family, str(len(names)), *cells))
    return rows


def scores(done: dict[str, Any], of: str = "scores") -> list[float]:
    """Of each picture that is no seed the highest score the recogniser saw; `lots`: its scores against hosts drawn by lot."""
    kinds = ("unrelated", "same template", "foreign")
    return [score for kind in kinds for part in _parts(done, kind).values() for score in part.get(of, ())]


def beside(done: dict[str, Any]) -> list[tuple[str, ...]]:
    """The hashes on the same files, each at the widest radius that takes none of the negatives for a seed."""
    altered = _parts(done, "seed")
    names = list(altered)
    rows = []
    for peer in peers():
        own = np.stack([_bits(altered[name]["hashes"][peer]) for name in names])
        others = [
            _bits(row[peer]) for kind in ("unrelated", "same template") for part in _parts(done, kind).values() for row in part["hashes"]
        ]
        nearest = min(int(np.bitwise_count(own ^ other).sum(axis=1).min()) for other in others)
        inside = {kind: [] for kind in TARGETS}  # type: dict[str, list[bool]]
        for place, name in enumerate(names):
            for change, row in altered[name]["rows"].items():
                bits = np.bitwise_count(own ^ _bits(row["hashes"][peer])).sum(axis=1)
                inside[corpus.CHANGES[change][0]].append(
                    bool(bits[place] < nearest and bits[place] == bits.min() and (bits == bits.min()).sum() == 1)
                )
        rows.append(
            (
                peer,
                str(len(_bits(altered[names[0]]["hashes"][peer])) * 8),
                str(nearest - 1),
                *(f"{_share(found):.2%}" for found in inside.values()),
            )
        )
    mine = {
        kind: [
            altered[name]["rows"][change]["seed"] == name for name in names for change, (its, _) in corpus.CHANGES.items() if its == kind
        ]
        for kind in TARGETS
    }
    rows.append(("mmsd", "", "", *(f"{_share(found):.2%}" for found in mine.values())))
    return rows


def _bits(digits: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(digits), np.uint8)


def _show(console: Console, title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def show(console: Console, done: dict[str, Any], sources: list[corpus.Source]) -> bool:
    """Prints everything; whether all targets are met."""
    altered = _parts(done, "seed")
    steps = []
    for change, (kind, _) in corpus.CHANGES.items():
        rows = [(name, result["rows"][change]) for name, result in altered.items()]
        found = [row["score"] for name, row in rows if row["seed"] == name]
        missed = [name for name, row in rows if row["seed"] != name]
        least = f"{min(found):.1f}" if found else "–"
        told = ", ".join(missed[:3]) + (f" and {len(missed) - 3} more" if len(missed) > 3 else "")
        steps.append((change, kind, f"{len(found)}/{len(rows)}", least, f"{np.median([row['ms'] for _, row in rows]):.1f}", told))
    _show(console, "Alterations", ("step", "kind", "recognised", "least score", "ms", "missed"), steps)
    _show(console, "Families", ("", "family", "seeds", "handset", "people", "hard"), by_family(done, sources))
    _show(console, "Beside hashes alone, at no false positive", ("", "bits", "radius", "handset", "people", "hard"), beside(done))
    if "PDQ" not in peers():
        console.print("  PDQ: pdqhash is not installed (pip install pdqhash; it has no wheel and needs g++)")
    seen = np.sort(np.array(scores(done)))
    told = ", ".join(f"{score:.2f}" for score in seen[-5:][::-1])
    console.print(f"Pictures that are no seeds, through the recogniser: {len(seen):,}; the highest scores {told}; accepted from {ACCEPTED}")
    tail = np.array(scores(done, "lots"))
    console.print(f"The same against {SCORES} hosts each, drawn by lot, laid on as they are, for the tail alone: {len(tail):,} scores")
    for level in (3.0, 4.0, 5.0, 6.0):
        console.print(
            f"  ≥ {level:g}: {np.count_nonzero(tail >= level)}; Hoeffding's bound allows {len(tail) * np.exp(-level * level / 2):.1f}"
        )
    pace = float(np.mean([ms for part in _parts(done, "unrelated").values() for ms in part["decoded"]]))
    console.print(
        f"Pace: decoding an unrelated picture alone took {pace:.2f} ms in the mean; times of a busy machine mean little, their ratio more"
    )
    weak = [name for name, result in altered.items() if result["trial"]["failed"]]
    console.print(f"Weak seeds, told at admission: {', '.join(weak) or 'none'}")
    for kind in ("unrelated", "same template", "foreign"):
        for part in _parts(done, kind).values():
            for accepted in part["accepted"]:
                console.print(f"  [red]accepted[/red] {accepted}")
    targets = lines(done)
    _show(
        console,
        "Targets",
        ("", "found", "target", ""),
        [(line.what, line.found, line.target, "met" if line.met else "NOT MET") for line in targets],
    )
    return all(line.met for line in targets)


@click.command()
@click.option("--share", type=click.FloatRange(0.001, 1.0), default=1.0, show_default=True, help="Of the corpus.")
@click.option("--again", is_flag=True, help="Do every piece again.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("run/recognise"), show_default=True)
def main(share: float, again: bool, folder: Path) -> None:
    """Evaluate recognition on the corpus; ends with 1 when a target is not met."""
    console = Console(width=None if Console().is_terminal else 140)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("seeds", total=None)
        done = evaluated(
            share, folder, again, lambda name, number, total: progress.update(task, description=name, completed=number, total=total)
        )
    raise SystemExit(0 if show(console, done, corpus.sources(share)) else 1)


if __name__ == "__main__":
    main()
