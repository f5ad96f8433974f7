"""mutants -- the protections that `make mutants` removes (scripts/mutants), and the test that notices each; a file for each part of the system.

A Mutant (kinds.py) replaces `old` by `new` in `file`; `sign` is a regular expression for what the test says when it fails. A test that needs luck
to fail has no place here: simulated schedules are enumerated or seeded, the rest is certain or happens thousands of times a run.
"""
from . import scheduler, channels, stacks, memory, collector, library, devices, looking
from .equivalent import EQUIVALENT

PARTS = (scheduler, channels, stacks, memory, collector, library, devices, looking)
MUTANTS = [m for part in PARTS for m in part.MUTANTS]

__all__ = ["EQUIVALENT", "MUTANTS"]
