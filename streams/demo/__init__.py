"""The demo: a worker scores payments while another process sends them, and half-way the world changes.

payments.yaml   the pipeline that the worker runs
payments.py     the payments, their labels, and what is wrong with some of them
producer.py     the process that sends them
processes.py    a child process that is always ended, and whose log is shown when it failed
scene.py        where it takes place: the plan, the folder, the port
figures.py      what is counted
seen.py         counts it, reading the topics as any consumer may
view.py         the figures as a picture in the terminal
screens.py      the picture, or lines, or nothing, as the demo goes on
summary.py      the figures as a result, for people and for programs
show.py         from the first process to the last
"""
