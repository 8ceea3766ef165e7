"""Questions about segments that are answered without a run: why somebody is in, what an edit would change, what if.

Nothing of the warehouse is changed by asking. Not here: the commands that ask (`orchestration/cli`).
"""
