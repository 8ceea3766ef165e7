"""The language: reading, checking, errors, windows, hashes, words."""
