"""Meta: custom audiences of a customer list, through the Graph API.

Not here: other kinds of audiences, and ads.
"""
