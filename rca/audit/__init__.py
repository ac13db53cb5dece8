"""What an estate lacks before anything fails: signals, a second way, what tells faults apart."""
