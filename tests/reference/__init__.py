"""A plain reading of the segment language, used as the judge of the pipeline.

Here live the reference evaluator, random small worlds and rules, and the stories that both sides answer.
Nothing here imports the code under test: an error shared with it would prove nothing.
"""
