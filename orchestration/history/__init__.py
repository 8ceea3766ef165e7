"""What published runs left behind: what each was made from, who was in a segment then, and whether both agree.

`inputs.py` and `manifests.py` keep what every run was made from, `members.py` reads the record, `verification.py`
calculates it again. Not here: what runs say of segments now (`orchestration/published.py`).
"""
