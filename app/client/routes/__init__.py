"""Every route of the API as a function that returns its call.

Nothing here waits for anything, so that the blocking client and the awaiting one share it all.
"""
