"""Where the estate is touched: one module for each way to act.

Every actuator can look without acting, and tell from that look whether its effect is there.
"""
