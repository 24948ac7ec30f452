"""Files that hold many scenarios: what kind one is, and where each of its scenarios is.

Only reads. Never opens the library; only the unpacker, which is limited, may parse what is here.
"""
