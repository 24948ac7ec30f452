"""What scenariod costs: `make bench` prints one table, `python -m bench NAME` some of its rows.

- `scenarios`: scenarios of a usual size; libraries and inboxes full of them
- `processes`: what a command or a running process costs
- `running`: a daemon that is watched while it runs
- `table`: the rows, and the floors that stand beside them
- `alternative`: what one would write instead of scenariod
- `once`, `drops`, `drain`, `memory`, `commands`, `bulk`: the figures

`bench_*.py` look closer at one thing each; they are run by themselves.
"""
