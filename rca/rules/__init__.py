"""What is known beforehand: the causal model as rules, read and checked, and what was learned."""
