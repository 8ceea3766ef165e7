"""Activation: members of segments go to vendors, files and webhooks, as `activate` of the segment's file says.

Not here: HTTP of vendors (`connectors/`), files by hand (`exports/`), and whether members may leave (`gates/`).
"""
