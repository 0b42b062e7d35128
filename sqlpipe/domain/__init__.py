"""What a pipeline is: frozen values that need the standard library only."""
