"""pycrate's own reading and writing of charging records, in a process of its own: `python -m tests.codec.pycrate_peer`.

In: JSON lines [record name, hex] to decode or [record name, value] to encode, records under the tag of a SET (the module has no
outer CHOICE). Out: JSON lines, the value or the hex. Octets are hex wherever they stand.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pycrate_asn1dir import CDR  # type: ignore[import-untyped]  # the package has no types

TYPES = CDR.MMSChargingDataTypes


def to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    return value.hex() if isinstance(value, bytes) else value


def from_json(schema: Any, value: Any) -> Any:
    """JSON to pycrate's values, led by its schema."""
    kind = schema.TYPE
    if kind in ("SEQUENCE", "SET"):
        return {name: from_json(schema._cont[name], part) for name, part in value.items()}
    if kind in ("SEQUENCE OF", "SET OF"):
        return [from_json(schema._cont, part) for part in value]
    if kind == "CHOICE":
        return value[0], from_json(schema._cont[value[0]], value[1])
    return bytes.fromhex(value) if kind == "OCTET STRING" else value


def main() -> None:
    for line in sys.stdin:
        name, what = json.loads(line)
        schema = getattr(TYPES, f"{name}Record")
        if isinstance(what, str):
            schema.from_ber(bytes.fromhex(what))
            answer = to_json(schema.get_val())
        else:
            schema.set_val(from_json(schema, what))
            answer = schema.to_ber().hex()
        print(json.dumps(answer))  # noqa: T201  # its answer


if __name__ == "__main__":
    main()
