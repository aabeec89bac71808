"""Alerts: conditions that people are told of, and what becomes of each.

`condition.py` reads what a condition says; `judge.py` is the walk's stage; `record.py` is what is written.
"""
