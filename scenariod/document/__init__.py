"""From a dropped file's bytes to a JSON object, or to every reason why it holds none.

`reader.py` reads it, `survey.py` tells its problems and their places, `canonical.py` has its
content hash, `fault.py` how problems are worded. Nothing here knows what a scenario is.
"""
