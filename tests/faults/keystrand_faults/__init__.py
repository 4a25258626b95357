"""The fault harness: a seed becomes traffic and faults on the real system, and a checker judges what is left."""
