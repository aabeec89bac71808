"""Alerts, seen from outside: what the topic holds, and what people order."""
