"""From a dropped file's bytes to a JSON object, or to every reason why it holds none.

Nothing here knows what a scenario is.

- `canonical`: the hash of a document's content
- `mistakes`: what is meant where a file is not JSON, in words
- `places`: where in a file a problem is
- `reader`: read a document, with exact numbers
- `wording`: how problems are worded
"""
