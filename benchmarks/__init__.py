"""What is hot, measured as a ratio against a named rival in the same run: `make bench`, or `python -m benchmarks`.

Here: made data, made segments, the rival, and the comparison. Not here: anything a test asserts.
"""
