"""The demo: a worker scores payments while another process sends them, and half-way the world changes.

payments.yaml   the pipeline that the worker runs
payments.py     the payments, their labels, and what is wrong with some of them
producer.py     the process that sends them
processes.py    a child process that is always ended, and whose log is shown when it failed
seen.py         what a consumer of the topics sees, counted
view.py         that as a picture in the terminal
summary.py      that as a result, for people and for programs
show.py         from the first process to the last
"""
