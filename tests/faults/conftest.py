"""The tests of the checker need no server: `pytest tests/faults`."""

import paths  # noqa: F401
