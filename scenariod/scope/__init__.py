"""Limited worker processes: launch them, see their limit in force, watch them, say how they ended.

The only caller of systemd. Never opens the inbox or the library.
"""
