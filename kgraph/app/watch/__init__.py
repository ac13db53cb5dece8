"""The closed loop in one process: collect, explain, repair, verify."""
