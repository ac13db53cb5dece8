"""What a service does besides watching: hooks in and out, tokens, the audit. No HTTP in here."""
