"""Watching every signal of a shard for drift, within a budget of false alarms.

`stage.py` is where the walk comes in; detectors/ find, evidence/ tells, inject/ plants changes for backtests.
"""
