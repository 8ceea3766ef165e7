"""Google: audiences of Customer Match, through the Data Manager API.

Not here: the older Google Ads API, which refuses Customer Match to developer tokens that never used it.
"""
