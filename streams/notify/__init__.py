"""Delivery: alerts from their topic to people, and to programs that tell people."""
