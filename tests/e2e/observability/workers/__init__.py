"""What the worker says of itself: each series of its metrics, moved by a test that does to it what moves it.

    catalogue  every metric and series, and the test that moves it
"""
