"""The packed rows that open deliveries are made of: what State holds in memory and packs into its deltas. Little-endian, unpadded."""

from __future__ import annotations

from typing import Final

import numpy as np

TRACE: Final = np.dtype(
    [
        ("subscriber", "<u8"),  # whose dossier this stands in
        ("at", "<i8"),
        ("where", "<i8"),
        ("message", "<u8"),  # sessions: IMEI
        ("transaction", "<u8"),  # sessions: IMSI; ATTEMPT: the authority asked for, where the gateway sent it to another; else 0
        ("other", "<u8"),  # the other party: sender of a message; sessions: GGSN
        ("link", "<u8"),  # PUSH, PUSH_REPORT: SMSC's id; SUBMIT, FORWARD: hash of the set of receivers; sessions: session key
        ("path", "<u8"),  # PUSH: content location; ATTEMPT: path; sessions: APN
        ("authority", "<u8"),  # host:port; sessions: SGSN
        ("extra", "<i8"),  # PUSH: expiry; ATTEMPT: request octets; sessions: duration
        ("size", "<i8"),  # message octets; ATTEMPT: answer octets; sessions: octets both ways
        ("status", "<i4"),
        ("error", "<i4"),
        ("feed", "<u2"),
        ("kind", "u1"),
        ("code_set", "u1"),
        ("a", "u1"),  # PUSH, REPORT: MMS PDU type; ATTEMPT: method; MMSC: interface
        ("b", "u1"),  # push state; ATTEMPT: request type
        ("c", "u1"),  # ATTEMPT: answer type; sessions: selection mode + 1; PUSH_REPORT: place in codes.REASONS
        ("d", "u1"),  # strength of an own mark: 1 = own traffic; 2 = NAMELESS
        ("seed", "<u4"),  # SUBMIT, PUSH: number of the campaign seed it is evidence of; 0 = none
        ("room", "<u4"),  # 0
    ]
)
"""One log record about one subscriber."""

ORIGIN: Final = 201
"""Kind of a copy of a SUBMIT or FORWARD record that stands in the *sender's* dossier: what he sent, to whom stands elsewhere."""

REFUSAL: Final = 202
"""The same of a SUBMIT_REFUSED."""

NAMELESS: Final = 2
"""In `d`: the record named a message and no receiver; this is the copy for one of them."""

NEVER: Final = 1 << 62
"""Later than any event time."""

SAID: Final = np.dtype(
    [
        ("subscriber", "<u8"),
        ("identity", "<u8"),  # message id of the line that opened the delivery
        ("began", "<i8"),
        ("due", "<i8"),  # when silence says something; NEVER once closed
        ("closed", "<i8"),  # 0 = open
        ("settled", "<i8"),  # lines up to then may change a closed one
        ("stamp", "<u8"),  # digest of what a packed row of it says besides
        ("domain", "<i4"),
        ("node", "<u2"),  # number of its name in State's labels
        ("city", "<u2"),
        ("rule", "u1"),  # place in causes.RULES
        ("confidence", "u1"),  # hundredths
        ("bin", "i1"),  # floor(log2(seconds to retrieval + 1)); -1 = not retrieved
        ("own", "u1"),
        ("notified", "<i4"),  # ms from the submit to the first sign that the push had come, -1 = none
        ("retrieved", "<i4"),  # ms from the submit to the first fetch, -1 = none
        ("room", "<u4"),  # 0
    ]
)
"""What was last said of a delivery on the express lane."""

MEASURED: Final = np.dtype(
    [
        ("receiver", "<u8"),
        ("began", "<i8"),
        ("closed", "<i8"),
        ("n", "<i8"),
        ("notified", "<i8"),
        ("retrieved", "<i8"),
        ("node", "<u2"),
        ("city", "<u2"),
        ("rule", "<u4"),
    ]
)
"""A delivery that closed, as in SAID: counted (`n` 1), or taken back (−1)."""

LONGEST_TIME: Final = (1 << 31) - 1
"""Of the times in SAID; a longer one counts as this."""
