"""Many scenarios at once: import and export.

Only the unpacker, which is limited, parses what is imported.

- `export`: write the library out as packs, a folder of files
- `folder`: which files of a folder are imported, and which are left alone
- `importing`: bring scenarios in, in batches: backup, transaction, publish
- `pack_info`: what a pack says of itself
- `protocol`: what the unpacker says
- `shape`: what kind of file one is: how many scenarios, of which pack
- `slices`: each scenario of a file, byte for byte
- `unpack`: run the unpacker, go on past whatever kills it
- `unpacker`: the limited process that takes apart what is imported
"""
