"""Webhooks that we send: people who came into a segment and who left it, posted to whoever asked for them.

Not here: webhooks that vendors send us (`connectors/webhooks`), and which people those are.
"""
