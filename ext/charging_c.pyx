"""Charging records of plain shapes as typed values, compiled: mmsd/fast/charging_py.py says what each function does."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint64_t

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_alloc)(PyTypeObject*, Py_ssize_t)
    void PyObject_GC_UnTrack(void*)

ctypedef const unsigned char* octets

cdef enum:
    LEAVE = 0
    INTEGER = 1
    FLAG = 2
    TEXT = 3
    OCTETS = 4
    MOMENT = 5
    WAIT = 6
    ADDRESS = 7
    ADDRESSES = 8
    RELAY = 9
    ACCESS = 10
    COMPONENTS = 11
    OPAQUE = 12
    UNKNOWN_LIMIT = 64
    DIGITS_LIMIT = 32
    BODY = 2
    STOP = 3
    TAG = 4
    RECORD_CELLS = 6
    CONTEXT = 0x80
    UNIVERSAL = 0
    ENUMERATED = 0x0A
    SEQUENCE = 0x10
    # places in Types
    T_RECORD = 0
    T_UNKNOWN = 1
    T_MOMENT = 2
    T_WAIT = 3
    T_ADDRESS = 4
    T_RELAY = 5
    T_CIRCUIT = 6
    T_PACKET = 7
    T_COMPONENTS = 8
    T_PART = 9
    TYPES = 10

cdef tuple KINDS = ("email", "msisdn", "short")
cdef str NOTHING = ""
cdef const char* DIGITS = b"0123456789*#abc"


cdef struct Item:
    int kind
    int number
    bint constructed
    Py_ssize_t start
    Py_ssize_t stop


cdef inline object untracked(object value):
    """What holds nothing but text and numbers is in no cycle. The collector would look at millions of them in vain."""
    PyObject_GC_UnTrack(<void*>value)
    return value


cdef inline void put(object to, Py_ssize_t place, object value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(to, place, value)


cdef inline object empty(tuple types, int which, Py_ssize_t size):
    """A NamedTuple whose places are still to be filled, without its own __new__ written in Python."""
    cdef PyTypeObject* kind = <PyTypeObject*>PyTuple_GET_ITEM(types, which)
    return kind.tp_alloc(kind, size)


cdef inline object make2(tuple types, int which, object a, object b):
    cdef object value = empty(types, which, 2)
    put(value, 0, a)
    put(value, 1, b)
    return untracked(value)


cdef inline object make4(tuple types, int which, object a, object b, object c, object d):
    cdef object value = empty(types, which, 4)
    put(value, 0, a)
    put(value, 1, b)
    put(value, 2, c)
    put(value, 3, d)
    return untracked(value)


cdef inline object raw(octets p, Py_ssize_t start, Py_ssize_t stop):
    return PyBytes_FromStringAndSize(<const char*>p + start, stop - start)


cdef inline object text(octets p, Py_ssize_t start, Py_ssize_t stop):
    return PyUnicode_DecodeUTF8(<const char*>p + start, stop - start, "surrogateescape")


cdef inline bint read_item(octets p, Py_ssize_t at, Py_ssize_t stop, Item* item) noexcept nogil:
    """False when it is of another shape. Two octets behind the last item's place may belong to nobody: `stop` is asked first."""
    cdef Py_ssize_t length
    cdef int count
    if at + 2 > stop:
        return False
    item.kind = p[at] & 0xC0
    item.constructed = p[at] & 0x20 != 0
    item.number = p[at] & 0x1F
    at += 1
    if item.number == 0x1F:
        item.number = p[at]
        at += 1
        if item.number >= 0x80:
            if at >= stop or p[at] >= 0x80:
                return False
            item.number = (item.number & 0x7F) << 7 | p[at]
            at += 1
        if at >= stop:
            return False
    length = p[at]
    at += 1
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 3 or at + count > stop:
            return False
        length = 0
        while count:
            length = length << 8 | p[at]
            at += 1
            count -= 1
    item.start, item.stop = at, at + length
    return item.stop <= stop


cdef inline bint read_inner(octets p, Py_ssize_t at, Py_ssize_t stop, int number, bint constructed, Item* item) noexcept nogil:
    return read_item(p, at, stop, item) and item.kind == CONTEXT and item.number == number and item.constructed == constructed


