/* The scanner's kernel. fast/scan_py.py is the specification, step by step; tests/fast compare the two field by field.
 *
 * One difference of method, none of result: the specification looks for the line's end before each step; this looks for the literal and
 * the line's end in one search, and asks whether the line is complete only when a form has ended or failed.
 *
 * Rows are made in a block that stays in the first cache, then turned into columns: to write columns at once would be a store to as many
 * pages as there are cells in every record, more than a processor has entries for.
 */
#ifndef MMSD_SCAN_H
#define MMSD_SCAN_H

#include <stdlib.h>

#include "values.h"

/* fast/program.py names these; a test holds the lists against each other */
enum {
    OP_LITERAL, OP_UNTIL, OP_FIXED, OP_COUNTED, OP_QUOTED, OP_LAST, OP_REST, OP_OPTIONAL, OP_BLANKS, OP_AGAIN, OP_ATTRIBUTE, OP_LINES
};
enum {
    TO_NONE, TO_TIME, TO_INT, TO_DIGITS, TO_ADDRESS, TO_ADDRESSES, TO_HASH, TO_HASH_LOWER, TO_ENUM, TO_ENUM_TYPE, TO_HEX, TO_IPV4, TO_URL,
    TO_AUTHORITY, TO_APN, TO_PERCENT
};
enum {
    NO_LITERAL = 1, NO_UNTIL, NO_SHORT, NO_COUNT, NO_QUOTE, NO_TIME, NO_NUMBER, NO_UNKNOWN, NO_TRAILING, NO_ATTRIBUTE, NO_MISSING,
    NO_UNINDENTED
};

#define LONGEST (1 << 17)
#define SPAN (1 << 14)
#define TWICE (-2)
#define BLOCK 64          /* rows made before they become columns */
#define SAMPLE (1 << 14)  /* bytes whose lines tell how long a record is */
#define REJECT_WIDTH 5

typedef enum { FITS, FAILS, MORE, NO_MEMORY } Outcome;

typedef struct Step {
    u8 op, convert;
    u8 narrow; /* only a part of the field is converted: behind `after`, before `stop` */
    int stop;
    int64_t cell, text; /* −1: none */
    int64_t a, b;
    Text literal;
    Text after;
    int64_t cell2, text2;
    struct Step *next; /* behind the steps that read its field again */
    Clock clock;       /* TIME */
    Table table;       /* ENUM, ENUM_TYPE */
} Step;

typedef struct {
    Step *first, *end;
    int64_t ignore;
    const int64_t *initial;
} Form;

typedef struct {
    /* what the program says */
    Ground ground;
    int final;
    Step *steps;
    Form *forms;
    Entry *entries;
    Word *words;
    int64_t step_count, form_count;
    const u8 *literals;
    const int64_t *attributes; /* (name, its length, step) */
    int64_t attribute_count;
    const int32_t *slots;
    int64_t slot_count;
    u8 *seen; /* a block's attributes, by step */
    /* the record being read */
    int64_t *cells;
    const u8 *line_end, *line_from; /* a line end found earlier: the first "\n" at or after `line_from`; NULL: none */
    const u8 *list_start, *list_stop; /* its ADDRESSES field where that has more than one; NULL: it has not */
    const Step *list_step;
    int64_t ignore;
    int reason;
    const Step *failed_step;
    const u8 *failed;
    /* what was found: `width` columns of `room` each, one behind the program's for the record's offset; and rows that are in none yet */
    int64_t *out;
    size_t out_size; /* bytes it has, perhaps more than it needs */
    int64_t cell_count, width, rows, room; /* a width of whole fours */
    int64_t *block;
    int64_t waiting;
    int64_t *rejects;
    int64_t reject_count, reject_room;
    int64_t lines, skipped;
} State;

/* -------------------------------------------------------------------------------------------------------------------- lines */

/* The first line feed at or after `at`, or the data's end. */
MMSD_INLINE const u8 *newline(State *s, const u8 *at) {
    if (s->line_end == NULL || at < s->line_from || at > s->line_end) {
        s->line_end = find1(at, s->ground.end, s->ground.end, '\n');
        s->line_from = at;
    }
    return s->line_end;
}

/* Where the text of the line holding `at` ends: at the line feed, or at the carriage return before it. */
MMSD_INLINE const u8 *text_end(State *s, const u8 *at) {
    const u8 *end = newline(s, at);
    return end > at && end[-1] == '\r' ? end - 1 : end;
}

