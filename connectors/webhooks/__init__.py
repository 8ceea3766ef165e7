"""Audiences that vendors push: what their messages mean (messages.py), what is held of them (held.py), the service.

Not here: audiences that are asked for (connectors/pulls).
"""
