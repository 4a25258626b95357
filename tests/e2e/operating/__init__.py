"""What operators do: with a login that has no more rights than theirs, on real letters and on seeded rows."""
