"""Questions about the stored estate that no incident asks: what is near, what was, is weak."""
