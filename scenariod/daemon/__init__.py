"""The program scenariod: the loop, one batch to its end, signals, clean-up.

- `attempt`: one batch: launch, verdict, and what follows
- `choice`: which batch is started next
- `cleanup`: keep done/ and failed/ within `[retention]`
- `clock_check`: whether the clock can be trusted to say which files are old
- `drain`: what follows once the inbox is empty: publish, back up, remove old backups
- `error_policy`: a pause for faults that may pass, an end for those that will not
- `expiry`: the old files of a folder: which, and removing them
- `main`: the command `scenariod`
- `reporter`: what people see of the supervisor: status, state, one line
- `reporting`: the report, made anew once all is quiet
- `service`: a run of the daemon: configuration, lock, supervisor, and what is said at the end
- `settle`: backup, transaction, moves, in this order
- `setup`: what the parts of one run of the supervisor share
- `signals`: what signals ask for: the end, or a reload of the configuration
- `speaking`: speak the scenarios while nobody waits
- `supervisor`: the loop that wires the rest
"""
