"""Push messages to a segment: asked for now or for later, sent once, and shown among the segment's messages.

Not here: Netmera's HTTP (`connectors/`), and how members get the tag that a message goes to (`activation/`).
"""
