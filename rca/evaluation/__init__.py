"""How good rankings are on incidents whose causes are known."""
