"""Gates: what has to hold of a segment before its members leave the house, and who opened one that was closed.

Not here: what leaves, and where to (`exports/`, `activation/`).
"""
