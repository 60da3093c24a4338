"""Write, look at and draw workflows."""
