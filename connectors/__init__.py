"""What comes in from outside: vendors' HTTP APIs and the files of the landing area.

Plain Python. Add a module here for one more place that data comes from, or one more shape it is sent away in.
Not here: the scheduler, the database, and what a segment is.
"""
