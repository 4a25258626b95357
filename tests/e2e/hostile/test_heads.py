"""The file that the unit test in C++ reads."""

from __future__ import annotations

from hostile import heads


def test_exported_heads_are_those_of_the_table() -> None:
    assert heads.FILE.read_text(encoding="ascii") == heads.render(), f"out of date; make it anew:{heads.__doc__}"
