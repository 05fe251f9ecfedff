"""How well a policy finds and hides what people marked in a sample of their own."""
