"""What comes in: watch the inbox, find what is ready, pair it, claim it, deliver it.

- `batch`: the folders of claimed batches
- `claim`: from the inbox to a claimed batch: when to look, what to take
- `delivery`: where the files of a batch go: done/, failed/, back into inbox/
- `inbox`: look at what is in the inbox, and claim it
- `inotify`: one watch of the inbox by inotify, and the file that proves it works
- `misnamed`: what is left alone in the inbox because of its name, and the cure
- `order`: whose turn it is: the oldest drop first, natural order within one
- `pairing`: which ready files go together
- `readiness`: whether the writer of a file is done with it
- `retry`: refused files back into the inbox, never over another one
- `watcher`: keep a working watch of the inbox, or have it polled
"""
