"""How a batch runs within memory: admission, limits, the process, how it ended.

- `admission`: may a worker start now, within the memory budget
- `budget`: which of the waiting batches may start now
- `container`: what a container leaves of the machine's memory
- `confinement`: what a limited process does to itself: limit, priority, what it loads
- `failures`: what is reported when a worker came to a bad end
- `gauge`: read a worker's memory as long as it lives
- `host`: what the machine has: memory, pressure on it, processors
- `job`: what a worker is to do, and what is known when it has ended
- `launchers`: ways to run a worker with a limit that is in force
- `limited`: what the limited processes have in common that talk in lines
- `outcome`: how a worker ended, and what follows
- `privileges`: what a limited process gives up: capabilities, being root
- `queue`: which batches wait for a worker, and which have one
- `sizes`: how much memory a worker may have, by settings and RAM
- `start_check`: whether workers could run here as configured
- `starting`: start workers: forks of a template, or each as a program of its own
- `template`: the process of which workers are forks
- `run`: run one worker from its start to its end
- `worker`: the limited process: files in, verdict out
"""
