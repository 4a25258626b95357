"""Every hostile input of the receiver, and the exact answer to each.

message   a request's bytes, well formed until spoiled          spoiling  what rows do to a good request
row       what is sent, and what must come of it                table     all rows, and the ids there must be
wire      plain and TLS connections, answers read strictly      intake    a receiver under test, and its topic
systems   a module's own topics, database and programs          cutting   inputs cut short, by the thousand
heads     the raw heads, for the unit test in C++

The rows by subject: framing_rows, length_rows, signature_rows, body_rows.
"""
