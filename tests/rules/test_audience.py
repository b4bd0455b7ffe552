"""Lists of people as spreadsheets write them."""

from __future__ import annotations

from mmsd.rules.audience import Line, read_lines

CITED = """\
138;"vip, gold"\t"say ""x""\"
139,"vip
140,,"苏州”"
"""


def test_what_stands_in_quotes_is_one_name() -> None:
    """Where quotes do not pair they part nothing."""
    taken, faults = read_lines(CITED, 1, str)
    assert faults == []
    assert taken == [Line(1, "138", "vip, gold", 'say "x"'), Line(2, "139", "vip", ""), Line(3, "140", "", "苏州”")]
