# The walk over BER records, compiled: `mmsd/fast/ber_py.py` is its specification and says what everything means.

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

import numpy as np

from mmsd.fast.ber_py import Walk

cdef enum:
    RECORD_LIMIT = 1 << 18
    HEAD = 16
    DEPTH_LIMIT = 16
    PATH_DEPTH = 7
    BAD_TAG = 1
    BAD_LENGTH = 2
    TOO_DEEP = 3
    TOO_LONG = 4
    CUT_SHORT = 5
    NO_MEMORY = 6
    CONSTRUCTED = 0x20
    CLASS = 0xC0
    CONTEXT = 0x80
    FOREIGN = 0xA0
    HIGH = 0x1F
    MOST = 0x3F
    INDEFINITE = -1
    MORE = -2
    BAD = -3
    RECORD_CELLS = 6
    LEAF_CELLS = 4
    FAULT_CELLS = 3



cdef struct Header:
    int64_t tag
    int64_t body
    int64_t length


cdef struct Table:
    int64_t *rows
    int64_t used
    int64_t room
    int64_t cells


cdef inline int64_t *row(Table *table) noexcept nogil:
    """A new row at the table's end; NULL without memory."""
    cdef int64_t room
    cdef void *grown
    if table.used == table.room:
        room = table.room * 3 // 2 + 256
        grown = realloc(table.rows, room * table.cells * sizeof(int64_t))
        if grown == NULL:
            return NULL
        table.rows, table.room = <int64_t *> grown, room
    table.used += 1
    return table.rows + (table.used - 1) * table.cells


cdef inline bint put_fault(Table *faults, int64_t code, int64_t offset, int64_t at) noexcept nogil:
    cdef int64_t *cells = row(faults)
    if cells == NULL:
        return False
    cells[0], cells[1], cells[2] = code, offset, at
    return True


cdef inline Header header(const uint8_t *data, int64_t at, int64_t stop) noexcept nogil:
    cdef Header head
    cdef int64_t count, octets
    cdef uint8_t octet
    head.tag, head.body, head.length = 0, at, MORE
    if at >= stop:
        return head
    head.tag = data[at] & HIGH
    at += 1
    if head.tag == HIGH:
        head.tag = 0
        count = 0
        while True:
            if at >= stop:
                head.tag, head.body = 0, at
                return head
            if count == 3:
                head.tag, head.body, head.length = 0, at, BAD
                return head
            octet = data[at]
            at += 1
            count += 1
            head.tag = head.tag << 7 | octet & 0x7F
            if octet < 0x80:
                break
    head.body = at
    if at >= stop:
        return head
    octet = data[at]
    at += 1
    head.body = at
    if octet < 0x80:
        head.length = octet
        return head
    if octet == 0x80:
        head.length = INDEFINITE
        return head
    octets = octet & 0x7F
    if octets > 4:
        head.length = BAD
        return head
    if at + octets > stop:
        return head
    head.length = 0
    for count in range(octets):
        head.length = head.length << 8 | data[at + count]
    head.body = at + octets
    return head


cdef inline bint begins(const uint8_t *data, int64_t at, int64_t stop) noexcept nogil:
    cdef Header head
    if at + 2 > stop or not (data[at] == 0xBE or (data[at] == 0xBF and 0x1F <= data[at + 1] <= 0x3E)):
        return False
    head = header(data, at, stop)
    return INDEFINITE <= head.length <= RECORD_LIMIT and (head.body >= stop or data[head.body] & CLASS == CONTEXT)


cdef inline int64_t framed(const uint8_t *data, int64_t at, int64_t stop, bint lost) noexcept nogil:
    cdef Header head
    cdef int64_t size
    if at + 6 > stop:
        return 0
    size = 5 if data[at + 2] >> 5 == 7 else 4
    if data[at + 3] >> 5 != 1 or data[at + size] & (CLASS | CONSTRUCTED) != FOREIGN or (lost and not begins(data, at + size, stop)):
        return 0
    head = header(data, at + size, stop)
    if head.length == INDEFINITE:
        return size
    if head.length >= 0 and head.body - (at + size) + head.length == (<int64_t> data[at] << 8 | data[at + 1]):
        return size
    return 0


