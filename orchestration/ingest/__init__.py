"""From vendors to landing files, the workspace's side: whatever starts a pull comes in here.

Not here: how vendors are asked and what files look like (`connectors/`), and reading what has landed
(`orchestration/landing/`).
"""
