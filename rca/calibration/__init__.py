"""How often what is said comes true: chances measured after the inference."""
