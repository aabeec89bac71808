"""How sure a prediction is: calibrated probabilities, intervals and sets."""