cdef int64_t walk_content(
    const uint8_t *data, int64_t at, int64_t end, int64_t bound, int64_t record, Table *leaves, int64_t *code
) noexcept nogil:
    """Where the record ends, or where it broke: `code` is then a fault."""
    cdef int64_t ends[DEPTH_LIMIT]
    cdef int64_t limits[DEPTH_LIMIT]  # the nearest end known, from here outwards
    cdef int64_t paths[DEPTH_LIMIT]
    cdef int64_t depth = 0
    cdef int64_t limit, path, tag, after
    cdef int64_t *cells
    cdef Header head
    cdef bint closed
    ends[0], paths[0] = end, 0
    limits[0] = end if end >= 0 else bound
    code[0] = 0
    while True:
        end, limit = ends[depth], limits[depth]
        closed = end == at
        if end < 0 and at + 2 <= limit and data[at] == 0 and data[at + 1] == 0:
            at += 2
            closed = True
        if closed:
            if depth == 0:
                return at
            depth -= 1
            continue
        head = header(data, at, limit)
        if head.length == BAD:
            code[0] = BAD_LENGTH
            return at
        if head.length == MORE or (head.length >= 0 and head.body + head.length > limit):
            code[0] = CUT_SHORT if limit == bound else BAD_LENGTH
            return at
        path = paths[depth]
        if depth < PATH_DEPTH:
            tag = head.tag if head.tag < MOST else MOST
            path |= (<int64_t> (data[at] & CLASS) | tag) << 8 * depth
        if head.length == INDEFINITE and data[at] & CONSTRUCTED and head.body + 2 <= limit and data[head.body] == 0 and data[head.body + 1] == 0:
            after = head.body + 2
            head.length = 0
        else:
            after = head.body + head.length
        if head.length == 0 or (head.length > 0 and not data[at] & CONSTRUCTED):
            cells = row(leaves)
            if cells == NULL:
                code[0] = NO_MEMORY
                return at
            cells[0], cells[1], cells[2], cells[3] = record, path, head.body, head.body + head.length
            at = after
        elif data[at] & CONSTRUCTED:
            if depth + 1 >= DEPTH_LIMIT:
                code[0] = TOO_DEEP
                return at
            depth += 1
            ends[depth] = head.body + head.length if head.length >= 0 else INDEFINITE
            limits[depth] = ends[depth] if ends[depth] >= 0 else limit
            paths[depth] = path
            at = head.body
        else:
            code[0] = BAD_LENGTH
            return at


cdef bint run(
    const uint8_t *data, int64_t stop, int64_t *place, int64_t *padding, bint final, Table *records, Table *leaves, Table *faults
) noexcept nogil:
    """False without memory."""
    cdef int64_t at = place[0], skipped = 0, tag_at, end, bound, first, after, frame, code = 0
    cdef int64_t *cells
    cdef bint lost = False
    cdef Header head
    while at < stop and (final or stop - at >= HEAD):
        frame = framed(data, at, stop, lost)
        if not frame and not begins(data, at, stop):
            if not lost and (data[at] == 0x00 or data[at] == 0xFF):
                at += 1
                skipped += 1
                continue
            if lost or data[at] & (CLASS | CONSTRUCTED) != FOREIGN:
                if not lost and not put_fault(faults, BAD_TAG, at, at):
                    return False
                at += 1
                lost = True
                continue
        tag_at = at + frame
        head = header(data, tag_at, stop)
        if head.length == BAD or head.length > RECORD_LIMIT:
            if not put_fault(faults, BAD_LENGTH if head.length == BAD else TOO_LONG, at, tag_at):
                return False
            at, lost = tag_at + 1, True
            continue
        end = head.body + head.length if head.length >= 0 else INDEFINITE
        if head.length == MORE or end > stop:
            if final:
                if not put_fault(faults, CUT_SHORT, at, tag_at):
                    return False
                at = stop
            break
        bound = end if end >= 0 else min(stop, head.body + RECORD_LIMIT)
        first = leaves.used
        after = walk_content(data, head.body, end, bound, records.used, leaves, &code)
        if code == 0:
            cells = row(records)
            if cells == NULL:
                return False
            cells[0], cells[1], cells[2] = at, tag_at, head.body
            cells[3], cells[4], cells[5] = end if end >= 0 else after - 2, head.tag, first
            at, lost = after, False
            continue
        if code == NO_MEMORY:
            return False
        leaves.used = first
        if code == CUT_SHORT:
            if end < 0 and bound == stop and bound - head.body < RECORD_LIMIT:
                if final:
                    if not put_fault(faults, CUT_SHORT, at, after):
                        return False
                    at = stop
                break
            code = BAD_LENGTH if end >= 0 else TOO_LONG
        if not put_fault(faults, code, at, after):
            return False
        at, lost = (end, False) if end >= 0 else (max(after, tag_at + 1), True)
    place[0], padding[0] = at, skipped
    return True


cdef object as_array(Table *table):
    made = np.empty((table.used, table.cells), np.int64)
    cdef int64_t[:, ::1] view = made
    if table.used:
        memcpy(&view[0, 0], table.rows, table.used * table.cells * sizeof(int64_t))
    return made


def walk(bytes data not None, int64_t start, bint final):
    cdef const uint8_t *octets = data
    cdef int64_t stop = len(data), at = start, skipped = 0
    cdef Table records, leaves, faults
    cdef bint done
    if start < 0:
        raise ValueError("start lies before the data")
    records.rows, records.used, records.room, records.cells = NULL, 0, 0, RECORD_CELLS
    leaves.rows, leaves.used, leaves.room, leaves.cells = NULL, 0, 0, LEAF_CELLS
    faults.rows, faults.used, faults.room, faults.cells = NULL, 0, 0, FAULT_CELLS
    try:
        with nogil:
            done = run(octets, stop, &at, &skipped, final, &records, &leaves, &faults)
        if not done:
            raise MemoryError
        return Walk(as_array(&records), as_array(&leaves), as_array(&faults), at, skipped)
    finally:
        free(records.rows)
        free(leaves.rows)
        free(faults.rows)
