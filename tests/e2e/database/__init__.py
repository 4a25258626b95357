"""What becomes of events while PostgreSQL is killed, hangs, is slow, full, read-only, replaced or refuses."""