/* Is the end of the line holding `at` in the data? */
MMSD_INLINE int complete(State *s, const u8 *at) { return s->final || newline(s, at) < s->ground.end; }

/* Does the line's text end here? Only meaningful when the line is complete. */
MMSD_INLINE int at_line_end(const State *s, const u8 *at) {
    if (at >= s->ground.end || *at == '\n') return 1;
    return *at == '\r' && (at + 1 >= s->ground.end || at[1] == '\n');
}

/* Where the line behind the one holding `at` begins. */
MMSD_INLINE const u8 *after_line(State *s, const u8 *at) {
    const u8 *end = newline(s, at);
    return end < s->ground.end ? end + 1 : end;
}

/* A step's field could not be taken, or converted. */
MMSD_INLINE const u8 *fail(State *s, int reason, const u8 *where) {
    s->reason = reason;
    s->failed = where;
    return NULL;
}

/* More data must come before anything is said. */
MMSD_INLINE const u8 *more(State *s) {
    s->reason = 0;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------------ columns */

/* Room for so many rows, in columns that do not all begin in the same set of the cache. */
MMSD_INLINE int64_t roomy(int64_t rows) { return (rows + 511) / 512 * 512 + 40; }

MMSD_APART int grow(State *s) {
    int64_t room = roomy(s->room * 2);
    size_t size = (size_t)(s->width * room) * sizeof(int64_t);
    int64_t *out = malloc(size);
    if (!out) return 0;
    for (int64_t i = 0; i < s->width; i++) memcpy(out + i * room, s->out + i * s->room, (size_t)s->rows * sizeof *out);
    free(s->out);
    s->out = out;
    s->out_size = size;
    s->room = room;
    return 1;
}

/* Four rows of four cells as four columns of four rows. */
MMSD_INLINE void turn(const int64_t *from, int64_t width, int64_t *to, int64_t room) {
#if defined(__AVX2__)
    __m256i row[4], half[4];
    for (int i = 0; i < 4; i++) row[i] = _mm256_loadu_si256((const __m256i *)(from + i * width));
    for (int i = 0; i < 4; i += 2) {
        half[i] = _mm256_unpacklo_epi64(row[i], row[i + 1]);
        half[i + 1] = _mm256_unpackhi_epi64(row[i], row[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        _mm256_storeu_si256((__m256i *)(to + i * room), _mm256_permute2x128_si256(half[i], half[i + 2], 0x20));
        _mm256_storeu_si256((__m256i *)(to + (i + 2) * room), _mm256_permute2x128_si256(half[i], half[i + 2], 0x31));
    }
#else
    for (int cell = 0; cell < 4; cell++)
        for (int row = 0; row < 4; row++) to[cell * room + row] = from[row * width + cell];
#endif
}

/* Turn the block's rows into columns; 0 without memory. */
MMSD_APART int settle(State *s) {
    if (s->rows + BLOCK > s->room && !grow(s)) return 0;
    for (int64_t cell = 0; cell < s->width; cell += 4)
        for (int64_t row = 0; row < s->waiting; row += 4) /* what is behind the last row has room, and is written again */
            turn(s->block + row * s->width + cell, s->width, s->out + cell * s->room + s->rows + row, s->room);
    s->rows += s->waiting;
    s->waiting = 0;
    return 1;
}

/* ------------------------------------------------------------------------------------------------------------------- values */

MMSD_INLINE void put(int64_t *cells, const u8 *data, int64_t cell, int64_t text, int64_t value, const u8 *start, const u8 *stop) {
    if (cell >= 0) cells[cell] = value;
    if (text >= 0) {
        cells[text] = start - data;
        cells[text + 1] = stop - data;
    }
}

/* Both cells and both texts of a URL: host, path. */
MMSD_INLINE void url(State *s, const Step *t, const u8 *start, const u8 *stop) {
    static const u8 root[8] = "/";
    const Ground *g = &s->ground;
    const u8 *host = start, *path = start;
    int64_t authority = 0, hashed = 0;
    if (nothing(start, stop)) stop = start;
    else {
        host = url_host(g, start, stop);
        path = find2(host, stop, g->end, '/', '?');
        if (t->cell >= 0) authority = value_authority(g, host, path);
        if (t->cell2 >= 0) hashed = path < stop ? value_hash(g, path, stop, 0) : (int64_t)mix(root, 1, g->k0, g->k1, 0, root + 8);
    }
    put(s->cells, g->data, t->cell, t->text, authority, host, path);
    put(s->cells, g->data, t->cell2, t->text2, hashed, path, stop);
}

/* Turn the step's field into its cells; 0: it cannot be. */
MMSD_INLINE int convert(State *s, Step *t, const u8 *start, const u8 *stop) {
    const Ground *g = &s->ground;
    int64_t value = 0;
    const Word *word;
    if (t->narrow) {
        if (t->after.length) {
            const u8 *after = find_text(&t->after, start, stop, g->end);
            start = after ? after + t->after.length : stop;
        }
        if (t->stop >= 0) stop = find1(start, stop, g->end, (u8)t->stop);
    }
    switch (t->convert) {
    case TO_NONE:
        break;
    case TO_TIME:
        if (!value_time(&t->clock, g, start, stop, &value)) return fail(s, NO_TIME, start) != NULL;
        break;
    case TO_INT:
        if (!value_integer(g, start, stop, &value)) return fail(s, NO_NUMBER, start) != NULL;
        break;
    case TO_DIGITS:
        value = value_digits(g, start, stop);
        break;
    case TO_ADDRESSES:
        if (find1(start, stop, g->end, ',') < stop) {
            s->list_start = start, s->list_stop = stop, s->list_step = t;
            return 1;
        }
        s->list_start = NULL;
        strip(&start, &stop); /* fall through */
    case TO_ADDRESS:
        value = value_address(g, start, stop);
        break;
    case TO_HASH:
        value = value_hash(g, start, stop, 0);
        break;
    case TO_HASH_LOWER:
        value = value_hash(g, start, stop, 1);
        break;
    case TO_ENUM:
    case TO_ENUM_TYPE:
        word = t->convert == TO_ENUM ? find_word(&t->table, g, start, stop) : find_type(&t->table, g, start, stop);
        value = word->value;
        if (value == NO_DEFAULT) return fail(s, NO_UNKNOWN, start) != NULL;
        s->ignore |= word->flags & IGNORE;
        break;
    case TO_HEX:
        if (!value_hex(start, stop, &value)) return fail(s, NO_NUMBER, start) != NULL;
        break;
    case TO_IPV4:
        value = value_ipv4(g, start, stop);
        break;
    case TO_URL:
        url(s, t, start, stop);
        return 1;
    case TO_AUTHORITY:
        value = value_authority(g, start, stop);
        break;
    case TO_APN:
        value = value_apn(g, start, stop);
        break;
    case TO_PERCENT:
        if (!value_percent(start, stop, &value)) return fail(s, NO_NUMBER, start) != NULL;
        break;
    default:
        __builtin_unreachable();
    }
    put(s->cells, g->data, t->cell, t->text, value, start, stop);
    return 1;
}

/* -------------------------------------------------------------------------------------------------------------------- steps */

/* The closing quote of the field at `at`; NULL: failed, or more is needed. */
MMSD_APART const u8 *quoted(State *s, const Step *t, const u8 *at) {
    const u8 *end = s->ground.end, *limit = t->a && end - at > SPAN ? at + SPAN : end, *stop = at + 1;
    if (at >= end || *at != '"') return fail(s, NO_QUOTE, at);
    while ((stop = find_quote(stop, limit, end)) < limit) {
        if (*stop == '"') {
            if (stop + 1 >= limit || stop[1] != '"') break;
            stop += 2;
        } else if (*stop == '\\') {
            if (!t->a && stop + 1 < limit && stop[1] == '\n') break;
            stop += 2;
        } else if (t->a) stop++;
        else break;
    }
    if (t->a && !s->final && (stop >= limit ? limit == end : stop + 1 >= end)) return more(s);
    return stop < limit && *stop == '"' ? stop : fail(s, NO_QUOTE, at);
}

/* Where the literal stands before a line's end; NULL: failed, or more is needed. */
MMSD_APART const u8 *over_lines(State *s, const Step *t, const u8 *at) {
    const u8 *limit = s->ground.end - at > SPAN ? at + SPAN : s->ground.end;
    for (const u8 *stop = at; (stop = find_text(&t->literal, stop, limit, s->ground.end)) != NULL; stop++) {
        if (!complete(s, stop + t->literal.length)) return more(s);
        if (at_line_end(s, stop + t->literal.length)) return stop;
    }
    return limit == s->ground.end && !s->final ? more(s) : fail(s, NO_UNTIL, at);
}

/* Where as many bytes end as the record said before; NULL: failed, or more is needed. */
MMSD_INLINE const u8 *counted(State *s, const Step *t, const u8 *at) {
    int64_t count = s->cells[t->a];
    const u8 *end = s->ground.end;
    if (count <= LONGEST && (t->b == TWICE || (t->b >= 0 && (s->cells[t->b] == 1 || s->cells[t->b] == 2)))) count *= 2;
    if (count < 0 || count > LONGEST) return fail(s, NO_COUNT, at);
    if (count + t->literal.length > end - at) {
        if (!s->final) return more(s);
        if (count > end - at) return fail(s, NO_COUNT, at);
    }
    return stands(&t->literal, at + count, end) ? at + count : fail(s, NO_COUNT, at);
}

/* Take the fields of the steps from `t` to `end` at `at` and convert them; where the last one ended. `limit`: of an attribute's value.
 * NULL: `failed_step` failed, or (reason 0) more is needed. */
MMSD_INLINE const u8 *run_steps(State *s, Step *t, const Step *end, const u8 *at, const u8 *limit) {
    const u8 *const data_end = s->ground.end;
    const u8 *start = at, *stop = at, *line_end;
    for (; t != end; t++) {
        if (MMSD_LIKELY(t->op == OP_UNTIL)) {
            start = at;
            stop = find_in_line(&t->literal, at, data_end, &line_end);
            if (!stop) {
                s->line_end = line_end, s->line_from = at;
                fail(s, NO_UNTIL, at);
                goto failed;
            }
            at = stop + t->literal.length;
        } else switch (t->op) {
        case OP_LITERAL:
            if (!stands(&t->literal, at, data_end)) {
                fail(s, NO_LITERAL, at);
                goto failed;
            }
            at += t->literal.length;
            continue;
        case OP_FIXED:
            if (!within_line(at, t->a, data_end) && t->a > text_end(s, at) - at) {
                fail(s, NO_SHORT, at);
                goto failed;
            }
            start = at;
            at = stop = at + t->a;
            break;
        case OP_REST:
            start = at;
            at = stop = text_end(s, at);
            break;
        case OP_AGAIN:
            break;
        case OP_ATTRIBUTE:
            start = at;
            at = stop = limit;
            break;
        case OP_QUOTED:
            stop = quoted(s, t, at);
            if (!stop) goto failed;
            start = at + 1;
            at = stop + 1;
            break;
        case OP_LAST:
            start = at;
            stop = find_last(&t->literal, s->ground.data, at, text_end(s, at));
            if (!stop) {
                fail(s, NO_UNTIL, at);
                goto failed;
            }
            at = stop + t->literal.length;
            break;
        case OP_COUNTED:
            start = at;
            stop = counted(s, t, at);
            if (!stop) goto failed;
            at = stop + t->literal.length;
            break;
        case OP_LINES:
            start = at;
            stop = over_lines(s, t, at);
            if (!stop) goto failed;
            at = stop + t->literal.length;
            break;
        case OP_OPTIONAL:
            if (stands(&t->literal, at, data_end)) at += t->literal.length;
            continue;
        case OP_BLANKS:
            while (at < data_end && is_blank(*at)) at++;
            continue;
        default:
            __builtin_unreachable();
        }
        if (t->convert == TO_NONE && !t->narrow && t->text < 0) continue;
        if (!convert(s, t, start, stop)) goto failed;
    }
    return at;
failed:
    s->failed_step = t;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------------ records */

/* A fresh row of the form's constants and defaults; 0 without memory. */
MMSD_INLINE int begin(State *s, const Form *form) {
    if (s->waiting == BLOCK && !settle(s)) return 0;
    s->cells = s->block + s->waiting * s->width;
    memcpy(s->cells, form->initial, (size_t)s->cell_count * sizeof(int64_t));
    s->list_start = NULL;
    s->ignore = form->ignore;
    return 1;
}

/* Keep the row once for each of its receivers; 0 without memory. */
MMSD_APART int emit_list(State *s) {
    const Step *t = s->list_step;
    for (const u8 *at = s->list_start;;) {
        const u8 *end = find1(at, s->list_stop, s->ground.end, ','), *start = at, *stop = end;
        strip(&start, &stop);
        put(s->cells, s->ground.data, t->cell, t->text, value_address(&s->ground, start, stop), start, stop);
        s->waiting++;
        if (end >= s->list_stop) return 1;
        at = end + 1;
        const int64_t *before = s->cells;
        if (s->waiting == BLOCK && !settle(s)) return 0;
        s->cells = s->block + s->waiting * s->width;
        for (int64_t i = 0; i <= s->cell_count; i++) s->cells[i] = before[i];
    }
}

/* Keep the row; 0 without memory. */
MMSD_INLINE int emit(State *s, const u8 *record) {
    if (s->ignore) return 1;
    s->cells[s->cell_count] = record - s->ground.data;
    if (s->list_start) return emit_list(s);
    s->waiting++;
    return 1;
}

MMSD_APART int reject(State *s, int reason, const Step *step, const u8 *where, const u8 *start, const u8 *end) {
    if (s->reject_count == s->reject_room) {
        int64_t *grown = realloc(s->rejects, (size_t)s->reject_room * 2 * REJECT_WIDTH * sizeof *grown);
        if (!grown) return 0;
        s->rejects = grown;
        s->reject_room *= 2;
    }
    const int64_t row[REJECT_WIDTH] = {
        reason, step - s->steps, where - s->ground.data, start - s->ground.data, end - s->ground.data,
    };
    memcpy(s->rejects + s->reject_count++ * REJECT_WIDTH, row, sizeof row);
    return 1;
}

/* Pass over NUL bytes and blank lines. */
MMSD_INLINE const u8 *skip(State *s, const u8 *at) {
    const u8 *end = s->ground.end;
    for (; at < end && *at <= '\r'; s->skipped++) {
        if (*at == 0 || *at == '\n') at++;
        else if (*at == '\r' && (at + 1 < end ? at[1] == '\n' : s->final)) at += at + 1 < end ? 2 : 1;
        else break;
    }
    return at;
}

/* Read the record at `at` by one form; where it fits `at` goes to the next record. */
MMSD_INLINE Outcome run_form(State *s, const Form *form, const u8 **at) {
    const u8 *p = run_steps(s, form->first, form->end, *at, NULL);
    if (!p) return s->reason && complete(s, s->failed) ? FAILS : MORE;
    if (MMSD_LIKELY(p < s->ground.end && *p == '\n')) {
        *at = p + 1;
        return FITS;
    }
    if (!complete(s, p)) return MORE;
    if (!at_line_end(s, p)) {
        fail(s, NO_TRAILING, p);
        s->failed_step = form->end - 1;
        return FAILS;
    }
    *at = after_line(s, p);
    return FITS;
}

/* One record by the first form that fits, or a reject by the one that got furthest. */
MMSD_INLINE Outcome read_line(State *s, const u8 **at) {
    const u8 *start = *at, *worst = NULL;
    const Step *step = NULL;
    int reason = 0;
    for (const Form *form = s->forms; form != s->forms + s->form_count; form++) {
        if (!begin(s, form)) return NO_MEMORY;
        Outcome outcome = run_form(s, form, at);
        if (outcome == FITS) return emit(s, start) ? FITS : NO_MEMORY;
        if (outcome == MORE) return MORE;
        if (!worst || s->failed > worst) worst = s->failed, reason = s->reason, step = s->failed_step;
    }
    *at = after_line(s, worst);
    return reject(s, reason, step, worst, start, text_end(s, worst)) ? FAILS : NO_MEMORY;
}

/* ------------------------------------------------------------------------------------------------------------------- blocks */

/* The step of an attribute, NULL for one the table does not have. */
MMSD_INLINE Step *attribute_step(State *s, const u8 *name, int64_t length) {
    uint64_t slot = mix(name, (size_t)length, 0, 0, 0, s->ground.end) & (uint64_t)(s->slot_count - 1);
    for (; s->slots[slot] >= 0; slot = (slot + 1) & (uint64_t)(s->slot_count - 1)) {
        const int64_t *row = s->attributes + 3 * s->slots[slot];
        if (row[1] == length && memcmp(s->literals + row[0], name, (size_t)length) == 0) return s->steps + row[2];
    }
    return NULL;
}

/* One `Name = value` line; 0: `failed_step` failed. */
MMSD_INLINE int attribute(State *s, const u8 *at, const u8 *end) {
    while (at < end && is_blank(*at)) at++;
    const u8 *equals = at;
    for (;; equals++) {
        equals = find1(equals, end, s->ground.end, ' ');
        if (end - equals < 3) {
            fail(s, NO_ATTRIBUTE, at);
            s->failed_step = s->steps;
            return 0;
        }
        if (equals[1] == '=' && equals[2] == ' ') break;
    }
    Step *t = attribute_step(s, at, equals - at);
    if (!t) return 1;
    at = equals + 3;
    if (at < end && *at == '"') {
        if (end - at < 2 || end[-1] != '"') {
            fail(s, NO_QUOTE, at);
            s->failed_step = t;
            return 0;
        }
        at++;
        end--;
    }
    s->seen[t - s->steps] = 1;
    return run_steps(s, t, t->next, at, end) != NULL;
}

/* One block; it ends behind its blank line. A line that is not indented breaks it off and begins the next. */
MMSD_APART Outcome read_block(State *s, const u8 **record) {
    const u8 *start = *record, *at = start, *end, *next, *where = NULL;
    const Step *step = s->steps;
    int reason = 0;
    memset(s->seen, 0, (size_t)s->step_count);
    if (!begin(s, s->forms)) return NO_MEMORY;
    Outcome outcome = run_form(s, s->forms, &at);
    if (outcome == MORE) return MORE;
    if (outcome == FAILS) {
        reason = s->reason, step = s->failed_step, where = s->failed;
        if (!complete(s, start)) return MORE;
        at = after_line(s, start);
    }
    for (;; at = next) {
        if (at >= s->ground.end) {
            if (!s->final) return MORE;
            end = next = at;
            break;
        }
        if (!complete(s, at)) return MORE;
        end = text_end(s, at);
        next = after_line(s, at);
        if (end == at) break;
        if (!is_blank(*at)) {
            if (!reason) reason = NO_UNINDENTED, step = s->steps, where = at;
            end = next = at;
            break;
        }
        if (!reason && !attribute(s, at, end)) reason = s->reason, step = s->failed_step, where = s->failed;
    }
    for (int64_t i = 0; !reason && i < s->attribute_count; i++) {
        step = s->steps + s->attributes[3 * i + 2];
        if (step->b == 1 && !s->seen[step - s->steps]) reason = NO_MISSING, where = start;
    }
    *record = next;
    if (!reason) return emit(s, start) ? FITS : NO_MEMORY;
    return reject(s, reason, step, where, start, end) ? FAILS : NO_MEMORY;
}

/* Records until the data ends or one is not complete; `at` stays where the next scan begins. 0 without memory. */
MMSD_APART int read_all(State *s, const u8 **at) {
    while (*at = skip(s, *at), *at < s->ground.end) {
        Outcome outcome = s->attribute_count ? read_block(s, at) : read_line(s, at);
        if (outcome == NO_MEMORY) return 0;
        if (outcome == MORE) break;
        s->lines++;
    }
    return settle(s);
}

/* ------------------------------------------------------------------------------------------------------------------ loading */

/* Bytes a record has, by the first ones; a block is at least a line that is not indented and a blank one. */
static inline int64_t record_length(const u8 *at, const u8 *end, int blocks) {
    const u8 *begin = at, *stop = end - at > SAMPLE ? at + SAMPLE : end;
    int64_t lines = 1;
    for (;;) {
        at = find1(at, stop, end, '\n') + 1;
        if (at >= stop) return (stop - begin) / (blocks ? lines / 2 + 1 : lines) + 1;
        lines += !(blocks && is_blank(*at));
    }
}

/* A row of `Program.steps`; `words`: room for those of its table. The row behind the last one must be zeros, and is loaded first. */
static inline void load_step(State *s, Step *t, const int64_t *row, Word *words) {
    t->op = (u8)row[0], t->a = row[3], t->b = row[4], t->convert = (u8)row[5], t->cell = row[6], t->text = row[7];
    set_text(&t->literal, s->literals + row[1], row[2]);
    set_text(&t->after, s->literals + row[8], row[9]);
    t->stop = (int)row[10], t->cell2 = row[14], t->text2 = row[15];
    t->narrow = t->after.length > 0 || t->stop >= 0;
    t->next = t[1].op == OP_AGAIN ? t[1].next : t + 1;
    if (t->convert == TO_TIME) set_clock(&t->clock, s->literals + row[11], row[12]);
    if (t->convert == TO_ENUM || t->convert == TO_ENUM_TYPE) set_table(&t->table, s->entries + row[11], row[12], row[13], words);
}

#endif
