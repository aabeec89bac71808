"""A recorded file with planted changes, and how the alarms are judged."""
