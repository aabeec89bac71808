"""`use: auto`: one model for a task, with nothing to set.

columns.py      features to a row of numbers
linear.py       experts: linear models at several rates
forest.py       an expert: a forest that finds what no line parts
history.py      experts: the labels of late
mixing.py       whom to believe
event.py        one event through all of them
classifier.py   the same as River's classifiers are used
"""
