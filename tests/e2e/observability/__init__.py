"""What the receiver says of itself: its metrics, its log, its health pages, each moved and read by a test.

    scrape     /metrics, read strictly         record    all that was said in the session, and who moved what
    wire       HTTP over a socket, by bytes    marked    events and secrets whose every value is a canary
    catalogue  every metric and series, and the test that moves it
"""
