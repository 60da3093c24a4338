"""Events of other systems: who sent them, what they are, and which workflow they begin."""
