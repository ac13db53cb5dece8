"""Worlds of another kind than the inference believes in, to hold its answers to.

Neither knows rules, priors or likelihoods of `rca`. Names are hashes: nothing can be read off them.
Nothing was fitted here; `python -m tests.rca.worlds` prints how well every method does.
"""
