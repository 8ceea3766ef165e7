"""Whether segments are in good health, and what each of them costs: found from what runs left behind, for the people
who look after the catalogue.

Not here: the assets and commands that show it, and statuses, which say how the last calculation went (`decisions.py`).
"""