cdef inline bint read_integer(octets p, Py_ssize_t start, Py_ssize_t stop, int64_t* value) noexcept nogil:
    cdef uint64_t held
    if not 1 <= stop - start <= 8:
        return False
    held = ~(<uint64_t>0) if p[start] >= 0x80 else 0
    while start < stop:
        held = held << 8 | p[start]
        start += 1
    value[0] = <int64_t>held
    return True


cdef inline int pair(unsigned char octet) noexcept nogil:
    """Two BCD digits; far below 0 when they are none."""
    return (octet >> 4) * 10 + (octet & 15) if octet >> 4 <= 9 and octet & 15 <= 9 else -100_000_000


cdef inline bint read_moment(octets p, Py_ssize_t start, Py_ssize_t stop, int64_t* at, int* offset) noexcept nogil:
    cdef int year, month, day, hour, minute, second, last, east
    cdef int64_t days, before
    if stop - start != 9 or p[start + 6] != 0x2B and p[start + 6] != 0x2D:
        return False
    year, month, day = pair(p[start]), pair(p[start + 1]), pair(p[start + 2])
    hour, minute, second = pair(p[start + 3]), pair(p[start + 4]), pair(p[start + 5])
    east = 60 * pair(p[start + 7]) + pair(p[start + 8])
    if year < 0 or not 1 <= month <= 12 or not 0 <= hour < 24 or not 0 <= minute < 60 or not 0 <= second < 60 or east < 0:
        return False
    last = 28 + (year % 4 == 0) if month == 2 else 30 + (month + (month > 7)) % 2
    if not 1 <= day <= last:
        return False
    # days since 1970: years begin in March, so that the leap day is their last; 2000 is a leap year, 2100 is out of reach
    before = year - (month <= 2)
    days = 10957 + 60 + before * 365 + (before >> 2) + (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    offset[0] = -east if p[start + 6] == 0x2D else east
    at[0] = ((days * 24 + hour) * 60 + minute - offset[0]) * 60_000_000 + second * <int64_t>1_000_000
    return True


cdef object moment(octets p, Py_ssize_t start, Py_ssize_t stop, tuple types):
    cdef int64_t at
    cdef int offset
    return make2(types, T_MOMENT, at, offset) if read_moment(p, start, stop, &at, &offset) else None


cdef object wait(octets p, Py_ssize_t start, Py_ssize_t stop, tuple types):
    cdef Item item
    cdef object until
    cdef uint64_t seconds = 0
    if not read_item(p, start, stop, &item) or item.kind != CONTEXT or item.constructed or item.stop != stop:
        return None
    if item.number == 0:
        until = moment(p, item.start, stop, types)
        return None if until is None else make2(types, T_WAIT, until, 0)
    if item.number != 1 or stop - item.start != 8:
        return None
    for start in range(item.start, stop):
        seconds = seconds << 8 | p[start]
    return make2(types, T_WAIT, None, seconds)


cdef object msisdn(octets p, Py_ssize_t start, Py_ssize_t stop):
    """Its digits, behind the nature of address; None for another shape."""
    cdef char digits[2 * DIGITS_LIMIT]
    cdef int count = 0
    cdef unsigned char low, high
    while start < stop:
        low, high = p[start] & 15, p[start] >> 4
        start += 1
        if low == 15 or high == 15 and start < stop:
            return None
        digits[count] = DIGITS[low]
        count += 1
        if high < 15:
            digits[count] = DIGITS[high]
            count += 1
    return PyUnicode_DecodeUTF8(digits, count, NULL)


cdef object address(octets p, Py_ssize_t start, Py_ssize_t stop, tuple types):
    cdef Item outer, choice, item
    cdef int64_t role = -1
    cdef int nature = 0x91
    cdef object said
    if not read_inner(p, start, stop, 0, True, &outer) or not read_item(p, outer.start, outer.stop, &choice):
        return None
    if choice.kind != CONTEXT or choice.constructed or choice.number > 2 or choice.stop != outer.stop:
        return None
    if choice.number == 1:
        if choice.stop - choice.start > DIGITS_LIMIT:
            return None
        nature = 0
        if choice.start < choice.stop and p[choice.start] >= 0x80:
            nature = p[choice.start]
            choice.start += 1
        said = msisdn(p, choice.start, choice.stop)
        if said is None:
            return None
    else:
        said = text(p, choice.start, choice.stop)
    if outer.stop < stop:
        if not read_item(p, outer.stop, stop, &item) or item.kind != CONTEXT or item.number != 1 or item.stop != stop:
            return None
        if item.constructed:
            if not read_item(p, item.start, stop, &item) or item.kind != UNIVERSAL or item.number != ENUMERATED:
                return None
            if item.constructed or item.stop != stop:
                return None
        if not read_integer(p, item.start, stop, &role):
            return None
    return make4(types, T_ADDRESS, <object>PyTuple_GET_ITEM(KINDS, choice.number), said, role, nature)


cdef object addresses(octets p, Py_ssize_t at, Py_ssize_t stop, tuple types):
    cdef Item member
    cdef object one
    cdef list found = []
    while at < stop:
        if not read_item(p, at, stop, &member) or member.kind != UNIVERSAL or member.number != SEQUENCE or not member.constructed:
            return None
        one = address(p, member.start, member.stop, types)
        if one is None:
            return None
        found.append(one)
        at = member.stop
    return untracked(tuple(found))


cdef inline int put_decimal(char* to, unsigned char value) noexcept nogil:
    cdef int count = 0
    if value >= 100:
        to[0] = 48 + value // 100
        count = 1
    if value >= 10:
        to[count] = 48 + value // 10 % 10
        count += 1
    to[count] = 48 + value % 10
    return count + 1


cdef object ip(octets p, Py_ssize_t start, Py_ssize_t stop):
    cdef Item item
    cdef char said[16]
    cdef int count = 0
    if not read_item(p, start, stop, &item) or item.kind != CONTEXT or item.constructed or item.stop != stop:
        return None
    if item.number == 0 and stop - item.start == 4:
        for start in range(item.start, stop):
            count += put_decimal(said + count, p[start])
            said[count] = 46
            count += 1
        return PyUnicode_DecodeUTF8(said, count - 1, NULL)
    if item.number == 2 or item.number == 3:
        return text(p, item.start, stop)
    return None


cdef object relay(octets p, Py_ssize_t at, Py_ssize_t stop, tuple types):
    cdef Item item
    cdef object domain = NOTHING, where = NOTHING
    if at < stop and p[at] == 0x80:
        if not read_item(p, at, stop, &item):
            return None
        domain, at = text(p, item.start, item.stop), item.stop
    if at < stop:
        if not read_inner(p, at, stop, 2, True, &item) or item.stop != stop:
            return None
        where = ip(p, item.start, stop)
        if where is None:
            return None
    return make2(types, T_RELAY, domain, where)


cdef object access(octets p, Py_ssize_t start, Py_ssize_t stop, tuple types):
    cdef Item outer, one, other
    cdef int64_t number
    cdef object gsn
    if not read_item(p, start, stop, &outer) or outer.kind != CONTEXT or not outer.constructed or outer.stop != stop or outer.number > 1:
        return None
    if not read_inner(p, outer.start, stop, 0, outer.number == 1, &one) or not read_inner(p, one.stop, stop, 1, False, &other):
        return None
    if other.stop != stop:
        return None
    if outer.number == 0:
        return make2(types, T_CIRCUIT, raw(p, one.start, one.stop), raw(p, other.start, stop))
    gsn = ip(p, one.start, one.stop)
    if gsn is None or not read_integer(p, other.start, stop, &number):
        return None
    return make2(types, T_PACKET, gsn, number)


cdef object part(octets p, Py_ssize_t start, Py_ssize_t stop, tuple types):
    cdef Item item
    cdef int64_t size = -1
    cdef object named
    if not read_inner(p, start, stop, 0, False, &item):
        return None
    named = text(p, item.start, item.stop)
    if item.stop < stop:
        if not read_inner(p, item.stop, stop, 1, False, &item) or item.stop != stop or not read_integer(p, item.start, stop, &size):
            return None
    return make2(types, T_PART, named, size)


cdef object components(octets p, Py_ssize_t at, Py_ssize_t stop, tuple types):
    cdef Item item
    cdef object subject = None, one
    cdef list media = []
    if at < stop and p[at] == 0xA0:
        if not read_item(p, at, stop, &item):
            return None
        subject, at = part(p, item.start, item.stop, types), item.stop
        if subject is None:
            return None
    if at < stop:
        if not read_inner(p, at, stop, 1, True, &item) or item.stop != stop:
            return None
        at = item.start
        while at < stop:
            if not read_item(p, at, stop, &item) or item.kind != UNIVERSAL or item.number != SEQUENCE or not item.constructed:
                return None
            one = part(p, item.start, item.stop, types)
            if one is None:
                return None
            media.append(one)
            at = item.stop
    return make2(types, T_COMPONENTS, subject, untracked(tuple(media)))


cdef object value(octets p, Item* item, int form, tuple types):
    """None for another shape: no form has it as a value."""
    cdef Py_ssize_t start = item.start, stop = item.stop
    cdef int64_t number
    if item.constructed != (form >= WAIT):
        return None
    if form == OPAQUE:
        return raw(p, start, stop)
    if form == INTEGER:
        return number if read_integer(p, start, stop, &number) else None
    if form == TEXT:
        return text(p, start, stop)
    if form == ADDRESS:
        return address(p, start, stop, types)
    if form == RELAY:
        return relay(p, start, stop, types)
    if form == ACCESS:
        return access(p, start, stop, types)
    if form == MOMENT:
        return moment(p, start, stop, types)
    if form == COMPONENTS:
        return components(p, start, stop, types)
    if form == FLAG:
        return p[start] != 0 if stop - start == 1 else None
    if form == ADDRESSES:
        return addresses(p, start, stop, types)
    if form == WAIT:
        return wait(p, start, stop, types)
    return raw(p, start, stop) if form == OCTETS else None


cdef object record(octets p, Py_ssize_t at, Py_ssize_t stop, int64_t tag, tuple known, tuple types):
    cdef Item item
    cdef uint64_t seen = 0
    cdef dict fields = {}
    cdef list unknown = None
    cdef tuple field
    cdef object found, whole
    while at < stop:
        if not read_item(p, at, stop, &item):
            return None
        at = item.stop
        if item.kind != CONTEXT or item.number >= PyTuple_GET_SIZE(known):
            if unknown is None:
                unknown = []
            if PyList_GET_SIZE(unknown) == UNKNOWN_LIMIT:
                return None
            found = make4(types, T_UNKNOWN, item.kind, item.number, item.constructed, raw(p, item.start, item.stop))
            unknown.append(found)
            continue
        if seen >> item.number & 1:
            return None
        seen |= <uint64_t>1 << item.number
        field = <tuple>PyTuple_GET_ITEM(known, item.number)
        found = value(p, &item, <object>PyTuple_GET_ITEM(field, 1), types)
        if found is None:
            return None
        fields[<object>PyTuple_GET_ITEM(field, 0)] = found
    whole = empty(types, T_RECORD, 3)
    put(whole, 0, tag)
    put(whole, 1, untracked(fields))  # tracked again when anything but these values is put in
    put(whole, 2, () if unknown is None else untracked(tuple(unknown)))
    return whole


def read_records(bytes data not None, const int64_t[:, :] records, tuple forms not None, object types):
    cdef octets p = <octets>PyBytes_AS_STRING(data)
    cdef Py_ssize_t row, count = records.shape[0], end = PyBytes_GET_SIZE(data), start, stop
    cdef int64_t tag
    cdef tuple known
    cdef list found = []
    if records.shape[1] != RECORD_CELLS or not isinstance(types, tuple) or len(types) != TYPES:
        raise ValueError("rows of a walk and the types to make")
    for kind in types:
        if not isinstance(kind, type) or not issubclass(kind, tuple):
            raise ValueError("values are NamedTuples")
    for row in range(count):
        start, stop, tag = records[row, BODY], records[row, STOP], records[row, TAG]
        if not 0 <= start <= stop <= end:
            raise ValueError("a record lies outside the data")
        known = <tuple>PyTuple_GET_ITEM(forms, tag) if 0 <= tag < PyTuple_GET_SIZE(forms) else ()
        if PyTuple_GET_SIZE(known) > 64:
            raise ValueError("no record has so many fields")
        found.append(record(p, start, stop, tag, known, <tuple>types) if PyTuple_GET_SIZE(known) else None)
    return found
