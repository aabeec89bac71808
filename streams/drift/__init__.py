"""Drift, as people and programs ask for it: read from snapshots and the alerts topic."""
