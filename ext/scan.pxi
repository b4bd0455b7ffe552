# The Python door of the scanner's kernel, compiled once for every machine and once for AVX2. The kernel is scan.h.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from mmsd.fast.program import Cells

cdef extern from "scan.h" nogil:
    enum: BLOCK, REJECT_WIDTH, TO_ENUM, TO_ENUM_TYPE
    bint runs_avx2()
    uint64_t mix(const uint8_t *p, size_t n, uint64_t k0, uint64_t k1, int lower, const uint8_t *end)
    ctypedef struct Text:
        pass
    ctypedef struct Word:
        pass
    ctypedef struct Ground:
        const uint8_t *data
        const uint8_t *end
        uint64_t k0, k1
    ctypedef struct Entry:
        Text text
        int64_t value, flags
    ctypedef struct Step:
        pass
    ctypedef struct Form:
        Step *first
        Step *end
        int64_t ignore
        const int64_t *initial
    ctypedef struct State:
        Ground ground
        bint final
        Step *steps
        Form *forms
        Entry *entries
        Word *words
        int64_t step_count, form_count
        const uint8_t *literals
        const int64_t *attributes
        int64_t attribute_count
        const int32_t *slots
        int64_t slot_count
        uint8_t *seen
        int64_t *out
        size_t out_size
        int64_t cell_count, width, rows, room
        int64_t *block
        int64_t *rejects
        int64_t reject_count, reject_room
        int64_t lines, skipped
    void set_numbering(Ground *g, int64_t country, int64_t length, int64_t lead, int64_t trunk)
    void set_text(Text *t, const uint8_t *at, int64_t length)
    int64_t table_room(int64_t count)
    int64_t record_length(const uint8_t *at, const uint8_t *end, bint blocks)
    int64_t roomy(int64_t rows)
    void load_step(State *s, Step *t, const int64_t *row, Word *words)
    bint read_all(State *s, const uint8_t **at)


cdef enum: LARGEST = 1 << 24  # bytes that are kept for the next scan
cdef void *spare = NULL  # memory given back last: chunk after chunk needs about as much, and the first touch of a page costs as much as a line
cdef size_t spare_size = 0


cdef void *take(size_t *size) noexcept:
    """Memory for so many bytes, or more: then it says how many. NULL where there is none."""
    global spare
    cdef void *memory = spare
    spare = NULL
    if memory != NULL and size[0] <= spare_size <= 4 * size[0]:
        size[0] = spare_size
        return memory
    free(memory)
    size[0] += size[0] // 4
    return malloc(size[0])


cdef void give(void *memory, size_t size) noexcept:
    """Take back what `take` gave."""
    global spare, spare_size
    if size > LARGEST:
        free(memory)
        return
    free(spare)
    spare, spare_size = memory, size


cdef class _Memory:
    """Memory from `take`, given back with the array that looks at it."""

    cdef void *at
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer *view, int flags):
        view.buf = self.at
        view.obj = self
        view.len = self.size
        view.readonly = 0
        view.itemsize = 1
        view.format = b"B"
        view.ndim = 1
        view.shape = &self.size
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL

    def __dealloc__(self):
        give(self.at, self.size)


cdef object columns_of(State *s):
    """int64[cells + 1, rows] over the memory they were written to, which is given away."""
    cdef _Memory memory = _Memory.__new__(_Memory)
    memory.at, memory.size = s.out, s.out_size
    s.out = NULL
    return np.frombuffer(memory, np.int64, s.width * s.room).reshape(s.width, s.room)[: s.cell_count + 1, : s.rows]


cdef object rejects_of(const State *s):
    """int64[rejects, 5], a copy."""
    rejects = np.empty((s.reject_count, REJECT_WIDTH), np.int64)
    cdef int64_t[:, ::1] rows = rejects
    if s.reject_count:
        memcpy(&rows[0, 0], s.rejects, s.reject_count * REJECT_WIDTH * sizeof(int64_t))
    return rejects


cdef int64_t words_of(const int64_t *step) noexcept:
    """Words that a row of `Program.steps` takes."""
    return table_room(step[12]) if step[5] == TO_ENUM or step[5] == TO_ENUM_TYPE else 0


