"""Who may be to blame: who is worth a walk, and what each would have done."""
