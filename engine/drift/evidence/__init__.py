"""What is told of a drift: since when, of which kind, how large, in which signals, from where."""