def scan(program, const uint8_t[::1] data, Py_ssize_t start, key, bint final):
    """As `mmsd.fast.scan_py.scan`."""
    cdef const int64_t[:, ::1] steps = program.steps, forms = program.forms, entries = program.entries, initial = program.initial
    cdef const int64_t[:, ::1] attributes = program.attributes
    cdef const int64_t[::1] numbering = program.numbering
    cdef const int32_t[::1] slots = program.slots
    cdef bytes literals = program.literals
    cdef const uint8_t *at
    cdef State s
    cdef int64_t i, words = 0
    cdef bint good
    cdef Py_ssize_t size = data.shape[0]
    cdef bytes nothing_at_all = b""
    if start < 0 or start > size:
        raise ValueError("start lies outside the data")
    memset(&s, 0, sizeof(State))
    s.ground.k0, s.ground.k1 = key[0], key[1]
    s.final = final
    s.ground.data = &data[0] if size else <const uint8_t *> nothing_at_all
    s.ground.end = s.ground.data + size
    set_numbering(&s.ground, numbering[0], numbering[1], numbering[2], numbering[3])
    s.literals = literals
    s.attribute_count = attributes.shape[0]
    s.attributes = &attributes[0, 0] if s.attribute_count else NULL
    s.slots, s.slot_count = &slots[0], slots.shape[0]
    s.step_count, s.form_count, s.cell_count = steps.shape[0], forms.shape[0], initial.shape[1]
    s.width = (s.cell_count + 4) // 4 * 4
    s.room = roomy((size - start) // record_length(s.ground.data + start, s.ground.end, s.attribute_count > 0) * 3 // 2)
    s.reject_room = 16
    for i in range(s.step_count):
        words += words_of(&steps[i, 0])
    s.steps = <Step *> calloc(s.step_count + 1, sizeof(Step))
    s.forms = <Form *> calloc(s.form_count, sizeof(Form))
    s.entries = <Entry *> calloc(entries.shape[0] + 1, sizeof(Entry))
    s.words = <Word *> calloc(words + 1, sizeof(Word))
    s.seen = <uint8_t *> calloc(s.step_count + 1, 1)
    s.out_size = s.room * s.width * sizeof(int64_t)
    s.out = <int64_t *> take(&s.out_size)
    s.block = <int64_t *> malloc(BLOCK * s.width * sizeof(int64_t))
    s.rejects = <int64_t *> malloc(s.reject_room * REJECT_WIDTH * sizeof(int64_t))
    try:
        if not (s.steps and s.forms and s.entries and s.words and s.seen and s.out and s.block and s.rejects):
            raise MemoryError
        for i in range(entries.shape[0]):
            set_text(&s.entries[i].text, s.literals + entries[i, 0], entries[i, 1])
            s.entries[i].value, s.entries[i].flags = entries[i, 2], entries[i, 3]
        for i in range(s.step_count - 1, -1, -1):
            words -= words_of(&steps[i, 0])
            load_step(&s, &s.steps[i], &steps[i, 0], s.words + words)
        for i in range(s.form_count):
            s.forms[i].first, s.forms[i].end, s.forms[i].ignore = s.steps + forms[i, 0], s.steps + forms[i, 1], forms[i, 2]
            s.forms[i].initial = &initial[i, 0]
        at = s.ground.data + start
        with nogil:
            good = read_all(&s, &at)
        if not good:
            raise MemoryError
        columns = columns_of(&s)
        return Cells(
            columns[: s.cell_count].T,
            columns[s.cell_count],
            rejects_of(&s),
            at - s.ground.data,
            s.lines,
            s.skipped,
        )
    finally:
        free(s.steps)
        free(s.forms)
        free(s.entries)
        free(s.words)
        free(s.seen)
        free(s.out)
        free(s.block)
        free(s.rejects)


def has_avx2():
    """May this processor and its system run the build for AVX2?"""
    return runs_avx2()


def hash64(const uint8_t[::1] data, key):
    """As `mmsd.fast.hash_py.hash64`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t size = data.shape[0]
    cdef const uint8_t *at = &data[0] if size else NULL
    return mix(at, size, k0, k1, 0, at + size)


def hash64_many(const uint8_t[::1] data, const int64_t[::1] start, const int64_t[::1] stop, key):
    """As `mmsd.fast.hash_py.hash64_many`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t i, rows = start.shape[0], size = data.shape[0]
    cdef const uint8_t *at = &data[0] if size else NULL
    out = np.zeros(rows, np.uint64)
    cdef uint64_t[::1] hashes = out
    if stop.shape[0] != rows:
        raise ValueError("start and stop differ in length")
    for i in range(rows):
        if start[i] < 0 or stop[i] > size or start[i] > stop[i]:
            raise ValueError("a slice lies outside the data")
    with nogil:
        for i in range(rows):
            if stop[i] > start[i]:
                hashes[i] = mix(at + start[i], stop[i] - start[i], k0, k1, 0, at + size)
    return out


def combine(const uint64_t[::1] first, const uint64_t[::1] second, key):
    """As `mmsd.fast.hash_py.combine`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t i, rows = first.shape[0]
    cdef uint8_t both[16]
    cdef int j
    out = np.zeros(rows, np.uint64)
    cdef uint64_t[::1] hashes = out
    if second.shape[0] != rows:
        raise ValueError("the arrays differ in length")
    with nogil:
        for i in range(rows):
            if second[i]:
                for j in range(8):
                    both[j] = <uint8_t> (first[i] >> 8 * j)
                    both[8 + j] = <uint8_t> (second[i] >> 8 * j)
                hashes[i] = mix(both, 16, k0, k1, 0, &both[0] + 16)
    return out
