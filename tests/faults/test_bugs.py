"""The planted bugs still fit the product: a patch that no longer applies proves nothing, and nobody runs them all every day."""

from __future__ import annotations

import subprocess
import tomllib

import paths
import pytest

BUGS = paths.FAULTS / "bugs"
TABLE = tomllib.loads((BUGS / "bugs.toml").read_text())


def test_each_bug_of_the_table_has_its_patch_and_the_reverse() -> None:
    assert sorted(TABLE) == sorted(patch.stem for patch in BUGS.glob("*.patch"))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_patch_applies(name: str) -> None:
    done = subprocess.run(["patch", "--strip=0", "--forward", "--fuzz=0", "--dry-run", f"--input={BUGS / f'{name}.patch'}"],
                          cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"make {name}.patch anew:\n{done.stdout}"
