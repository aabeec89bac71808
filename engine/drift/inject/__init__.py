"""Changes that a backtest plants into recorded events."""
